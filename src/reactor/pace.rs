//! Speed limits, kept by deadlines: a transfer over its rate pauses, the loop never waits.
//!
//! A pace stores one moment: when everything sent so far is paid for at its rate. A transfer that has reached that
//! moment pauses. Unused time can be made up for a tenth of a second only, so that a pause does not become a burst.
//! Several connections may share a pace: their pauses end one after the other, so that each gets its turn. Time is
//! passed in.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// Unused time that can be made up for.
const BURST: Duration = Duration::from_millis(100);
/// Shortest pause between two turns of a transfer, so that a slow one does not wake the loop for every byte.
const PAUSE: Duration = Duration::from_millis(50);
/// Less unused time than this is ignored: about as much passes in one turn of the loop.
const GRAIN: Duration = Duration::from_millis(5);

/// A rate and what has been used of it.
#[derive(Debug)]
pub struct Pace {
    bytes_per_second: u64,
    paid_at: Cell<Instant>,
    /// When the pause ends that was begun last.
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

    /// Bytes that may be sent now.
    pub fn available(&self, now: Instant) -> usize {
        let unused = now.saturating_duration_since(self.paid_at.get()).min(self.burst());
        if unused < GRAIN {
            return 0;
        }
        let bytes = unused.as_nanos().saturating_mul(u128::from(self.bytes_per_second)) / 1_000_000_000;
        usize::try_from(bytes).unwrap_or(usize::MAX)
    }

    /// `bytes` have been sent.
    pub fn spend(&self, bytes: usize, now: Instant) {
        let nanoseconds = (bytes as u128).saturating_mul(1_000_000_000) / u128::from(self.bytes_per_second);
        let cost = Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX));
        let from = now
            .checked_sub(self.burst())
            .map_or(self.paid_at.get(), |earliest| earliest.max(self.paid_at.get()));
        self.paid_at.set(from.checked_add(cost).unwrap_or(from));
    }

    /// Begins a pause and returns when it ends: after the pauses that other transfers have begun before.
    pub fn take_turn(&self) -> Instant {
        let pause = PAUSE.max(self.byte());
        let turn = (self.paid_at.get() + pause).max(self.last_turn.get() + pause);
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
                        assert!(turn > now, "a pause ends in the future");
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
    fn a_rate_below_a_byte_per_pause_still_sends() {
        let start = Instant::now();
        let pace = Pace::new(2, start);
        assert_eq!(pace.available(start), 0);
        let turn = pace.take_turn();
        assert_eq!(turn, start + Duration::from_millis(500), "the time of one byte");
        assert_eq!(pace.available(turn), 1);
        pace.spend(1, turn);
        assert_eq!(pace.available(turn), 0);
        assert_eq!(
            Pace::new(0, start).available(start + Duration::from_secs(60)),
            1,
            "0 counts as 1"
        );
    }

    #[test]
    fn transfers_that_share_a_pace_share_its_bytes() {
        let start = Instant::now();
        let pace = Pace::new(1_000_000, start);
        let now = start + BURST;
        pace.spend(60_000, now);
        assert_eq!(pace.available(now), 40_000);
        pace.spend(40_000, now);
        assert_eq!(pace.available(now), 0);
    }

    #[test]
    fn pauses_end_one_after_the_other_so_that_each_transfer_gets_its_turn() {
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
