//! Notices when a turn takes too long, and what took its time.
//!
//! The loop never waits for the network, but a slow disk can make a system call wait. Then every client waits; the
//! least that can be done is to say so, and to say what it was that stalled.

use std::time::{Duration, Instant};

/// A turn that takes longer makes clients notice.
const TOO_LONG: Duration = Duration::from_millis(100);

/// Measures turns and their steps.
#[derive(Debug)]
pub(crate) struct Watchdog {
    turn: Instant,
    step: Instant,
    steps: u64,
}

impl Watchdog {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            turn: now,
            step: now,
            steps: 0,
        }
    }

    pub(crate) fn turn_begins(&mut self, now: Instant) {
        *self = Self::new(now);
    }

    /// A connection has been served; `what` is asked for only if that took too long.
    pub(crate) fn step_ends(&mut self, what: impl FnOnce() -> String) {
        let now = Instant::now();
        let took = now.saturating_duration_since(self.step);
        if took > TOO_LONG {
            log::warn!(
                "event loop blocked for {} ms in one step, now: {}",
                took.as_millis(),
                what()
            );
        }
        self.step = now;
        self.steps += 1;
    }

    /// How long the turn took: many short steps make a long one too.
    pub(crate) fn turn_ends(&self) -> Duration {
        let took = self.turn.elapsed();
        if took > TOO_LONG {
            log::warn!(
                "event loop blocked for {} ms in a turn of {} steps",
                took.as_millis(),
                self.steps
            );
        }
        took
    }
}
