//! Local addresses of connections: one, or many, so that ephemeral ports are no limit.

use mio::net::TcpStream;
use rustix::io::Errno;
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// The local addresses that clients are spread over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sources {
    network: Ipv4Addr,
    hosts: u32,
}

/// Where a thief connects from: an address of this machine that its victims do not have.
pub const THIEF: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 99, 0, 1));

impl Sources {
    /// Addresses of this machine for attackers: they share none with well-behaved clients.
    pub const ATTACKERS: Self = Self {
        network: Ipv4Addr::new(127, 66, 0, 0),
        hosts: 0xfffe,
    };

    /// Parses a network such as `127.1.0.0/16`, whose host addresses are used in turn.
    pub fn parse(text: &str) -> Result<Self, String> {
        let expected = || "expected an IPv4 network such as 127.1.0.0/16, prefix 8 to 30".to_owned();
        let (address, prefix) = text.split_once('/').ok_or_else(expected)?;
        let address: Ipv4Addr = address.parse().map_err(|_| expected())?;
        let prefix: u32 = prefix.parse().map_err(|_| expected())?;
        if !(8..=30).contains(&prefix) {
            return Err(expected());
        }
        let span = 1_u32 << (32 - prefix);
        Ok(Self {
            network: Ipv4Addr::from_bits(address.to_bits() & !(span - 1)),
            hosts: span - 2,
        })
    }

    /// The address of client `number`.
    pub fn address(self, number: usize) -> IpAddr {
        let host = u32::try_from(number % self.hosts as usize).unwrap_or(0) + 1;
        IpAddr::V4(Ipv4Addr::from_bits(self.network.to_bits() + host))
    }
}

/// Begins to connect; the poll reports when it is done.
pub fn connect(target: SocketAddr, from: Option<IpAddr>) -> io::Result<TcpStream> {
    let kind = Type::STREAM.nonblocking();
    let socket = Socket::new(Domain::for_address(target), kind, Some(Protocol::TCP))?;
    if let Some(from) = from {
        socket.bind(&SocketAddr::new(from, 0).into())?;
    }
    match socket.connect(&target.into()) {
        Err(error) if Errno::from_io_error(&error) != Some(Errno::INPROGRESS) => Err(error),
        Ok(()) | Err(_) => Ok(TcpStream::from_std(socket.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_spread_over_the_hosts_of_the_network() {
        let sources = Sources::parse("127.1.2.3/30").expect("a network");
        let addresses: Vec<String> = (0..3).map(|number| sources.address(number).to_string()).collect();
        assert_eq!(addresses, ["127.1.2.1", "127.1.2.2", "127.1.2.1"]);
        for bad in ["", "127.0.0.1", "127.0.0.0/31", "127.0.0.0/0", "::1/64", "127.0.0.0/x"] {
            assert!(Sources::parse(bad).is_err(), "{bad}");
        }
    }
}
