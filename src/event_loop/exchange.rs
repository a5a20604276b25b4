//! Effects of one connection on another: requested passive ports, freed ports, accepted data connections.
//!
//! Each has a queue in [`Shared`], which is emptied here while no connection is being served, so the loop never
//! recurses.

use super::EventLoop;
use crate::connection::{Connection, shared::Shared};
use crate::reactor::token::SlotId;
use std::net::IpAddr;
use std::time::Duration;

/// How often passive ports that could not be bound are tried again.
const REBIND_INTERVAL: Duration = Duration::from_secs(30);

impl EventLoop {
    /// Handles the queues until all are empty.
    pub(super) fn exchange(&mut self) {
        loop {
            if let Some(slot) = self.shared.arrivals.pop_front() {
                self.step(slot, Connection::data_arrived);
            } else if let Some((ring, port, slot)) = self.shared.last_looks.pop_front() {
                // Another connection from the same address may be waiting already.
                self.accept_data_connections(ring, port);
                self.shared.arrivals.push_back(slot);
            } else if let Some((ring, peer, slot)) = self.shared.port_requests.pop_front() {
                self.deal_port(ring, peer, slot);
            } else if let Some((ring, peer)) = self.shared.freed_ports.pop_front() {
                let ports = self.shared.ports(ring);
                if let Some(slot) = ports.and_then(|ports| ports.ring.next_waiting(peer)) {
                    self.deal_port(ring, peer, slot);
                }
            } else {
                return;
            }
        }
    }

    /// Deals a passive port to a session, or puts the session into the queue for one.
    fn deal_port(&mut self, ring: u16, peer: IpAddr, slot: SlotId) {
        let Shared { rings, random, .. } = &mut self.shared;
        let ports = rings.get_mut(usize::from(ring));
        match ports.and_then(|ports| ports.ring.draw(peer, random)) {
            Some(port) => {
                // A connection made before the port is announced cannot be the client's (threat D11).
                self.accept_data_connections(ring, port);
                self.step(slot, |connection, shared| connection.announce(port, shared));
            }
            None => self.step(slot, Connection::wait_for_port),
        }
    }

    /// Binds the passive ports that could not be bound before.
    pub(super) fn bind_missing_ports(&mut self) {
        let shared = &mut self.shared;
        for ports in &mut shared.rings {
            let bound = ports.ring.len();
            let techniques = &shared.options.techniques;
            let failure = ports.bind_missing(usize::MAX, &shared.descriptors, &shared.registry, techniques);
            if ports.ring.len() > bound {
                log::info!("{} of {} passive ports bound now", ports.ring.len(), ports.wanted());
            }
            if let Some(failure) = failure {
                log::debug!("passive ports still missing: {failure}");
            }
        }
        self.schedule_rebinding();
    }

    pub(super) fn schedule_rebinding(&mut self) {
        let are_missing = self.shared.rings.iter().any(|ports| !ports.is_complete());
        self.rebind_at = are_missing.then(|| self.shared.now + REBIND_INTERVAL);
    }
}
