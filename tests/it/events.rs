//! `--events`: one line of JSON for each connection, login, transfer, change and refusal, to a file, a FIFO or standard
//! output. A slow or missing reader never blocks the server (threats F08, I01).

use harness::accounts::{ConfinedBy, Premises, client_of, everything, log_in};
use harness::event_log::{events_in, parsed, with_events};
use harness::{Client, Server, wait_until};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::fs;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;

/// An event without the fields that differ each time; their form is checked.
fn essence(mut event: Value) -> Value {
    let fields = event.as_object_mut().expect("an object");
    let time = fields.remove("time").expect("a time");
    let time = time.as_str().expect("text");
    assert!(
        time.len() == 24 && time.ends_with('Z') && &time[10..11] == "T" && &time[19..20] == ".",
        "{time}"
    );
    assert_eq!(fields.remove("schema"), Some(json!(1)));
    assert_eq!(fields.remove("peer"), Some(json!("127.0.0.1")));
    assert!(
        fields
            .remove("port")
            .expect("a port")
            .as_u64()
            .is_some_and(|port| port > 0)
    );
    if let Some(milliseconds) = fields.remove("ms") {
        assert!(milliseconds.is_u64());
    }
    assert!(fields.remove("session").expect("a number").is_u64());
    if let Some(seconds) = fields.remove("seconds") {
        assert!(seconds.as_f64().is_some_and(|seconds| seconds >= 0.0));
    }
    event
}

fn change(verb: &str, path: &str, to: Option<&str>) -> Value {
    json!({ "event": "change", "user": "alice", "verb": verb, "path": path, "to": to })
}

fn refusal(verb: &str, path: &str, code: u16) -> Value {
    json!({ "event": "refusal", "user": "alice", "verb": verb, "path": path, "code": code })
}

fn transfer(verb: &str, path: &str, bytes: u64, code: u16) -> Value {
    let direction = if verb == "RETR" { "out" } else { "in" };
    json!({ "event": "transfer", "user": "alice", "verb": verb, "direction": direction, "path": path, "type": "I",
            "bytes": bytes, "code": code, "ok": code < 400,
            "outcome": match code { 226 => "complete", 425 => "no-data-connection", _ => "aborted" } })
}

#[test]
fn every_kind_of_event_is_written_with_its_fields() {
    let (_premises, path, server) = with_events(ConfinedBy::Default);
    let mut client = server.connect();
    assert_eq!(client.code("USER alice"), 331);
    assert_eq!(client.code("PASS wrong"), 530);
    log_in(&mut client, "alice");
    let mut second = server.connect();
    assert_eq!(second.code("USER alice"), 331);
    assert_eq!(second.code("PASS secret"), 421, "she has one session already");
    assert!(second.is_closed());
    let mut expected = vec![
        json!({ "event": "connect", "user": null }),
        json!({ "event": "login", "user": "alice", "ok": false, "outcome": "wrong-password" }),
        json!({ "event": "login", "user": "alice", "ok": true, "outcome": "ok" }),
        json!({ "event": "connect", "user": null }),
        json!({ "event": "login", "user": "alice", "ok": false, "outcome": "too-many-sessions" }),
        json!({ "event": "disconnect", "user": null, "bytes_sent": 0, "bytes_received": 0,
                "outcome": "too-many-sessions" }),
    ];
    for (line, event) in [
        ("RETR file", transfer("RETR", "/file", 10, 226)),
        ("STOR new", transfer("STOR", "/new", 19, 226)),
        ("APPE ./x/../new", transfer("APPE", "/new", 19, 226)),
        ("MKD d", change("MKD", "/d", None)),
        ("MFMT 20240101000000 new", change("MFMT", "/new", None)),
        ("MFF modify=20240101000000; new", change("MFF", "/new", None)),
        ("MDTM 20240101000000 new", change("MDTM", "/new", None)),
        ("SITE UTIME 20240101000000 new", change("SITE UTIME", "/new", None)),
        ("SITE CHMOD 640 new", change("SITE CHMOD", "/new", None)),
        ("RMD d", change("RMD", "/d", None)),
        ("RETR missing", refusal("RETR", "/missing", 550)),
        ("STOR .htaccess", refusal("STOR", "/.htaccess", 553)),
        ("APPE d/x", refusal("APPE", "/d/x", 550)),
        ("STOU missing/x", refusal("STOU", "/missing/x", 550)),
        ("DELE missing", refusal("DELE", "/missing", 550)),
        ("MKD new", refusal("MKD", "/new", 550)),
        ("RMD new", refusal("RMD", "/new", 550)),
        ("RNFR missing", refusal("RNFR", "/missing", 550)),
        ("RNTO x", refusal("RNTO", "/x", 503)),
        ("MFMT 20240101000000 missing", refusal("MFMT", "/missing", 550)),
        ("SITE CHMOD 600 missing", refusal("SITE CHMOD", "/missing", 550)),
    ] {
        everything(&mut client, line);
        expected.push(event);
    }
    assert_eq!(client.code("RANG 1 2"), 350);
    assert_eq!(client.code("STOU"), 504);
    expected.push(refusal("STOU", "/", 504));
    assert_eq!(client.code("RNFR new"), 350);
    assert_eq!(client.code("RNTO moved"), 250);
    expected.push(change("RNTO", "/new", Some("/moved")));
    assert_eq!(client.code("DELE moved"), 250);
    expected.push(change("DELE", "/moved", None));
    assert_eq!(client.code("ABOR"), 226, "no address is left");
    assert_eq!(client.code("RETR file"), 425);
    expected.push(transfer("RETR", "/file", 0, 425));
    // An aborted upload, and a user without an account.
    let mut data = client.data();
    client.send("STOR broken");
    client.expect(150);
    data.write_all(b"some of it").expect("the server reads it");
    client.send("ABOR");
    client.expect(426);
    client.expect(226);
    let mut other = server.login();
    assert_eq!(other.code("MKD hers"), 257);
    assert_eq!(client.code("QUIT"), 221);
    let events = events_in(&path, expected.len() + 5);
    let mut rest: Vec<Value> = events.into_iter().map(essence).collect();
    let tail = rest.split_off(expected.len());
    for (event, expected) in rest.iter().zip(&expected) {
        assert_eq!(event, expected);
    }
    let [mut broken, came, login, made, mut left] = <[Value; 5]>::try_from(tail).expect("five more");
    assert_eq!(came, json!({ "event": "connect", "user": null }));
    let left = left.as_object_mut().expect("an object");
    assert_eq!(left.remove("bytes_sent"), Some(json!(10)));
    assert!(
        left.remove("bytes_received")
            .is_some_and(|bytes| bytes.as_u64() >= Some(38))
    );
    assert_eq!(
        left,
        json!({ "event": "disconnect", "user": "alice", "outcome": "quit" })
            .as_object()
            .expect("one")
    );
    let bytes = broken
        .as_object_mut()
        .and_then(|fields| fields.insert("bytes".into(), json!(0)));
    assert!(bytes.and_then(|bytes| bytes.as_u64()).is_some_and(|bytes| bytes <= 10));
    assert_eq!(broken, transfer("STOR", "/broken", 0, 426));
    assert_eq!(
        login,
        json!({ "event": "login", "user": "anonymous", "ok": true, "outcome": "ok" })
    );
    assert_eq!(
        made,
        json!({ "event": "change", "user": "anonymous", "verb": "MKD", "path": "/hers", "to": null })
    );
}

/// Commands that only read write no event: neither listings, nor MDTM of a file whose name begins with a time.
#[test]
fn commands_that_change_and_send_nothing_write_no_event() {
    let (premises, path, server) = with_events(ConfinedBy::Default);
    premises.write("alice/20240101000000 file", b"x");
    let mut client = client_of(&server, "alice");
    for line in [
        "LIST",
        "MLSD",
        "NLST",
        "STAT file",
        "SIZE file",
        "MDTM file",
        "MDTM 20240101000000 file",
        "CWD missing",
        "HASH file",
        "PWD",
    ] {
        everything(&mut client, line);
    }
    assert_eq!(client.code("MKD last"), 257);
    let events = events_in(&path, 3);
    assert_eq!(events[2]["verb"], "MKD");
}

/// The bytes that a name in an event means.
fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, others @ ..] = rest {
        rest = match others {
            [b'\\', others @ ..] if *first == b'\\' => {
                bytes.push(b'\\');
                others
            }
            [b'x', high, low, others @ ..] if *first == b'\\' => {
                let digits = [*high, *low];
                let digits = std::str::from_utf8(&digits).expect("ASCII");
                bytes.push(u8::from_str_radix(digits, 16).expect("two digits"));
                others
            }
            others => {
                bytes.push(*first);
                others
            }
        };
    }
    bytes
}

/// The next name of all bytes that a client can send: everything but control bytes and the slash.
fn odd_names() -> Vec<Vec<u8>> {
    let mut names: Vec<Vec<u8>> = (b' '..=u8::MAX)
        .filter(|byte| *byte != b'/' && *byte != 0x7f)
        .map(|byte| vec![b'n', byte, b'x'])
        .collect();
    let all: Vec<u8> = names.iter().map(|name| name[1]).collect();
    names.extend(all.chunks(60).map(<[u8]>::to_vec));
    names.extend(
        [
            "\u{9b}2J",
            "\u{202e}gpj",
            "\\xff",
            "\\\\",
            "\\",
            "\u{e9}\\x",
            "\u{1f600}",
        ]
        .map(|name| name.as_bytes().to_vec()),
    );
    names
}

fn say_name(client: &mut Client, verb: &str, name: &[u8]) -> u16 {
    let mut line = verb.as_bytes().to_vec();
    line.push(b' ');
    // 0xFF is a Telnet byte on the control connection, so it is doubled.
    for byte in name {
        line.push(*byte);
        if *byte == 0xff {
            line.push(0xff);
        }
    }
    line.extend_from_slice(b"\r\n");
    client.send_bytes(&line);
    client.reply().code
}

#[test]
fn i01_names_of_any_bytes_can_be_read_back_from_events() {
    let (premises, path, server) = with_events(ConfinedBy::Default);
    let mut client = client_of(&server, "alice");
    let names = odd_names();
    for name in &names {
        assert_eq!(say_name(&mut client, "MKD", name), 257, "{}", name.escape_ascii());
    }
    let text = fs::read(&path).expect("written");
    assert!(text.iter().all(|byte| *byte == b'\n' || !byte.is_ascii_control()));
    let events = events_in(&path, names.len() + 2);
    for (event, name) in events[2..].iter().zip(&names) {
        let told = event["path"].as_str().expect("text");
        assert!(!told.chars().any(char::is_control), "{told:?}");
        assert_eq!(unescaped(told), [b"/", &name[..]].concat(), "{told}");
    }
    drop(premises);
}

#[test]
fn i01_events_with_the_longest_and_oddest_names_are_written() {
    let (_premises, path, server) = with_events(ConfinedBy::Default);
    let mut client = client_of(&server, "alice");
    let mut lines = 2;
    for filling in [&b"x"[..], b"\"", b"\\", b"\xfe", "\u{9b}".as_bytes()] {
        let name = filling.repeat(255 / filling.len());
        let deep = [&name[..], b"/", &name, b"/", &name].concat();
        assert_eq!(say_name(&mut client, "MKD", &name), 257);
        assert_eq!(say_name(&mut client, "RNFR", &name), 350);
        assert_eq!(say_name(&mut client, "RNTO", &deep), 550, "there is no such directory");
        assert_eq!(say_name(&mut client, "DELE", &deep), 550);
        lines += 3;
    }
    let events = events_in(&path, lines);
    assert!(
        events[3..]
            .iter()
            .any(|event| event["path"].as_str().is_some_and(|path| path.ends_with('…')))
    );
    let said = server.stop();
    assert!(said.contains("\nevent lines dropped: 0\n"), "{said}");
}

/// The 226 of a small file is held back for a client that keeps its data connection open.
#[test]
fn the_duration_of_a_transfer_excludes_waiting_for_the_clients_close() {
    let server = Server::with(&["--events", "-"]);
    server.write("file", b"content");
    let mut client = server.login();
    for _ in 0..5 {
        let kept = client.begin("RETR file");
        client.expect(226);
        drop(kept);
    }
    let transfers = || -> Vec<Value> {
        let events = parsed(&server.stdout());
        events
            .into_iter()
            .filter(|event| event["event"] == "transfer")
            .collect()
    };
    wait_until("the events are written", || transfers().len() == 5);
    let fastest = transfers()
        .iter()
        .filter_map(|event| event["seconds"].as_f64())
        .fold(f64::MAX, f64::min);
    assert!(fastest < 0.04, "{fastest} s are the delay");
}

#[test]
fn standard_output_carries_nothing_but_events() {
    let premises = Premises::new();
    premises.write("file", b"0123456789");
    let server = premises.serve(&["--write", "--events", "-"]);
    let mut client = server.login();
    assert_eq!(client.fetch("RETR file"), b"0123456789");
    assert_eq!(client.code("DELE file"), 250);
    assert_eq!(client.code("DELE file"), 550);
    wait_until("the events are written", || server.stdout().lines().count() >= 5);
    let kinds = |server: &Server| -> Vec<String> {
        let events = parsed(&server.stdout());
        events
            .iter()
            .map(|event| event["event"].as_str().expect("text").to_owned())
            .collect()
    };
    assert_eq!(kinds(&server), ["connect", "login", "transfer", "change", "refusal"]);
    server.signal(Signal::HUP);
    wait_until("the signal is seen", || {
        server.stderr().contains("--events: the file was not moved")
    });
    assert_eq!(client.code("MKD d"), 257);
    wait_until("the event is written", || kinds(&server).len() == 6);
    assert!(
        server.stderr().contains("\nready\n"),
        "the banner is on the other stream: {}",
        server.stderr()
    );
}

/// Causes more events than a pipe holds, in batches whose replies are read; returns the number of lines.
fn cause_events(client: &mut Client, batches: usize) -> usize {
    for _ in 0..batches {
        client.send_bytes("DELE missing\r\n".repeat(100).as_bytes());
        for _ in 0..100 {
            client.expect(550);
        }
    }
    batches * 100
}

fn count_in(said: &str, name: &str) -> usize {
    let line = said.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
    line.expect("it is counted").parse().expect("a number")
}

#[test]
fn a_fifo_that_nobody_reads_loses_events_and_never_blocks_the_loop() {
    let premises = Premises::new();
    let fifo = premises.outside().join("neighbour/fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::from_bits_truncate(0o666)).expect("a FIFO");
    let server = premises.serve(&["--write", "--events", fifo.to_str().expect("UTF-8")]);
    let mut client = server.login();
    let caused = 2 + cause_events(&mut client, 20);
    assert!(
        server.stderr().contains("--events: lines that could not be written: 1"),
        "{}",
        server.stderr()
    );
    let mut other = server.login();
    assert_eq!(other.code("PWD"), 257, "others are served");
    // A later reader gets whole lines: the waiting ones, and all from now on.
    let mut reader = OpenOptions::new()
        .read(true)
        .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed())
        .open(&fifo)
        .expect("a reader");
    let waited = read_what_is_there(&mut reader);
    assert!(waited.ends_with('\n'), "{waited}");
    let waited = parsed(&waited).len();
    assert!((100..caused).contains(&waited), "{waited} of {caused}");
    assert_eq!(client.code("MKD d"), 257);
    let mut text = String::new();
    wait_until("the next event comes", || {
        text += &read_what_is_there(&mut reader);
        text.contains("MKD")
    });
    assert_eq!(parsed(&text).len(), 1);
    // The reader disconnects, and nothing changes.
    drop(reader);
    cause_events(&mut client, 1);
    let said = server.stop();
    assert!(count_in(&said, "event lines dropped") >= caused - waited, "{said}");
}

/// All that can be read without waiting.
fn read_what_is_there(reader: &mut File) -> String {
    let mut bytes = Vec::new();
    let mut some = [0; 64 * 1024];
    while let Ok(count @ 1..) = reader.read(&mut some) {
        bytes.extend_from_slice(&some[..count]);
    }
    String::from_utf8(bytes).expect("UTF-8")
}

#[test]
fn a_slow_reader_gets_whole_lines_and_the_others_are_counted() {
    let premises = Premises::new();
    let fifo = premises.outside().join("neighbour/fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::from_bits_truncate(0o666)).expect("a FIFO");
    let server = premises.serve(&["--write", "--events", fifo.to_str().expect("UTF-8")]);
    let mut reader = OpenOptions::new()
        .read(true)
        .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed())
        .open(&fifo)
        .expect("a reader");
    let mut client = server.login();
    let (mut caused, mut text) = (2, String::new());
    // It reads a few bytes now and then, which end within lines.
    for _ in 0..30 {
        caused += cause_events(&mut client, 1);
        let mut some = [0; 1_000];
        let count = reader.read(&mut some).expect("there is something");
        text += std::str::from_utf8(&some[..count]).expect("UTF-8");
    }
    assert_eq!(client.code("QUIT"), 221);
    assert!(client.is_closed());
    caused += 1;
    text += &read_what_is_there(&mut reader);
    let read = parsed(&text).len();
    let said = server.stop();
    let dropped = count_in(&said, "event lines dropped");
    assert!(dropped > 0, "the reader was not slow enough: {read} of {caused}");
    assert_eq!(read + dropped, caused);
}

/// The file is moved away and reopened at its old path, also by a server in a chroot, where the path would name a file
/// that clients can reach (threat L04).
#[test]
fn l04_sighup_reopens_a_rotated_events_file() {
    for confined_by in [ConfinedBy::Default, ConfinedBy::Paths] {
        let (premises, path, server) = with_events(confined_by);
        let mut client = client_of(&server, "alice");
        let moved = path.with_extension("1");
        fs::rename(&path, &moved).expect("moved");
        assert_eq!(client.code("MKD before"), 257);
        // A client could prepare the same path in the served directory.
        let inside = premises.root().join(path.strip_prefix("/").expect("absolute"));
        fs::create_dir_all(inside.parent().expect("a directory")).expect("made");
        premises.hand_over();
        server.signal(Signal::HUP);
        wait_until("the signal is seen", || {
            server.stderr().contains("--events: new file opened")
        });
        assert_eq!(client.code("MKD after"), 257, "her account is as it was");
        assert_eq!(events_in(&moved, 3)[2]["path"], "/before");
        assert_eq!(events_in(&path, 1)[0]["path"], "/after");
        assert!(!inside.exists(), "nothing among the clients' files");
        let name = path.strip_prefix("/").expect("absolute").to_str().expect("UTF-8");
        let mut anonymous = server.login();
        for line in [
            format!("RETR /{name}"),
            "RETR /events".to_owned(),
            "RETR ../neighbour/events".to_owned(),
        ] {
            let (code, text) = everything(&mut anonymous, &line);
            assert_eq!(code, 550, "{line}: {text}");
        }
        server.signal(Signal::HUP);
        wait_until("the signal is seen", || {
            server.stderr().contains("--events: the file was not moved")
        });
    }
}

#[test]
fn sighup_reopens_an_events_file_given_by_a_relative_path_or_a_link() {
    let premises = Premises::new();
    let neighbour = premises.outside().join("neighbour");
    let link = premises.outside().join("link");
    std::os::unix::fs::symlink("neighbour/linked", &link).expect("a link");
    fs::write(neighbour.join("linked"), "").expect("a file");
    for (given, lies_at) in [("../neighbour/relative", "relative"), ("../link", "linked")] {
        let setup = harness::server::Setup::new().directory(&premises.root());
        let directory = premises.root();
        let server = setup
            .under(&["env", "-C", directory.to_str().expect("UTF-8")])
            .arguments(&["--write", "--events", given])
            .start();
        let path = neighbour.join(lies_at);
        let mut client = server.login();
        fs::rename(&path, path.with_extension("1")).expect("moved");
        server.signal(Signal::HUP);
        wait_until("the signal is seen", || {
            server.stderr().contains("--events: new file opened")
        });
        assert_eq!(client.code("DELE missing"), 550);
        assert_eq!(events_in(&path, 1)[0]["path"], "/missing", "{given}");
    }
}

/// The path of the log would be one that clients can change.
#[test]
fn l15_a_log_or_users_file_that_clients_can_reach_prevents_the_start() {
    let premises = Premises::new();
    premises.make_directory("deep");
    premises.write_users(&[("alice", "/:read")]);
    let outside = premises.outside();
    fs::write(premises.root().join("deep/there"), "").expect("a file");
    std::os::unix::fs::symlink(premises.root().join("deep/there"), outside.join("link-in")).expect("a link");
    std::os::unix::fs::symlink(outside.join("users"), premises.root().join("link-out")).expect("a link");
    let fifo = premises.root().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).expect("a FIFO");
    for name in [
        "root/log",
        "root/deep/there",
        "root/deep/../log",
        "link-in",
        "root/link-out",
        "root/fifo",
    ] {
        let path = outside.join(name);
        for option in ["--events", "--transfer-log", "--users"] {
            let root = premises.root();
            let [path, root] = [&path, &root].map(|path| path.to_str().expect("UTF-8"));
            let (code, text) = harness::server::refused_start(&["-l", "127.0.0.1:0", option, path, root]);
            assert_eq!(code, Some(2), "{option} {name}: {text}");
            // A users file must exist first.
            let exists = outside.join(name).exists();
            let reason = if exists || option != "--users" {
                "lies in the served directory"
            } else {
                "cannot be opened"
            };
            assert!(text.contains(path) && text.contains(reason), "{option} {name}: {text}");
        }
    }
    assert!(!premises.has("log"), "nothing was made there");
}

#[test]
fn l15_an_events_file_that_cannot_be_written_prevents_the_start() {
    let premises = Premises::new();
    let (low, high) = harness::server::free_range(2);
    let start = |events: &str, more: &[&str]| {
        let root = premises.root();
        let ports = format!("{low}-{high}");
        let own = [
            "--listen",
            "127.0.0.1:0",
            "-p",
            &ports,
            "--events",
            events,
            root.to_str().expect("UTF-8"),
        ];
        harness::server::refused_start(&[more, &own].concat())
    };
    let missing = premises.outside().join("missing/events");
    let (code, text) = start(missing.to_str().expect("UTF-8"), &[]);
    assert_eq!(code, Some(2), "{text}");
    assert!(
        text.contains("--events") && text.contains("missing/events: cannot be opened"),
        "{text}"
    );
    let (code, text) = start(premises.outside().to_str().expect("UTF-8"), &[]);
    assert_eq!(code, Some(2), "a directory: {text}");
    let (code, text) = start("-", &["--trace"]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("--trace"), "{text}");
}
