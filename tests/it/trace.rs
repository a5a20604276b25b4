//! `--trace`: the whole story of a session, in the order in which it happens.

use harness::server::Setup;
use harness::{Client, Server, wait_until};
use std::fs;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

/// The steps of a session in a trace: every number is `#`. Turns in which nothing happened are left out, since a busy
/// machine has more of them.
fn story(trace: &str) -> Vec<String> {
    let mut turns: Vec<Vec<String>> = Vec::new();
    let lines = trace.lines().skip_while(|line| !line.starts_with("  epoll_wait"));
    for line in lines {
        if line.starts_with("turn ") || turns.is_empty() {
            turns.push(Vec::new());
        }
        let turn = turns.last_mut().expect("one at least");
        turn.push(without_numbers(line));
    }
    let happened = |turn: &Vec<String>| turn.iter().any(|line| line.starts_with("    "));
    turns.into_iter().filter(happened).flatten().collect()
}

fn without_numbers(line: &str) -> String {
    let mut plain = String::new();
    for character in line.chars() {
        match character {
            '0'..='9' if plain.ends_with('#') => {}
            '0'..='9' => plain.push('#'),
            other => plain.push(other),
        }
    }
    plain
}

/// Login, PASV, LIST, PASV, RETR, QUIT: the trace of a client that waits for each reply and for each connection.
fn session() -> String {
    let server = Server::with(&["--trace"]);
    server.write("hello.txt", b"Hello, world\n");
    let mut client = server.connect();
    client.login();
    for (transfer, command) in [(1, "LIST"), (2, "RETR hello.txt")] {
        let mut data = client.data();
        let has_come = "its data connection waits for a transfer command";
        wait_until("the connection has come", || {
            server.stdout().matches(has_come).count() == transfer
        });
        client.send(command);
        client.expect(150);
        data.read_to_end(&mut Vec::new()).expect("the data");
        drop(data);
        client.expect(226);
    }
    assert_eq!(client.code("QUIT"), 221);
    drop(client);
    let is_over = || {
        let trace = server.stdout();
        let end = trace.split("session 1: is over\n").nth(1);
        end.is_some_and(|end| end.contains("epoll_wait: "))
    };
    wait_until("the session is over", is_over);
    server.stdout()
}

#[test]
fn the_trace_of_a_session_is_as_docs_architecture_md_shows_it() {
    let document = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/architecture.md");
    let document = fs::read_to_string(document).expect("the document");
    let (_, section) = document.split_once("## The trace of a session").expect("the section");
    let shown = section.split("```").nth(1).expect("the trace");
    let mut trace = String::new();
    // On a busy machine a transfer may take longer than 200 ms, and its end then looks different.
    for _ in 0..5 {
        trace = session();
        if story(&trace) == story(shown) {
            return;
        }
    }
    assert_eq!(
        story(&trace),
        story(shown),
        "docs/architecture.md needs this trace:\n{trace}"
    );
}

#[test]
fn no_line_of_the_trace_is_debug_text() {
    let trace = session();
    for line in trace.lines() {
        let is_debug = ["Some(", "Ok(", " {", "::"].iter().any(|part| line.contains(part));
        assert!(!is_debug, "{line}");
    }
}

/// Two clients at two addresses, one after the other; the trace of those that are selected.
fn two_clients(selection: &str) -> String {
    let server = Setup::new().arguments(&[selection]).start();
    for (number, address) in [(1, Ipv4Addr::new(127, 0, 0, 2)), (2, Ipv4Addr::new(127, 0, 0, 3))] {
        let mut client = Client::connect_from(server.address, IpAddr::V4(address));
        client.login();
        assert_eq!(client.code(&format!("CWD client-{number}")), 550);
        assert_eq!(client.code("QUIT"), 221);
        assert!(client.is_closed());
    }
    server.stop()
}

#[test]
fn the_trace_can_be_of_one_session_or_of_one_client() {
    for selection in ["--trace=2", "--trace=127.0.0.3"] {
        let trace = two_clients(selection);
        let accepted = trace.lines().filter(|line| line.contains("accept4 → fd "));
        let accepted: Vec<&str> = accepted.collect();
        assert!(accepted.len() == 1 && accepted[0].contains("127.0.0.3"), "{trace}");
        assert!(trace.contains("session 2: says CWD client-2"), "{trace}");
        assert!(trace.contains("session 2: is over"), "{trace}");
        assert!(!trace.contains("session 1") && !trace.contains("client-1"), "{trace}");
        let turns = trace.split("\nturn ").skip(1);
        for turn in turns {
            assert!(turn.contains("session 2: "), "a turn without the client: {trace}");
        }
    }
    let trace = two_clients("--trace=127.0.0.4");
    assert!(!trace.contains("turn "), "{trace}");
    let trace = two_clients("-t");
    assert!(trace.contains("client-1") && trace.contains("client-2"), "{trace}");
}

/// The client reads nothing at first, so the socket fills up; then everything.
#[test]
fn a_full_socket_is_registered_and_the_turns_of_a_long_download_are_folded() {
    const BYTES: usize = 64 << 20;
    let server = Server::with(&["--trace"]);
    fs::File::create(server.write("big", b""))
        .and_then(|file| file.set_len(BYTES as u64))
        .expect("a sparse file");
    let mut client = server.login();
    let mut data = client.begin("RETR big");
    wait_until("the socket is full", || server.stdout().contains("sendfile → EAGAIN ("));
    std::thread::sleep(Duration::from_millis(50));
    let received = std::io::copy(&mut data, &mut std::io::sink()).expect("the data");
    assert_eq!(received, BYTES as u64);
    drop(data);
    client.expect(226);
    wait_until("the trace has the reply", || server.stdout().contains("gets 226 "));
    let trace = server.stop();
    let (_, after) = trace.split_once("sendfile → EAGAIN (").expect("it was full");
    let registered = after.lines().nth(2).expect("a line");
    assert!(
        registered.contains("epoll_ctl → ok (fd ") && registered.ends_with(" registered for writable)"),
        "{after}"
    );
    let folded = trace
        .lines()
        .filter(|line| line.starts_with("  … "))
        .collect::<Vec<_>>();
    assert!(folded.iter().any(|line| line.contains(" more turns, ")), "{trace}");
    assert!(
        folded.iter().all(|line| line.ends_with(", nothing else happened")),
        "{folded:?}"
    );
    let shown = trace.matches("\nturn ").count();
    assert!(shown < 150, "{shown} of at least 256 turns are shown: {trace}");
}
