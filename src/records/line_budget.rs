//! How many lines of the log a client may cause by what is refused to it, which costs it nothing.
//!
//! The lines of one address are counted a minute long; those of others are not concerned. Their number is logged later.

use crate::peer_network::PeerNetwork;
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Lines of one address in a minute: far more than people need, and than programs that watch the log wait for.
const LINES: u32 = 100;
const MINUTE: Duration = Duration::from_secs(60);
/// Addresses counted at once; what more of them would cause is left out.
const NETWORKS_MAX: usize = 10_000;

/// Lines of this minute.
#[derive(Debug)]
pub struct LineBudget {
    since: Instant,
    written: HashMap<PeerNetwork, u32>,
    left_out: u64,
}

impl LineBudget {
    pub fn new(now: Instant) -> Self {
        Self {
            since: now,
            written: HashMap::new(),
            left_out: 0,
        }
    }

    /// Begins another minute if this one is over. How many lines were left out in it, if there were any.
    pub fn minute_is_over(&mut self, now: Instant) -> Option<u64> {
        if now.saturating_duration_since(self.since) < MINUTE {
            return None;
        }
        let ended = std::mem::replace(self, Self::new(now));
        Some(ended.left_out).filter(|left_out| *left_out > 0)
    }

    /// Whether one more line of this address can be written.
    pub fn has_room(&mut self, peer: IpAddr) -> bool {
        let network = PeerNetwork::of(peer);
        if self.written.len() >= NETWORKS_MAX && !self.written.contains_key(&network) {
            self.left_out += 1;
            return false;
        }
        let written = self.written.entry(network).or_default();
        if *written >= LINES {
            self.left_out += 1;
            return false;
        }
        *written += 1;
        true
    }

    /// Lines left out in this minute so far.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_has_a_hundred_lines_a_minute() {
        let (now, [one, other]) = (Instant::now(), [1, 2].map(|host| IpAddr::from([192, 0, 2, host])));
        let mut budget = LineBudget::new(now);
        assert_eq!((0..1_000).filter(|_| budget.has_room(one)).count(), 100);
        assert!(budget.has_room(other));
        assert_eq!(budget.minute_is_over(now + MINUTE / 2), None);
        assert_eq!(budget.minute_is_over(now + MINUTE), Some(900));
        assert!(budget.has_room(one));
        assert_eq!(budget.minute_is_over(now + MINUTE * 2), None, "nothing was left out");
    }

    #[test]
    fn g23_a_million_addresses_cost_no_more_memory_than_ten_thousand() {
        let mut budget = LineBudget::new(Instant::now());
        let written = (0..1_000_000_u32)
            .filter(|address| budget.has_room(IpAddr::V4((*address).into())))
            .count();
        assert_eq!((written, budget.written.len()), (NETWORKS_MAX, NETWORKS_MAX));
        assert_eq!(budget.left_out(), 990_000);
    }
}
