//! The status page as its viewers and Prometheus get it: what it answers, whom it refuses, and what it shows of
//! clients.

use harness::http::Answer;
use harness::server::{Setup, refused_start};
use harness::{Client, Server, wait_until};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};

fn watched() -> Server {
    Server::with(&["--status", "127.0.0.1:0"])
}

fn json(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.status, 200, "{answer:?}");
    serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{error}: {answer:?}"))
}

#[test]
fn n01_a_page_elsewhere_cannot_read_the_status_by_rebinding_its_name() {
    let server = Server::with(&["--status", "127.0.0.1:0", "--status-host", "files.example"]);
    let port = server.status_address().port();
    for target in ["/", "/metrics", "/sessions.json", "/turns.json", "/events", "/nothing"] {
        let request =
            format!("GET {target} HTTP/1.1\r\nHost: evil.example:{port}\r\nOrigin: http://evil.example\r\n\r\n");
        let answer = server.ask_status(request.as_bytes());
        assert_eq!(answer.status, 403, "{target}");
        assert!(!answer.body.contains("evil"), "nothing is echoed: {answer:?}");
    }
    for host in ["localhost", "127.0.0.1", "FILES.example"] {
        let request = format!("GET /metrics HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n");
        assert_eq!(server.ask_status(request.as_bytes()).status, 200, "{host}");
    }
}

#[test]
fn n02_answers_are_read_only_and_carry_headers_against_other_origins() {
    let server = watched();
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"] {
        let request = format!("{method} /metrics HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n\r\n");
        let answer = server.ask_status(request.as_bytes());
        assert_eq!(
            (answer.status, answer.header("allow")),
            (405, Some("GET, HEAD")),
            "{method}"
        );
    }
    for target in ["/", "/metrics", "/sessions.json", "/turns.json", "/missing"] {
        let answer = server.get_status(target);
        assert_eq!(answer.status, if target == "/missing" { 404 } else { 200 }, "{target}");
        assert!(
            !answer.head.to_lowercase().contains("access-control"),
            "no CORS: {}",
            answer.head
        );
        let policy = answer.header("content-security-policy").expect("a policy");
        assert!(
            policy.starts_with("default-src 'none'; script-src 'sha256-") && !policy.contains("unsafe"),
            "{policy}"
        );
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("cache-control", "no-store"),
            ("cross-origin-resource-policy", "same-origin"),
            ("x-frame-options", "DENY"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{target}");
        }
        let head = server.ask_status(format!("HEAD {target} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes());
        assert_eq!(
            (head.status, head.body.as_str()),
            (
                answer.status,
                if target == "/missing" { answer.body.as_str() } else { "" }
            )
        );
    }
}

#[test]
fn n03_requests_that_are_too_long_or_nonsense_are_refused_and_the_server_goes_on() {
    let server = watched();
    let long = format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {}", "x".repeat(100_000));
    assert_eq!(server.ask_status(long.as_bytes()).status, 431);
    assert_eq!(server.ask_status(b"USER anonymous\r\n\r\n").status, 400);
    assert_eq!(server.ask_status(b"\x16\x03\x01\x02\x00\x01\x00").status, 400);
    for length in [1, 20, 40] {
        let mut stream = server.watch_status("/", "");
        stream
            .write_all(&b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: x\r\n\r\n"[..length])
            .expect("sent");
    }
    assert_eq!(server.login().code("NOOP"), 200);
    let in_pieces = server.status_address();
    let mut stream = harness::client::connect(in_pieces, None);
    for byte in b"GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n" {
        stream.write_all(&[*byte]).expect("sent");
    }
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("the answer");
    assert!(text.starts_with("HTTP/1.1 200 ") && text.contains("process_start_time_seconds"));
}

#[test]
fn n06_the_page_is_served_when_sessions_have_used_up_the_descriptors_and_to_16_viewers_at_most() {
    let server = Setup::new().arguments(&["--status", "127.0.0.1:0"]).nofile(90).start();
    let baseline = server.descriptors();
    let admitted = || {
        let mut client = Client::connect_silently(server.address, None);
        (client.reply().code == 220).then_some(client)
    };
    let sessions: Vec<Client> = std::iter::from_fn(admitted).take(100).collect();
    assert!(
        (5..60).contains(&sessions.len()),
        "{} sessions, then a refusal",
        sessions.len()
    );
    let mut viewers: Vec<_> = (0..16)
        .map(|_| {
            let mut reader = BufReader::new(server.watch_status("/events", ""));
            let mut line = String::new();
            reader.read_line(&mut line).expect("a status line");
            assert!(line.starts_with("HTTP/1.1 200 "), "{line}");
            reader
        })
        .collect();
    assert_eq!(server.get_status("/metrics").status, 503);
    viewers.pop();
    wait_until("a place is free", || server.get_status("/metrics").status == 200);
    drop((viewers, sessions));
    server.wait_for_descriptors(baseline);
}

/// The samples of an exposition, checked line by line: each family is declared once, before its samples.
fn parsed_figures(text: &str) -> BTreeMap<String, f64> {
    let (mut kinds, mut samples) = (BTreeMap::new(), BTreeMap::new());
    let (mut helped, mut current) = (BTreeSet::new(), String::new());
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').expect("a help text");
            assert!(helped.insert(name.to_owned()) && !help.is_empty(), "{line}");
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a kind");
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert_eq!(name.ends_with("_total"), kind == "counter", "{line}");
            assert!(helped.contains(name), "{line}");
            assert!(kinds.insert(name.to_owned(), kind.to_owned()).is_none(), "{line}");
            current = name.to_owned();
        } else {
            let (sample, value) = line.rsplit_once(' ').expect("a value");
            let value: f64 = value.parse().unwrap_or_else(|_| panic!("{line}"));
            let (name, labels) = sample.split_once('{').unwrap_or((sample, "}"));
            let labels = labels.strip_suffix('}').expect("closed labels");
            for label in labels.split(',').filter(|label| !label.is_empty()) {
                let (label, value) = label.split_once("=\"").expect("a label");
                let value = value.strip_suffix('"').expect("a closed value");
                assert!(
                    label.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'),
                    "{line}"
                );
                assert!(!value.contains(['"', '\\', '\n']), "{line}");
            }
            let family = match kinds.get(&current).map(String::as_str) {
                Some("histogram") => ["_bucket", "_sum", "_count"]
                    .iter()
                    .find_map(|suffix| name.strip_suffix(suffix)),
                _ => Some(name),
            };
            assert_eq!(family, Some(current.as_str()), "{line}");
            assert!(
                value >= 0.0 && samples.insert(sample.to_owned(), value).is_none(),
                "{line}"
            );
        }
    }
    samples
}

#[test]
fn figures_for_prometheus_are_well_formed_and_count_what_happened() {
    let server = watched();
    server.write("file", &[7; 100_000]);
    let before = parsed_figures(&server.get_status("/metrics").body);
    let mut client = server.login();
    assert_eq!(client.fetch("RETR file").len(), 100_000);
    assert_eq!(client.code("RETR missing"), 550);
    assert_eq!(client.code("STAT /"), 213);
    assert_eq!(client.code("XCRC file"), 250);
    assert_eq!(client.code("QUIT"), 221);
    let _stays = server.connect();
    wait_until("the session is counted", || {
        server.get_status("/metrics").body.contains("reason=\"quit\"")
    });
    let answer = server.get_status("/metrics");
    assert_eq!(
        answer.header("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    let after = parsed_figures(&answer.body);
    let gained = |name: &str| after.get(name).unwrap_or_else(|| panic!("{name}")) - before.get(name).unwrap_or(&0.0);
    for (name, expected) in [
        ("loopftpd_sessions", 1.0),
        ("loopftpd_sessions_accepted_total", 2.0),
        ("loopftpd_sessions_ended_total{reason=\"quit\"}", 1.0),
        ("loopftpd_logins_total{outcome=\"ok\"}", 1.0),
        ("loopftpd_commands_total", 9.0),
        ("loopftpd_replies_total{class=\"1xx\"}", 1.0),
        // Two greetings, PASS, TYPE, PASV, the end of the transfer, the long answers to STAT and XCRC, and QUIT.
        ("loopftpd_replies_total{class=\"2xx\"}", 9.0),
        ("loopftpd_replies_total{class=\"3xx\"}", 1.0),
        ("loopftpd_replies_total{class=\"5xx\"}", 1.0),
        ("loopftpd_transfers_total{direction=\"sent\",outcome=\"complete\"}", 1.0),
        ("loopftpd_transferred_bytes_total{direction=\"sent\"}", 100_000.0),
        ("loopftpd_passive_draws_total", 1.0),
    ] {
        assert_eq!(gained(name), expected, "{name}: {}", answer.body);
    }
    let [turns, counted] = ["loopftpd_turns_total", "loopftpd_turn_duration_seconds_count"].map(|name| after[name]);
    assert!(
        turns >= counted && counted >= turns - 1.0,
        "the running turn is not over: {turns}, {counted}"
    );
    assert!(after["process_resident_memory_bytes"] > 1e6);
}

#[test]
fn n04_names_from_clients_are_escaped_and_no_client_chooses_a_label() {
    let server = Setup::new().writable().arguments(&["--status", "127.0.0.1:0"]).start();
    let mut client = server.login();
    let name = "<script><b onload=x>\"\\\u{202e}\u{1b}[31m\u{e9}";
    let mut data = client.begin(&format!("STOR {}", name.replace('\u{1b}', "")));
    data.write_all(b"part").expect("sent");
    wait_until("the upload is shown", || {
        server.get_status("/sessions.json").body.contains("\"bytes\":4")
    });
    let sessions = json(&server.get_status("/sessions.json"));
    let [session] = &sessions[..] else {
        panic!("one session: {sessions:?}");
    };
    assert_eq!(session["state"], "receiving");
    assert_eq!(session["user"], "anonymous");
    let path = session["transfer"]["path"].as_str().expect("a path");
    assert!(
        path.starts_with("/<script><b onload=x>\"\\\\"),
        "as text in JSON: {path}"
    );
    assert!(
        !path
            .chars()
            .any(|character| character.is_control() || character == '\u{202e}'),
        "{path:?}"
    );
    let figures = server.get_status("/metrics").body;
    assert!(!figures.contains("onload"), "{figures}");
    drop(data);
    client.expect(226);
}

#[test]
fn sessions_and_turns_are_complete_json_however_many_there_are() {
    let server = watched();
    let empty = json(&server.get_status("/sessions.json"));
    assert!(empty.is_empty());
    let held: Vec<_> = (0..300).map(|_| server.connect()).collect();
    let sessions = json(&server.get_status("/sessions.json"));
    let numbers: BTreeSet<u64> = sessions
        .iter()
        .filter_map(|session| session["session"].as_u64())
        .collect();
    assert_eq!((sessions.len(), numbers.len()), (300, 300));
    assert!(sessions.iter().all(|session| session["waits_for"] == "its login"));
    let turns = json(&server.get_status("/turns.json"));
    assert!(turns.len() > 100, "{} turns", turns.len());
    let numbers: Vec<u64> = turns.iter().filter_map(|turn| turn["turn"].as_u64()).collect();
    assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "in order");
    let before = json(&server.get_status(&format!("/turns.json?before={}", numbers[50])));
    assert!(
        before
            .last()
            .is_some_and(|turn| turn["turn"].as_u64() < Some(numbers[50]))
    );
    drop(held);
}

/// The events of a stream until `is_over`, as name and data.
fn events_until(
    stream: impl Read,
    mut is_over: impl FnMut(&str, &Value) -> bool,
) -> Vec<(String, Value, Option<String>)> {
    let mut events = Vec::new();
    let (mut name, mut id) = (String::new(), None);
    for line in BufReader::new(stream).lines() {
        let line = line.expect("a line of the stream");
        if let Some(event) = line.strip_prefix("event: ") {
            event.clone_into(&mut name);
        } else if let Some(number) = line.strip_prefix("id: ") {
            id = Some(number.to_owned());
        } else if let Some(data) = line.strip_prefix("data: ") {
            let data: Value = serde_json::from_str(data).expect("JSON");
            let is_last = is_over(&name, &data);
            events.push((name.clone(), data, id.take()));
            if is_last {
                return events;
            }
        }
    }
    panic!("the stream ended: {events:?}");
}

#[test]
fn the_stream_begins_with_a_snapshot_and_continues_with_changes() {
    let server = watched();
    server.write("big", &vec![1; 30_000_000]);
    let held: Vec<_> = (0..150).map(|_| server.connect()).collect();
    let mut shown = BTreeSet::new();
    let stream = server.watch_status("/events", "");
    let snapshot = events_until(&stream, |name, data| {
        if name == "slots" {
            shown.extend(data.as_array().expect("rows").iter().filter_map(|row| row[0].as_u64()));
        }
        name == "complete"
    });
    assert_eq!((snapshot[0].0.as_str(), shown.len()), ("hello", 150));
    let mut client = server.login();
    let data = client.begin("RETR big");
    let is_shown = |name: &str, data: &Value, wanted: &str| {
        let rows = data.as_array().filter(|_| name == "slots");
        rows.is_some_and(|rows| rows.iter().any(|row| row[1] == 151 && row[2] == wanted))
    };
    events_until(&stream, |name, data| is_shown(name, data, "sending"));
    drop(data);
    client.expect(426);
    events_until(&stream, |name, data| is_shown(name, data, "ready"));
    drop(client);
    let is_free = |row: &Value| row.as_array().is_some_and(|row| row.len() == 1 && row[0] == 150);
    events_until(&stream, |name, data| {
        name == "slots" && data.as_array().is_some_and(|rows| rows.iter().any(is_free))
    });
    drop(held);
}

#[test]
fn a_viewer_that_comes_back_gets_what_it_missed() {
    let server = watched();
    let mut client = server.login();
    let first = events_until(server.watch_status("/events", ""), |name, _| name == "figures");
    let id = first.last().and_then(|(_, _, id)| id.clone()).expect("a number");
    assert_eq!(client.code("NOOP"), 200);
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert_eq!(client.code("NOOP"), 200);
    let header = format!("Last-Event-ID: {id}\r\n");
    let resumed = events_until(server.watch_status("/events", &header), |name, _| name == "figures");
    assert!(
        resumed.iter().all(|(name, _, _)| name != "hello"),
        "no second snapshot: {resumed:?}"
    );
    let next = resumed.last().and_then(|(_, _, id)| id.clone()).expect("a number");
    let number = |id: &str| -> u64 {
        id.split_once('-')
            .expect("stream and message")
            .1
            .parse()
            .expect("a number")
    };
    assert_eq!(number(&next), number(&id) + 1);
    let unknown = events_until(server.watch_status("/events", "Last-Event-ID: 99-1\r\n"), |name, _| {
        name == "figures"
    });
    assert_eq!(unknown[0].0, "hello");
}

#[test]
fn each_command_of_a_followed_session_is_shown_once_also_one_that_ends_a_transfer() {
    let server = watched();
    server.write("big", &vec![1; 30_000_000]);
    let mut client = server.login();
    let data = client.begin("RETR big");
    client.send_bytes(b"NOOP\r\nABOR\r\n");
    for code in [426, 200, 226] {
        client.expect(code);
    }
    drop(data);
    let stream = server.watch_status("/events?follow=1", "");
    let events = events_until(&stream, |name, _| name == "said");
    let (_, lines, _) = events.last().expect("what was said");
    let commands: Vec<&str> = (lines.as_array().expect("lines").iter())
        .filter(|line| line[1][0] == "command")
        .filter_map(|line| line[1][1].as_str())
        .collect();
    assert_eq!(commands[commands.len() - 3..], ["RETR big", "NOOP", "ABOR"], "{lines}");
}

#[test]
fn n07_other_machines_reach_the_page_only_if_the_operator_wants_it_and_the_log_says_so() {
    let everywhere = Server::with(&["--status", "0.0.0.0:0"]);
    assert!(
        everywhere.stderr().contains("sees who is connected"),
        "{}",
        everywhere.stderr()
    );
    assert!(!watched().stderr().contains("sees who is connected"));
    for (arguments, expected) in [
        (["--status", "localhost:80"], "expected ADDRESS:PORT"),
        (
            ["--status", "192.0.2.1:0"],
            "--status 192.0.2.1:0: expected an address of this machine",
        ),
        (["--status-host", "files.example"], "--status-host: needs --status"),
        (["--status", "127.0.0.1:30001"], "the port is within --passive-ports"),
    ] {
        let free = ["--listen", "127.0.0.1:0"];
        let (code, text) = refused_start(&[&free[..], &arguments[..]].concat());
        assert_eq!(code, Some(2), "{text}");
        assert!(text.contains(expected), "{text}");
    }
}
