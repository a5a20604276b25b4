//! Who talks to the server: the number that names the session in logs, and the client's address.

use super::refusal::Refusal;
use crate::storage::{StorageError, errno_name};
use std::net::{IpAddr, SocketAddr};

/// A client and its session's number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Client {
    pub(super) session: u64,
    /// A v4-mapped address is IPv4 here.
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

    /// An error of the file system that clients cannot cause is for the operator.
    pub(super) fn log_unexpected(&self, refusal: &Refusal) {
        if let Refusal::Storage(StorageError::Unexpected(errno)) = refusal {
            let (session, client, name) = (self.session, self.address, errno_name(*errno));
            log::warn!("file system refused session={session} client={client} errno={name} reason=\"{errno}\"");
        }
    }
}
