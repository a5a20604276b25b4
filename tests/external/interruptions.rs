//! Every call that a session can make, interrupted every second time: nothing of it is seen (threat K04).

use harness::faulty::{Faulty, calls_of_a_start};
use harness::server::Setup;
use harness::tree::noise;
use harness::trials;
use libtest_mimic::Trial;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::symlink;

pub fn trials() -> Vec<Trial> {
    trials! {
        "strace":
            k04_every_call_of_a_session_survives_an_interruption;
    }
}

/// Files, directories, names, sockets: what a signal, or a file system that is a process, may interrupt. `close` is
/// left out: it must not be made again, since the descriptor is gone.
const CALLS: [&str; 22] = [
    "accept4",
    "connect",
    "epoll_wait",
    "fchmod",
    "fstat",
    "fstatfs",
    "ftruncate",
    "getdents64",
    "mkdirat",
    "newfstatat",
    "openat",
    "openat2",
    "pread64",
    "pwrite64",
    "readlinkat",
    "recvfrom",
    "renameat2",
    "sendfile",
    "sendto",
    "splice",
    "unlinkat",
    "utimensat",
];

fn writable() -> Setup {
    Setup::new().writable()
}

fn k04_every_call_of_a_session_survives_an_interruption() {
    let starts = calls_of_a_start(&CALLS, writable);
    let mut untouched = Vec::new();
    for (call, start) in CALLS.iter().zip(starts) {
        let fault = format!("error=EINTR:when={}+2", start + 1);
        let mut faulty = Faulty::start_with(writable(), &[], call, &fault);
        // It is killed in the end: the call that brings a signal to the loop would be interrupted, too.
        faulty.server.is_unchecked = true;
        session(&faulty, call);
        if !faulty.calls().contains("(INJECTED)") {
            untouched.push(*call);
        }
    }
    assert!(untouched.is_empty(), "never made, so never interrupted: {untouched:?}");
}

/// One of everything that reaches the disk or a socket.
fn session(faulty: &Faulty, call: &str) {
    let server = &faulty.server;
    let content = noise(7, 300_000);
    let text = b"line\nline\n".repeat(1_000);
    server.make_directory("d");
    server.write("d/file", &content);
    server.write("text", &text);
    symlink("d/file", server.directory().join("link")).expect("a link");
    let mut client = server.login();
    let expect = |client: &mut harness::Client, line: &str, code: u16| {
        let reply = client.command(line);
        assert_eq!(reply.code, code, "{line} with {call}: {reply:?}");
    };
    assert_eq!(client.fetch("RETR d/file"), content, "{call}");
    assert_eq!(client.fetch("RETR link"), content, "{call}");
    for listing in ["LIST", "NLST", "MLSD", "MLSD d"] {
        assert!(!client.fetch(listing).is_empty(), "{listing} with {call}");
    }
    for (line, code) in [
        ("SIZE d/file", 213),
        ("MDTM link", 213),
        ("MLST d/file", 250),
        ("STAT d", 213),
        ("CWD d", 250),
        ("CWD /", 250),
        ("HASH d/file", 213),
        ("AVBL", 213),
        ("MKD new", 257),
        ("MFMT 20240101000000 d/file", 213),
        ("SITE CHMOD 600 d/file", 200),
        ("RNFR d/file", 350),
        ("RNTO new/file", 250),
        ("DELE link", 250),
    ] {
        expect(&mut client, line, code);
    }
    client.stores("STOR stored", &content);
    client.stores("APPE stored", b"tail");
    expect(&mut client, "REST 100000", 350);
    client.stores("STOR stored", &content);
    client.stores("STOU stored", &content);
    assert!(
        server
            .content("stored")
            .is_some_and(|file| file == [&content[..100_000], &content].concat()),
        "{call}"
    );
    // An upload that is broken off leaves nothing.
    let mut data = client.begin("STOR broken");
    data.write_all(&content).expect("the server reads it");
    server.wait_for_hidden_bytes(content.len() as u64);
    client.send("ABOR");
    client.expect(426);
    client.expect(226);
    drop(data);
    server.wait_for_no_hidden_file();
    expect(&mut client, "TYPE A", 200);
    expect(&mut client, "SIZE text", 213);
    assert_eq!(client.fetch("RETR text").len(), 12_000, "{call}");
    client.stores("STOR lines", b"a\r\nb\r\n");
    expect(&mut client, "TYPE I", 200);
    expect(&mut client, "MODE Z", 200);
    assert!(!client.fetch("RETR text").is_empty(), "{call}");
    expect(&mut client, "MODE S", 200);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("bound").port();
    expect(
        &mut client,
        &format!("PORT 127,0,0,1,{},{}", port >> 8, port & 0xff),
        200,
    );
    client.send("RETR text");
    client.expect(150);
    let (mut active, _) = listener.accept().expect("the server connects");
    let mut received = Vec::new();
    active.read_to_end(&mut received).expect("the file");
    client.expect(226);
    assert!(received == text, "{call}");
    for (line, code) in [("DELE new/file", 250), ("RMD new", 250), ("QUIT", 221)] {
        expect(&mut client, line, code);
    }
}
