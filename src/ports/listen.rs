//! How a listening socket is made: its options, and what an error means.
//!
//! Accepted sockets inherit their listener's options on Linux. NODELAY, keepalive, inline urgent data and CORK are
//! therefore set here, once, and cost no system call per connection. There is no `SO_REUSEPORT`: an address in use is
//! an error, at `bind` and at `listen` alike (threat D05).

use crate::descriptors::{Descriptors, Permit};
use crate::options::{Technique, Techniques};
use mio::net::TcpListener;
use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

/// Connections that the kernel completes before they are accepted. With fewer, clients in a burst wait for SYN retries.
const BACKLOG: i32 = 1024;
/// A silent control connection is probed after this time, which keeps NAT entries alive and detects dead peers.
const KEEPALIVE: Duration = Duration::from_secs(60);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);
/// A control connection ends when replies stay unacknowledged for this long.
const USER_TIMEOUT: Duration = Duration::from_secs(120);

/// Why the server cannot listen on an address.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    #[error("{0} is in use by another program")]
    InUse(SocketAddr),
    /// No interface of this machine has the address.
    #[error("{0}: expected an address of this machine")]
    NotLocal(SocketAddr),
    #[error("{0} may not be listened on (ports below 1024 need root)")]
    NotPermitted(SocketAddr),
    #[error("{0} cannot be listened on: the descriptor limit leaves no room (raise `ulimit -n`)")]
    NoDescriptor(SocketAddr),
    #[error("{0} cannot be listened on: {1}")]
    Other(SocketAddr, io::Error),
}

impl ListenError {
    pub(super) fn new(address: SocketAddr, error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::AddrInUse => ListenError::InUse(address),
            ErrorKind::AddrNotAvailable => ListenError::NotLocal(address),
            ErrorKind::PermissionDenied => ListenError::NotPermitted(address),
            _ => ListenError::Other(address, error),
        }
    }
}

/// What connects to a listening socket.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    Control,
    Data,
    Status,
}

/// A listening socket, and its permit. `only_ipv6`: another socket takes the IPv4 connections to this port.
pub(super) fn listen(
    address: SocketAddr,
    purpose: Purpose,
    only_ipv6: bool,
    descriptors: &Descriptors,
    techniques: &Techniques,
) -> Result<(TcpListener, Permit), ListenError> {
    let permit = descriptors.permit().ok_or(ListenError::NoDescriptor(address))?;
    let bind = || {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        // A restarted server can bind while old connections are in TIME_WAIT. A port that another socket listens on is
        // still refused.
        socket.set_reuse_address(true)?;
        if address.is_ipv6() {
            socket.set_only_v6(only_ipv6)?;
        }
        match purpose {
            Purpose::Control => {
                let keepalive = TcpKeepalive::new().with_time(KEEPALIVE);
                socket.set_tcp_keepalive(&keepalive.with_interval(KEEPALIVE_INTERVAL))?;
                socket.set_tcp_nodelay(techniques.include(Technique::NoDelay))?;
                socket.set_out_of_band_inline(true)?;
                socket.set_tcp_user_timeout(Some(USER_TIMEOUT))?;
            }
            Purpose::Status => socket.set_tcp_nodelay(true)?,
            // Only full segments are sent until the end of the transfer, so the receiver wakes less often.
            Purpose::Data => socket.set_tcp_cork(techniques.include(Technique::Cork))?,
        }
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        Ok(TcpListener::from_std(socket.into()))
    };
    match bind() {
        Ok(listener) => Ok((listener, permit)),
        Err(error) => Err(ListenError::new(address, error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l14_a_socket_needs_a_free_address_and_a_descriptor_of_the_budget() {
        let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
        let listen = |address, purpose, descriptors: &Descriptors| {
            listen(address, purpose, false, descriptors, &Techniques::default())
        };
        let descriptors = Descriptors::for_process(256);
        let (first, _permit) = listen(any_port, Purpose::Control, &descriptors).expect("a free port");
        let taken = first.local_addr().expect("a bound socket");
        for purpose in [Purpose::Control, Purpose::Data] {
            let error = listen(taken, purpose, &descriptors).expect_err("the port is taken");
            assert_eq!(error.to_string(), format!("{taken} is in use by another program"));
        }
        assert_eq!(descriptors.used(), 1);
        let error = listen(any_port, Purpose::Data, &Descriptors::for_process(0)).expect_err("no descriptor is left");
        let error = error.to_string();
        assert!(
            error.ends_with("(raise `ulimit -n`)"),
            "the error says what to do: {error}"
        );
    }
}
