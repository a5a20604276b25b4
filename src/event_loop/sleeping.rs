//! Between two turns: how long to sleep, and the beginning of the next turn.

use super::EventLoop;
use crate::clock::wall_clock;
use crate::connection::shared::BULK_PER_TURN;
use crate::records::trace::TraceLine;
use mio::Events;
use std::io;
use std::time::{Duration, Instant};

impl EventLoop {
    pub(super) fn sleep(&mut self, events: &mut Events) -> io::Result<()> {
        let before = Instant::now();
        let timeout = self.next_deadline().map(|at| at.saturating_duration_since(before));
        self.trace_sleep(timeout);
        let now = self.poller.sleep(events, timeout)?;
        self.begin_turn(now);
        self.watchdog.turn_begins(now);
        let (turn, slept) = (self.shared.counters.turns, now.saturating_duration_since(before));
        self.shared.trace.print(TraceLine::Turn, || {
            format!("turn {turn}: slept {slept:.0?}, {} events", events.iter().count())
        });
        Ok(())
    }

    /// Starts a turn. Its time does not change until the next one.
    pub(super) fn begin_turn(&mut self, now: Instant) {
        self.shared.now = now;
        self.shared.wall = wall_clock();
        self.shared.bulk_left = BULK_PER_TURN;
        self.shared.counters.turns += 1;
    }

    fn trace_sleep(&mut self, timeout: Option<Duration>) {
        if !self.shared.trace.is_on() {
            return;
        }
        let slot = self.shared.deadlines.next_slot();
        let connection = slot.and_then(|slot| self.slots.get_mut(slot));
        let line = match (timeout, connection) {
            (None, _) => "next: sleep until an event".to_owned(),
            (Some(Duration::ZERO), _) => "next: do not sleep, work is left".to_owned(),
            (Some(timeout), Some(connection)) => format!(
                "next: in {timeout:.0?} check session {}, which waits for {}",
                connection.session().number(),
                connection.waits_for(&self.shared)
            ),
            (Some(timeout), None) => format!("next: in {timeout:.0?} a deadline without a session"),
        };
        self.shared.trace.print(TraceLine::Ahead, || line);
    }

    /// Until when the poll may sleep: the nearest deadline, or this turn if work is left. `None`: until an event.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let shared = &self.shared;
        let is_work_left = !(shared.ready.is_empty() && shared.unflushed.is_empty() && self.outdated.is_empty());
        if is_work_left || self.can_start_verification() {
            return Some(shared.now);
        }
        let deadlines = [
            shared.deadlines.next(),
            shared.proofs.next_end(),
            self.resume_accepting_at,
            self.rebind_at,
            self.walks.next(),
            self.shutdown_deadline,
        ];
        deadlines.into_iter().flatten().min()
    }
}
