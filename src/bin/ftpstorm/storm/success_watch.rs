//! Notices when nothing succeeds.

use crate::failure::Failure;
use std::time::{Duration, Instant};

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
}
