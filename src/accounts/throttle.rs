//! Slows down password guessing: failed logins are counted by client network, never by user name.
//!
//! A name is never locked, or anyone could lock its owner out. Nothing here waits: the caller delays the reply by what
//! [`LoginThrottle::delay`] returns. Addresses of this machine are not exempt.

use crate::peer_network::PeerNetwork;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// After this many failures within [`WINDOW`], logins of a network are refused without verification (LOGIN_FAIL).
const FAILURES_MAX: usize = 10;
const WINDOW: Duration = Duration::from_secs(10 * 60);
/// Delay of the reply after the first failure; each further failure doubles it.
const FIRST_DELAY: Duration = Duration::from_millis(250);
const LONGEST_DELAY: Duration = Duration::from_secs(5);
/// Refused logins of one network are logged at most once in this time.
const BETWEEN_WARNINGS: Duration = Duration::from_secs(60);
/// Networks remembered at once (threat G23).
const NETWORKS_MAX: usize = 65_536;

/// Networks with recent failures.
///
/// When the table is full, the network whose last failure is longest ago is removed. New networks are never refused
/// because of a full table: an attacker with that many networks must not be able to shut out the rest.
#[derive(Debug, Default)]
pub struct LoginThrottle {
    networks: HashMap<PeerNetwork, Record>,
    /// Each network once, by its last failure, oldest first.
    order: BTreeMap<u64, PeerNetwork>,
    failures: u64,
}

#[derive(Debug, Default)]
struct Record {
    /// The last [`FAILURES_MAX`] failures, oldest first.
    failed_at: VecDeque<Instant>,
    /// Failures since the last successful login from there.
    in_a_row: u32,
    /// Its key in `order`.
    place: u64,
    /// Logins refused since the last log line about them, and when that was.
    refused: u64,
    warned_at: Option<Instant>,
}

impl LoginThrottle {
    /// Recent failures of `peer` since the last successful login from there.
    pub fn failures(&self, peer: IpAddr, now: Instant) -> u32 {
        let record = self.networks.get(&PeerNetwork::of(peer));
        record.map_or(0, |record| record.in_a_row.min(record.recent(now) as u32))
    }

    /// How long the reply to a login from `peer` is to be delayed; zero without recent failures.
    pub fn delay(&self, peer: IpAddr, now: Instant) -> Duration {
        match self.failures(peer, now) {
            0 => Duration::ZERO,
            failures => FIRST_DELAY
                .saturating_mul(2_u32.saturating_pow(failures - 1))
                .min(LONGEST_DELAY),
        }
    }

    /// Whether logins from `peer` are to be refused without verification.
    pub fn is_blocked(&self, peer: IpAddr, now: Instant) -> bool {
        let record = self.networks.get(&PeerNetwork::of(peer));
        record.is_some_and(|record| record.recent(now) >= FAILURES_MAX)
    }

    /// Counts a login refused because `peer` is blocked. Once a minute and network it returns how many were refused
    /// since the last time, to be logged: a flood of logins must not be a flood of log lines.
    pub fn refused(&mut self, peer: IpAddr, now: Instant) -> Option<u64> {
        let record = self.networks.get_mut(&PeerNetwork::of(peer))?;
        record.refused += 1;
        let is_news = |at| now.saturating_duration_since(at) >= BETWEEN_WARNINGS;
        if !record.warned_at.is_none_or(is_news) {
            return None;
        }
        record.warned_at = Some(now);
        Some(std::mem::take(&mut record.refused))
    }

    /// Counts a wrong password from `peer`. Logins refused while blocked do not count, so that a block ends.
    pub fn failed(&mut self, peer: IpAddr, now: Instant) {
        self.forget_old(now);
        let network = PeerNetwork::of(peer);
        self.failures += 1;
        let record = self.networks.entry(network).or_default();
        if record.failed_at.len() == FAILURES_MAX {
            record.failed_at.pop_front();
        }
        record.failed_at.push_back(now);
        record.in_a_row = record.in_a_row.saturating_add(1);
        self.order.remove(&record.place);
        record.place = self.failures;
        self.order.insert(self.failures, network);
        if self.networks.len() > NETWORKS_MAX {
            self.forget_first();
        }
    }

    /// Notes a right password from `peer`: its replies are no longer delayed. Earlier failures still count towards a
    /// block, or an attacker with one account could guess at others without limit. Anonymous logins do not count.
    pub fn succeeded(&mut self, peer: IpAddr) {
        if let Some(record) = self.networks.get_mut(&PeerNetwork::of(peer)) {
            record.in_a_row = 0;
        }
    }

    fn forget_old(&mut self, now: Instant) {
        while let Some((_, network)) = self.order.first_key_value() {
            if self.networks.get(network).is_some_and(|record| record.recent(now) > 0) {
                break;
            }
            self.forget_first();
        }
    }

    fn forget_first(&mut self) {
        if let Some((_, network)) = self.order.pop_first() {
            self.networks.remove(&network);
        }
    }
}

impl Record {
    fn recent(&self, now: Instant) -> usize {
        let is_recent = |at: &&Instant| now.saturating_duration_since(**at) < WINDOW;
        self.failed_at.iter().rev().take_while(is_recent).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv6Addr;

    const SECOND: Duration = Duration::from_secs(1);

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn f03_each_failure_doubles_the_delay_up_to_five_seconds() {
        let (mut throttle, now, peer) = (LoginThrottle::default(), Instant::now(), address("192.0.2.1"));
        let mut delays = Vec::new();
        for _ in 0..9 {
            delays.push(throttle.delay(peer, now).as_millis());
            throttle.failed(peer, now);
        }
        assert_eq!(delays, [0, 250, 500, 1_000, 2_000, 4_000, 5_000, 5_000, 5_000]);
        let other = throttle.delay(address("192.0.2.2"), now);
        assert_eq!(other, Duration::ZERO, "only that address");
    }

    #[test]
    fn f03_ten_failures_in_ten_minutes_block_until_the_first_is_old() {
        let (mut throttle, start, peer) = (LoginThrottle::default(), Instant::now(), address("127.0.0.1"));
        for number in 0..10 {
            assert!(!throttle.is_blocked(peer, start + number * SECOND));
            throttle.failed(peer, start + number * SECOND);
        }
        let last = start + 9 * SECOND;
        assert!(throttle.is_blocked(peer, last), "this machine is not exempt");
        assert!(!throttle.is_blocked(address("127.0.0.2"), last));
        assert!(throttle.is_blocked(peer, start + WINDOW - SECOND));
        assert!(!throttle.is_blocked(peer, start + WINDOW), "nine are left");
        throttle.failed(peer, start + WINDOW);
        assert!(throttle.is_blocked(peer, start + WINDOW), "one more guess was all");
        for number in 0..100 {
            let now = start + 2 * WINDOW + number * 90 * SECOND;
            throttle.failed(peer, now);
            assert!(!throttle.is_blocked(peer, now), "failures far apart never block");
        }
    }

    #[test]
    fn f03_a_success_ends_the_delay_but_not_the_count() {
        let (mut throttle, now, peer) = (LoginThrottle::default(), Instant::now(), address("192.0.2.1"));
        for _ in 0..10 {
            throttle.failed(peer, now);
            throttle.succeeded(peer);
            assert_eq!(throttle.delay(peer, now), Duration::ZERO);
        }
        assert!(throttle.is_blocked(peer, now), "own logins between guesses do not help");
        throttle.failed(peer, now);
        assert_eq!(throttle.delay(peer, now), FIRST_DELAY);
    }

    #[test]
    fn g07_an_ipv6_client_cannot_change_its_address_to_get_away() {
        let (mut throttle, now) = (LoginThrottle::default(), Instant::now());
        for host in 1..=10 {
            throttle.failed(IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 1, 2, 0, 0, 0, host)), now);
        }
        assert!(throttle.is_blocked(address("2001:db8:1:2:abcd::1"), now));
        assert!(!throttle.is_blocked(address("2001:db8:1:3::1"), now));
    }

    #[test]
    fn f03_refused_logins_are_reported_once_a_minute_with_their_number() {
        let (mut throttle, start, peer) = (LoginThrottle::default(), Instant::now(), address("192.0.2.1"));
        assert_eq!(throttle.refused(peer, start), None, "it is not even known");
        for _ in 0..10 {
            throttle.failed(peer, start);
        }
        assert_eq!(throttle.refused(peer, start), Some(1), "the first at once");
        for second in 1..60 {
            assert_eq!(throttle.refused(peer, start + second * SECOND), None);
        }
        assert_eq!(throttle.refused(peer, start + 60 * SECOND), Some(60));
        assert_eq!(throttle.refused(peer, start + 61 * SECOND), None);
    }

    #[test]
    fn old_failures_are_removed() {
        let (mut throttle, start) = (LoginThrottle::default(), Instant::now());
        for number in 0..1_000_u32 {
            throttle.failed(IpAddr::V4((0x0a00_0000 + number).into()), start);
        }
        assert_eq!(throttle.networks.len(), 1_000);
        assert_eq!(throttle.delay(address("10.0.0.1"), start + WINDOW), Duration::ZERO);
        throttle.failed(address("192.0.2.1"), start + WINDOW);
        assert_eq!(throttle.networks.len(), 1);
    }

    #[test]
    fn g23_a_million_networks_push_out_the_oldest_only() {
        let (mut throttle, now) = (LoginThrottle::default(), Instant::now());
        let (insistent, early) = (address("192.0.2.1"), address("192.0.2.2"));
        for _ in 0..10 {
            throttle.failed(early, now);
        }
        for number in 0..1_000_000_u32 {
            if number % 10_000 == 0 {
                throttle.failed(insistent, now);
            }
            let [a, b] = [number >> 16, number & 0xffff].map(|half| u16::try_from(half).expect("16 bits"));
            throttle.failed(IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, a, b, 0, 0, 0, 1)), now);
            assert!(throttle.networks.len() <= NETWORKS_MAX);
        }
        assert_eq!(throttle.networks.len(), NETWORKS_MAX);
        assert_eq!(throttle.order.len(), NETWORKS_MAX);
        assert!(throttle.is_blocked(insistent, now), "continued failures keep its entry");
        assert!(!throttle.is_blocked(early, now), "the oldest entry is removed");
        let stranger = address("198.51.100.1");
        assert!(!throttle.is_blocked(stranger, now), "a full table refuses no one");
    }
}
