//! Ten thousand clients in simulated time.
//!
//! Clients that are due act, the server runs a turn, and the clock advances to the next client or deadline.
//! `SIMULATION_SEED` sets the seed.

use super::Simulation;
use super::simulated_client::{Action, Behaviour, FILE_BYTES, SimulatedClient};
use crate::descriptors::Descriptors;
use crate::event_loop::tests::{options, served_storage};
use crate::options::{Options, Timeouts};
use crate::random::Random;
use crate::storage::UploadPolicy;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
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
    server: Simulation,
    random: Random,
    clients: Vec<SimulatedClient>,
    /// The number of clients that have not finished.
    left: usize,
    schedule: BinaryHeap<Reverse<(Duration, usize)>>,
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
        let descriptors = Descriptors::for_process(200_000);
        let storage = served_storage(directory.path(), UploadPolicy::default(), &descriptors);
        let mut random = Random::seeded(seed);
        let arrival = |number| {
            let arrival = random.below(ARRIVALS.as_micros() as usize) as u64;
            Reverse((Duration::from_micros(arrival), number))
        };
        Self {
            server: Simulation::new(limits, storage, descriptors, seed).expect("a server"),
            schedule: (0..CLIENTS).map(arrival).collect(),
            random,
            clients: (0..CLIENTS).map(SimulatedClient::new).collect(),
            left: CLIENTS,
        }
    }

    /// Runs until all clients and sessions have ended.
    fn run(&mut self) {
        while self.left > 0 || self.server.sessions() > 0 {
            let next_client = self.schedule.peek().map(|Reverse((at, _))| *at);
            let next = [next_client, self.server.next_deadline()].into_iter().flatten().min();
            self.server.begin_turn(next.expect("a client or a deadline"));
            let now = self.server.now();
            assert!(now < END, "{} sessions never end", self.server.sessions());
            while let Some(Reverse((at, number))) = self.schedule.peek().copied()
                && at <= now
            {
                self.schedule.pop();
                self.act(number);
            }
            self.server.finish_turn();
        }
    }

    fn act(&mut self, number: usize) {
        let client = &mut self.clients[number];
        let address = client.address;
        client
            .control
            .get_or_insert_with(|| self.server.connect((address, 40_000).into()));
        let mut actions = Vec::new();
        let pause = client.act(&mut self.random, &mut actions);
        match pause {
            Some(pause) => self.schedule.push(Reverse((self.server.now() + pause, number))),
            None => self.left -= 1,
        }
        for action in actions {
            match action {
                Action::Connect(port) => client.data = self.server.connect_data(port, address),
                // If the session has ended, there is nothing to be reported to.
                Action::Act(socket) => drop(self.server.deliver(&socket, false)),
            }
        }
    }
}

#[test]
fn ten_thousand_clients_are_served_and_leave_nothing() {
    let seed = std::env::var("SIMULATION_SEED").map_or(1, |seed| seed.parse().expect("a number"));
    let directory = TempDir::new().expect("a directory");
    std::fs::write(directory.path().join("file"), b"content").expect("a file");
    let mut world = World::new(&directory, seed);
    let descriptors = world.server.descriptors();
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
    assert!(world.server.is_idle(), "seed {seed}");
    assert_eq!(world.server.descriptors(), descriptors, "seed {seed}");
    let counters = world.server.counters();
    assert_eq!(counters.accepted, CLIENTS as u64);
    assert_eq!((counters.panics, counters.refused, counters.strangers), (0, 0, 0));
    let logged_in = world
        .clients
        .iter()
        .filter(|client| client.behaviour != Behaviour::Silent)
        .count();
    assert_eq!(counters.transfers, 2 * logged_in as u64);
    assert!(
        world.server.now() > STALL_TIMEOUT,
        "the run lasts longer than the stall timeout"
    );
}
