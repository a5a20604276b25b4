//! The order in which passwords are verified.
//!
//! Networks take turns: a network with a thousand attempts in the queue delays a login from another by at most two of
//! them. A network with recent failed logins starts some rounds later, so password guessing waits for other logins.

use super::LoginAttempt;
use crate::peer_network::PeerNetwork;
use std::collections::{BTreeMap, HashMap};

/// Waiting attempts in their order. Each belongs to a session, which bounds their number.
#[derive(Debug, Default)]
pub struct LoginQueue {
    waiting: BTreeMap<Place, LoginAttempt>,
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

impl LoginQueue {
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Queues an attempt; `failures`, the recent ones of its network, are rounds that it waits longer.
    pub fn enter(&mut self, failures: u32, attempt: LoginAttempt) -> Place {
        let share = self.networks.entry(PeerNetwork::of(attempt.peer)).or_default();
        share.waiting += 1;
        share.last_round = (self.round + u64::from(failures)).max(share.last_round) + 1;
        self.arrivals += 1;
        let place = Place {
            round: share.last_round,
            arrival: self.arrivals,
        };
        self.waiting.insert(place, attempt);
        place
    }

    /// Removes and returns the next attempt.
    pub fn take_next(&mut self) -> Option<LoginAttempt> {
        let place = *self.waiting.first_key_value()?.0;
        self.round = place.round;
        self.withdraw(place)
    }

    /// Removes an attempt, for example because its client has disconnected; `None` if it no longer waits.
    pub fn withdraw(&mut self, place: Place) -> Option<LoginAttempt> {
        let attempt = self.waiting.remove(&place)?;
        let network = PeerNetwork::of(attempt.peer);
        if let Some(share) = self.networks.get_mut(&network) {
            share.waiting -= 1;
            if share.waiting == 0 {
                self.networks.remove(&network);
            }
        }
        Some(attempt)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::attempt_from;
    use super::*;

    /// Queues the attempt `key` from `peer`.
    fn enter(queue: &mut LoginQueue, peer: &str, failures: u32, key: u32) -> Place {
        queue.enter(failures, attempt_from(peer.parse().expect("an address"), key, "secret"))
    }

    /// Takes the next attempt and returns its key.
    fn take(queue: &mut LoginQueue) -> Option<u32> {
        queue.take_next().map(|attempt| attempt.slot.key)
    }

    fn all(queue: &mut LoginQueue) -> Vec<u32> {
        std::iter::from_fn(|| take(queue)).collect()
    }

    #[test]
    fn f04_addresses_are_served_in_turns() {
        let mut queue = LoginQueue::default();
        for key in 11..=14 {
            enter(&mut queue, "192.0.2.1", 0, key);
        }
        assert_eq!(take(&mut queue), Some(11));
        for (peer, key) in [("192.0.2.2", 21), ("192.0.2.2", 22), ("192.0.2.3", 31)] {
            enter(&mut queue, peer, 0, key);
        }
        assert_eq!(all(&mut queue), [12, 21, 31, 13, 22, 14]);
        assert!(queue.is_empty() && queue.networks.is_empty());
    }

    #[test]
    fn f04_an_address_that_keeps_coming_back_does_not_delay_others() {
        let (patient, busy) = (1, 2);
        let mut queue = LoginQueue::default();
        for _ in 0..3 {
            enter(&mut queue, "192.0.2.1", 0, patient);
        }
        let mut order = Vec::new();
        for _ in 0..6 {
            enter(&mut queue, "192.0.2.2", 0, busy);
            order.extend(take(&mut queue));
        }
        assert_eq!(order.iter().filter(|key| **key == patient).count(), 3, "{order:?}");
    }

    #[test]
    fn f04_addresses_with_failures_wait_for_those_without() {
        let mut queue = LoginQueue::default();
        for number in 1..=100 {
            enter(&mut queue, &format!("192.0.2.{number}"), 2, number);
        }
        enter(&mut queue, "192.0.2.200", 0, 200);
        enter(&mut queue, "192.0.2.200", 0, 201);
        assert_eq!(take(&mut queue), Some(200));
        assert_eq!(take(&mut queue), Some(201));
        assert_eq!(all(&mut queue).len(), 100, "all of them come out");
    }

    #[test]
    fn a_withdrawn_attempt_is_not_verified() {
        let mut queue = LoginQueue::default();
        let [first, _, other] = [("192.0.2.1", 11), ("192.0.2.1", 12), ("192.0.2.2", 21)]
            .map(|(peer, key)| enter(&mut queue, peer, 0, key));
        for place in [first, other, other] {
            queue.withdraw(place);
        }
        assert_eq!(all(&mut queue), [12]);
        assert!(queue.networks.is_empty());
    }

    #[test]
    fn g07_an_ipv6_network_has_one_attempt_a_round() {
        let mut queue = LoginQueue::default();
        for (peer, key) in [("2001:db8::1", 1), ("2001:db8::2", 2), ("2001:db8:0:1::1", 3)] {
            enter(&mut queue, peer, 0, key);
        }
        assert_eq!(all(&mut queue), [1, 3, 2]);
    }
}
