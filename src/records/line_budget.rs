//! A limit on log lines about refused commands and failed logins, because a client can cause any number of them for
//! free.
//!
//! Lines are counted per address and minute, so one client cannot silence the lines of others. The number of lines that
//! were left out is logged.

use crate::peer_network::PeerNetwork;
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Lines per address and minute: more than people read, and more than programs such as fail2ban need.
const LINES: u32 = 100;
const MINUTE: Duration = Duration::from_secs(60);
/// Addresses counted per minute; lines of further addresses are left out.
const NETWORKS_MAX: usize = 10_000;

/// The lines of the current minute.
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

    /// Starts a new minute if this one is over. Returns how many lines were left out, if any.
    pub fn end_minute(&mut self, now: Instant) -> Option<u64> {
        if now.saturating_duration_since(self.since) < MINUTE {
            return None;
        }
        let ended = std::mem::replace(self, Self::new(now));
        Some(ended.left_out).filter(|left_out| *left_out > 0)
    }

    /// Counts one more line about this address; `false` if it must be left out.
    pub fn take_line(&mut self, peer: IpAddr) -> bool {
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
        assert_eq!((0..1_000).filter(|_| budget.take_line(one)).count(), 100);
        assert!(budget.take_line(other));
        assert_eq!(budget.end_minute(now + MINUTE / 2), None);
        assert_eq!(budget.end_minute(now + MINUTE), Some(900));
        assert!(budget.take_line(one));
        assert_eq!(budget.end_minute(now + MINUTE * 2), None, "nothing was left out");
    }

    #[test]
    fn g23_a_million_addresses_need_no_more_memory_than_ten_thousand() {
        let mut budget = LineBudget::new(Instant::now());
        let written = (0..1_000_000_u32)
            .filter(|address| budget.take_line(IpAddr::V4((*address).into())))
            .count();
        assert_eq!((written, budget.written.len()), (NETWORKS_MAX, NETWORKS_MAX));
        assert_eq!(budget.left_out(), 990_000);
    }
}
