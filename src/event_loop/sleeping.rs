//! Between two turns: how long to sleep, and the beginning of the next turn.

use super::EventLoop;
use crate::clock::wall_clock;
use crate::connection::budgets::BULK_PER_TURN;
use crate::reactor::poller::Sleep;
use crate::records::trace::TraceLine;
use mio::Events;
use std::io;
use std::time::{Duration, Instant};

impl EventLoop {
    pub(super) fn sleep(&mut self, events: &mut Events) -> io::Result<()> {
        let sleep = self.next_sleep();
        self.trace_next_sleep(sleep);
        let begun = self.poller.sleep(events, sleep)?;
        self.begin_turn(begun.now);
        self.watchdog.turn_begins(begun.now);
        let (turn, slept) = (self.shared.counters.turns, begun.slept);
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

    fn trace_next_sleep(&mut self, sleep: Sleep) {
        if !self.shared.trace.is_on() {
            return;
        }
        let slot = self.shared.deadlines.next_slot();
        let session = slot.and_then(|slot| self.slots.get_mut(slot));
        let line = match (sleep.timeout(Instant::now()), session) {
            (None, _) => "next: sleep until an event".to_owned(),
            (Some(Duration::ZERO), _) => "next: do not sleep, work is left".to_owned(),
            (Some(timeout), Some(session)) => format!(
                "next: in {timeout:.0?} check session {}, which waits for {}",
                session.session().number(),
                session.waits_for(&self.shared)
            ),
            (Some(timeout), None) => format!("next: in {timeout:.0?} a deadline without a session"),
        };
        self.shared.trace.print(TraceLine::Ahead, || line);
    }

    /// How long the poll may sleep: until the nearest deadline, or not at all if work is left.
    pub(super) fn next_sleep(&self) -> Sleep {
        let shared = &self.shared;
        let is_work_left = !(shared.ready.is_empty() && shared.unflushed.is_empty() && self.outdated.is_empty());
        if is_work_left || self.can_start_verification() {
            return Sleep::NotAtAll;
        }
        Sleep::until_first([
            self.shared.deadlines.next(),
            self.shared.proofs.next_end(),
            self.resume_accepting_at,
            self.rebind_at,
            self.walks.next(),
            self.shutdown.deadline(),
        ])
    }
}
