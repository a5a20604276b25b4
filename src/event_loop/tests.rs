//! The loop itself over real sockets, a turn at a time, so that a test can put between two events what a kernel may.

use super::*;
use crate::accounts::{Accounts, Rights};
use crate::connection::shared::Settings;
use crate::descriptors::Descriptors;
use crate::ftp::features::Features;
use crate::ftp::timestamp::Timestamp;
use crate::options::{PublicAddresses, Techniques, Timeouts};
use crate::random::Random;
use crate::reactor::poller::Sleep;
use crate::storage::{DiskRoot, Synthetic, UploadPolicy};
use rustix::event::{PollFd, PollFlags, Timespec};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::path::Path;
use std::rc::Rc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc;
use tempfile::TempDir;

/// Passive ports of each loop; those that are taken already are left out.
const PASSIVE_PORTS: u16 = 30;
/// No wait of a test is longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A loop that serves `directory`, where everybody may do everything, and its address.
fn server_of(directory: &Path) -> (EventLoop, SocketAddr) {
    let (server, _) = server_with(directory, settings());
    let address = server.listeners.first().expect("a listener").address;
    (server, address)
}

/// The same with other settings, and the first port of its passive range.
pub(super) fn server_with(directory: &Path, settings: Settings) -> (EventLoop, u16) {
    let descriptors = Descriptors::for_process(200_000);
    static LOOPS: AtomicU16 = AtomicU16::new(0);
    let first = 11_000 + (std::process::id() % 18_000) as u16;
    let low = first + LOOPS.fetch_add(1, Ordering::Relaxed) * PASSIVE_PORTS;
    let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
    let range = low..=low + (PASSIVE_PORTS - 1);
    let listeners = Listeners::open(&[any_port], &range, &descriptors, &Techniques::default()).expect("listeners");
    let root = DiskRoot::open(directory, descriptors.clone()).expect("the root");
    let storage = root.writable(UploadPolicy::default(), Random::seeded(1));
    let equipment = Equipment {
        settings,
        storage: Rc::new(Synthetic::new(storage, Timestamp::from_unix(0))),
        accounts: Accounts::none(),
        users_file: None,
        descriptors,
        random: Random::seeded(2),
        transfer_log: None,
        event_log: None,
        trace: false,
    };
    let signals = Signals::none().expect("no signals");
    (EventLoop::new(listeners, equipment, signals).expect("a loop"), low)
}

/// Everybody may do everything, for as long as a test may take.
pub(super) fn settings() -> Settings {
    Settings {
        banner: "Welcome".to_owned(),
        active: true,
        features: Features {
            changes: true,
            deflate: true,
        },
        anonymous: Some(Rights::all()),
        allows_changes: true,
        public_addresses: PublicAddresses::default(),
        max_sessions: 100,
        max_sessions_per_ip: None,
        timeouts: Timeouts {
            login: PATIENCE,
            idle: PATIENCE,
            connect: PATIENCE,
            stall: PATIENCE,
        },
        rate_limit: None,
        techniques: Techniques::default(),
    }
}

/// Turns until `is_over`.
fn turn_until(server: &mut EventLoop, mut is_over: impl FnMut(&mut EventLoop) -> bool) {
    let mut events = Events::with_capacity(EVENTS_PER_TURN);
    while !is_over(server) {
        server.sleep(&mut events).expect("a poll");
        for event in &events {
            server.dispatch(event);
        }
        server.finish_turn();
    }
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("the server listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream.set_write_timeout(Some(PATIENCE)).expect("a timeout");
    stream
}

/// One batch of events: A closes, B is accepted into A's slot, and then comes another event for A.
#[test]
fn k01_an_event_for_who_has_left_does_not_reach_who_has_its_slot_now() {
    let directory = TempDir::new().expect("a directory");
    let (mut server, address) = server_of(directory.path());
    let first = connect(address);
    turn_until(&mut server, |server| server.slots.len() == 1);
    let (old, _) = server.slots.iter().next().expect("the first client");

    drop(first);
    let second = connect(address);
    // Both have come before the loop looks, so it gets both at once.
    let control = server
        .slots
        .get_mut(old)
        .expect("the first client")
        .control_socket()
        .descriptor()
        .expect("a real socket");
    for socket in [control, server.listeners[0].socket.as_fd()] {
        let mut waits = [PollFd::from_borrowed_fd(socket, PollFlags::IN)];
        let patience = Timespec::try_from(PATIENCE).expect("a time");
        assert_eq!(rustix::event::poll(&mut waits, Some(&patience)), Ok(1));
    }
    let mut batch = Events::with_capacity(EVENTS_PER_TURN);
    let deadline = Sleep::Until(Instant::now() + PATIENCE);
    server.poller.sleep(&mut batch, deadline).expect("a poll");
    let closed: Vec<&Event> = batch
        .iter()
        .filter(|event| Target::try_from(event.token()) == Ok(Target::Control(old)))
        .collect();
    let [closed] = closed[..] else {
        panic!("one event for the client that has left: {batch:?}");
    };
    server.dispatch(closed);
    assert!(server.slots.is_empty());
    for event in batch.iter().filter(|event| event.token() != closed.token()) {
        server.dispatch(event);
    }
    let (new, _) = server.slots.iter().next().expect("the second client");
    assert_eq!(new.key, old.key, "the slot is used again within the batch");
    let before = server.slots.get_mut(new).map(|connection| connection.is_drained());
    assert_eq!(server.shared.counters.stale_events, 0);

    server.dispatch(closed);
    assert_eq!(server.shared.counters.stale_events, 1, "it is dropped");
    let after = server.slots.get_mut(new).map(|connection| connection.is_drained());
    assert_eq!(before, after, "and the second client was not looked at");
    server.finish_turn();
    let mut greeting = String::new();
    BufReader::new(&second).read_line(&mut greeting).expect("a greeting");
    assert_eq!(greeting, "220 Welcome\r\n");
}

#[test]
fn k09_a_panic_costs_its_own_session_only() {
    let directory = TempDir::new().expect("a directory");
    let (mut server, address) = server_of(directory.path());
    let descriptors = server.shared.descriptors.used();
    let mut clients = [connect(address), connect(address)].map(BufReader::new);
    turn_until(&mut server, |server| server.slots.len() == 2);
    let (slot, _) = server
        .slots
        .iter()
        .min_by_key(|(_, connection)| connection.session().number())
        .expect("the first");
    server.step(slot, |_, _| panic!("this test wants it (threat K09)"));
    assert_eq!(server.shared.counters.panics, 1);
    assert_eq!(server.slots.len(), 1);
    assert_eq!(server.shared.descriptors.used(), descriptors + 1);

    let [lost, kept] = &mut clients;
    kept.get_mut().write_all(b"NOOP\r\n").expect("sent");
    let mut turns = 0;
    turn_until(&mut server, |server| {
        turns += 1;
        server.shared.counters.commands == 1 && turns > 2
    });
    let mut line = String::new();
    for expected in ["220 ", "200 "] {
        line.clear();
        kept.read_line(&mut line).expect("a reply");
        assert!(line.starts_with(expected), "{line}");
    }
    let mut rest = String::new();
    lost.read_to_string(&mut rest).expect("the end");
    assert!(rest.is_empty() || rest.starts_with("220 "), "{rest}");
}

/// A client of a thread of its own, which writes down all that it gets.
struct Witness {
    reader: BufReader<TcpStream>,
    transcript: Vec<u8>,
}

impl Witness {
    fn greet(address: SocketAddr) -> Self {
        let mut witness = Self {
            reader: BufReader::new(connect(address)),
            transcript: Vec::new(),
        };
        witness.hear();
        witness
    }

    fn say(&mut self, lines: &str) {
        let mut stream = self.reader.get_ref();
        stream.write_all(lines.as_bytes()).expect("the server takes it");
    }

    /// The next reply; passive ports differ from run to run and are left out.
    fn hear(&mut self) -> String {
        let mut reply = String::new();
        loop {
            let start = reply.len();
            let count = self.reader.read_line(&mut reply).expect("a line");
            assert!(count > 0, "the server hung up: {reply}");
            if reply.get(start + 3..start + 4) == Some(" ") && reply.get(..3) == reply.get(start..start + 3) {
                break;
            }
        }
        let shown = if reply.starts_with("227") { "227\n" } else { &reply };
        self.transcript.extend_from_slice(shown.as_bytes());
        reply
    }

    fn ask(&mut self, line: &str) -> String {
        self.say(&format!("{line}\r\n"));
        self.hear()
    }

    fn data(&mut self) -> TcpStream {
        let reply = self.ask("PASV");
        let numbers: Vec<u16> = reply
            .split(|letter: char| !letter.is_ascii_digit())
            .filter_map(|digits| digits.parse().ok())
            .collect();
        let [.., high, low] = numbers[..] else {
            panic!("{reply}");
        };
        connect(SocketAddr::from(([127, 0, 0, 1], high * 256 + low)))
    }

    fn fetch(&mut self, line: &str) {
        let mut data = self.data();
        self.ask(line);
        data.read_to_end(&mut self.transcript).expect("the data");
        self.hear();
    }

    /// Active mode: the server connects, and is looked at while it does.
    fn fetch_actively(&mut self, line: &str) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("bound").port();
        self.say(&format!("EPRT |1|127.0.0.1|{port}|\r\n"));
        self.hear();
        self.say(&format!("{line}\r\n"));
        let (mut data, _) = listener.accept().expect("the server connects");
        self.hear();
        data.read_to_end(&mut self.transcript).expect("the data");
        self.hear();
    }

    fn store(&mut self, line: &str, bytes: &[u8]) {
        let mut data = self.data();
        self.ask(line);
        data.write_all(bytes).expect("the server takes it");
        drop(data);
        self.hear();
    }

    /// Every way in which bytes move: replies, pipelined lines, listings, files in both types and modes, both ways.
    fn converse(&mut self, own: &str) {
        for line in ["USER anonymous", "PASS x", "TYPE I", "OPTS MLST type;size;", "FEAT"] {
            self.ask(line);
        }
        self.ask(&format!("MKD {own}"));
        self.ask(&format!("CWD {own}"));
        let content: Vec<u8> = (0..400_000_u32).map(|number| (number % 97) as u8 + b' ').collect();
        self.store("STOR big", &content);
        self.store("APPE big", b"\nmore\n");
        self.ask("REST 399990");
        self.fetch("RETR big");
        self.fetch("RETR big");
        self.fetch_actively("RETR big");
        self.ask("TYPE A");
        self.fetch("RETR big");
        self.store("STOR text", b"one\r\ntwo\r\n");
        self.ask("SIZE text");
        self.ask("TYPE I");
        self.ask("MODE Z");
        self.fetch("RETR big");
        self.fetch("MLSD");
        self.ask("MODE S");
        self.fetch("NLST");
        self.fetch("LIST nothing*");
        self.ask("STAT nothing*");
        self.ask("XCRC big");
        // A transfer that is aborted while the window is full.
        let mut data = self.data();
        self.ask("RETR big");
        self.say("NOOP\r\nABOR\r\n");
        let _ = data.read_to_end(&mut Vec::new());
        let replies: Vec<String> = (0..3).map(|_| self.hear()).collect();
        assert!(replies[2].starts_with("226"), "{replies:?}");
        self.transcript.truncate(self.transcript.len() - replies.concat().len());
        // A port that nobody connects to, and its replacement.
        self.ask("PASV");
        self.ask("EPSV ALL");
        for round in 0..40 {
            self.say(&format!(
                "NOOP\r\nRNFR big\r\nRNTO big{round}\r\nRNFR big{round}\r\nRNTO big\r\n"
            ));
        }
        for _ in 0..5 * 40 {
            self.hear();
        }
        self.ask("DELE big");
        self.ask("QUIT");
    }
}

/// What three clients at once write down, and what the loop counted. `disturb` comes after the events of every turn.
fn transcripts(mut disturb: impl FnMut(&mut EventLoop) + Send) -> (Vec<Vec<u8>>, Counters) {
    const CLIENTS: u64 = 3;
    let (tell, hear) = mpsc::channel();
    std::thread::scope(|scope| {
        let server = scope.spawn(move || {
            let directory = TempDir::new().expect("a directory");
            let (mut server, address) = server_of(directory.path());
            tell.send(address).expect("the test waits for it");
            let mut events = Events::with_capacity(EVENTS_PER_TURN);
            while server.shared.counters.accepted < CLIENTS || !server.slots.is_empty() {
                server.sleep(&mut events).expect("a poll");
                for event in &events {
                    server.dispatch(event);
                }
                disturb(&mut server);
                server.finish_turn();
            }
            server.shared.counters.clone()
        });
        let address = hear.recv().expect("an address");
        let witnesses: Vec<_> = (0..CLIENTS)
            .map(|number| {
                scope.spawn(move || {
                    let mut witness = Witness::greet(address);
                    witness.converse(&format!("own-{number}"));
                    witness.transcript
                })
            })
            .collect();
        let transcripts = witnesses
            .into_iter()
            .map(|witness| witness.join().expect("a transcript"))
            .collect();
        (transcripts, server.join().expect("counters"))
    })
}

/// What the loop does on an event, done where there was none; how often.
fn wake_for_nothing(server: &mut EventLoop, random: &mut Random) -> u64 {
    let mut wakes = 0;
    let everyone: Vec<SlotId> = server.slots.iter().map(|(slot, _)| slot).collect();
    for slot in everyone {
        if random.below(3) == 0 {
            continue;
        }
        wakes += 1;
        let to_the_end = random.below(2) == 0;
        server.step(slot, |connection, shared| {
            connection.control_ready(true, Some(to_the_end), shared);
            connection.data_event(shared);
        });
        server.exchange();
    }
    server.accept_clients(0);
    for port in 0..PASSIVE_PORTS {
        server.accept_data_connections(0, port);
    }
    server.exchange();
    wakes
}

/// An injected `EAGAIN` would be a lie: with edge-triggered events the kernel says it only when another event will
/// come. So the sockets are real, and the readiness is what is false: after the events of every turn, connections and
/// listeners are looked at as if the poll had reported them.
#[test]
fn k03_readiness_that_is_not_there_changes_no_result() {
    let (calm, _) = transcripts(|_| {});
    for seed in 1..=3 {
        let mut random = Random::seeded(seed);
        let mut wakes = 0;
        let (disturbed, counters) = transcripts(|server| wakes += wake_for_nothing(server, &mut random));
        for (number, (disturbed, calm)) in disturbed.iter().zip(&calm).enumerate() {
            assert!(disturbed == calm, "client {number}, seed {seed}: another transcript");
        }
        assert!(wakes * 10 > (wakes + counters.events) * 3, "{wakes} wakes: {counters}");
        assert!(counters.would_block > 0);
        assert_eq!(counters.panics, 0);
    }
}
