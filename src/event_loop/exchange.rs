//! Effects of one connection on another: requested passive ports, freed ports, accepted data connections.
//!
//! Each has a queue in [`Shared`](crate::connection::shared::Shared), which is emptied here while no connection is
//! being served, so the loop never recurses.

use super::EventLoop;
use crate::connection::Connection;
use crate::reactor::token::SlotId;

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
            } else if let Some(slot) = self.shared.port_requests.pop_front() {
                self.deal_port(slot);
            } else if let Some((ring, peer)) = self.shared.freed_ports.pop_front() {
                let next = self
                    .shared
                    .rings
                    .get_mut(usize::from(ring))
                    .and_then(|ports| ports.ring.next_waiting(peer));
                if let Some(slot) = next {
                    self.deal_port(slot);
                }
            } else {
                return;
            }
        }
    }

    /// Deals a passive port to a session, or puts the session into the queue for one.
    fn deal_port(&mut self, slot: SlotId) {
        let Some(connection) = self.slots.get_mut(slot) else {
            return;
        };
        let (ring, peer) = (connection.ring(), connection.session().peer());
        let drawn = self
            .shared
            .rings
            .get_mut(usize::from(ring))
            .and_then(|ports| ports.ring.draw(peer, &mut self.shared.random));
        match drawn {
            Some(port) => {
                // A connection made before the port is announced cannot be the client's (threat D11).
                self.accept_data_connections(ring, port);
                self.step(slot, |connection, shared| connection.announce(port, shared));
            }
            None => self.step(slot, Connection::wait_for_port),
        }
    }
}
