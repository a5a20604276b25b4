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
    #[error("--listen {0}: expected an address of this machine")]
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

/// A listening socket, counted. `only_ipv6`: another socket takes the IPv4 connections to this port.
pub(super) fn control(
    address: SocketAddr,
    only_ipv6: bool,
    descriptors: &Descriptors,
    techniques: &Techniques,
) -> Result<(TcpListener, Permit), ListenError> {
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE)
        .with_interval(KEEPALIVE_INTERVAL);
    listen(address, only_ipv6, descriptors, |socket| {
        socket.set_tcp_nodelay(techniques.include(Technique::NoDelay))?;
        socket.set_out_of_band_inline(true)?;
        socket.set_tcp_keepalive(&keepalive)?;
        socket.set_tcp_user_timeout(Some(USER_TIMEOUT))
    })
}

/// The same for a passive port. With CORK only full segments are sent until the end of the transfer, so the receiver
/// wakes less often.
pub(super) fn passive(
    address: SocketAddr,
    only_ipv6: bool,
    descriptors: &Descriptors,
    techniques: &Techniques,
) -> Result<(TcpListener, Permit), ListenError> {
    listen(address, only_ipv6, descriptors, |socket| {
        socket.set_tcp_cork(techniques.include(Technique::Cork))
    })
}

fn listen(
    address: SocketAddr,
    only_ipv6: bool,
    descriptors: &Descriptors,
    set_options: impl FnOnce(&Socket) -> io::Result<()>,
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
        set_options(&socket)?;
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

    fn any_port() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 0))
    }

    #[test]
    fn l14_an_address_in_use_is_refused() {
        let (descriptors, techniques) = (Descriptors::for_process(256), Techniques::default());
        let (first, _permit) = control(any_port(), false, &descriptors, &techniques).expect("a free port");
        let taken = first.local_addr().expect("a bound socket");
        for listen in [control, passive] {
            let error = listen(taken, false, &descriptors, &techniques).expect_err("the port is taken");
            assert_eq!(error.to_string(), format!("{taken} is in use by another program"));
        }
        assert_eq!(descriptors.used(), 1);
    }

    #[test]
    fn a_socket_needs_a_descriptor_of_the_budget() {
        let descriptors = Descriptors::for_process(0);
        let error =
            passive(any_port(), false, &descriptors, &Techniques::default()).expect_err("no descriptor is left");
        assert!(
            error.to_string().ends_with("(raise `ulimit -n`)"),
            "the error says what to do: {error}"
        );
    }
}
