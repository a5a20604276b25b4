//! What the page is allowed to see of the loop.

use crate::connection::{Connection, shared::Shared};
use crate::reactor::slots::Slots;
use crate::slow_work::queue::SlowWorkQueue;

/// How many queues the loop has.
pub const QUEUES: usize = 8;

/// The loop, as the page sees it.
pub struct Seen<'server> {
    pub slots: &'server Slots<Connection>,
    pub shared: &'server mut Shared,
    /// Sessions to be closed because their account has changed.
    pub outdated: usize,
    /// Listeners that wait for a free descriptor.
    pub paused: usize,
}

impl Seen<'_> {
    /// The queues of the loop: the name in figures, what waits in it, and its length.
    pub fn queues(&self) -> [(&'static str, &'static str, usize); QUEUES] {
        let shared = &self.shared;
        let waiting_for_ports = shared.rings.iter().map(|ports| ports.ring.waiting()).sum();
        let exchange =
            shared.port_requests.len() + shared.freed_ports.len() + shared.arrivals.len() + shared.last_looks.len();
        let slow_work = shared.slow_work.as_ref().map_or(0, SlowWorkQueue::waiting);
        [
            ("ready", "ready queue: work left for the next turn", shared.ready.len()),
            ("replies", "sessions with replies to be written", shared.unflushed.len()),
            (
                "passive_ports",
                "sessions that wait for a passive port",
                waiting_for_ports,
            ),
            ("exchange", "ports and data connections to be handed over", exchange),
            ("logins", "passwords to be verified", shared.logins.waiting()),
            ("slow_work", "jobs for the helper thread", slow_work),
            ("outdated", "sessions whose account has changed", self.outdated),
            ("paused", "listeners that wait for a free descriptor", self.paused),
        ]
    }
}
