//! Logs turns and steps that took too long.
//!
//! The loop never waits for the network, but a slow disk can make a system call wait, and then every client waits. The
//! log says what the loop was doing. Times are passed in.

use std::time::{Duration, Instant};

/// Clients notice a turn that takes longer.
const TOO_LONG: Duration = Duration::from_millis(100);

/// Measures turns and their steps.
#[derive(Debug)]
pub(crate) struct Watchdog {
    turn_began: Instant,
    step_began: Instant,
    steps: u64,
}

impl Watchdog {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            turn_began: now,
            step_began: now,
            steps: 0,
        }
    }

    pub(crate) fn turn_begins(&mut self, now: Instant) {
        *self = Self::new(now);
    }

    /// A connection has been served; `what` is called only if that took too long.
    pub(crate) fn step_ends(&mut self, now: Instant, what: impl FnOnce() -> String) {
        let took = now.saturating_duration_since(self.step_began);
        if took > TOO_LONG {
            let what = what();
            log::warn!(
                "event loop blocked for {} ms in one step, now: {what}",
                took.as_millis()
            );
        }
        self.step_began = now;
        self.steps += 1;
    }

    /// Returns how long the turn took. Many short steps can make a long turn too.
    pub(crate) fn turn_ends(&self, now: Instant) -> Duration {
        let took = now.saturating_duration_since(self.turn_began);
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

#[cfg(test)]
mod tests {
    use super::*;

    const MILLISECOND: Duration = Duration::from_millis(1);

    /// Whether a step that ends at `now` is described in the log.
    fn is_logged(watchdog: &mut Watchdog, now: Instant) -> bool {
        let mut is_logged = false;
        watchdog.step_ends(now, || {
            is_logged = true;
            String::new()
        });
        is_logged
    }

    #[test]
    fn a_step_is_timed_from_the_end_of_the_previous_one() {
        let start = Instant::now();
        let mut watchdog = Watchdog::new(start);
        assert!(!is_logged(&mut watchdog, start + TOO_LONG));
        assert!(!is_logged(&mut watchdog, start + 2 * TOO_LONG), "100 ms again");
        assert!(is_logged(&mut watchdog, start + 3 * TOO_LONG + MILLISECOND));
        watchdog.turn_begins(start + 60 * TOO_LONG);
        let asleep = !is_logged(&mut watchdog, start + 60 * TOO_LONG + MILLISECOND);
        assert!(asleep, "the sleep between two turns belongs to no step");
    }

    #[test]
    fn a_turn_is_as_long_as_all_its_steps() {
        let start = Instant::now();
        let mut watchdog = Watchdog::new(start);
        for step in 1..=50 {
            assert!(!is_logged(&mut watchdog, start + step * 10 * MILLISECOND));
        }
        assert_eq!(watchdog.steps, 50);
        assert_eq!(watchdog.turn_ends(start + 500 * MILLISECOND), 5 * TOO_LONG);
        watchdog.turn_begins(start + 500 * MILLISECOND);
        assert_eq!(watchdog.turn_ends(start + 501 * MILLISECOND), MILLISECOND);
    }
}
