//! How fast bytes may go: a rate, kept by deadlines and never by waiting.
//!
//! A pace remembers one moment: when all that was sent is paid for at its rate. Whoever has caught up with it rests,
//! and what was not used is forgiven for a tenth of a second only, so that a pause does not become a burst. Several
//! connections may share one: their rests end one after the other, so that each has its turn. Time is handed in.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// Unused time that may be made up for.
const BURST: Duration = Duration::from_millis(100);
/// What a rest brings; between two turns there is one at least, so that a slow transfer does not wake the loop for
/// every byte.
const REST: Duration = Duration::from_millis(50);
/// Less than this is not worth going on for: it is what comes in while the loop turns once.
const GRAIN: Duration = Duration::from_millis(5);

/// A rate and what has been used of it.
#[derive(Debug)]
pub struct Pace {
    bytes_per_second: u64,
    paid_at: Cell<Instant>,
    /// When the rest ends that was begun last.
    last_turn: Cell<Instant>,
}

impl Pace {
    /// `bytes_per_second` is at least 1.
    pub fn new(bytes_per_second: u64, now: Instant) -> Self {
        Self {
            bytes_per_second: bytes_per_second.max(1),
            paid_at: Cell::new(now),
            last_turn: Cell::new(now),
        }
    }

    /// Bytes that may go now.
    pub fn available(&self, now: Instant) -> usize {
        let unused = now.saturating_duration_since(self.paid_at.get()).min(self.burst());
        if unused < GRAIN {
            return 0;
        }
        let bytes = unused.as_nanos().saturating_mul(u128::from(self.bytes_per_second)) / 1_000_000_000;
        usize::try_from(bytes).unwrap_or(usize::MAX)
    }

    /// `bytes` have gone.
    pub fn spend(&self, bytes: usize, now: Instant) {
        let nanoseconds = (bytes as u128).saturating_mul(1_000_000_000) / u128::from(self.bytes_per_second);
        let cost = Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX));
        let from = now
            .checked_sub(self.burst())
            .map_or(self.paid_at.get(), |earliest| earliest.max(self.paid_at.get()));
        self.paid_at.set(from.checked_add(cost).unwrap_or(from));
    }

    /// When it is worth going on for whoever asks, after all that asked before.
    pub fn take_turn(&self) -> Instant {
        let rest = REST.max(self.byte());
        let turn = (self.paid_at.get() + rest).max(self.last_turn.get() + rest);
        self.last_turn.set(turn);
        turn
    }

    /// The time that one byte takes, at least.
    fn byte(&self) -> Duration {
        Duration::from_nanos(1_000_000_000_u64.div_ceil(self.bytes_per_second))
    }

    fn burst(&self) -> Duration {
        BURST.max(self.byte())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g24_a_rate_is_kept_over_time() {
        for rate in [1, 10, 1_000, 1_048_576, 10 << 30] {
            let start = Instant::now();
            let pace = Pace::new(rate, start);
            let (mut now, mut sent, mut turns) = (start, 0_u64, 0_u64);
            while now < start + Duration::from_secs(20) {
                match pace.available(now).min(256 * 1024) {
                    0 => {
                        let turn = pace.take_turn();
                        assert!(turn > now, "a rest is never over already");
                        now = turn;
                    }
                    bytes => {
                        pace.spend(bytes, now);
                        sent += bytes as u64;
                        now += Duration::from_micros(10);
                        turns += 1;
                    }
                }
            }
            let needed = sent / (256 * 1024);
            assert!(turns <= needed + 20 * 25, "{turns} turns at {rate} a second");
            let expected = (rate * 20).min(256 * 1024 * 2_000_000);
            assert!(sent <= expected + expected / 50, "{sent} at {rate} a second");
            assert!(sent >= expected - expected / 10, "{sent} at {rate} a second");
        }
    }

    #[test]
    fn a_pause_does_not_become_a_burst() {
        let start = Instant::now();
        let pace = Pace::new(1_000_000, start);
        assert_eq!(pace.available(start + Duration::from_secs(3600)), 100_000);
    }

    #[test]
    fn those_who_share_a_pace_share_its_bytes() {
        let start = Instant::now();
        let pace = Pace::new(1_000_000, start);
        let now = start + BURST;
        pace.spend(60_000, now);
        assert_eq!(pace.available(now), 40_000);
        pace.spend(40_000, now);
        assert_eq!(pace.available(now), 0);
    }

    #[test]
    fn rests_end_one_after_the_other_so_that_each_has_its_turn() {
        let start = Instant::now();
        let pace = Pace::new(1_000_000, start);
        let (mut turns, mut sent) = ([start; 3], [0; 3]);
        for _ in 0..300 {
            let (number, now) = turns
                .iter()
                .copied()
                .enumerate()
                .min_by_key(|(_, at)| *at)
                .expect("three");
            let bytes = pace.available(now);
            pace.spend(bytes, now);
            sent[number] += bytes;
            turns[number] = pace.take_turn();
        }
        let all: usize = sent.iter().sum();
        assert!(sent.iter().all(|bytes| bytes * 4 > all), "{sent:?}");
        let took = turns.iter().max().expect("three").duration_since(start).as_secs_f64();
        assert!(
            (0.95..1.01).contains(&(all as f64 / took / 1e6)),
            "{all} bytes in {took} s"
        );
    }
}
