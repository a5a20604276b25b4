//! Opens everything that listens, before the process gives up its rights.

use super::listen::{ListenError, Purpose, listen};
use super::passive_ports::PassivePorts;
use super::status_listener::StatusListener;
use crate::descriptors::{Descriptors, Permit};
use crate::options::{Technique, Techniques};
use crate::reactor::poller::Poller;
use crate::target::Target;
use mio::{Interest, net::TcpListener};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;

/// All passive ports together take at most one in this many of the free descriptors.
const PASSIVE_SHARE: usize = 2;

/// The listening sockets, and the poll instance that they are registered with.
#[derive(Debug)]
pub struct Listeners {
    pub(crate) poller: Poller,
    pub(crate) control: Vec<ControlListener>,
    pub(crate) passive: Vec<PassivePorts>,
    /// `None`: without `--status`.
    pub(crate) status: Option<StatusListener>,
}

/// A listening socket for control connections, which clients connect to first.
#[derive(Debug)]
pub struct ControlListener {
    pub socket: TcpListener,
    pub address: SocketAddr,
    /// The index of the passive ports that serve this listener's sessions.
    pub ring: u16,
    /// Connections are encrypted from their first byte.
    pub is_tls: bool,
    _permit: Permit,
}

/// Why the server cannot start to listen.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("cannot create poll instance: {0}")]
    Poll(io::Error),
    #[error("{}{_0}", if matches!(_0, ListenError::NotLocal(_)) { "--listen " } else { "" })]
    Control(ListenError),
    #[error("--status {0}")]
    Status(ListenError),
    /// No port of the passive range could be bound on an address.
    #[error("no port of the passive range could be bound (choose another with --passive-ports): {0}")]
    NoPassivePort(ListenError),
}

impl Listeners {
    /// Binds the control addresses, those of implicit TLS too, and the passive range on each of `passive_addresses`.
    /// Passive ports that cannot be bound are left out with a warning; it is an error if an address has none.
    pub fn open(
        clear: &[SocketAddr],
        tls: &[SocketAddr],
        range: &RangeInclusive<u16>,
        descriptors: &Descriptors,
        techniques: &Techniques,
    ) -> Result<Self, StartError> {
        let poller = Poller::new(techniques.include(Technique::BusyPoll)).map_err(StartError::Poll)?;
        let addresses = [clear, tls].concat();
        let passive_addresses = passive_addresses(&addresses);
        let mut control = Vec::new();
        for (index, address) in addresses.iter().enumerate() {
            let only_ipv6 = addresses
                .iter()
                .any(|other| other.ip() == Ipv4Addr::UNSPECIFIED && other.port() == address.port());
            let (mut socket, permit) =
                listen(*address, Purpose::Control, only_ipv6, descriptors, techniques).map_err(StartError::Control)?;
            let bound = socket.local_addr().map_err(|error| ListenError::new(*address, error));
            let ring = passive_addresses.iter().position(|ring| covers(*ring, address.ip()));
            let token = Target::ControlListener(index as u32).into();
            poller
                .registry()
                .register(&mut socket, token, Interest::READABLE)
                .map_err(StartError::Poll)?;
            control.push(ControlListener {
                socket,
                address: bound.map_err(StartError::Control)?,
                ring: ring.unwrap_or(0) as u16,
                is_tls: index >= clear.len(),
                _permit: permit,
            });
        }
        let limit = descriptors.free() / PASSIVE_SHARE / passive_addresses.len().max(1);
        let mut passive = Vec::new();
        for (index, address) in passive_addresses.iter().enumerate() {
            let mut ports = PassivePorts::new(index as u16, *address, range.clone(), &passive_addresses);
            if let Some(failure) = ports.bind_missing(limit.max(1), descriptors, poller.registry(), techniques) {
                if ports.ring.is_empty() {
                    return Err(StartError::NoPassivePort(failure));
                }
                log::warn!(
                    "{} of {} passive ports bound on {address}; the others will be tried again: {failure}",
                    ports.ring.len(),
                    ports.wanted()
                );
            }
            passive.push(ports);
        }
        Ok(Self {
            poller,
            control,
            passive,
            status: None,
        })
    }

    /// Binds the address of the status page too.
    pub fn open_status(
        &mut self,
        address: SocketAddr,
        descriptors: &Descriptors,
        techniques: &Techniques,
    ) -> Result<(), StartError> {
        let listener = StatusListener::open(address, self.poller.registry(), descriptors, techniques);
        self.status = Some(listener.map_err(StartError::Status)?);
        Ok(())
    }

    /// The address of the status page, with the port that the kernel chose.
    pub fn status_address(&self) -> Option<SocketAddr> {
        self.status.as_ref().map(|status| status.address)
    }

    /// The addresses of the control listeners, with the ports that the kernel chose.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.control.iter().map(|listener| listener.address)
    }

    /// The URLs' scheme of each of these addresses.
    pub fn schemes(&self) -> impl Iterator<Item = &'static str> {
        let scheme = |is_tls| if is_tls { "ftps" } else { "ftp" };
        self.control.iter().map(move |listener| scheme(listener.is_tls))
    }

    /// How many passive ports are bound, and how many are wanted, over all addresses.
    pub fn passive_ports(&self) -> (usize, usize) {
        let bound = self.passive.iter().map(|ports| ports.ring.len()).sum();
        let wanted = self.passive.iter().map(PassivePorts::wanted).sum();
        (bound, wanted)
    }

    /// The passive ports that are not bound, each once.
    pub fn missing_passive_ports(&self) -> Vec<u16> {
        let mut missing: Vec<u16> = self.passive.iter().flat_map(PassivePorts::missing).collect();
        missing.sort_unstable();
        missing.dedup();
        missing
    }
}

/// The addresses that passive ports are bound on: those of the control listeners, without those that a wildcard covers.
fn passive_addresses(control: &[SocketAddr]) -> Vec<IpAddr> {
    let mut passive: Vec<IpAddr> = Vec::new();
    let mut addresses: Vec<IpAddr> = control.iter().map(SocketAddr::ip).collect();
    addresses.sort_by_key(|address| !address.is_unspecified());
    for address in addresses {
        if !passive.iter().any(|other| covers(*other, address)) {
            passive.push(address);
        }
    }
    passive
}

/// Whether a socket on `listening` accepts connections to `address`.
fn covers(listening: IpAddr, address: IpAddr) -> bool {
    listening == address || (listening.is_unspecified() && listening.is_ipv4() == address.is_ipv4())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        let parsed = texts.iter().map(|text| text.parse().expect("a socket address"));
        parsed.collect()
    }

    #[test]
    fn passive_ports_are_on_the_addresses_of_the_control_listeners() {
        for (control, expected) in [
            (["127.0.0.1:2121", "[::1]:2121"], vec!["127.0.0.1", "::1"]),
            (["127.0.0.1:2121", "127.0.0.1:2122"], vec!["127.0.0.1"]),
            // A wildcard covers the addresses of its family.
            (["127.0.0.1:21", "0.0.0.0:2121"], vec!["0.0.0.0"]),
            (["0.0.0.0:2121", "[::1]:21"], vec!["0.0.0.0", "::1"]),
            (["[::]:2121", "0.0.0.0:2121"], vec!["::", "0.0.0.0"]),
        ] {
            let passive = passive_addresses(&addresses(&control));
            let passive: Vec<String> = passive.iter().map(IpAddr::to_string).collect();
            assert_eq!(passive, expected, "{control:?}");
        }
    }

    /// A free port of the loopback address.
    fn free_port() -> u16 {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.local_addr().expect("bound").port()
    }

    #[test]
    fn each_control_listener_has_the_passive_ports_of_its_address() {
        let (descriptors, port) = (Descriptors::for_process(256), free_port());
        let control = addresses(&["127.0.0.1:0", "127.0.0.2:0", "127.0.0.1:0"]);
        let listeners =
            Listeners::open(&control, &[], &(port..=port), &descriptors, &Techniques::default()).expect("free ports");
        assert_eq!(listeners.passive_ports(), (2, 2));
        let served: Vec<IpAddr> = (listeners.control.iter())
            .map(|listener| listeners.passive[usize::from(listener.ring)].address)
            .collect();
        assert_eq!(served, control.iter().map(SocketAddr::ip).collect::<Vec<_>>());
        assert!(listeners.addresses().all(|address| address.port() != 0));
        assert_eq!(descriptors.used(), 5);
    }

    #[test]
    fn l14_the_start_fails_if_no_passive_port_is_free() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = taken.local_addr().expect("bound");
        let range = address.port()..=address.port();
        let descriptors = Descriptors::for_process(256);
        let error = Listeners::open(
            &addresses(&["127.0.0.1:0"]),
            &[],
            &range,
            &descriptors,
            &Techniques::default(),
        )
        .expect_err("the only port is taken");
        assert_eq!(
            error.to_string(),
            format!(
                "no port of the passive range could be bound (choose another with --passive-ports): {address} is in \
                 use by another program"
            )
        );
    }
}
