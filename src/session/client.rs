//! The client's address, and the session number in logs.

use super::refusal::Refusal;
use crate::storage::{StorageError, errno_name};
use std::net::{IpAddr, SocketAddr};

/// The client of a session.
#[derive(Clone, Copy, Debug)]
pub(super) struct Client {
    pub(super) session: u64,
    /// An IPv4-mapped IPv6 address is stored as IPv4.
    pub(super) address: SocketAddr,
}

impl Client {
    pub(super) fn new(session: u64, address: SocketAddr) -> Self {
        Self {
            session,
            address: SocketAddr::new(address.ip().to_canonical(), address.port()),
        }
    }

    pub(super) fn ip(&self) -> IpAddr {
        self.address.ip()
    }

    /// Logs a file-system error that no client can cause.
    pub(super) fn log_unexpected(&self, refusal: &Refusal) {
        if let Refusal::Storage(StorageError::Unexpected(errno)) = refusal {
            let (session, client, name) = (self.session, self.address, errno_name(*errno));
            log::warn!("file system refused session={session} client={client} errno={name} reason=\"{errno}\"");
        }
    }
}
