//! Ten thousand clients in simulated time: the whole loop, its rooms and its deadlines, without a socket that moves a
//! byte.
//!
//! A client acts when its time has come, the server has a turn, and the clock moves on to whatever is next: a client, or a
//! deadline. So minutes pass in seconds, and a seed repeats a run to the byte. `SIMULATION_SEED` sets another one.

mod client;
mod wire;

use super::tests::{server_with, settings};
use super::*;
use crate::connection::shared::Settings;
use crate::options::Timeouts;
use crate::random::Random;
use crate::reactor::poller::Sleep;
use client::{Client, Deed, FILE_BYTES, Kind};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::{Ipv4Addr, SocketAddr};
use tempfile::TempDir;
use wire::ServerEnd;

const CLIENTS: usize = 10_000;
/// They come within this time.
const ARRIVALS: Duration = Duration::from_secs(60);
const STALL_TIMEOUT: Duration = Duration::from_secs(120);
const LOGIN_TIMEOUT: Duration = Duration::from_secs(90);
/// A run that takes longer than this has a session that never ends.
const END: Duration = Duration::from_secs(600);

struct World {
    server: EventLoop,
    random: Random,
    start: Instant,
    now: Instant,
    clients: Vec<Client>,
    /// Clients that have still something to do.
    left: usize,
    /// The sockets of those who have yet to come.
    newcomers: Vec<Option<ServerEnd>>,
    agenda: BinaryHeap<Reverse<(Instant, usize)>>,
    first_port: u16,
}

impl World {
    fn new(directory: &TempDir, seed: u64) -> Self {
        let limits = Settings {
            max_sessions: CLIENTS,
            timeouts: Timeouts {
                stall: STALL_TIMEOUT,
                login: LOGIN_TIMEOUT,
                ..settings().timeouts
            },
            ..settings()
        };
        let (server, first_port) = server_with(directory.path(), limits);
        let start = server.shared.now;
        let mut random = Random::seeded(seed);
        let (mut clients, mut newcomers, mut agenda) = (Vec::new(), Vec::new(), BinaryHeap::new());
        for number in 0..CLIENTS {
            let (client, socket) = Client::new(number);
            clients.push(client);
            newcomers.push(Some(socket));
            let arrival = Duration::from_micros(random.below(ARRIVALS.as_micros() as usize) as u64);
            agenda.push(Reverse((start + arrival, number)));
        }
        Self {
            server,
            random,
            start,
            now: start,
            clients,
            left: CLIENTS,
            newcomers,
            agenda,
            first_port,
        }
    }

    /// Until nobody has anything to do.
    fn run(&mut self) {
        while self.left > 0 || !self.server.slots.is_empty() {
            let next_client = self.agenda.peek().map(|Reverse((at, _))| *at);
            let next_turn = match self.server.next_sleep() {
                Sleep::NotAtAll => Some(self.now),
                Sleep::Until(deadline) => Some(deadline),
                Sleep::UntilEvent => None,
            };
            let next = next_client.into_iter().chain(next_turn).min().expect("somebody waits");
            self.now = self.now.max(next);
            assert!(
                self.now - self.start < END,
                "{} sessions never end",
                self.server.slots.len()
            );
            self.server.begin_turn(self.now);
            while let Some(Reverse((at, number))) = self.agenda.peek().copied()
                && at <= self.now
            {
                self.agenda.pop();
                self.act(number);
            }
            self.server.finish_turn();
        }
    }

    fn act(&mut self, number: usize) {
        let client = &mut self.clients[number];
        if let Some(socket) = self.newcomers[number].take() {
            let address = SocketAddr::new(client.address, 40_000);
            let ours = Some(Ipv4Addr::LOCALHOST.into());
            self.server.admit(Box::new(socket), address, 0, ours);
        }
        let mut deeds = Vec::new();
        let pause = client.act(&mut self.random, &mut deeds);
        match pause {
            Some(pause) => self.agenda.push(Reverse((self.now + pause, number))),
            None => self.left -= 1,
        }
        let (slot, address) = (client.control.slot(), client.address);
        for deed in deeds {
            match deed {
                Deed::Connect(port, socket) => {
                    let index = port - self.first_port;
                    self.server.assign_data_connection(0, index, Box::new(socket), address);
                }
                Deed::Control => self.wake(slot, |connection, shared| {
                    connection.control_ready(true, Some(true), shared);
                }),
                Deed::Data => self.wake(slot, Connection::data_event),
            }
            self.server.exchange();
        }
    }

    fn wake(&mut self, slot: Option<SlotId>, work: impl FnOnce(&mut Connection, &mut Shared)) {
        // Whose session has ended before is not found any more, like after a stale event.
        if let Some(slot) = slot {
            self.server.step(slot, work);
        }
    }
}

#[test]
fn ten_thousand_clients_are_served_and_nothing_is_left_of_them() {
    let seed = std::env::var("SIMULATION_SEED").map_or(1, |seed| seed.parse().expect("a number"));
    let directory = TempDir::new().expect("a directory");
    std::fs::write(directory.path().join("file"), b"content").expect("a file");
    let mut world = World::new(&directory, seed);
    let descriptors = world.server.shared.descriptors.used();
    world.run();

    for (number, client) in world.clients.iter().enumerate() {
        let who = format!("client {number}, {:?}, seed {seed}", client.kind);
        assert_eq!(client.codes, client.expected(), "{who}");
        if client.kind != Kind::Silent {
            assert!(client.listed > 40, "{who} has a line for the file");
        }
        match client.kind {
            Kind::Patient => assert_eq!(client.fetched, FILE_BYTES, "{who}"),
            Kind::Stalling | Kind::Vanishing => assert!(client.fetched < FILE_BYTES, "{who}"),
            Kind::Silent => assert_eq!(client.fetched, 0, "{who}"),
        }
    }
    let shared = &world.server.shared;
    assert_eq!(shared.descriptors.used(), descriptors, "seed {seed}");
    assert_eq!(shared.counters.accepted, CLIENTS as u64);
    assert_eq!(
        (
            shared.counters.panics,
            shared.counters.refused,
            shared.counters.strangers
        ),
        (0, 0, 0)
    );
    let logged_in = world
        .clients
        .iter()
        .filter(|client| client.kind != Kind::Silent)
        .count();
    assert_eq!(shared.counters.transfers, 2 * logged_in as u64);
    assert!(
        world.now - world.start > STALL_TIMEOUT,
        "the stalled ones were waited for"
    );
}
