//! Counts operations until `--count` is reached.

use std::time::Instant;

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

#[cfg(test)]
mod tests {
    use super::*;

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
