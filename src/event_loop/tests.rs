//! The event loop over real sockets, run turn by turn, so that a test can act between two events.

mod recording_client;

use super::*;
use crate::accounts::Accounts;
use crate::descriptors::Descriptors;
use crate::ftp::timestamp::Timestamp;
use crate::options::{Options, Techniques, Timeouts, tests::served};
use crate::ports::StartError;
use crate::random::Random;
use crate::storage::{DiskRoot, Storage, Synthetic, UploadPolicy};
use recording_client::RecordingClient;
use rustix::event::{PollFd, PollFlags, Timespec};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::path::Path;
use std::rc::Rc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc;
use std::time::Duration;
use tempfile::TempDir;

/// Passive ports of each loop, less those that are in use.
const PASSIVE_PORTS: u16 = 30;
/// The longest wait of a test.
const PATIENCE: Duration = Duration::from_secs(30);

/// A loop that serves `directory` with all rights, and its address.
pub(super) fn server_of(directory: &Path) -> (EventLoop, SocketAddr) {
    let descriptors = Descriptors::for_process(200_000);
    let storage = served_storage(directory, UploadPolicy::default(), &descriptors);
    let (server, _) = server_over(storage, descriptors, options());
    let address = server.listeners.first().expect("a listener").address;
    (server, address)
}

/// A loop over any storage, and the first port of its passive range.
pub(super) fn server_over(storage: Rc<dyn Storage>, descriptors: Descriptors, options: Options) -> (EventLoop, u16) {
    let (low, listeners) = free_passive_range(&descriptors);
    let server = server_of_parts(listeners, storage, descriptors, options, Accounts::default());
    (server, low)
}

/// A loop with the passive range that begins with `low`.
pub(super) fn server_at(
    low: u16,
    directory: &Path,
    policy: UploadPolicy,
    options: Options,
    accounts: Accounts,
) -> EventLoop {
    let descriptors = Descriptors::for_process(200_000);
    let storage = served_storage(directory, policy, &descriptors);
    let listeners = listen(low, &descriptors).expect("listeners");
    server_of_parts(listeners, storage, descriptors, options, accounts)
}

/// The first of [`PASSIVE_PORTS`] that neither another loop of this process nor another program uses.
pub(super) fn free_passive_range(descriptors: &Descriptors) -> (u16, Listeners) {
    static LOOPS: AtomicU16 = AtomicU16::new(0);
    let first = 11_000 + (std::process::id() % 18_000) as u16;
    // Other programs may hold many ports.
    (0..300)
        .find_map(|_| {
            let low = first + LOOPS.fetch_add(1, Ordering::Relaxed) * PASSIVE_PORTS;
            listen(low, descriptors).ok().map(|listeners| (low, listeners))
        })
        .expect("listeners")
}

fn listen(low: u16, descriptors: &Descriptors) -> Result<Listeners, StartError> {
    let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
    let range = low..=low + (PASSIVE_PORTS - 1);
    Listeners::open(&[any_port], &[], &range, descriptors, &Techniques::default())
}

/// `directory`, writable, with synthetic files.
pub(super) fn served_storage(directory: &Path, policy: UploadPolicy, descriptors: &Descriptors) -> Rc<dyn Storage> {
    let root = DiskRoot::open(directory, descriptors.clone()).expect("the root");
    let storage = root.writable(policy, Random::seeded(1));
    Rc::new(Synthetic::new(storage, Timestamp::from_unix(0)))
}

fn server_of_parts(
    listeners: Listeners,
    storage: Rc<dyn Storage>,
    descriptors: Descriptors,
    options: Options,
    accounts: Accounts,
) -> EventLoop {
    let equipment = Equipment {
        options,
        storage,
        accounts,
        descriptors,
        random: Random::seeded(2),
        transfer_log: None,
        event_log: None,
        tls: None,
    };
    // Those of the test process stay as they are.
    let signals = Signals::new::<[i32; 0], i32>([]).expect("no signals");
    EventLoop::new(listeners, equipment, None, Vec::new(), signals).expect("a loop")
}

/// Options with all rights and long timeouts.
pub(super) fn options() -> Options {
    let mut options = served(&[
        "--write",
        "--announce-mode-z",
        "--max-sessions",
        "100",
        "--banner",
        "Welcome",
    ]);
    options.timeouts = Timeouts {
        login: PATIENCE,
        idle: PATIENCE,
        connect: PATIENCE,
        stall: PATIENCE,
    };
    options
}

/// Runs turns until `is_over`.
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

/// The port of `227 Entering Passive Mode (127,0,0,1,p,q)`.
pub(super) fn passive_port(reply: &str) -> u16 {
    let numbers: Vec<u16> = reply
        .split(|letter: char| !letter.is_ascii_digit())
        .filter_map(|digits| digits.parse().ok())
        .collect();
    let [.., high, low] = numbers[..] else {
        panic!("a reply to PASV: {reply}");
    };
    high * 256 + low
}

/// One batch of events: A closes, B is accepted into A's slot, and then comes another event for A.
#[test]
fn k01_an_event_for_a_closed_connection_does_not_reach_the_next_in_its_slot() {
    let directory = TempDir::new().expect("a directory");
    let (mut server, address) = server_of(directory.path());
    let first = connect(address);
    turn_until(&mut server, |server| server.slots.len() == 1);
    let (old, _) = server.slots.iter().next().expect("the first client");

    drop(first);
    let second = connect(address);
    // Both events are pending before the poll, so they come in one batch.
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
    server.poller.sleep(&mut batch, Some(PATIENCE)).expect("a poll");
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
    assert_eq!(before, after, "and the second client was not served");
    server.finish_turn();
    let mut greeting = String::new();
    BufReader::new(&second).read_line(&mut greeting).expect("a greeting");
    assert_eq!(greeting, "220 Welcome\r\n");
}

#[test]
fn k09_a_panic_ends_only_its_own_session() {
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
    server.step(slot, |_, _| panic!("an intended panic (threat K09)"));
    assert_eq!(server.shared.counters.panics, 1);
    assert_eq!(server.slots.len(), 1);
    assert_eq!(server.shared.descriptors.used(), descriptors + 1);

    let [lost, kept] = &mut clients;
    kept.get_mut().write_all(b"NOOP\r\n").expect("sent");
    turn_until(&mut server, |server| server.shared.counters.commands == 1);
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

#[test]
fn work_added_during_a_round_of_the_ready_queue_waits_for_the_next() {
    const CLIENTS: u64 = 70;
    let directory = TempDir::new().expect("a directory");
    let (mut server, address) = server_of(directory.path());
    let _clients: Vec<TcpStream> = (0..CLIENTS).map(|_| connect(address)).collect();
    server.shared.ready.push_back(Target::ControlListener(0));
    server.run_ready_queue();
    // The listener stopped at its budget and is queued again.
    assert_eq!((server.shared.counters.accepted, server.shared.ready.len()), (64, 1));
    server.run_ready_queue();
    assert_eq!(
        (server.shared.counters.accepted, server.shared.ready.len()),
        (CLIENTS, 0)
    );
}

#[test]
fn long_inputs_are_limited_until_one_is_returned() {
    let directory = TempDir::new().expect("a directory");
    let (server, _) = server_of(directory.path());
    let mut held: Vec<Rc<()>> = std::iter::from_fn(|| server.shared.permit_long_input()).collect();
    assert_eq!(held.len(), 128);
    held.pop();
    assert!(server.shared.permit_long_input().is_some());
}

#[test]
fn a_shutdown_waits_for_transfers_until_its_deadline_or_a_second_request() {
    let directory = TempDir::new().expect("a directory");
    let (mut server, address) = server_of(directory.path());
    assert!(!server.is_shut_down());
    let _client = connect(address);
    turn_until(&mut server, |server| server.slots.len() == 1);
    server.shut_down();
    assert!(!server.is_shut_down(), "a session is open");
    let deadline = server.shutdown_deadline.expect("requested");
    let start = std::mem::replace(&mut server.shared.now, deadline);
    assert!(server.is_shut_down(), "the time for transfers is over");
    server.shared.now = start;
    assert!(!server.is_shut_down());
    server.shut_down();
    assert!(server.is_shut_down(), "a second request");
    turn_until(&mut server, |server| server.slots.is_empty());
    server.shutdown_deadline = Some(deadline);
    assert!(server.is_shut_down(), "no session is open");
}

/// The transcripts of three concurrent clients, and the loop's counters. `disturb` is called after the events of each
/// turn.
fn transcripts(mut disturb: impl FnMut(&mut EventLoop) + Send) -> (Vec<Vec<u8>>, Counters) {
    const CLIENTS: u64 = 3;
    let (address_sender, address_receiver) = mpsc::channel();
    std::thread::scope(|scope| {
        let server = scope.spawn(move || {
            let directory = TempDir::new().expect("a directory");
            let (mut server, address) = server_of(directory.path());
            address_sender.send(address).expect("the test waits for it");
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
        let address = address_receiver.recv().expect("an address");
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                scope.spawn(move || {
                    let mut client = RecordingClient::greet(address);
                    client.converse(&format!("own-{number}"));
                    client.transcript
                })
            })
            .collect();
        let transcripts = clients
            .into_iter()
            .map(|client| client.join().expect("a transcript"))
            .collect();
        (transcripts, server.join().expect("counters"))
    })
}

/// Does what the loop does on an event, without an event; returns how often.
fn wake_for_nothing(server: &mut EventLoop, random: &mut Random) -> u64 {
    let mut wakes = 0;
    let slots: Vec<SlotId> = server.slots.iter().map(|(slot, _)| slot).collect();
    for slot in slots {
        if random.below(3) == 0 {
            continue;
        }
        wakes += 1;
        wake(server, slot, random.below(2) == 0);
    }
    accept_all(server);
    wakes
}

fn wake(server: &mut EventLoop, slot: SlotId, to_the_end: bool) {
    server.step(slot, |connection, shared| {
        connection.control_ready(true, Some(to_the_end), shared);
        connection.data_event(shared);
    });
    server.exchange();
}

fn accept_all(server: &mut EventLoop) {
    server.accept_clients(0);
    for port in 0..PASSIVE_PORTS {
        server.accept_data_connections(0, port);
    }
    server.exchange();
}

/// As if the poll had reported every socket.
pub(super) fn wake_all(server: &mut EventLoop) {
    let slots: Vec<SlotId> = server.slots.iter().map(|(slot, _)| slot).collect();
    for slot in slots {
        wake(server, slot, false);
    }
    accept_all(server);
}

/// Injecting `EAGAIN` would be wrong: with edge-triggered events the kernel returns it only if another event will come.
/// So the sockets are real and the events are false: after those of each turn, connections and listeners are handled as
/// if the poll had reported them.
#[test]
fn k03_spurious_readiness_changes_no_result() {
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
