//! What connections cause for each other: ports asked for, ports given back, data connections that arrived.
//!
//! Each is a queue in [`Shared`](crate::connection::shared::Shared) that is emptied here, between two connections' turns, so nobody
//! reaches into a connection that is being served and no client can make the loop recurse.

use super::{BIND_AGAIN, EventLoop};
use crate::connection::Connection;
use crate::connection::shared::Shared;
use crate::reactor::token::SlotId;

impl EventLoop {
    /// Delivers what waits in the queues, until nothing does.
    pub(super) fn exchange(&mut self) {
        loop {
            if let Some(slot) = self.shared.arrivals.pop_front() {
                self.step(slot, Connection::data_arrived);
            } else if let Some((ring, port, slot)) = self.shared.last_looks.pop_front() {
                // A second connection from the client's address may wait already.
                self.accept_data_connections(ring, port);
                self.shared.arrivals.push_back(slot);
            } else if let Some(slot) = self.shared.port_requests.pop_front() {
                self.give_port(slot);
            } else if let Some((ring, peer)) = self.shared.freed_ports.pop_front() {
                let next = self
                    .shared
                    .rings
                    .get_mut(usize::from(ring))
                    .and_then(|ports| ports.ring.next_in_line(peer));
                if let Some(slot) = next {
                    self.give_port(slot);
                }
            } else {
                return;
            }
        }
    }

    /// Deals a passive port to a session, or lets it stand in line.
    fn give_port(&mut self, slot: SlotId) {
        let Some(connection) = self.slots.get_mut(slot) else {
            return;
        };
        let (ring, peer) = (connection.ring(), connection.session().peer());
        let dealt = self
            .shared
            .rings
            .get_mut(usize::from(ring))
            .and_then(|ports| ports.ring.deal(peer, &mut self.shared.random));
        match dealt {
            Some(port) => {
                // Whoever connected before the port was announced is not its client (threat D11).
                self.accept_data_connections(ring, port);
                self.step(slot, |connection, shared| connection.announce(port, shared));
            }
            None => self.step(slot, Connection::wait_for_port),
        }
    }

    pub(super) fn bind_missing_ports(&mut self) {
        let Shared {
            rings,
            descriptors,
            registry,
            settings,
            now,
            ..
        } = &mut self.shared;
        for ports in rings.iter_mut() {
            let had = ports.ring.len();
            let failure = ports.bind_missing(usize::MAX, descriptors, registry, &settings.techniques);
            if ports.ring.len() > had {
                log::info!("{} of {} passive ports bound now", ports.ring.len(), ports.wanted());
            }
            if let Some(failure) = failure {
                log::debug!("passive ports still missing: {failure}");
            }
        }
        let missing = rings.iter().any(|ports| !ports.is_complete());
        self.bind_again_at = missing.then(|| *now + BIND_AGAIN);
    }
}
