//! The passive ring: which port is announced to whom, and whose connection it is that arrives.
//!
//! Ports are dealt like cards: shuffled as they are drawn, every port once before any comes again, so that the order
//! cannot be foreseen and a port rests as long as possible. An entry is (port, peer address) → session: one port serves
//! many peers at once, and a peer can use up only its own entries. A session that finds all ports pending for its address
//! waits in line. This file knows no socket and no clock.

use super::token::SlotId;
use crate::random::Random;
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

/// The index of a port within its ring.
pub type PortIndex = u16;

/// The announcements of one ring of ports.
#[derive(Debug, Default)]
pub struct PassiveRing {
    /// The ports: those before `dealt` have been drawn in this lap.
    deck: Vec<PortIndex>,
    dealt: usize,
    pending: HashMap<(PortIndex, IpAddr), SlotId>,
    peers: HashMap<IpAddr, Peer>,
}

/// What one address holds of the ring.
#[derive(Debug, Default)]
struct Peer {
    pending: usize,
    waiting: VecDeque<SlotId>,
}

impl PassiveRing {
    /// Adds a port that is bound and listening.
    pub fn add(&mut self, port: PortIndex) {
        self.deck.push(port);
    }

    /// How many ports can be announced.
    pub fn len(&self) -> usize {
        self.deck.len()
    }

    /// Whether there is no port at all.
    pub fn is_empty(&self) -> bool {
        self.deck.is_empty()
    }

    /// The next port for `peer`, or `None` when each is pending for that address already. It becomes pending with
    /// [`expect`](Self::expect).
    pub fn deal(&mut self, peer: IpAddr, random: &mut Random) -> Option<PortIndex> {
        if self.pending_of(peer) >= self.deck.len() {
            return None;
        }
        if self.dealt >= self.deck.len() {
            self.dealt = 0;
        }
        let undealt = self.deck.len() - self.dealt;
        let start = random.below(undealt);
        let candidates = (0..undealt).map(|step| self.dealt + (start + step) % undealt);
        match candidates.into_iter().find(|at| self.is_free(*at, peer)) {
            Some(at) => {
                self.deck.swap(at, self.dealt);
                self.dealt += 1;
                self.deck.get(self.dealt - 1).copied()
            }
            // The rest of this lap is pending for this peer: one of the dealt ones must be free.
            None => (0..self.dealt)
                .find(|at| self.is_free(*at, peer))
                .and_then(|at| self.deck.get(at).copied()),
        }
    }

    fn is_free(&self, at: usize, peer: IpAddr) -> bool {
        self.deck
            .get(at)
            .is_some_and(|port| !self.pending.contains_key(&(*port, peer)))
    }

    fn pending_of(&self, peer: IpAddr) -> usize {
        self.peers.get(&peer).map_or(0, |peer| peer.pending)
    }

    /// From now on a connection from `peer` to `port` belongs to `session`.
    pub fn expect(&mut self, port: PortIndex, peer: IpAddr, session: SlotId) {
        if self.pending.insert((port, peer), session).is_none() {
            self.peers.entry(peer).or_default().pending += 1;
        }
    }

    /// Whose connection this is; the entry is used up. `None`: a stranger's.
    pub fn claim(&mut self, port: PortIndex, peer: IpAddr) -> Option<SlotId> {
        let session = self.pending.remove(&(port, peer))?;
        self.one_pending_less(peer);
        Some(session)
    }

    /// Forgets an announcement, if it is still this session's.
    pub fn forget(&mut self, port: PortIndex, peer: IpAddr, session: SlotId) {
        if self.pending.get(&(port, peer)) == Some(&session) {
            self.claim(port, peer);
        }
    }

    fn one_pending_less(&mut self, peer: IpAddr) {
        if let Some(entry) = self.peers.get_mut(&peer) {
            entry.pending = entry.pending.saturating_sub(1);
            if entry.pending == 0 && entry.waiting.is_empty() {
                self.peers.remove(&peer);
            }
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
            if entry.pending == 0 && entry.waiting.is_empty() {
                self.peers.remove(&peer);
            }
        }
    }

    /// The session that has waited longest for a port of this address, if a port is free for it now.
    pub fn next_in_line(&mut self, peer: IpAddr) -> Option<SlotId> {
        let ports = self.deck.len();
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
    use std::net::Ipv4Addr;

    const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    const OTHER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));

    fn slot(key: u32) -> SlotId {
        SlotId { key, generation: key }
    }

    fn ring(ports: u16) -> PassiveRing {
        let mut ring = PassiveRing::default();
        (0..ports).for_each(|port| ring.add(port));
        ring
    }

    #[test]
    fn every_port_is_dealt_once_a_lap() {
        let mut ring = ring(10);
        let mut random = Random::Seeded(1);
        for _ in 0..1_000 {
            let mut lap: Vec<_> = (0..10).filter_map(|_| ring.deal(PEER, &mut random)).collect();
            lap.sort_unstable();
            assert_eq!(lap, (0..10).collect::<Vec<_>>());
        }
    }

    #[test]
    fn d02_a_peer_that_holds_every_port_leaves_them_all_to_others() {
        let mut ring = ring(4);
        let mut random = Random::Seeded(2);
        for session in 0..4 {
            let port = ring.deal(PEER, &mut random).expect("a free port");
            ring.expect(port, PEER, slot(session));
        }
        assert_eq!(ring.deal(PEER, &mut random), None);
        let port = ring
            .deal(OTHER, &mut random)
            .expect("the other peer's entries are its own");
        ring.expect(port, OTHER, slot(9));
        assert_eq!(ring.claim(port, OTHER), Some(slot(9)));
        assert_eq!(ring.pending.len(), 4);
    }

    #[test]
    fn d02_a_freed_entry_goes_to_whoever_waited_longest() {
        let mut ring = ring(1);
        let mut random = Random::Seeded(3);
        let port = ring.deal(PEER, &mut random).expect("a free port");
        ring.expect(port, PEER, slot(1));
        ring.wait_in_line(PEER, slot(2));
        ring.wait_in_line(PEER, slot(3));
        assert_eq!(ring.next_in_line(PEER), None, "nothing is free yet");
        assert_eq!(ring.claim(port, PEER), Some(slot(1)));
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
        let mut random = Random::Seeded(4);
        let port = ring.deal(PEER, &mut random).expect("a free port");
        ring.expect(port, PEER, slot(1));
        assert_eq!(ring.claim(port, OTHER), None);
        assert_eq!(ring.claim(1 - port, PEER), None, "the other port was not announced");
        assert_eq!(ring.claim(port, PEER), Some(slot(1)));
        assert_eq!(ring.claim(port, PEER), None, "an entry serves one connection");
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
    fn a_lap_whose_rest_is_pending_still_finds_a_free_port() {
        let mut ring = ring(3);
        let mut random = Random::Seeded(5);
        let first = ring.deal(PEER, &mut random).expect("free");
        let second = ring.deal(PEER, &mut random).expect("free");
        let third = 3 - first - second;
        ring.expect(third, PEER, slot(1));
        assert!([first, second].contains(&ring.deal(PEER, &mut random).expect("one of the dealt ports is free")));
    }

    /// χ² of 10,000 draws over 100 ports, and of the steps between neighbours: neither favours anything.
    #[test]
    fn d08_ports_are_drawn_evenly_and_without_a_pattern() {
        let ports = 100;
        let mut ring = ring(ports);
        let mut random = Random::from_kernel().expect("kernel randomness");
        let draws: Vec<PortIndex> = (0..10_000).filter_map(|_| ring.deal(PEER, &mut random)).collect();
        assert_eq!(draws.len(), 10_000);
        let mut steps = vec![0_f64; usize::from(ports)];
        for (from, to) in draws.iter().zip(draws.iter().skip(1)) {
            steps[usize::from((to + ports - from) % ports)] += 1.0;
        }
        // A step of 0 can only happen where two laps meet; the other 99 are equally likely.
        let expected = (draws.len() - 1) as f64 / 99.0;
        let chi_squared: f64 = steps
            .iter()
            .skip(1)
            .map(|count| (count - expected).powi(2) / expected)
            .sum();
        // 98 degrees of freedom: 1 in 1,000,000 exceeds 180.
        assert!(chi_squared < 180.0, "chi squared of the steps is {chi_squared}");
        let lap = |number: usize| draws.iter().skip(number * 100).take(100).collect::<Vec<_>>();
        assert_ne!(lap(0), lap(1), "laps are shuffled anew");
    }
}
