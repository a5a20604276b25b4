//! The listening socket of the status page, and the descriptors that its viewers will need.

use super::listen::{ListenError, Purpose, listen};
use crate::descriptors::{Descriptors, Permit};
use crate::options::Techniques;
use crate::process_figures::ProcessFile;
use crate::target::Target;
use mio::{Interest, Registry, net::TcpListener};
use std::net::SocketAddr;

/// Most connections to the status page.
pub const VIEWERS: usize = 16;

/// The listening socket of the status page.
#[derive(Debug)]
pub struct StatusListener {
    pub socket: TcpListener,
    pub address: SocketAddr,
    /// A permit for each viewer that may still come. They are taken at the start, so that the page can be read when
    /// sessions use up everything else.
    pub places: Vec<Permit>,
    /// Opened here, because it cannot be opened after chroot; its permit is among those of the socket.
    pub process: Option<ProcessFile>,
    _permits: [Permit; 2],
}

impl StatusListener {
    /// Binds and registers the address of `--status`.
    pub fn open(
        address: SocketAddr,
        registry: &Registry,
        descriptors: &Descriptors,
        techniques: &Techniques,
    ) -> Result<Self, ListenError> {
        let (mut socket, permit) = listen(address, Purpose::Status, false, descriptors, techniques)?;
        let bound = socket.local_addr().map_err(|error| ListenError::new(address, error));
        let file_permit = descriptors.permit();
        let places: Vec<Permit> = (0..VIEWERS).map_while(|_| descriptors.permit()).collect();
        let Some(file_permit) = file_permit.filter(|_| places.len() == VIEWERS) else {
            return Err(ListenError::NoDescriptor(address));
        };
        let token = Target::StatusListener.into();
        registry
            .register(&mut socket, token, Interest::READABLE)
            .map_err(|error| ListenError::new(address, error))?;
        Ok(Self {
            socket,
            address: bound?,
            places,
            process: Some(ProcessFile::open()),
            _permits: [permit, file_permit],
        })
    }
}
