//! Everything that listens, bound before the process gives up its rights: the poll, the front doors and the rings.

use crate::descriptors::Descriptors;
use crate::options::{Technique, Techniques};
use crate::ports::listeners::{ControlListener, ListenError, PassivePorts, open_control_listeners, ring_addresses};
use crate::reactor::busy_poll::BusyPoll;
use crate::reactor::poller::Poller;
use crate::target::Target;
use mio::{Interest, Registry};
use std::io;
use std::net::SocketAddr;
use std::ops::RangeInclusive;

/// The part of the free descriptors that passive ports may take at the most: one in this many.
const PASSIVE_SHARE: usize = 2;

/// The sockets that clients come to, registered with the poll that will drive them.
#[derive(Debug)]
pub struct Listening {
    pub(crate) poller: Poller,
    pub(crate) listeners: Vec<ControlListener>,
    pub(crate) rings: Vec<PassivePorts>,
}

/// Why the server cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("cannot create poll instance: {0}")]
    Poll(io::Error),
    #[error("{0}")]
    Control(ListenError),
    /// On one address, no port of the passive range could be bound.
    #[error("no port of the passive range could be bound (choose another with --passive-ports): {0}")]
    NoPassivePort(ListenError),
}

impl Listening {
    /// Binds the control addresses and, on each address that they stand for, the passive range. A passive port that is
    /// taken is left out with a warning; the start fails when none is left.
    pub fn open(
        addresses: &[SocketAddr],
        range: &RangeInclusive<u16>,
        descriptors: &Descriptors,
        techniques: &Techniques,
    ) -> Result<Self, StartError> {
        let busy_poll = BusyPoll::new(techniques.include(Technique::BusyPoll));
        let poller = Poller::new(busy_poll).map_err(StartError::Poll)?;
        let mut listeners = open_control_listeners(addresses, descriptors, techniques).map_err(StartError::Control)?;
        for (index, listener) in listeners.iter_mut().enumerate() {
            let token = Target::ControlListener(index as u32).into();
            poller
                .registry()
                .register(&mut listener.socket, token, Interest::READABLE)
                .map_err(StartError::Poll)?;
        }
        let ring_addresses = ring_addresses(addresses);
        let room = descriptors.free() / PASSIVE_SHARE / ring_addresses.len().max(1);
        let mut rings = Vec::new();
        for (index, address) in ring_addresses.iter().enumerate() {
            let mut ports = PassivePorts::new(*address, range.clone(), &ring_addresses);
            let failure = bind_missing(
                &mut ports,
                index as u16,
                descriptors,
                room.max(1),
                poller.registry(),
                techniques,
            );
            if let Some(failure) = failure {
                if ports.ring.is_empty() {
                    return Err(StartError::NoPassivePort(failure));
                }
                log::warn!(
                    "{} of {} passive ports bound on {address}; the others will be tried again: {failure}",
                    ports.ring.len(),
                    ports.wanted()
                );
            }
            rings.push(ports);
        }
        Ok(Self {
            poller,
            listeners,
            rings,
        })
    }

    /// The addresses that control connections are accepted at, with the ports that the system chose.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.listeners.iter().map(|listener| listener.address)
    }

    /// Passive ports bound, and wanted, over all addresses.
    pub fn passive_ports(&self) -> (usize, usize) {
        let bound = self.rings.iter().map(|ports| ports.ring.len()).sum();
        let wanted = self.rings.iter().map(PassivePorts::wanted).sum();
        (bound, wanted)
    }
}

/// Binds what is missing of a ring, and registers it.
pub(crate) fn bind_missing(
    ports: &mut PassivePorts,
    ring: u16,
    descriptors: &Descriptors,
    room: usize,
    registry: &Registry,
    techniques: &Techniques,
) -> Option<ListenError> {
    ports.bind_missing(descriptors, room, techniques, |port, listener| {
        registry.register(listener, Target::PassivePort { ring, port }.into(), Interest::READABLE)
    })
}
