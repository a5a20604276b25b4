//! A 150 leaves before the data and a 226 after it, checked in a trace of the system calls.

use harness::client::connect;
use harness::faulty::Faulty;
use harness::server::Setup;
use harness::tree::noise;
use harness::{Client, Stream, trials, wait_until};
use libtest_mimic::Trial;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};

pub fn trials() -> Vec<Trial> {
    trials! {
        "strace":
            a_150_leaves_before_the_data_and_a_226_after_its_end,
            no_data_leaves_before_a_150_that_is_blocked;
    }
}

/// A server whose calls on sockets are traced, with the addresses of the sockets.
fn traced(fault: &str) -> Faulty {
    Faulty::start_with(Setup::new().writable(), &["-yy", "-s", "100"], ON_SOCKETS, fault)
}

/// The calls since the last 200, which begins each round, up to the 226, which ends it.
fn events(faulty: &Faulty) -> Vec<Event> {
    let control = format!("<TCP:[{}->", faulty.server.address);
    let mut round = Vec::new();
    // The tracer may write a call after the client has its bytes.
    wait_until("the 226 is traced", || {
        let calls = faulty.calls();
        let events: Vec<Event> = calls.lines().filter_map(|line| event(line, &control)).collect();
        let begin = events.iter().rposition(|event| is_reply(event, "200 "));
        round = events[begin.map_or(0, |begin| begin + 1)..].to_vec();
        round
            .iter()
            .any(|event| matches!(event, Event::Said(text) if text.contains("226 ")))
    });
    round
}

fn event(line: &str, control: &str) -> Option<Event> {
    let call = line.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == ' ');
    let (name, arguments) = call.split_once('(')?;
    let socket = arguments.split([',', ')']).next()?;
    if !socket.contains("->") {
        return None;
    }
    match (name, socket.contains(control)) {
        ("sendto", true) if call.contains("EAGAIN") => Some(Event::CouldNotSay),
        ("sendto", true) => Some(Event::Said(arguments.split('"').nth(1)?.to_owned())),
        ("sendto" | "sendfile" | "splice" | "recvfrom" | "shutdown", false) => Some(Event::Data),
        ("close", false) => Some(Event::Closed),
        _ => None,
    }
}

fn is_reply(event: &Event, code: &str) -> bool {
    matches!(event, Event::Said(text) if text.starts_with(code))
}

/// First the 150 alone, then the data, then the end, then the 226 alone.
fn assert_in_order(events: &[Event], what: &str) {
    let transfer: Vec<&Event> = events
        .iter()
        .skip_while(|event| !matches!(event, Event::CouldNotSay | Event::Data) && !is_reply(event, "150 "))
        .collect();
    let position = |wanted: &dyn Fn(&Event) -> bool| {
        let found = transfer.iter().position(|event| wanted(event));
        found.unwrap_or_else(|| panic!("{what}: {transfer:?}"))
    };
    let opening = position(&|event| is_reply(event, "150 "));
    let ending = position(&|event| is_reply(event, "226 "));
    let first = position(&|event| *event == Event::Data);
    let closed = position(&|event| *event == Event::Closed);
    assert!(
        opening < first && first < closed && closed < ending,
        "{what}: {transfer:?}"
    );
    for reply in [opening, ending] {
        let Event::Said(text) = transfer[reply] else {
            panic!("a reply: {what}");
        };
        assert_eq!(text.matches("\\r\\n").count(), 1, "{what}: {text}");
    }
}

/// The data connection; with [`Way::ConnectedAfter`] it is made after the reply to the command.
fn begin(client: &mut Client, way: Way, command: &str) -> Stream {
    match way {
        Way::ConnectedBefore => client.begin(command),
        Way::ConnectedAfter => {
            let address = client.passive();
            client.send(command);
            client.expect(150);
            client.data_connection(connect(address, None))
        }
        Way::Active => {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
            let port = listener.local_addr().expect("bound").port();
            assert_eq!(client.code(&format!("EPRT |1|127.0.0.1|{port}|")), 200);
            client.send(command);
            client.expect(150);
            client.data_connection(listener.accept().expect("the server connects").0)
        }
    }
}

fn run(client: &mut Client, way: Way, command: &str) {
    let mut data = begin(client, way, command);
    if matches!(command.split(' ').next(), Some("STOR" | "APPE" | "STOU")) {
        // An empty zlib stream in MODE Z, and some bytes otherwise.
        data.write_all(&[0x78, 0x9c, 0x03, 0x00, 0x00, 0x00, 0x00, 0x01])
            .expect("room");
    } else {
        data.read_to_end(&mut Vec::new()).expect("all of it");
    }
    drop(data);
    client.expect(226);
}

/// Calls on sockets. None of them fails: the fault is for a call that is never made.
const NO_FAULT: &str = "error=EAGAIN:when=60000";

const ON_SOCKETS: &str = "sendto,sendfile,splice,recvfrom,shutdown,close";

/// How the data connection is made.
#[derive(Clone, Copy, Debug)]
enum Way {
    ConnectedBefore,
    ConnectedAfter,
    Active,
}

/// What happened on the two connections of a session, in the order of the system calls.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Event {
    /// Replies that were written with one call.
    Said(String),
    /// The call would block, or was made to fail so.
    CouldNotSay,
    Data,
    Closed,
}

fn a_150_leaves_before_the_data_and_a_226_after_its_end() {
    let faulty = traced(NO_FAULT);
    faulty.server.write("small", b"content");
    faulty.server.write("large", &noise(1, 600_000));
    faulty.server.write("empty", b"");
    let mut client = faulty.server.login();
    for mode in ["S", "Z"] {
        for way in [Way::ConnectedBefore, Way::ConnectedAfter, Way::Active] {
            for command in [
                "RETR small",
                "RETR empty",
                "RETR large",
                "LIST",
                "NLST",
                "MLSD",
                "STOR new",
                "APPE new",
                "STOU new",
            ] {
                assert_eq!(client.code(&format!("MODE {mode}")), 200);
                run(&mut client, way, command);
                assert_in_order(&events(&faulty), &format!("{command} in MODE {mode}, {way:?}"));
            }
        }
    }
}

fn no_data_leaves_before_a_150_that_is_blocked() {
    for command in ["RETR file", "RETR empty", "LIST", "STOR new"] {
        // Greeting, USER, PASS, TYPE, PASV; the sixth reply is the 150.
        let faulty = traced("error=EAGAIN:when=6");
        faulty.server.write("file", b"content");
        faulty.server.write("empty", b"");
        let mut client = faulty.server.login();
        run(&mut client, Way::ConnectedBefore, command);
        faulty.assert_it_happened(command);
        let events = events(&faulty);
        assert!(events.contains(&Event::CouldNotSay), "{command}: {events:?}");
        assert_in_order(&events, command);
    }
}
