//! Who may come in: caps on sessions, on sessions an address, and on those that have not logged in.
//!
//! Clients are counted by [`PeerNetwork`]. This file knows no socket.

use super::token::SlotId;
use crate::peer_network::PeerNetwork;
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

/// Sessions an address may have when nothing else is said; programs on this machine share an address and are exempt.
const SESSIONS_PER_ADDRESS: usize = 50;
/// Which part of all sessions may be at their login: one in this many.
const LOGGING_IN_SHARE: usize = 4;

/// The doorkeeper's books.
#[derive(Debug)]
pub struct Admission {
    max_sessions: usize,
    max_per_address: Option<usize>,
    by_address: HashMap<PeerNetwork, usize>,
    sessions: usize,
    /// Everyone in the order of arrival, while they may still be logging in.
    arrivals: VecDeque<SlotId>,
}

impl Admission {
    /// `max_per_address`: `None` for the default with this machine exempt, `Some(0)` for no limit.
    pub fn new(max_sessions: usize, max_per_address: Option<usize>) -> Self {
        Self {
            max_sessions,
            max_per_address,
            by_address: HashMap::new(),
            sessions: 0,
            arrivals: VecDeque::new(),
        }
    }

    /// Whether one more session from `peer` is within the caps.
    pub fn admits(&self, peer: IpAddr) -> bool {
        let from_there = self.by_address.get(&PeerNetwork::of(peer)).copied().unwrap_or(0);
        self.sessions < self.max_sessions && from_there < self.limit_for(peer)
    }

    fn limit_for(&self, peer: IpAddr) -> usize {
        match self.max_per_address {
            Some(0) => usize::MAX,
            Some(limit) => limit,
            None if peer.is_loopback() => usize::MAX,
            None => SESSIONS_PER_ADDRESS,
        }
    }

    /// A session has been let in.
    pub fn enter(&mut self, peer: IpAddr, slot: SlotId) {
        self.sessions += 1;
        *self.by_address.entry(PeerNetwork::of(peer)).or_default() += 1;
        self.arrivals.push_back(slot);
    }

    /// A session has ended.
    pub fn leave(&mut self, peer: IpAddr) {
        self.sessions = self.sessions.saturating_sub(1);
        let key = PeerNetwork::of(peer);
        if let Some(count) = self.by_address.get_mut(&key) {
            *count -= 1;
            if *count == 0 {
                self.by_address.remove(&key);
            }
        }
    }

    /// The session that has been at its login longest, if too many are; it is to be closed. `is_logging_in` tells of each.
    pub fn overdue(&mut self, mut is_logging_in: impl FnMut(SlotId) -> bool) -> Option<SlotId> {
        let limit = (self.max_sessions / LOGGING_IN_SHARE).max(1);
        if self.arrivals.len() <= limit {
            return None;
        }
        // Those that have logged in or left are struck out; the walk is paid for by their arrivals.
        self.arrivals.retain(|slot| is_logging_in(*slot));
        if self.arrivals.len() <= limit {
            return None;
        }
        self.arrivals.pop_front()
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

    #[test]
    fn g07_one_address_cannot_take_all_the_sessions() {
        let mut admission = Admission::new(1_000, Some(2));
        admission.enter(address("192.0.2.1"), slot(1));
        admission.enter(address("192.0.2.1"), slot(2));
        assert!(!admission.admits(address("192.0.2.1")));
        assert!(admission.admits(address("192.0.2.2")));
        admission.leave(address("192.0.2.1"));
        assert!(admission.admits(address("192.0.2.1")));
    }

    #[test]
    fn g07_ipv6_is_counted_by_network() {
        let mut admission = Admission::new(1_000, Some(1));
        admission.enter(address("2001:db8:1:2::1"), slot(1));
        assert!(!admission.admits(address("2001:db8:1:2:ffff::9")));
        assert!(admission.admits(address("2001:db8:1:3::1")));
    }

    #[test]
    fn programs_on_this_machine_are_exempt_unless_a_limit_was_asked_for() {
        let mut admission = Admission::new(1_000, None);
        (0..100).for_each(|key| admission.enter(address("127.0.0.1"), slot(key)));
        (0..50).for_each(|key| admission.enter(address("192.0.2.1"), slot(key)));
        assert!(admission.admits(address("127.0.0.1")));
        assert!(!admission.admits(address("192.0.2.1")));
        assert!(Admission::new(9, Some(0)).admits(address("192.0.2.1")));
    }

    #[test]
    fn all_sessions_together_are_capped() {
        let mut admission = Admission::new(1, None);
        admission.enter(address("127.0.0.1"), slot(1));
        assert!(!admission.admits(address("127.0.0.2")));
    }

    #[test]
    fn g06_the_oldest_login_gives_way_when_too_many_are_at_it() {
        let mut admission = Admission::new(8, None);
        (0..2).for_each(|key| admission.enter(address("127.0.0.1"), slot(key)));
        assert_eq!(admission.overdue(|_| true), None, "a quarter of 8 may be at it");
        admission.enter(address("127.0.0.1"), slot(2));
        assert_eq!(admission.overdue(|slot| slot.key != 0), None, "one has logged in");
        admission.enter(address("127.0.0.1"), slot(3));
        assert_eq!(admission.overdue(|_| true), Some(slot(1)));
    }
}
