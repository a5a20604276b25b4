//! What ends a run before its time: `--count` is reached, or nothing has succeeded for `--timeout`.

use crate::failure::Failure;
use std::time::{Duration, Instant};

/// Operations that `--count` counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counted {
    limit: Option<u64>,
    pub(super) begun: u64,
    pub(super) ended: u64,
    pub(super) last_began: Instant,
}

impl Counted {
    pub(super) fn new(limit: Option<u64>, now: Instant) -> Self {
        Self {
            limit,
            begun: 0,
            ended: 0,
            last_began: now,
        }
    }

    /// Whether as many have begun as were asked for.
    pub(super) fn all_begun(&self) -> bool {
        self.limit.is_some_and(|limit| self.begun >= limit)
    }

    pub(super) fn all_ended(&self) -> bool {
        self.limit.is_some_and(|limit| self.ended >= limit)
    }

    /// The share of them that has ended; 0 without a limit.
    pub(super) fn share_ended(&self) -> f64 {
        self.limit.map_or(0.0, |limit| self.ended as f64 / limit as f64)
    }
}

/// Since when nothing has succeeded, and why.
#[derive(Debug)]
pub(super) struct SuccessWatch {
    last_success: Instant,
    /// Bytes moved at the last check: progress of a long transfer counts as success.
    bytes: u64,
    /// The latest failure since the last success, and since when there was no progress.
    failing: Option<(Instant, Failure)>,
}

impl SuccessWatch {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            last_success: now,
            bytes: 0,
            failing: None,
        }
    }

    pub(super) fn success(&mut self, now: Instant) {
        self.last_success = now;
        self.failing = None;
    }

    /// An operation failed that had made no progress since `since`.
    pub(super) fn failure(&mut self, since: Instant, failure: &Failure) {
        let since = self
            .failing
            .as_ref()
            .map_or(since.max(self.last_success), |(first, _)| *first);
        self.failing = Some((since, failure.clone()));
    }

    /// The latest failure, if nothing has succeeded and no byte has moved for `patience`. `bytes`: moved in the whole
    /// run.
    pub(super) fn stalled(&mut self, now: Instant, bytes: u64, patience: Duration) -> Option<Failure> {
        if self.bytes != bytes {
            self.bytes = bytes;
            self.success(now);
        }
        let (since, last) = self.failing.as_ref()?;
        (now.saturating_duration_since(*since) >= patience).then(|| last.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    #[test]
    fn nothing_has_stalled_before_something_failed() {
        let start = Instant::now();
        let mut watch = SuccessWatch::new(start);
        assert_eq!(watch.stalled(start + 10 * PATIENCE, 0, PATIENCE), None);
    }

    #[test]
    fn the_patience_counts_from_the_first_failures_last_progress_and_the_latest_failure_is_the_reason() {
        let start = Instant::now();
        let mut watch = SuccessWatch::new(start);
        watch.failure(start + PATIENCE / 2, &Failure::WrongBytes);
        watch.failure(start + PATIENCE, &Failure::SizesDiffer);
        assert_eq!(watch.stalled(start + PATIENCE, 0, PATIENCE), None);
        let stalled = watch.stalled(start + PATIENCE + PATIENCE / 2, 0, PATIENCE);
        assert_eq!(stalled, Some(Failure::SizesDiffer));
    }

    #[test]
    fn a_success_or_a_moved_byte_begins_the_patience_anew() {
        let start = Instant::now();
        let mut watch = SuccessWatch::new(start);
        watch.failure(start, &Failure::WrongBytes);
        watch.success(start + PATIENCE / 2);
        assert_eq!(watch.stalled(start + PATIENCE, 0, PATIENCE), None);
        watch.failure(start, &Failure::WrongBytes);
        let later = start + PATIENCE / 2 + PATIENCE;
        assert_eq!(watch.stalled(later, 1, PATIENCE), None, "a byte has moved");
        watch.failure(start, &Failure::WrongBytes);
        assert_eq!(watch.stalled(later + PATIENCE / 2, 1, PATIENCE), None);
        assert!(watch.stalled(later + PATIENCE, 1, PATIENCE).is_some());
    }

    #[test]
    fn a_count_is_reached_when_as_many_operations_have_ended() {
        let mut counted = Counted::new(Some(4), Instant::now());
        counted.begun = 4;
        assert!(counted.all_begun() && !counted.all_ended());
        counted.ended = 1;
        assert_eq!(counted.share_ended(), 0.25);
        counted.ended = 4;
        assert!(counted.all_ended());
        let mut unlimited = Counted::new(None, Instant::now());
        unlimited.ended = u64::MAX;
        assert!(!unlimited.all_ended() && unlimited.share_ended() == 0.0);
    }
}
