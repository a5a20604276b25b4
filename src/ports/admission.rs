//! Limits on the number of sessions, in all and per client, and which session is closed to make room for a new one.
//!
//! Clients are counted by [`PeerNetwork`]. This file knows no socket, and the time is a parameter.

use crate::peer_network::PeerNetwork;
use crate::reactor::token::SlotId;
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Sessions per address by default. Programs on this machine share an address and are exempt.
const SESSIONS_PER_ADDRESS: usize = 50;
/// A client has this long for its login before its session may be closed to make room.
const LOGIN_GRACE: Duration = Duration::from_secs(3);
/// Arrivals that are kept although their sessions have ended or logged in.
const ARRIVALS_KEPT: usize = 64;

/// Admission counters.
#[derive(Debug)]
pub struct Admission {
    max_sessions: usize,
    max_per_address: Option<usize>,
    by_address: HashMap<PeerNetwork, usize>,
    sessions: usize,
    /// Sessions that may still be logging in, and when they began, oldest first.
    arrivals: VecDeque<(SlotId, Instant)>,
}

impl Admission {
    /// `max_per_address`: `None` for the default, with this machine exempt; `Some(0)` for no limit.
    pub fn new(max_sessions: usize, max_per_address: Option<usize>) -> Self {
        Self {
            max_sessions,
            max_per_address,
            by_address: HashMap::new(),
            sessions: 0,
            arrivals: VecDeque::new(),
        }
    }

    /// Whether one more session from `peer` is within the limit of its address.
    pub fn admits(&self, peer: IpAddr) -> bool {
        let sessions = self.by_address.get(&PeerNetwork::of(peer)).copied().unwrap_or(0);
        sessions < self.limit_for(peer)
    }

    /// Whether one more session is within the limit for all.
    pub fn has_room(&self) -> bool {
        self.sessions < self.max_sessions
    }

    fn limit_for(&self, peer: IpAddr) -> usize {
        match self.max_per_address {
            Some(0) => usize::MAX,
            Some(limit) => limit,
            None if peer.is_loopback() => usize::MAX,
            None => SESSIONS_PER_ADDRESS,
        }
    }

    /// Counts a new session. `is_logging_in`: whether an earlier session is still logging in.
    pub fn add(&mut self, peer: IpAddr, slot: SlotId, now: Instant, mut is_logging_in: impl FnMut(SlotId) -> bool) {
        self.sessions += 1;
        *self.by_address.entry(PeerNetwork::of(peer)).or_default() += 1;
        if self.arrivals.len() > 2 * self.sessions + ARRIVALS_KEPT {
            // At most one per session remains, so this is not due again before as many have begun.
            self.arrivals.retain(|(slot, _)| is_logging_in(*slot));
        }
        self.arrivals.push_back((slot, now));
    }

    /// Counts a session that has ended.
    pub fn remove(&mut self, peer: IpAddr) {
        self.sessions = self.sessions.saturating_sub(1);
        let key = PeerNetwork::of(peer);
        if let Some(count) = self.by_address.get_mut(&key) {
            *count -= 1;
            if *count == 0 {
                self.by_address.remove(&key);
            }
        }
    }

    /// The session to be closed when there is no room for a new one: the oldest that has not logged in. `None` if that
    /// one began less than `LOGIN_GRACE` ago. A session is returned once.
    pub fn take_longest_at_login(
        &mut self,
        now: Instant,
        mut is_logging_in: impl FnMut(SlotId) -> bool,
    ) -> Option<SlotId> {
        while self.arrivals.front().is_some_and(|(slot, _)| !is_logging_in(*slot)) {
            self.arrivals.pop_front();
        }
        let is_long_ago = |since: Instant| now.saturating_duration_since(since) >= LOGIN_GRACE;
        self.arrivals
            .pop_front_if(|(_, since)| is_long_ago(*since))
            .map(|(slot, _)| slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn slot(key: u32) -> SlotId {
        SlotId { key, generation: 1 }
    }

    fn add(admission: &mut Admission, peer: &str, key: u32) {
        admission.add(address(peer), slot(key), Instant::now(), |_| true);
    }

    #[test]
    fn g07_one_address_cannot_take_all_sessions() {
        let mut admission = Admission::new(1_000, Some(2));
        add(&mut admission, "192.0.2.1", 1);
        add(&mut admission, "192.0.2.1", 2);
        assert!(!admission.admits(address("192.0.2.1")));
        assert!(admission.admits(address("192.0.2.2")));
        admission.remove(address("192.0.2.1"));
        assert!(admission.admits(address("192.0.2.1")));
        // IPv6 is counted by network.
        add(&mut admission, "2001:db8:1:2::1", 3);
        add(&mut admission, "2001:db8:1:2::2", 4);
        assert!(!admission.admits(address("2001:db8:1:2:ffff::9")));
        assert!(admission.admits(address("2001:db8:1:3::1")));
    }

    #[test]
    fn programs_on_this_machine_are_exempt_unless_a_limit_was_given() {
        let mut admission = Admission::new(1_000, None);
        (0..100).for_each(|key| add(&mut admission, "127.0.0.1", key));
        (0..50).for_each(|key| add(&mut admission, "192.0.2.1", key));
        assert!(admission.admits(address("127.0.0.1")));
        assert!(!admission.admits(address("192.0.2.1")));
        assert!(Admission::new(9, Some(0)).admits(address("192.0.2.1")));
    }

    #[test]
    fn all_sessions_together_are_capped() {
        let mut admission = Admission::new(2, None);
        add(&mut admission, "127.0.0.1", 1);
        assert!(admission.has_room());
        add(&mut admission, "127.0.0.1", 2);
        assert!(!admission.has_room());
        admission.remove(address("127.0.0.1"));
        assert!(admission.has_room());
    }

    #[test]
    fn g06_the_oldest_session_without_a_login_makes_room_but_no_new_one() {
        let (mut admission, start) = (Admission::new(3, None), Instant::now());
        let second = Duration::from_secs(1);
        for key in 0..3 {
            admission.add(address("127.0.0.1"), slot(key), start + key * second, |_| true);
        }
        let has_not_logged_in = |slot: SlotId| slot.key != 0;
        let mut at = |seconds: u32| admission.take_longest_at_login(start + seconds * second, has_not_logged_in);
        assert_eq!(at(3), None, "0 has logged in, and 1 began two seconds ago");
        assert_eq!(at(4), Some(slot(1)));
        assert_eq!(at(4), None, "2 began two seconds ago");
        assert_eq!(at(5), Some(slot(2)));
        assert_eq!(at(100), None, "0 is never closed");
    }

    #[test]
    fn g06_arrivals_of_ended_sessions_are_dropped() {
        let mut admission = Admission::new(1_000, None);
        let peer = address("127.0.0.1");
        for key in 0..10_000 {
            admission.add(peer, slot(key), Instant::now(), |other| other.key == 0);
            if key > 0 {
                admission.remove(peer);
            }
        }
        assert!(
            admission.arrivals.len() <= ARRIVALS_KEPT + 5,
            "{}",
            admission.arrivals.len()
        );
    }
}
