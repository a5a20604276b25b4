//! When the replies of a transfer leave: the 150 before the first byte of data, the 226 behind the end of the data
//! connection, each in a write of its own.
//!
//! Clients that read both at once lose one of them: aria2 then waits until its timeout, Erlang's `ftp` loses the file.

use crate::harness::client::connect;
use crate::harness::faulty::Faulty;
use crate::harness::programs::{Workplace, encoded};
use crate::harness::server::Setup;
use crate::harness::{Client, Server, has_program, wait_until};
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;

/// From one byte to what takes several turns of the loop.
const SIZES: [usize; 9] = [1, 10, 1_000, 20_000, 64_000, 200_000, 300_000, 500_000, 1_000_000];

/// Calls on sockets. None of them fails: the fault is for a call that never comes.
const NO_FAULT: &str = "error=EAGAIN:when=60000";
const ON_SOCKETS: &str = "sendto,sendfile,splice,recvfrom,shutdown,close";

fn noise(bytes: usize) -> Vec<u8> {
    (0..bytes as u64)
        .map(|n| (n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8)
        .collect()
}

/// A server whose calls on sockets are written down, with the addresses of the sockets.
fn traced(fault: &str) -> Faulty {
    Faulty::start_with(Setup::new().writable(), &["-yy", "-s", "100"], ON_SOCKETS, fault)
}

/// How the data connection comes to be.
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
    /// The call would block, or was made to.
    CouldNotSay,
    Data,
    Closed,
}

/// The calls since the last 200, which begins each round, up to the 226, which ends it.
fn events(faulty: &Faulty) -> Vec<Event> {
    let control = format!("<TCP:[{}->", faulty.server.address);
    let mut round = Vec::new();
    // The tracer writes a call down when the client may have its bytes already.
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

/// The 150 first and by itself, then data, then the end, then the 226 by itself.
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

/// The data connection; with [`Way::ConnectedAfter`] it is made when the command has been answered.
fn begin(client: &mut Client, way: Way, command: &str) -> TcpStream {
    match way {
        Way::ConnectedBefore => client.begin(command),
        Way::ConnectedAfter => {
            let address = client.passive();
            client.send(command);
            client.expect(150);
            connect(address, None)
        }
        Way::Active => {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
            let port = listener.local_addr().expect("bound").port();
            assert_eq!(client.code(&format!("EPRT |1|127.0.0.1|{port}|")), 200);
            client.send(command);
            client.expect(150);
            listener.accept().expect("the server connects").0
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

#[test]
fn a_150_leaves_before_the_data_and_a_226_behind_its_end() {
    if !has_program("strace") {
        return;
    }
    let faulty = traced(NO_FAULT);
    faulty.server.write("small", b"content");
    faulty.server.write("large", &noise(600_000));
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

#[test]
fn data_waits_for_a_150_that_the_client_has_no_room_for() {
    if !has_program("strace") {
        return;
    }
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

#[test]
fn replies_that_were_queued_before_go_out_with_the_150_in_order() {
    let server = Server::start();
    server.write("file", b"content");
    let mut client = server.login();
    let mut data = client.data();
    client.send_bytes(b"NOOP\r\nTYPE I\r\nRETR file\r\nPWD\r\n");
    for code in [200, 200, 150] {
        client.expect(code);
    }
    let mut bytes = Vec::new();
    data.read_to_end(&mut bytes).expect("the file");
    drop(data);
    assert_eq!(bytes, b"content");
    client.expect(226);
    client.expect(257);
}

#[test]
fn whoever_has_a_byte_of_data_has_the_150() {
    let server = Server::start();
    server.write("file", b"content");
    let mut client = server.login();
    for command in ["RETR file", "LIST", "NLST", "MLSD"] {
        for _ in 0..50 {
            let mut data = client.data();
            client.send(command);
            data.read_exact(&mut [0]).expect("a first byte");
            client.stream.set_nonblocking(true).expect("an option");
            let mut opening = [0; 4];
            let peeked = client.stream.peek(&mut opening);
            client.stream.set_nonblocking(false).expect("an option");
            assert_eq!(peeked.ok(), Some(4), "{command}: the 150 has not come");
            assert_eq!(&opening, b"150 ");
            data.read_to_end(&mut Vec::new()).expect("the rest");
            drop(data);
            client.expect(150);
            client.expect(226);
        }
    }
}

/// A 226 is held back until the client closes the data connection, but not from one that never does.
#[test]
fn a_client_that_keeps_its_data_connection_open_gets_its_226_all_the_same() {
    let server = Server::start();
    server.write("file", b"content");
    let mut client = server.login();
    let baseline = server.descriptors();
    let mut kept = Vec::new();
    for command in ["RETR file", "LIST"] {
        let data = client.begin(command);
        client.expect(226);
        kept.push(data);
    }
    assert_eq!(server.descriptors(), baseline, "the server's ends are closed");
    for mut data in kept {
        data.read_to_end(&mut Vec::new()).expect("all of it");
    }
}

#[test]
fn unasked_bytes_behind_the_end_of_a_small_file_do_not_reset_its_tail() {
    let server = Server::start();
    server.write("file", b"content");
    let mut client = server.login();
    for _ in 0..20 {
        let mut data = client.begin("RETR file");
        for _ in 0..5 {
            match data.write_all(b"junk") {
                Ok(()) => {}
                Err(error) if matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => break,
                Err(error) => panic!("{error}"),
            }
        }
        data.shutdown(std::net::Shutdown::Write).expect("connected");
        let mut bytes = Vec::new();
        data.read_to_end(&mut bytes).expect("no reset");
        assert_eq!(bytes, b"content");
        client.expect(226);
    }
}

#[test]
fn aria2_is_done_with_a_small_file_as_soon_as_it_has_it() {
    if !has_program("aria2c") {
        return;
    }
    let server = Server::start();
    // Its own timeout is a minute; so is the patience of this test with all of them together.
    let workplace = Workplace::new();
    for size in SIZES {
        let name = format!("file-{size}");
        server.write(&name, &noise(size));
        let url = format!("ftp://{}/{}", server.address, encoded(Path::new(&name)));
        workplace.run_well("aria2c", &["-q", "--no-conf", "--timeout=120", &url], "");
        let copy = fs::read(workplace.path().join(&name)).expect("fetched");
        assert!(copy == noise(size), "{name} differs");
    }
}

#[test]
fn erlang_gets_every_byte_of_small_files_and_listings() {
    if !has_program("erl") {
        return;
    }
    let server = Server::writable();
    for size in SIZES {
        server.write(&format!("file-{size}"), &noise(size));
    }
    let sizes = SIZES.map(|size| size.to_string()).join(",");
    let script = format!(
        r#"
        {{ok, _}} = application:ensure_all_started(ftp),
        {{ok, P}} = ftp:open("127.0.0.1", [{{port, {port}}}, {{timeout, 20000}}]),
        ok = ftp:user(P, "anonymous", "x"),
        ok = ftp:type(P, binary),
        lists:foreach(fun(Size) ->
            Name = "file-" ++ integer_to_list(Size),
            {{ok, Bytes}} = ftp:recv_bin(P, Name),
            {{Size, Size}} = {{byte_size(Bytes), Size}},
            ok = ftp:send_bin(P, Bytes, "back-" ++ integer_to_list(Size)),
            {{ok, Listing}} = ftp:ls(P),
            true = length(Listing) > 0
        end, [{sizes}]),
        ok = ftp:close(P),
        halt(0)."#,
        port = server.address.port()
    );
    Workplace::new().run_well("erl", &["-noshell", "-eval", &script], "");
    for size in SIZES {
        assert!(
            server
                .content(&format!("back-{size}"))
                .is_some_and(|copy| copy == noise(size)),
            "{size} bytes differ"
        );
    }
}
