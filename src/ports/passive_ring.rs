//! The passive ring: which port is announced to which client, and which session an arriving connection belongs to.
//!
//! Ports are drawn at random from those that are free for the peer, without those drawn most recently: a port rests
//! before it is drawn again, and an observer of all draws cannot predict the next one. An announcement is (port, peer
//! address) → session, so one port serves many peers at once, and a peer can use up only its own announcements. If all
//! ports are pending for an address, its sessions queue.
//!
//! A connection that arrives is held until the transfer command. A second one from the same address contends with it:
//! the server cannot know which is the client's, so it refuses both, and the client has to ask again. This file knows
//! no socket and no clock.

use crate::random::Random;
use crate::reactor::token::SlotId;
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

/// The index of a port within its ring.
pub type PortIndex = u16;

/// One port in this many rests: the quarter of the ring that was drawn most recently is left out. More would make the
/// next port easier to guess.
const RESTING_SHARE: usize = 4;
/// Attempts to draw a port that has rested, before one that is only free is taken. Each attempt succeeds with a
/// probability of at least a quarter.
const ATTEMPTS: usize = 32;

/// The announcements of one ring of ports. `A` is an arrived connection.
#[derive(Debug)]
pub struct PassiveRing<A> {
    ports: Vec<PortIndex>,
    /// By port: the number of its last draw; 0 for never.
    last_draw: Vec<u64>,
    draws: u64,
    pending: HashMap<(PortIndex, IpAddr), Announcement<A>>,
    peers: HashMap<IpAddr, Peer>,
}

/// An announcement, and the connection that has arrived for it.
#[derive(Debug)]
struct Announcement<A> {
    session: SlotId,
    arrival: Option<A>,
}

/// The state of one peer address.
#[derive(Debug, Default)]
struct Peer {
    pending: usize,
    /// The ports that are free for the peer, listed while they are few: draws from all ports would hit pending ones too
    /// often.
    few_free: Option<Vec<PortIndex>>,
    /// Sessions that wait for a free port.
    waiting: VecDeque<SlotId>,
}

/// Which session a connection belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrived {
    /// To none: the port is not announced to its address. It is dropped.
    Stranger,
    /// It is the first, and held for this session.
    Held(SlotId),
    /// It is the second: both are dropped, and the session's announcement too.
    Contended(SlotId),
}

impl<A> Default for PassiveRing<A> {
    fn default() -> Self {
        Self {
            ports: Vec::new(),
            last_draw: Vec::new(),
            draws: 0,
            pending: HashMap::new(),
            peers: HashMap::new(),
        }
    }
}

impl<A> PassiveRing<A> {
    /// Adds a port that is bound and listening.
    pub fn add(&mut self, port: PortIndex) {
        self.ports.push(port);
        if self.last_draw.len() <= usize::from(port) {
            self.last_draw.resize(usize::from(port) + 1, 0);
        }
        for free in self.peers.values_mut().filter_map(|peer| peer.few_free.as_mut()) {
            free.push(port);
        }
    }

    /// How many ports can be announced.
    pub fn len(&self) -> usize {
        self.ports.len()
    }

    /// Whether there is no port.
    pub fn is_empty(&self) -> bool {
        self.ports.is_empty()
    }

    /// A free port for `peer`, or `None` if all are pending for it. [`announce`](Self::announce) makes it pending.
    pub fn draw(&mut self, peer: IpAddr, random: &mut Random) -> Option<PortIndex> {
        let few_free = self.peers.get(&peer).and_then(|peer| peer.few_free.as_ref());
        let candidates = few_free.unwrap_or(&self.ports);
        let mut drawn = None;
        for _ in 0..ATTEMPTS {
            let port = *candidates.get(random.below(candidates.len()))?;
            if self.pending.contains_key(&(port, peer)) {
                continue;
            }
            drawn = Some(port);
            if self.has_rested(port) {
                break;
            }
        }
        let port = drawn?;
        self.draws += 1;
        *self.last_draw.get_mut(usize::from(port))? = self.draws;
        Some(port)
    }

    fn has_rested(&self, port: PortIndex) -> bool {
        let resting = (self.ports.len() / RESTING_SHARE) as u64;
        self.last_draw
            .get(usize::from(port))
            .is_some_and(|last| *last == 0 || self.draws - last >= resting)
    }

    /// From now on a connection from `peer` to `port` belongs to `session`.
    pub fn announce(&mut self, port: PortIndex, peer: IpAddr, session: SlotId) {
        let announcement = Announcement { session, arrival: None };
        if self.pending.insert((port, peer), announcement).is_some() {
            return;
        }
        let peer_state = self.peers.entry(peer).or_default();
        peer_state.pending += 1;
        match &mut peer_state.few_free {
            Some(free) => {
                if let Some(at) = free.iter().position(|other| *other == port) {
                    free.swap_remove(at);
                }
            }
            None if peer_state.pending * 2 > self.ports.len() => {
                let is_free = |port: &PortIndex| !self.pending.contains_key(&(*port, peer));
                peer_state.few_free = Some(self.ports.iter().copied().filter(is_free).collect());
            }
            None => {}
        }
    }

    /// The session that `port` is announced to for connections from `peer`.
    pub fn announced_to(&self, port: PortIndex, peer: IpAddr) -> Option<SlotId> {
        self.pending.get(&(port, peer)).map(|announcement| announcement.session)
    }

    /// A connection from `peer` has arrived at `port`.
    pub fn arrive(&mut self, port: PortIndex, peer: IpAddr, arrival: A) -> Arrived {
        let Some(announcement) = self.pending.get_mut(&(port, peer)) else {
            return Arrived::Stranger;
        };
        let session = announcement.session;
        if announcement.arrival.is_some() {
            self.remove(port, peer);
            return Arrived::Contended(session);
        }
        announcement.arrival = Some(arrival);
        Arrived::Held(session)
    }

    /// Whether a connection is held for this session.
    pub fn holds(&self, port: PortIndex, peer: IpAddr, session: SlotId) -> bool {
        self.pending
            .get(&(port, peer))
            .is_some_and(|announcement| announcement.session == session && announcement.arrival.is_some())
    }

    /// Takes the connection that is held for this session, and removes the announcement.
    pub fn claim(&mut self, port: PortIndex, peer: IpAddr, session: SlotId) -> Option<A> {
        if !self.holds(port, peer, session) {
            return None;
        }
        self.remove(port, peer)
    }

    /// Removes an announcement if it is this session's, and drops the connection held for it.
    pub fn withdraw(&mut self, port: PortIndex, peer: IpAddr, session: SlotId) {
        if self.announced_to(port, peer) == Some(session) {
            self.remove(port, peer);
        }
    }

    fn remove(&mut self, port: PortIndex, peer: IpAddr) -> Option<A> {
        let announcement = self.pending.remove(&(port, peer))?;
        if let Some(peer_state) = self.peers.get_mut(&peer) {
            peer_state.pending = peer_state.pending.saturating_sub(1);
            if peer_state.pending * 4 < self.ports.len() {
                peer_state.few_free = None;
            }
            if let Some(free) = &mut peer_state.few_free {
                free.push(port);
            }
            self.remove_unused_peer(peer);
        }
        announcement.arrival
    }

    /// Removes the state of a peer that holds nothing and waits for nothing.
    fn remove_unused_peer(&mut self, peer: IpAddr) {
        if self
            .peers
            .get(&peer)
            .is_some_and(|peer| peer.pending == 0 && peer.waiting.is_empty())
        {
            self.peers.remove(&peer);
        }
    }

    /// The ports of all announcements.
    pub fn pending(&self) -> impl Iterator<Item = PortIndex> {
        self.pending.keys().map(|(port, _)| *port)
    }

    /// How many ports have been dealt.
    pub fn draws(&self) -> u64 {
        self.draws
    }

    /// How many sessions wait for a free port.
    pub fn waiting(&self) -> usize {
        self.peers.values().map(|peer| peer.waiting.len()).sum()
    }

    /// The ring of `range` ports in `count` segments of equal size: those with ports that are announced or rest. Each
    /// with its index, its announcements, and the draws since one of its resting ports was drawn last.
    pub fn busy_segments(&self, range: usize, count: usize) -> Vec<(usize, usize, Option<u64>)> {
        let mut segments = vec![(0, None); count];
        let segment_of = |port: PortIndex| usize::from(port) * count / range.max(1);
        for port in self.pending() {
            if let Some((announcements, _)) = segments.get_mut(segment_of(port)) {
                *announcements += 1;
            }
        }
        for port in self.ports.iter().copied().filter(|port| !self.has_rested(*port)) {
            let last_draw = self.last_draw.get(usize::from(port)).copied().unwrap_or(0);
            if let Some((_, age)) = segments.get_mut(segment_of(port)) {
                *age = Some(age.unwrap_or(u64::MAX).min(self.draws - last_draw));
            }
        }
        let numbered = segments.into_iter().enumerate();
        let busy = numbered.filter(|(_, (announcements, age))| *announcements > 0 || age.is_some());
        busy.map(|(index, (announcements, age))| (index, announcements, age))
            .collect()
    }

    /// Adds a session to the queue of its address. A session queues once, so the number of sessions bounds the queue.
    pub fn add_waiting(&mut self, peer: IpAddr, session: SlotId) {
        self.peers.entry(peer).or_default().waiting.push_back(session);
    }

    /// Removes a session from the queue.
    pub fn remove_waiting(&mut self, peer: IpAddr, session: SlotId) {
        if let Some(peer_state) = self.peers.get_mut(&peer) {
            peer_state.waiting.retain(|waiting| *waiting != session);
            self.remove_unused_peer(peer);
        }
    }

    /// Takes the session of this address that has waited longest, if a port is free for it.
    pub fn next_waiting(&mut self, peer: IpAddr) -> Option<SlotId> {
        let ports = self.ports.len();
        self.peers
            .get_mut(&peer)
            .filter(|peer| peer.pending < ports)?
            .waiting
            .pop_front()
    }
}

#[cfg(test)]
mod tests;
