//! The order in which passwords are verified.
//!
//! Networks take turns: a network with a thousand attempts in the queue delays a login from another by at most two of
//! them. A network with recent failed logins starts some rounds later, so password guessing waits for other logins.

use crate::peer_network::PeerNetwork;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

/// Waiting attempts in their order. Each belongs to a session, which bounds their number.
#[derive(Debug)]
pub struct LoginQueue<Attempt> {
    waiting: BTreeMap<Place, (PeerNetwork, Attempt)>,
    /// Networks with attempts in the queue.
    networks: HashMap<PeerNetwork, Share>,
    /// The round of the attempt taken last.
    round: u64,
    arrivals: u64,
}

/// Place of an attempt in the queue. In each round, a network has at most one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    round: u64,
    arrival: u64,
}

/// The attempts of one network.
#[derive(Debug, Default)]
struct Share {
    waiting: usize,
    last_round: u64,
}

impl<Attempt> Default for LoginQueue<Attempt> {
    fn default() -> Self {
        Self {
            waiting: BTreeMap::new(),
            networks: HashMap::new(),
            round: 0,
            arrivals: 0,
        }
    }
}

impl<Attempt> LoginQueue<Attempt> {
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Queues an attempt from `peer`; `failures`, the recent ones of its network, are rounds that it waits longer.
    pub fn enter(&mut self, peer: IpAddr, failures: u32, attempt: Attempt) -> Place {
        let network = PeerNetwork::of(peer);
        let share = self.networks.entry(network).or_default();
        share.waiting += 1;
        share.last_round = (self.round + u64::from(failures)).max(share.last_round) + 1;
        self.arrivals += 1;
        let place = Place {
            round: share.last_round,
            arrival: self.arrivals,
        };
        self.waiting.insert(place, (network, attempt));
        place
    }

    /// Removes and returns the next attempt.
    pub fn take_next(&mut self) -> Option<Attempt> {
        let (place, (network, attempt)) = self.waiting.pop_first()?;
        self.round = place.round;
        self.count_out(network);
        Some(attempt)
    }

    /// Removes an attempt whose client has disconnected.
    pub fn withdraw(&mut self, place: Place) {
        if let Some((network, _)) = self.waiting.remove(&place) {
            self.count_out(network);
        }
    }

    fn count_out(&mut self, network: PeerNetwork) {
        if let Some(share) = self.networks.get_mut(&network) {
            share.waiting -= 1;
            if share.waiting == 0 {
                self.networks.remove(&network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    fn all(queue: &mut LoginQueue<&'static str>) -> Vec<&'static str> {
        std::iter::from_fn(|| queue.take_next()).collect()
    }

    #[test]
    fn f04_addresses_are_served_in_turns() {
        let mut queue = LoginQueue::default();
        for attempt in ["a1", "a2", "a3", "a4"] {
            queue.enter(address(1), 0, attempt);
        }
        assert_eq!(queue.take_next(), Some("a1"));
        queue.enter(address(2), 0, "b1");
        queue.enter(address(2), 0, "b2");
        queue.enter(address(3), 0, "c1");
        assert_eq!(all(&mut queue), ["a2", "b1", "c1", "a3", "b2", "a4"]);
        assert!(queue.is_empty() && queue.networks.is_empty());
    }

    #[test]
    fn f04_an_address_that_keeps_coming_back_does_not_delay_others() {
        let mut queue = LoginQueue::default();
        for _ in 0..3 {
            queue.enter(address(1), 0, "patient");
        }
        let mut order = Vec::new();
        for _ in 0..6 {
            queue.enter(address(2), 0, "busy");
            order.extend(queue.take_next());
        }
        assert_eq!(
            order.iter().filter(|attempt| **attempt == "patient").count(),
            3,
            "{order:?}"
        );
    }

    #[test]
    fn f04_addresses_with_failures_wait_for_those_without() {
        let mut queue = LoginQueue::default();
        for number in 1..=100 {
            queue.enter(address(number), 2, "failed before");
        }
        queue.enter(address(200), 0, "fresh");
        queue.enter(address(200), 0, "fresh");
        assert_eq!(queue.take_next(), Some("fresh"));
        assert_eq!(queue.take_next(), Some("fresh"));
        assert_eq!(all(&mut queue).len(), 100, "all of them come out");
    }

    #[test]
    fn a_withdrawn_attempt_is_not_verified() {
        let mut queue = LoginQueue::default();
        let [first, _] = ["a1", "a2"].map(|attempt| queue.enter(address(1), 0, attempt));
        let other = queue.enter(address(2), 0, "b1");
        queue.withdraw(first);
        queue.withdraw(other);
        queue.withdraw(other);
        assert_eq!(all(&mut queue), ["a2"]);
        assert!(queue.networks.is_empty());
    }

    #[test]
    fn g07_an_ipv6_network_has_one_attempt_a_round() {
        let mut queue = LoginQueue::default();
        for attempt in ["2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"] {
            queue.enter(attempt.parse().expect("an address"), 0, attempt);
        }
        assert_eq!(all(&mut queue), ["2001:db8::1", "2001:db8:0:1::1", "2001:db8::2"]);
    }
}
