//! The event loop with ten thousand clients in simulated time, over simulated sockets.
//!
//! Clients that are due act, the server runs a turn, and the clock advances to the next client or deadline. So minutes
//! take seconds, and a run can be repeated exactly. `SIMULATION_SEED` sets the seed.

mod simulated_client;
pub(super) mod simulated_connection;

use super::tests::{options, passive_port, server_with};
use super::*;
use crate::options::{Options, Timeouts};
use crate::random::Random;
use simulated_client::{Action, Behaviour, FILE_BYTES, SimulatedClient};
use simulated_connection::ServerEnd;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tempfile::TempDir;

const CLIENTS: usize = 10_000;
/// All clients connect within this time.
const ARRIVALS: Duration = Duration::from_secs(60);
const STALL_TIMEOUT: Duration = Duration::from_secs(120);
const LOGIN_TIMEOUT: Duration = Duration::from_secs(90);
/// The run fails after this simulated time.
const END: Duration = Duration::from_secs(600);

struct World {
    server: EventLoop,
    random: Random,
    start: Instant,
    now: Instant,
    clients: Vec<SimulatedClient>,
    /// The number of clients that have not finished.
    left: usize,
    /// The sockets of clients that have not connected yet, by client.
    arrivals: Vec<Option<ServerEnd>>,
    schedule: BinaryHeap<Reverse<(Instant, usize)>>,
    first_port: u16,
}

impl World {
    fn new(directory: &TempDir, seed: u64) -> Self {
        let limits = Options {
            max_sessions: CLIENTS,
            timeouts: Timeouts {
                stall: STALL_TIMEOUT,
                login: LOGIN_TIMEOUT,
                ..options().timeouts
            },
            ..options()
        };
        let (server, first_port) = server_with(directory.path(), limits);
        let start = server.shared.now;
        let mut random = Random::seeded(seed);
        let (mut clients, mut arrivals, mut schedule) = (Vec::new(), Vec::new(), BinaryHeap::new());
        for number in 0..CLIENTS {
            let (client, socket) = SimulatedClient::new(number);
            clients.push(client);
            arrivals.push(Some(socket));
            let arrival = Duration::from_micros(random.below(ARRIVALS.as_micros() as usize) as u64);
            schedule.push(Reverse((start + arrival, number)));
        }
        Self {
            server,
            random,
            start,
            now: start,
            clients,
            left: CLIENTS,
            arrivals,
            schedule,
            first_port,
        }
    }

    /// Runs until all clients and sessions have ended.
    fn run(&mut self) {
        while self.left > 0 || !self.server.slots.is_empty() {
            let next_client = self.schedule.peek().map(|Reverse((at, _))| *at);
            let next = [next_client, self.server.next_deadline()].into_iter().flatten().min();
            let next = next.expect("a client or a deadline");
            self.now = self.now.max(next);
            assert!(
                self.now - self.start < END,
                "{} sessions never end",
                self.server.slots.len()
            );
            self.server.begin_turn(self.now);
            while let Some(Reverse((at, number))) = self.schedule.peek().copied()
                && at <= self.now
            {
                self.schedule.pop();
                self.act(number);
            }
            self.server.finish_turn();
        }
    }

    fn act(&mut self, number: usize) {
        let client = &mut self.clients[number];
        if let Some(socket) = self.arrivals[number].take() {
            let address = SocketAddr::new(client.address, 40_000);
            let ours = Some(Ipv4Addr::LOCALHOST.into());
            self.server.admit(Box::new(socket), address, 0, ours);
        }
        let mut actions = Vec::new();
        let pause = client.act(&mut self.random, &mut actions);
        match pause {
            Some(pause) => self.schedule.push(Reverse((self.now + pause, number))),
            None => self.left -= 1,
        }
        let (slot, address) = (client.control.slot(), client.address);
        for action in actions {
            match action {
                Action::Connect(port, socket) => {
                    let index = port - self.first_port;
                    self.server.assign_data_connection(0, index, Box::new(socket), address);
                }
                Action::Control => self.wake(slot, |connection, shared| {
                    connection.control_ready(true, Some(true), shared);
                }),
                Action::Data => self.wake(slot, Connection::data_event),
            }
            self.server.exchange();
        }
    }

    fn wake(&mut self, slot: Option<SlotId>, work: impl FnOnce(&mut Connection, &mut Shared)) {
        // If the session has ended, the step does nothing, as for a stale event.
        if let Some(slot) = slot {
            self.server.step(slot, work);
        }
    }
}

#[test]
fn ten_thousand_clients_are_served_and_leave_nothing() {
    let seed = std::env::var("SIMULATION_SEED").map_or(1, |seed| seed.parse().expect("a number"));
    let directory = TempDir::new().expect("a directory");
    std::fs::write(directory.path().join("file"), b"content").expect("a file");
    let mut world = World::new(&directory, seed);
    let descriptors = world.server.shared.descriptors.used();
    world.run();

    for (number, client) in world.clients.iter().enumerate() {
        let who = format!("client {number}, {:?}, seed {seed}", client.behaviour);
        assert_eq!(client.codes, client.expected(), "{who}");
        if client.behaviour != Behaviour::Silent {
            assert!(client.listed > 40, "{who} has a line for the file");
        }
        match client.behaviour {
            Behaviour::Patient => assert_eq!(client.fetched, FILE_BYTES, "{who}"),
            Behaviour::Stalling | Behaviour::Vanishing => assert!(client.fetched < FILE_BYTES, "{who}"),
            Behaviour::Silent => assert_eq!(client.fetched, 0, "{who}"),
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
        .filter(|client| client.behaviour != Behaviour::Silent)
        .count();
    assert_eq!(shared.counters.transfers, 2 * logged_in as u64);
    assert!(
        world.now - world.start > STALL_TIMEOUT,
        "the run lasts longer than the stall timeout"
    );
}
