//! Between two turns: how long to sleep, and the beginning of the next turn.

use super::EventLoop;
use crate::clock::wall_clock;
use crate::connection::shared::BULK_PER_TURN;
use mio::Events;
use std::io;
use std::time::Instant;

/// Why the loop does not sleep longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    WorkLeft,
    /// The session with the nearest deadline has to be looked at.
    Session,
    /// Something else becomes due.
    Until(&'static str),
}

impl EventLoop {
    pub(super) fn sleep(&mut self, events: &mut Events) -> io::Result<()> {
        let before = Instant::now();
        let timeout = self.next_deadline().map(|at| at.saturating_duration_since(before));
        self.trace_wait(timeout);
        let now = self.poller.sleep(events, timeout)?;
        self.begin_turn(now);
        self.watchdog.turn_begins(now);
        let slept = now.saturating_duration_since(before);
        self.status_turn_begins(slept, timeout, events);
        self.trace_turn(events, slept);
        Ok(())
    }

    /// Starts a turn. Its time does not change until the next one.
    pub(super) fn begin_turn(&mut self, now: Instant) {
        self.shared.now = now;
        self.shared.wall = wall_clock();
        self.shared.bulk_left = BULK_PER_TURN;
        self.shared.counters.turns += 1;
    }

    /// Until when the poll may sleep: the nearest deadline, or this turn if work is left. `None`: until an event.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.next_wait().map(|(at, _)| at)
    }

    /// The nearest deadline, and what it is for.
    pub(super) fn next_wait(&self) -> Option<(Instant, Wait)> {
        let shared = &self.shared;
        let is_work_left = !(shared.ready.is_empty() && shared.unflushed.is_empty() && self.outdated.is_empty());
        if is_work_left || self.can_start_verification() {
            return Some((shared.now, Wait::WorkLeft));
        }
        let waits = [
            (shared.deadlines.next(), Wait::Session),
            (shared.proofs.next_end(), Wait::Until("recent passwords are forgotten")),
            (self.resume_accepting_at, Wait::Until("accepting is resumed")),
            (self.rebind_at, Wait::Until("missing passive ports are tried again")),
            (
                self.walks.next(),
                Wait::Until("the next walk of the served tree begins"),
            ),
            (self.shutdown_deadline, Wait::Until("the shutdown waits no longer")),
            (self.next_status(), Wait::Until("the status page is updated")),
        ];
        let waits = waits.into_iter().filter_map(|(at, what)| Some((at?, what)));
        waits.min_by_key(|(at, _)| *at)
    }
}
