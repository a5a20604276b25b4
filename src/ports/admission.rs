//! Who may come in: caps on sessions and on sessions an address, and who gives way when all places are taken.
//!
//! Clients are counted by [`PeerNetwork`]. This file knows no socket, and the time is handed in.

use crate::peer_network::PeerNetwork;
use crate::reactor::token::SlotId;
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Sessions an address may have when nothing else is said; programs on this machine share an address and are exempt.
const SESSIONS_PER_ADDRESS: usize = 50;
/// So long every client has for its login, however many want its place.
const UNDISTURBED: Duration = Duration::from_secs(3);
/// Arrivals that are remembered although their sessions have ended or logged in.
const ARRIVALS_KEPT: usize = 64;

/// Admission counters.
#[derive(Debug)]
pub struct Admission {
    max_sessions: usize,
    max_per_address: Option<usize>,
    by_address: HashMap<PeerNetwork, usize>,
    sessions: usize,
    /// Sessions and when they came, in that order, as long as they may still be at their login.
    arrivals: VecDeque<(SlotId, Instant)>,
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

    /// Whether one more session from `peer` is within its address's cap.
    pub fn admits(&self, peer: IpAddr) -> bool {
        let from_there = self.by_address.get(&PeerNetwork::of(peer)).copied().unwrap_or(0);
        from_there < self.limit_for(peer)
    }

    /// Whether one more session is within the cap for all.
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

    /// A session has been let in. `is_logging_in` is asked about others, to forget those that are not.
    pub fn enter(&mut self, peer: IpAddr, slot: SlotId, now: Instant, mut is_logging_in: impl FnMut(SlotId) -> bool) {
        self.sessions += 1;
        *self.by_address.entry(PeerNetwork::of(peer)).or_default() += 1;
        if self.arrivals.len() > 2 * self.sessions + ARRIVALS_KEPT {
            // At most the sessions are left, so as many have to come before the next time.
            self.arrivals.retain(|(slot, _)| is_logging_in(*slot));
        }
        self.arrivals.push_back((slot, now));
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

    /// Who has to give way to a newcomer when all places are taken: the session that has waited longest without a
    /// login, unless even that one came only a moment ago.
    pub fn longest_at_login(&mut self, now: Instant, mut is_logging_in: impl FnMut(SlotId) -> bool) -> Option<SlotId> {
        while self.arrivals.front().is_some_and(|(slot, _)| !is_logging_in(*slot)) {
            self.arrivals.pop_front();
        }
        let is_long_ago = |since: Instant| now.saturating_duration_since(since) >= UNDISTURBED;
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

    fn enter(admission: &mut Admission, peer: &str, key: u32) {
        admission.enter(address(peer), slot(key), Instant::now(), |_| true);
    }

    #[test]
    fn g07_one_address_cannot_take_all_the_sessions() {
        let mut admission = Admission::new(1_000, Some(2));
        enter(&mut admission, "192.0.2.1", 1);
        enter(&mut admission, "192.0.2.1", 2);
        assert!(!admission.admits(address("192.0.2.1")));
        assert!(admission.admits(address("192.0.2.2")));
        admission.leave(address("192.0.2.1"));
        assert!(admission.admits(address("192.0.2.1")));
    }

    #[test]
    fn g07_ipv6_is_counted_by_network() {
        let mut admission = Admission::new(1_000, Some(1));
        enter(&mut admission, "2001:db8:1:2::1", 1);
        assert!(!admission.admits(address("2001:db8:1:2:ffff::9")));
        assert!(admission.admits(address("2001:db8:1:3::1")));
    }

    #[test]
    fn programs_on_this_machine_are_exempt_unless_a_limit_was_asked_for() {
        let mut admission = Admission::new(1_000, None);
        (0..100).for_each(|key| enter(&mut admission, "127.0.0.1", key));
        (0..50).for_each(|key| enter(&mut admission, "192.0.2.1", key));
        assert!(admission.admits(address("127.0.0.1")));
        assert!(!admission.admits(address("192.0.2.1")));
        assert!(Admission::new(9, Some(0)).admits(address("192.0.2.1")));
    }

    #[test]
    fn all_sessions_together_are_capped() {
        let mut admission = Admission::new(2, None);
        enter(&mut admission, "127.0.0.1", 1);
        assert!(admission.has_room());
        enter(&mut admission, "127.0.0.1", 2);
        assert!(!admission.has_room());
        admission.leave(address("127.0.0.1"));
        assert!(admission.has_room());
    }

    #[test]
    fn g06_who_has_waited_longest_without_a_login_gives_way_but_nobody_who_just_came() {
        let (mut admission, start) = (Admission::new(3, None), Instant::now());
        let second = Duration::from_secs(1);
        for key in 0..3 {
            admission.enter(address("127.0.0.1"), slot(key), start + key * second, |_| true);
        }
        let has_not_logged_in = |slot: SlotId| slot.key != 0;
        let mut at = |seconds: u32| admission.longest_at_login(start + seconds * second, has_not_logged_in);
        assert_eq!(at(3), None, "0 has logged in, and 1 came two seconds ago");
        assert_eq!(at(4), Some(slot(1)));
        assert_eq!(at(4), None, "2 came two seconds ago");
        assert_eq!(at(5), Some(slot(2)));
        assert_eq!(at(100), None, "0 is never asked to give way");
    }

    #[test]
    fn g06_arrivals_of_ended_sessions_are_forgotten() {
        let mut admission = Admission::new(1_000, None);
        let peer = address("127.0.0.1");
        for key in 0..10_000 {
            admission.enter(peer, slot(key), Instant::now(), |other| other.key == 0);
            if key > 0 {
                admission.leave(peer);
            }
        }
        assert!(
            admission.arrivals.len() <= ARRIVALS_KEPT + 5,
            "{}",
            admission.arrivals.len()
        );
    }
}
