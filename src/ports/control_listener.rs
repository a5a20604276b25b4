//! A control listener: the socket that clients connect to first.

use super::listen::{self, ListenError};
use crate::descriptors::{Descriptors, Permit};
use crate::options::Techniques;
use mio::net::TcpListener;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// A listening socket for control connections.
#[derive(Debug)]
pub struct ControlListener {
    pub socket: TcpListener,
    pub address: SocketAddr,
    /// The index of the passive ports that serve this listener's sessions.
    pub ring: u16,
    _permit: Permit,
}

impl ControlListener {
    /// Listens on `address`. `all`: the addresses of all control listeners.
    pub(super) fn open(
        address: SocketAddr,
        all: &[SocketAddr],
        ring: u16,
        descriptors: &Descriptors,
        techniques: &Techniques,
    ) -> Result<Self, ListenError> {
        let only_ipv6 = all
            .iter()
            .any(|other| other.ip() == IpAddr::V4(Ipv4Addr::UNSPECIFIED) && other.port() == address.port());
        let (socket, permit) = listen::control(address, only_ipv6, descriptors, techniques)?;
        Ok(Self {
            address: socket.local_addr().map_err(|error| ListenError::new(address, error))?,
            socket,
            ring,
            _permit: permit,
        })
    }
}
