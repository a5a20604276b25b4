//! Whether operations began as often as `--rate` asked for.

use serde::{Serialize, Serializer};
use std::fmt;
use std::time::{Duration, Instant};

/// Share of the operations due that must have begun for the rate to count as reached.
pub const RATE_TOLERANCE: f64 = 0.95;
/// Operations that were due this shortly before the end may be missing: the machine may have been busy.
pub const RATE_SLACK: Duration = Duration::from_millis(250);

/// When operations are due: each client begins one at `start` and then one every `interval`.
#[derive(Clone, Debug)]
pub struct Schedule {
    requested: f64,
    interval: Duration,
    starts: Vec<Instant>,
}

/// The rate that was asked for, and the one that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Rate {
    /// Operations a second.
    pub requested: f64,
    pub reached: f64,
    /// Operations that should have begun [`RATE_SLACK`] before the end.
    pub due: u64,
    pub begun: u64,
    #[serde(rename = "missed", serialize_with = "serialize_missed")]
    pub verdict: RateVerdict,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateVerdict {
    Reached,
    Missed,
    /// The run was too short to tell a delay from a rate that is too high.
    TooShort,
}

fn serialize_missed<S: Serializer>(verdict: &RateVerdict, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bool(*verdict == RateVerdict::Missed)
}

impl fmt::Display for Rate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { requested, reached, .. } = self;
        write!(formatter, "{requested:.0}/s requested, {reached:.0}/s reached")
    }
}

impl Schedule {
    pub fn new(requested: f64, clients: usize) -> Self {
        Self {
            requested,
            interval: Duration::from_secs_f64(clients as f64 / requested),
            starts: Vec::new(),
        }
    }

    /// A client whose first operation is due at `start`.
    pub fn add(&mut self, start: Instant) {
        self.starts.push(start);
    }

    /// Operations due until `end`.
    fn due(&self, end: Option<Instant>) -> u64 {
        let interval = self.interval.as_nanos().max(1);
        let due_of = |start: &Instant| {
            let passed = end?.checked_duration_since(*start)?;
            u64::try_from(passed.as_nanos() / interval + 1).ok()
        };
        self.starts.iter().filter_map(due_of).sum()
    }

    /// Judges the rate of a run from `began` to `end`, in which `begun` operations began.
    pub fn judge(&self, began: Instant, end: Instant, begun: u64) -> Rate {
        let is_behind = |due: u64| (begun as f64) < due as f64 * RATE_TOLERANCE;
        let due = self.due(end.checked_sub(RATE_SLACK));
        let verdict = if is_behind(due) {
            RateVerdict::Missed
        } else if end.saturating_duration_since(began) <= RATE_SLACK && is_behind(self.due(Some(end))) {
            RateVerdict::TooShort
        } else {
            RateVerdict::Reached
        };
        Rate {
            requested: self.requested,
            reached: begun as f64 / end.saturating_duration_since(began).as_secs_f64().max(1e-9),
            due,
            begun,
            verdict,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The verdict over a run of two clients that lasted `milliseconds`.
    fn verdict(requested: f64, milliseconds: u64, begun: u64) -> RateVerdict {
        let began = Instant::now();
        let mut schedule = Schedule::new(requested, 2);
        schedule.add(began);
        schedule.add(began + schedule.interval / 2);
        schedule
            .judge(began, began + Duration::from_millis(milliseconds), begun)
            .verdict
    }

    #[test]
    fn a_rate_is_missed_when_fewer_operations_began_than_were_due() {
        assert_eq!(verdict(500_000.0, 10_000, 140_000), RateVerdict::Missed);
        assert_eq!(verdict(100.0, 10_000, 1_001), RateVerdict::Reached);
        assert_eq!(verdict(100.0, 10_000, 900), RateVerdict::Missed);
        assert_eq!(
            verdict(100.0, 10_000, 940),
            RateVerdict::Reached,
            "within the tolerance"
        );
        assert_eq!(verdict(0.5, 3_000, 2), RateVerdict::Reached, "one each two seconds");
    }

    #[test]
    fn a_delay_at_the_very_end_is_not_a_missed_rate() {
        // Due at 0, 10, … 1,990 ms; the last came 200 ms late.
        assert_eq!(verdict(100.0, 2_190, 200), RateVerdict::Reached);
    }

    #[test]
    fn a_run_that_is_over_at_once_says_nothing_about_its_rate() {
        assert_eq!(verdict(500_000.0, 70, 1_000), RateVerdict::TooShort);
        assert_eq!(verdict(500.0, 100, 51), RateVerdict::Reached);
    }
}
