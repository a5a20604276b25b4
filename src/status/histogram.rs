//! How long something took, counted by ranges: what a Prometheus histogram consists of.

use std::time::Duration;

/// Upper limits of the ranges, in microseconds; one more range has no limit.
pub const LIMITS_US: [u64; 12] = [5, 10, 25, 50, 100, 250, 500, 1_000, 5_000, 20_000, 100_000, 1_000_000];

/// Durations, counted by ranges.
#[derive(Clone, Copy, Debug, Default)]
pub struct Histogram {
    counts: [u64; LIMITS_US.len() + 1],
    sum: Duration,
}

impl Histogram {
    pub fn record(&mut self, took: Duration) {
        let range = LIMITS_US.partition_point(|limit| Duration::from_micros(*limit) < took);
        if let Some(count) = self.counts.get_mut(range) {
            *count += 1;
        }
        self.sum += took;
    }

    /// How many took at most as long as each limit; the last: all.
    pub fn cumulative(&self) -> impl Iterator<Item = u64> {
        self.counts.iter().scan(0, |sum, count| {
            *sum += count;
            Some(*sum)
        })
    }

    pub fn sum(&self) -> Duration {
        self.sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_counted_in_its_range_and_all_above() {
        let mut histogram = Histogram::default();
        for us in [0, 5, 6, 2_000_000] {
            histogram.record(Duration::from_micros(us));
        }
        let counts: Vec<u64> = histogram.cumulative().collect();
        assert_eq!(counts[..2], [2, 3], "a limit belongs to its range");
        assert_eq!(counts[LIMITS_US.len() - 1..], [3, 4]);
        assert_eq!(histogram.sum(), Duration::from_micros(2_000_011));
    }
}
