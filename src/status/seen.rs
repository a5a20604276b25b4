//! What the page is allowed to see of the loop.

use crate::connection::{Connection, shared::Shared};
use crate::reactor::slots::Slots;

/// The loop, as the page sees it.
pub struct Seen<'server> {
    pub slots: &'server Slots<Connection>,
    pub shared: &'server mut Shared,
}

impl Seen<'_> {
    /// The queues of the loop by name, with their lengths.
    pub fn queues(&self) -> [(&'static str, usize); 6] {
        let shared = &self.shared;
        [
            ("ready", shared.ready.len()),
            ("replies", shared.unflushed.len()),
            ("logins", shared.logins.waiting()),
            (
                "passive_ports",
                shared.rings.iter().map(|ports| ports.ring.waiting()).sum(),
            ),
            ("port_requests", shared.port_requests.len()),
            ("arrivals", shared.arrivals.len()),
        ]
    }
}
