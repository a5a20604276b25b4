//! The passive ring: which port is announced to whom, and whose connection it is that arrives.
//!
//! Ports are drawn at random among those that are free for the peer, leaving out the ones dealt most recently: a port
//! rests before it is dealt again, and nobody who has seen all draws so far can name the next one. An entry is (port,
//! peer address) → session: one port serves many peers at once, and a peer can use up only its own entries. A session
//! that finds all ports pending for its address waits in line.
//!
//! A connection that arrives is held in its entry until the transfer command is there. A second one from the same
//! address contends with it: nobody can tell which is the client's, so both are refused and the client has to ask
//! again. This file knows no socket and no clock.

use crate::random::Random;
use crate::reactor::token::SlotId;
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

/// The index of a port within its ring.
pub type PortIndex = u16;

/// One port in so many rests: a quarter of the ring was dealt most recently and is left out of the draw. More would
/// make the next port easier to guess.
const RESTING_SHARE: usize = 4;
/// Draws until a port is taken that is free, although it was dealt a moment ago. Each finds a free and rested port with
/// a probability of a quarter or more.
const DRAWS: usize = 32;

/// The announcements of one ring of ports. `A` is an arrived connection.
#[derive(Debug)]
pub struct PassiveRing<A> {
    ports: Vec<PortIndex>,
    /// By port: the number of the deal that it was last in; 0 for never.
    last_deal: Vec<u64>,
    deals: u64,
    pending: HashMap<(PortIndex, IpAddr), Entry<A>>,
    peers: HashMap<IpAddr, Peer>,
}

/// An announcement, and the connection that has arrived for it.
#[derive(Debug)]
struct Entry<A> {
    session: SlotId,
    arrival: Option<A>,
}

/// What one address holds of the ring.
#[derive(Debug, Default)]
struct Peer {
    pending: usize,
    /// The ports that are free for the peer, listed while they are the minority: drawing from all ports would hit
    /// pending ones too often.
    few_free: Option<Vec<PortIndex>>,
    waiting: VecDeque<SlotId>,
}

/// Whose connection it was that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrived {
    /// Nothing is announced to its address at this port; it is dropped.
    Stranger,
    /// It is the first one, and held for this session.
    Held(SlotId),
    /// It is a second one: both are dropped, and the session's announcement with them.
    Contended(SlotId),
}

impl<A> Default for PassiveRing<A> {
    fn default() -> Self {
        Self {
            ports: Vec::new(),
            last_deal: Vec::new(),
            deals: 0,
            pending: HashMap::new(),
            peers: HashMap::new(),
        }
    }
}

impl<A> PassiveRing<A> {
    /// Adds a port that is bound and listening.
    pub fn add(&mut self, port: PortIndex) {
        self.ports.push(port);
        if self.last_deal.len() <= usize::from(port) {
            self.last_deal.resize(usize::from(port) + 1, 0);
        }
        for free in self.peers.values_mut().filter_map(|peer| peer.few_free.as_mut()) {
            free.push(port);
        }
    }

    /// How many ports can be announced.
    pub fn len(&self) -> usize {
        self.ports.len()
    }

    /// Whether there is no port at all.
    pub fn is_empty(&self) -> bool {
        self.ports.is_empty()
    }

    /// A port for `peer`, or `None` when each is pending for that address already. It becomes pending with
    /// [`expect`](Self::expect).
    pub fn deal(&mut self, peer: IpAddr, random: &mut Random) -> Option<PortIndex> {
        let holds = self.peers.get(&peer);
        let candidates = holds.and_then(|peer| peer.few_free.as_ref()).unwrap_or(&self.ports);
        let mut dealt = None;
        for _ in 0..DRAWS {
            let port = *candidates.get(random.below(candidates.len()))?;
            if self.pending.contains_key(&(port, peer)) {
                continue;
            }
            dealt = Some(port);
            if self.has_rested(port) {
                break;
            }
        }
        let port = dealt?;
        self.deals += 1;
        if let Some(last) = self.last_deal.get_mut(usize::from(port)) {
            *last = self.deals;
        }
        Some(port)
    }

    fn has_rested(&self, port: PortIndex) -> bool {
        let last = self.last_deal.get(usize::from(port)).copied().unwrap_or(0);
        last == 0 || self.deals - last >= (self.ports.len() / RESTING_SHARE) as u64
    }

    /// From now on a connection from `peer` to `port` belongs to `session`.
    pub fn expect(&mut self, port: PortIndex, peer: IpAddr, session: SlotId) {
        let entry = Entry { session, arrival: None };
        if self.pending.insert((port, peer), entry).is_some() {
            return;
        }
        let holds = self.peers.entry(peer).or_default();
        holds.pending += 1;
        match &mut holds.few_free {
            Some(free) => {
                if let Some(at) = free.iter().position(|other| *other == port) {
                    free.swap_remove(at);
                }
            }
            None if holds.pending * 2 > self.ports.len() => {
                let is_free = |port: &PortIndex| !self.pending.contains_key(&(*port, peer));
                holds.few_free = Some(self.ports.iter().copied().filter(is_free).collect());
            }
            None => {}
        }
    }

    /// Whether somebody is expected at `port` from `peer`, and who.
    pub fn expected(&self, port: PortIndex, peer: IpAddr) -> Option<SlotId> {
        self.pending.get(&(port, peer)).map(|entry| entry.session)
    }

    /// A connection has arrived.
    pub fn arrive(&mut self, port: PortIndex, peer: IpAddr, arrival: A) -> Arrived {
        let Some(entry) = self.pending.get_mut(&(port, peer)) else {
            return Arrived::Stranger;
        };
        let session = entry.session;
        if entry.arrival.is_some() {
            self.remove(port, peer);
            return Arrived::Contended(session);
        }
        entry.arrival = Some(arrival);
        Arrived::Held(session)
    }

    /// Whether a connection is held for this session.
    pub fn holds(&self, port: PortIndex, peer: IpAddr, session: SlotId) -> bool {
        self.pending
            .get(&(port, peer))
            .is_some_and(|entry| entry.session == session && entry.arrival.is_some())
    }

    /// Hands over the connection that is held for this session; that uses the entry up.
    pub fn claim(&mut self, port: PortIndex, peer: IpAddr, session: SlotId) -> Option<A> {
        if !self.holds(port, peer, session) {
            return None;
        }
        self.remove(port, peer)
    }

    /// Forgets an announcement, if it is still this session's, and drops what had arrived for it.
    pub fn forget(&mut self, port: PortIndex, peer: IpAddr, session: SlotId) {
        if self.expected(port, peer) == Some(session) {
            self.remove(port, peer);
        }
    }

    fn remove(&mut self, port: PortIndex, peer: IpAddr) -> Option<A> {
        let entry = self.pending.remove(&(port, peer))?;
        if let Some(holds) = self.peers.get_mut(&peer) {
            holds.pending = holds.pending.saturating_sub(1);
            if holds.pending * 4 < self.ports.len() {
                holds.few_free = None;
            }
            if let Some(free) = &mut holds.few_free {
                free.push(port);
            }
            self.forget_peer_without_anything(peer);
        }
        entry.arrival
    }

    fn forget_peer_without_anything(&mut self, peer: IpAddr) {
        if self
            .peers
            .get(&peer)
            .is_some_and(|peer| peer.pending == 0 && peer.waiting.is_empty())
        {
            self.peers.remove(&peer);
        }
    }

    /// Puts a session at the end of its address's line. A session stands in line once, so sessions bound the line.
    pub fn wait_in_line(&mut self, peer: IpAddr, session: SlotId) {
        self.peers.entry(peer).or_default().waiting.push_back(session);
    }

    /// Takes a session out of its line.
    pub fn leave_line(&mut self, peer: IpAddr, session: SlotId) {
        if let Some(entry) = self.peers.get_mut(&peer) {
            entry.waiting.retain(|waiting| *waiting != session);
            self.forget_peer_without_anything(peer);
        }
    }

    /// The session that has waited longest for a port of this address, if a port is free for it now.
    pub fn next_in_line(&mut self, peer: IpAddr) -> Option<SlotId> {
        let ports = self.ports.len();
        self.peers
            .get_mut(&peer)
            .filter(|entry| entry.pending < ports)?
            .waiting
            .pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::net::Ipv4Addr;

    const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    const OTHER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));

    fn slot(key: u32) -> SlotId {
        SlotId { key, generation: key }
    }

    /// A ring whose connections are called by their names.
    fn ring(ports: u16) -> PassiveRing<&'static str> {
        let mut ring = PassiveRing::default();
        (0..ports).for_each(|port| ring.add(port));
        ring
    }

    #[test]
    fn d01_d11_ports_cycle_and_the_ones_dealt_last_rest() {
        for ports in [1, 2, 3, 4, 10, 100] {
            let mut ring = ring(ports);
            let mut random = Random::seeded(1);
            let draws: Vec<PortIndex> = (0..10_000).filter_map(|_| ring.deal(PEER, &mut random)).collect();
            assert_eq!(draws.len(), 10_000);
            for port in 0..ports {
                assert!(draws.contains(&port), "the whole range is used");
            }
            let resting = usize::from(ports) / RESTING_SHARE;
            for window in draws.windows(resting + 1) {
                let (last, before) = window.split_last().expect("one at least");
                assert!(!before.contains(last), "{last} was dealt again after {before:?}");
            }
        }
    }

    #[test]
    fn d02_a_peer_that_holds_every_port_leaves_them_all_to_others() {
        let mut ring = ring(4);
        let mut random = Random::seeded(2);
        for session in 0..4 {
            let port = ring.deal(PEER, &mut random).expect("a free port");
            ring.expect(port, PEER, slot(session));
        }
        assert_eq!(ring.deal(PEER, &mut random), None);
        let port = ring
            .deal(OTHER, &mut random)
            .expect("the other peer's entries are its own");
        ring.expect(port, OTHER, slot(9));
        assert_eq!(ring.arrive(port, OTHER, "theirs"), Arrived::Held(slot(9)));
        assert_eq!(ring.claim(port, OTHER, slot(9)), Some("theirs"));
        assert_eq!(ring.pending.len(), 4);
    }

    #[test]
    fn d02_a_freed_entry_goes_to_whoever_waited_longest() {
        let mut ring = ring(1);
        let mut random = Random::seeded(3);
        let port = ring.deal(PEER, &mut random).expect("a free port");
        ring.expect(port, PEER, slot(1));
        ring.wait_in_line(PEER, slot(2));
        ring.wait_in_line(PEER, slot(3));
        assert_eq!(ring.next_in_line(PEER), None, "nothing is free yet");
        ring.forget(port, PEER, slot(1));
        assert_eq!(ring.next_in_line(PEER), Some(slot(2)));
        ring.leave_line(PEER, slot(3));
        assert_eq!(ring.next_in_line(PEER), None);
        assert!(
            ring.peers.is_empty(),
            "nothing is remembered of a peer that holds nothing"
        );
    }

    #[test]
    fn d06_a_stranger_claims_nothing_and_takes_nothing() {
        let mut ring = ring(2);
        let mut random = Random::seeded(4);
        let port = ring.deal(PEER, &mut random).expect("a free port");
        ring.expect(port, PEER, slot(1));
        assert_eq!(ring.arrive(port, OTHER, "a stranger's"), Arrived::Stranger);
        assert_eq!(
            ring.arrive(1 - port, PEER, "early"),
            Arrived::Stranger,
            "the other port was not announced"
        );
        assert_eq!(ring.claim(port, PEER, slot(1)), None, "nothing is held");
        assert_eq!(ring.arrive(port, PEER, "the client's"), Arrived::Held(slot(1)));
        assert_eq!(ring.claim(port, PEER, slot(2)), None, "it is another session's");
        assert_eq!(ring.claim(port, PEER, slot(1)), Some("the client's"));
        assert_eq!(
            ring.arrive(port, PEER, "too many"),
            Arrived::Stranger,
            "an entry serves one connection"
        );
    }

    #[test]
    fn d08_two_connections_from_one_address_are_both_refused() {
        let mut ring = ring(1);
        ring.expect(0, PEER, slot(1));
        assert_eq!(ring.arrive(0, PEER, "one"), Arrived::Held(slot(1)));
        assert_eq!(ring.arrive(0, PEER, "two"), Arrived::Contended(slot(1)));
        assert_eq!(ring.claim(0, PEER, slot(1)), None);
        assert_eq!(ring.expected(0, PEER), None);
        assert!(ring.peers.is_empty());
    }

    #[test]
    fn an_announcement_is_forgotten_only_by_its_own_session() {
        let mut ring = ring(1);
        ring.expect(0, PEER, slot(1));
        ring.forget(0, PEER, slot(2));
        assert_eq!(ring.pending.len(), 1);
        ring.forget(0, PEER, slot(1));
        assert_eq!(ring.pending.len(), 0);
    }

    #[test]
    fn the_last_free_port_is_found_however_many_are_pending() {
        let mut ring = ring(5_000);
        let mut random = Random::seeded(5);
        for session in 0..5_000 {
            let port = ring.deal(PEER, &mut random).expect("one is free still");
            assert_eq!(ring.expected(port, PEER), None);
            ring.expect(port, PEER, slot(session));
        }
        assert_eq!(ring.deal(PEER, &mut random), None);
        ring.forget(4_321, PEER, ring.expected(4_321, PEER).expect("all are pending"));
        assert_eq!(ring.deal(PEER, &mut random), Some(4_321));
    }

    /// χ² of `counts` against an even distribution.
    fn chi_squared(counts: &[f64]) -> f64 {
        let expected = counts.iter().sum::<f64>() / counts.len() as f64;
        counts.iter().map(|count| (count - expected).powi(2) / expected).sum()
    }

    /// Neither a port nor a step from one draw to the next is favoured.
    #[test]
    fn d08_ports_are_drawn_evenly_and_without_a_pattern() {
        let ports: u16 = 100;
        let mut ring = ring(ports);
        let mut random = Random::from_kernel().expect("kernel randomness");
        let draws: Vec<PortIndex> = (0..10_000).filter_map(|_| ring.deal(PEER, &mut random)).collect();
        assert_eq!(draws.len(), 10_000);
        let mut drawn = vec![0_f64; usize::from(ports)];
        let mut steps = vec![0_f64; usize::from(ports)];
        for (from, to) in draws.iter().zip(draws.iter().skip(1)) {
            drawn[usize::from(*to)] += 1.0;
            steps[usize::from((to + ports - from) % ports)] += 1.0;
        }
        // 99 degrees of freedom, and 98: a port never follows itself. 1 in 1,000,000 exceeds 182.
        let (of_draws, of_steps) = (chi_squared(&drawn), chi_squared(&steps[1..]));
        assert!(of_draws < 182.0, "chi squared of the draws is {of_draws}");
        assert!(of_steps < 182.0, "chi squared of the steps is {of_steps}");
    }

    /// An observer of all draws so far guesses the next: the port that was not seen for longest, or any other rule.
    #[test]
    fn d08_a_lap_but_one_does_not_tell_the_next_port() {
        const DEALS: usize = 40_000;
        for ports in [4, 10, 100] {
            let mut ring = ring(ports);
            let mut random = Random::from_kernel().expect("kernel randomness");
            let draws: Vec<PortIndex> = (0..DEALS).filter_map(|_| ring.deal(PEER, &mut random)).collect();
            let mut last_seen = vec![0; usize::from(ports)];
            // By rule: guess the port whose last draw is the longest ago, the second longest, and so on.
            let mut hits = vec![0_usize; usize::from(ports)];
            for (number, port) in draws.iter().enumerate() {
                let seen = last_seen[usize::from(*port)];
                let rank = last_seen.iter().filter(|other| **other < seen).count();
                // By then every port has been seen.
                if number >= DEALS / 10 {
                    hits[rank] += 1;
                }
                last_seen[usize::from(*port)] = number + 1;
            }
            let chance = DEALS / 10 * 9 / (usize::from(ports) - usize::from(ports) / RESTING_SHARE);
            let best = hits.iter().max().copied().unwrap_or_default();
            assert!(best < chance * 4 / 3, "{best} guessed where {chance} are chance");
        }
    }

    proptest! {
        #[test]
        fn the_ports_that_are_free_are_those_that_are_not_pending(
            ports in 1..20_u16,
            frees in proptest::collection::vec(any::<(bool, u16)>(), 0..100),
            seed in any::<u64>(),
        ) {
            let mut ring = ring(ports);
            let mut random = Random::seeded(seed);
            let mut held: Vec<PortIndex> = Vec::new();
            for (gives_back, which) in frees {
                if gives_back && !held.is_empty() {
                    ring.forget(held.swap_remove(usize::from(which) % held.len()), PEER, slot(1));
                } else {
                    match ring.deal(PEER, &mut random) {
                        None => prop_assert_eq!(held.len(), usize::from(ports)),
                        Some(port) => {
                            prop_assert!(!held.contains(&port));
                            ring.expect(port, PEER, slot(1));
                            held.push(port);
                        }
                    }
                }
                let peer = ring.peers.get(&PEER);
                prop_assert_eq!(peer.map_or(0, |peer| peer.pending), held.len());
                if let Some(free) = peer.and_then(|peer| peer.few_free.as_ref()) {
                    let mut both: Vec<PortIndex> = free.iter().chain(&held).copied().collect();
                    both.sort_unstable();
                    prop_assert_eq!(both, (0..ports).collect::<Vec<_>>());
                }
            }
        }
    }
}
