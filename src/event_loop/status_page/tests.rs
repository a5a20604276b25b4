use super::*;
use crate::event_loop::accept::Origin;
use crate::event_loop::simulation::simulated_connection::{ClientEnd, wire};
use crate::event_loop::tests::server_of;
use crate::options::Techniques;
use crate::ports::StatusListener;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use tempfile::TempDir;

const OWN: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const SECOND: Duration = Duration::from_secs(1);

/// A loop with a status page, whose viewers and clock are simulated.
struct Watched {
    server: EventLoop,
    now: Instant,
    _directory: TempDir,
}

impl Watched {
    fn new() -> Self {
        let directory = TempDir::new().expect("a directory");
        let (mut server, _) = server_of(directory.path());
        let descriptors = &server.shared.descriptors;
        let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let registry = server.poller.registry();
        let listener = StatusListener::open(any_port, registry, descriptors, &Techniques::default());
        let now = server.shared.now;
        let status = Status::new(listener.expect("a free port"), &[], Vec::new(), now);
        server.status = Some(Box::new(status));
        server.shared.tallies = Some(Box::default());
        Self {
            server,
            now,
            _directory: directory,
        }
    }

    fn view(&mut self, request: &str) -> ClientEnd {
        let (socket, viewer) = wire();
        viewer.send(request.as_bytes());
        self.server
            .work_on_status(|status, seen| status.admit(Box::new(socket), OWN, seen));
        viewer
    }

    /// A viewer of the stream that has read its beginning.
    fn watch(&mut self) -> ClientEnd {
        let viewer = self.view("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let begin = text(&viewer);
        assert!(
            begin.contains("event: hello") && begin.contains("event: complete"),
            "{begin}"
        );
        viewer
    }

    /// Time passes, in turns of 50 ms.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.turn(Duration::from_millis(50));
        }
    }

    fn turn(&mut self, after: Duration) {
        self.now += after;
        self.server.begin_turn(self.now);
        self.server.finish_turn();
    }

    /// A session over a simulated connection.
    fn begin_session(&mut self) -> ClientEnd {
        let (socket, client) = wire();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 40_000));
        self.server.admit(Box::new(socket), address, Origin::loopback());
        client
    }

    /// The session's command.
    fn say(&mut self, client: &ClientEnd, line: &str) {
        client.send(format!("{line}\r\n").as_bytes());
        let slot = client.slot().expect("registered");
        self.server.handler_begins(Stage::Events, Handler::Control);
        self.server.step(slot, |connection, shared| {
            connection.control_ready(false, Some(true), shared)
        });
        self.server.handler_ends();
        self.server.finish_turn();
    }
}

fn text(viewer: &ClientEnd) -> String {
    String::from_utf8(viewer.receive()).expect("UTF-8")
}

#[test]
fn n03_a_request_that_takes_10_s_is_answered_408_and_closed() {
    let mut watched = Watched::new();
    let viewer = watched.view("GET / HTTP/1.1\r\nHost: loc");
    watched.pass(9 * SECOND);
    assert!(text(&viewer).is_empty() && !viewer.is_closed(), "it has 10 s");
    watched.pass(2 * SECOND);
    assert!(text(&viewer).starts_with("HTTP/1.1 408 "));
    assert!(
        viewer.is_at_end() && !viewer.is_closed(),
        "the client can read the answer"
    );
    watched.pass(3 * SECOND);
    assert!(viewer.is_closed());
    let fresh = watched.view("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(text(&fresh).starts_with("HTTP/1.1 200 "));
}

#[test]
fn n05_a_viewer_that_does_not_read_is_dropped_and_its_place_is_free_again() {
    let mut watched = Watched::new();
    let descriptors = watched.server.shared.descriptors.used();
    let clients: Vec<ClientEnd> = (0..90).map(|_| watched.begin_session()).collect();
    let (idle, reader) = (watched.watch(), watched.watch());
    let mut dropped_after = None;
    for second in 0..600 {
        for client in &clients {
            client.receive();
            watched.say(client, "NOOP");
        }
        watched.pass(SECOND);
        if reader.has_room_again() {
            watched.server.serve_viewer(reader.slot().expect("registered"));
        }
        let read = text(&reader);
        assert!(read.contains("event: figures"), "the other viewer is served: {read}");
        if idle.is_closed() {
            dropped_after = Some(second);
            break;
        }
    }
    assert!(dropped_after.is_some_and(|second| second >= 9), "{dropped_after:?}");
    assert!(!reader.is_closed());
    reader.close();
    watched.server.serve_viewer(reader.slot().expect("registered"));
    assert!(reader.is_closed(), "a closed stream ends");
    clients.iter().for_each(ClientEnd::close);
    for client in &clients {
        watched.say(client, "");
    }
    assert_eq!(watched.server.shared.descriptors.used(), descriptors);
    for _ in 0..16 {
        watched.watch();
    }
    let refused = watched.view("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(
        text(&refused).starts_with("HTTP/1.1 503 "),
        "16 places are free, the 17th is not"
    );
}

/// Runs for 5 s in which something happens all the time, and counts the messages.
#[test]
fn changes_are_sent_at_most_ten_times_a_second_and_once_when_nothing_happens() {
    let mut watched = Watched::new();
    let client = watched.begin_session();
    let viewer = watched.watch();
    let mut messages = 0;
    for _ in 0..500 {
        watched.say(&client, "NOOP");
        client.receive();
        watched.turn(Duration::from_millis(10));
        messages += text(&viewer).matches("event: figures").count();
    }
    assert!((45..=51).contains(&messages), "{messages} messages in 5 s");
    watched.pass(SECOND);
    viewer.receive();
    watched.pass(10 * SECOND);
    let idle = text(&viewer).matches("event: figures").count();
    assert!(
        (9..=11).contains(&idle),
        "{idle} messages in 10 s without anything to say"
    );
}

#[test]
fn without_viewers_the_stream_ends_and_the_loop_sleeps() {
    let mut watched = Watched::new();
    let viewer = watched.watch();
    assert!(watched.server.next_status().is_some());
    viewer.close();
    watched.server.serve_viewer(viewer.slot().expect("registered"));
    watched.pass(15 * SECOND);
    assert_eq!(watched.server.next_status(), None);
}

#[test]
fn a_followed_session_is_shown_from_before_and_on_with_commands_replies_and_states_and_no_password() {
    let mut watched = Watched::new();
    let (followed, other) = (watched.begin_session(), watched.begin_session());
    let first = watched.server.slots.iter().next().expect("the first");
    let number = first.1.session().number();
    for client in [&followed, &other] {
        watched.say(client, "USER anonymous");
        watched.say(client, "PASS secret@example.org");
    }
    let viewer = watched.view(&format!(
        "GET /events?follow={number} HTTP/1.1\r\nHost: localhost\r\n\r\n"
    ));
    let before = text(&viewer);
    let (_, said) = before.split_once("event: said\n").expect("from before");
    for expected in [
        "[\"reply\",\"220 ",
        "[\"command\",\"USER anonymous\"]",
        "[\"state\",\"login, no user → login, anonymous\"]",
        "[\"command\",\"PASS ****\"]",
        "[\"state\",\"login, anonymous → ready\"]",
    ] {
        assert_eq!(said.matches(expected).count(), 1, "{expected}: {said}");
    }
    watched.say(&followed, "PASV");
    watched.say(&other, "SYST");
    watched.turn(SECOND);
    let after = text(&viewer);
    let (_, said) = after.split_once("event: said\n").expect("what is new");
    for expected in [
        "[\"command\",\"PASV\"]",
        "[\"state\",\"waiting for a passive port → port announced\"]",
        "\"reply\",\"227 Entering Passive Mode (",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    assert!(!said.contains("USER") && !said.contains("SYST"), "{said}");
    assert!(!before.contains("secret"), "{before}");
}

#[test]
fn what_viewers_cause_is_recorded_in_the_stage_in_which_it_happens() {
    let mut watched = Watched::new();
    let _viewer = watched.watch();
    let client = watched.begin_session();
    watched.say(&client, "NOOP");
    watched.pass(SECOND);
    let turns = watched.view("GET /turns.json HTTP/1.0\r\nHost: localhost\r\n\r\n");
    let turns = text(&turns);
    assert!(
        turns.contains("{\"stage\":\"events\",\"handler\":\"control\",\"slot\":0"),
        "{turns}"
    );
    assert!(
        turns.contains("{\"stage\":\"flush\",\"handler\":\"flush\",\"slot\":0"),
        "{turns}"
    );
    assert!(
        turns.contains("{\"stage\":\"deadlines\",\"handler\":\"status\",\"slot\":null"),
        "{turns}"
    );
}
