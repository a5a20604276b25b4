//! Tests of the passive ring.

use super::*;
use proptest::prelude::*;
use std::net::Ipv4Addr;

const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const OTHER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));

fn slot(key: u32) -> SlotId {
    SlotId { key, generation: key }
}

/// A ring whose connections are names.
fn ring(ports: u16) -> PassiveRing<&'static str> {
    let mut ring = PassiveRing::default();
    (0..ports).for_each(|port| ring.add(port));
    ring
}

#[test]
fn d11_recent_ports_are_left_out_and_the_whole_range_is_used() {
    for ports in [1, 2, 3, 4, 10, 100] {
        let mut ring = ring(ports);
        let mut random = Random::seeded(1);
        let draws: Vec<PortIndex> = (0..10_000).filter_map(|_| ring.draw(PEER, &mut random)).collect();
        assert_eq!(draws.len(), 10_000);
        for port in 0..ports {
            assert!(draws.contains(&port), "the whole range is used");
        }
        let resting = usize::from(ports) / RESTING_SHARE;
        for window in draws.windows(resting + 1) {
            let (last, before) = window.split_last().expect("one at least");
            assert!(!before.contains(last), "{last} was drawn again after {before:?}");
        }
    }
}

#[test]
fn d02_a_peer_that_holds_every_port_leaves_all_ports_to_others() {
    let mut ring = ring(4);
    let mut random = Random::seeded(2);
    for session in 0..4 {
        let port = ring.draw(PEER, &mut random).expect("a free port");
        ring.announce(port, PEER, slot(session));
    }
    assert_eq!(ring.draw(PEER, &mut random), None);
    let port = ring
        .draw(OTHER, &mut random)
        .expect("a peer uses up only its own announcements");
    ring.announce(port, OTHER, slot(9));
    assert_eq!(ring.arrive(port, OTHER, "theirs"), Arrived::Held(slot(9)));
    assert_eq!(ring.claim(port, OTHER, slot(9)), Some("theirs"));
    assert_eq!(ring.pending.len(), 4);
}

#[test]
fn d02_a_free_port_goes_to_the_session_that_waited_longest() {
    let mut ring = ring(1);
    let mut random = Random::seeded(3);
    let port = ring.draw(PEER, &mut random).expect("a free port");
    ring.announce(port, PEER, slot(1));
    ring.add_waiting(PEER, slot(2));
    ring.add_waiting(PEER, slot(3));
    ring.withdraw(port, PEER, slot(2));
    assert_eq!(
        ring.announced_to(port, PEER),
        Some(slot(1)),
        "only its own session withdraws it"
    );
    assert_eq!(ring.next_waiting(PEER), None, "nothing is free yet");
    ring.withdraw(port, PEER, slot(1));
    assert_eq!(ring.next_waiting(PEER), Some(slot(2)));
    ring.remove_waiting(PEER, slot(3));
    assert_eq!(ring.next_waiting(PEER), None);
    assert!(ring.peers.is_empty(), "no state is kept of a peer that holds nothing");
}

#[test]
fn d06_a_stranger_gets_nothing_and_disturbs_no_session() {
    let mut ring = ring(2);
    let mut random = Random::seeded(4);
    let port = ring.draw(PEER, &mut random).expect("a free port");
    ring.announce(port, PEER, slot(1));
    assert_eq!(ring.arrive(port, OTHER, "a stranger's"), Arrived::Stranger);
    assert_eq!(
        ring.arrive(1 - port, PEER, "early"),
        Arrived::Stranger,
        "the other port was not announced"
    );
    assert_eq!(ring.claim(port, PEER, slot(1)), None, "nothing is held");
    assert_eq!(ring.arrive(port, PEER, "the client's"), Arrived::Held(slot(1)));
    assert_eq!(ring.claim(port, PEER, slot(2)), None, "it belongs to another session");
    assert_eq!(ring.claim(port, PEER, slot(1)), Some("the client's"));
    assert_eq!(
        ring.arrive(port, PEER, "too many"),
        Arrived::Stranger,
        "an announcement is for one connection"
    );
}

#[test]
fn d08_two_connections_from_one_address_are_both_refused() {
    let mut ring = ring(1);
    ring.announce(0, PEER, slot(1));
    assert_eq!(ring.arrive(0, PEER, "one"), Arrived::Held(slot(1)));
    assert_eq!(ring.arrive(0, PEER, "two"), Arrived::Contended(slot(1)));
    assert_eq!(ring.claim(0, PEER, slot(1)), None);
    assert_eq!(ring.announced_to(0, PEER), None);
    assert!(ring.peers.is_empty());
}

#[test]
fn the_last_free_port_is_found_however_many_are_pending() {
    let mut ring = ring(5_000);
    let mut random = Random::seeded(5);
    for session in 0..5_000 {
        let port = ring.draw(PEER, &mut random).expect("one is still free");
        assert_eq!(ring.announced_to(port, PEER), None);
        ring.announce(port, PEER, slot(session));
    }
    assert_eq!(ring.draw(PEER, &mut random), None);
    ring.withdraw(4_321, PEER, ring.announced_to(4_321, PEER).expect("all are pending"));
    assert_eq!(ring.draw(PEER, &mut random), Some(4_321));
}

/// χ² of `counts` against an even distribution.
fn chi_squared(counts: &[f64]) -> f64 {
    let expected = counts.iter().sum::<f64>() / counts.len() as f64;
    counts.iter().map(|count| (count - expected).powi(2) / expected).sum()
}

/// No port and no difference between successive ports is more likely than others.
#[test]
fn d08_ports_are_drawn_evenly_and_without_a_pattern() {
    let ports: u16 = 100;
    let mut ring = ring(ports);
    let mut random = Random::from_kernel().expect("kernel randomness");
    let draws: Vec<PortIndex> = (0..10_000).filter_map(|_| ring.draw(PEER, &mut random)).collect();
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

/// Guesses the next port from all earlier draws: the one drawn longest ago, second longest ago, and so on.
#[test]
fn d08_the_next_port_cannot_be_guessed_from_earlier_draws() {
    const DRAWS: usize = 40_000;
    for ports in [4, 10, 100] {
        let mut ring = ring(ports);
        let mut random = Random::from_kernel().expect("kernel randomness");
        let draws: Vec<PortIndex> = (0..DRAWS).filter_map(|_| ring.draw(PEER, &mut random)).collect();
        let mut last_seen = vec![0; usize::from(ports)];
        // Successes of each rule, by the rank of the guessed port.
        let mut hits = vec![0_usize; usize::from(ports)];
        for (number, port) in draws.iter().enumerate() {
            let seen = last_seen[usize::from(*port)];
            let rank = last_seen.iter().filter(|other| **other < seen).count();
            // By now every port was drawn.
            if number >= DRAWS / 10 {
                hits[rank] += 1;
            }
            last_seen[usize::from(*port)] = number + 1;
        }
        let chance = DRAWS / 10 * 9 / (usize::from(ports) - usize::from(ports) / RESTING_SHARE);
        let best = hits.iter().max().copied().unwrap_or_default();
        assert!(best < chance * 4 / 3, "{best} guessed where {chance} are chance");
    }
}

proptest! {
    #[test]
    fn free_ports_are_those_that_are_not_pending(
        ports in 1..20_u16,
        frees in proptest::collection::vec(any::<(bool, u16)>(), 0..100),
        seed in any::<u64>(),
    ) {
        let mut ring = ring(ports);
        let mut random = Random::seeded(seed);
        let mut held: Vec<PortIndex> = Vec::new();
        for (gives_back, which) in frees {
            if gives_back && !held.is_empty() {
                ring.withdraw(held.swap_remove(usize::from(which) % held.len()), PEER, slot(1));
            } else {
                match ring.draw(PEER, &mut random) {
                    None => prop_assert_eq!(held.len(), usize::from(ports)),
                    Some(port) => {
                        prop_assert!(!held.contains(&port));
                        ring.announce(port, PEER, slot(1));
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

#[test]
fn a_ring_is_shown_in_segments_with_their_announcements_and_latest_draws() {
    let (mut ring, mut random) = (ring(100), Random::seeded(5));
    assert_eq!(ring.busy_segments(100, 10), []);
    let first = ring.draw(PEER, &mut random).expect("a free port");
    ring.announce(first, PEER, slot(1));
    ring.announce(first, OTHER, slot(2));
    let segment = usize::from(first) / 10;
    assert_eq!(ring.busy_segments(100, 10), [(segment, 2, Some(0))]);
    let exact = ring.busy_segments(100, 100);
    assert_eq!(exact, [(usize::from(first), 2, Some(0))], "a segment for each port");
    (0..24).for_each(|_| _ = ring.draw(PEER, &mut random));
    assert!(
        ring.busy_segments(100, 100)
            .contains(&(usize::from(first), 2, Some(24)))
    );
    ring.draw(PEER, &mut random);
    let rested = ring.busy_segments(100, 100);
    assert!(
        rested.contains(&(usize::from(first), 2, None)),
        "it has rested: {rested:?}"
    );
    assert_eq!(rested.len(), 26, "25 rest");
}
