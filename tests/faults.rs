//! System calls that fail, storage that breaks, a server that was stopped (threats C21, G, J06, K).

mod harness;

use harness::server::Setup;
use harness::{Client, Server, has_program, wait_until};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

#[test]
fn g05_k04_lost_connections_and_interrupted_calls_stop_nothing() {
    if !has_program("strace") {
        return;
    }
    for inject in [
        "inject=accept4:error=ECONNABORTED:when=1+2",
        "inject=accept4:error=EPROTO:when=1+2",
        "inject=accept4:error=EPERM:when=1+2",
        "inject=accept4:error=EINTR:when=1+2",
        "inject=epoll_wait:error=EINTR:when=3+3",
        "inject=recvfrom,read:error=EINTR:when=200+2",
        "inject=sendto,write:error=EINTR:when=200+2",
        "inject=sendfile:error=EINTR:when=1+2",
        "inject=openat2:error=EINTR:when=1+2",
        "inject=openat2:error=EAGAIN:when=1+2",
        "inject=getdents64:error=EINTR:when=200+2",
    ] {
        let server = Setup::new()
            .under(&["strace", "-f", "-qq", "-o", "/dev/null", "-e", inject])
            .start();
        server.write("file", &vec![7; 600_000]);
        for _ in 0..5 {
            let mut client = server.login();
            assert_eq!(client.fetch("RETR file").len(), 600_000, "{inject}");
            assert_eq!(client.fetch_text("NLST"), "file\r\n", "{inject}");
            assert_eq!(client.code("QUIT"), 221);
        }
    }
}

#[test]
fn c21_g03_storage_that_fails_costs_one_reply() {
    if !has_program("strace") {
        return;
    }
    for (inject, command, expected) in [
        ("inject=sendfile:error=EIO:when=1", "RETR file", 451),
        ("inject=sendfile:error=ESTALE:when=1", "RETR file", 451),
        ("inject=openat2:error=EIO:when=1", "RETR file", 451),
        ("inject=openat2:error=EMFILE:when=1", "RETR file", 450),
        ("inject=openat2:error=ENFILE:when=1", "LIST", 450),
        ("inject=openat2:error=ENOMEM:when=1", "LIST", 450),
    ] {
        let server = Setup::new()
            .under(&["strace", "-f", "-qq", "-o", "/dev/null", "-e", inject])
            .start();
        server.write("file", b"content");
        let mut client = server.login();
        // The start itself opens nothing with openat2, so the first such call is this command's.
        let mut data = client.data();
        client.send(command);
        let mut code = client.reply().code;
        if code == 150 {
            let mut rest = Vec::new();
            let _ = data.read_to_end(&mut rest);
            code = client.reply().code;
        }
        assert_eq!(code, expected, "{inject}");
        assert_eq!(client.fetch("RETR file"), b"content", "{inject}: the session goes on");
    }
}

#[test]
fn j06_where_sendfile_does_not_work_the_file_arrives_all_the_same() {
    if !has_program("strace") {
        return;
    }
    for error in ["EINVAL", "ENOSYS", "EOVERFLOW"] {
        let inject = format!("inject=sendfile:error={error}");
        let server = Setup::new()
            .under(&["strace", "-f", "-qq", "-o", "/dev/null", "-e", &inject])
            .start();
        let content: Vec<u8> = (0..700_000_u32).map(|n| (n % 249) as u8).collect();
        server.write("file", &content);
        assert_eq!(server.login().fetch("RETR file"), content, "{error}");
    }
}

/// The start registers ten passive ports, the control listener and the signals; what comes then are clients.
const AFTER_START: (&str, usize) = ("epoll_ctl", 13);

/// The calls whose failure every session can meet, and the first of each that belongs to a session.
const CALLS: [(&str, usize); 5] = [
    ("accept4", 1),
    ("sendfile", 1),
    ("openat2", 1),
    ("shutdown", 1),
    AFTER_START,
];

/// Fails the n-th call of every kind that a scenario makes, one after the other: no crash, no leak, no false success.
fn fault_sweep(calls: &[(&str, usize)], errors: &[&str], faults: usize) {
    for (call, first) in calls {
        for error in errors {
            for nth in *first..first + faults {
                let inject = format!("inject={call}:error={error}:when={nth}");
                let mut server = Setup::new()
                    .under(&["strace", "-f", "-qq", "-o", "/dev/null", "-e", &inject])
                    .start();
                server.is_unchecked = true;
                server.write("file", &vec![7; 300_000]);
                let mut intact = server.connect_if_served();
                let baseline = server.descriptors();
                // Each makes at least one such call, so the fault lies behind us in the end.
                for _ in 0..faults + 2 {
                    scenario(&server);
                }
                drop(intact.take());
                let mut after = server.login();
                assert_eq!(after.fetch("RETR file").len(), 300_000, "{inject}");
                drop(after);
                wait_until(&format!("{inject}: descriptors back"), || {
                    server.descriptors() <= baseline
                });
            }
        }
    }
}

/// A session that may be cut off anywhere; a 226 must mean that everything came.
fn scenario(server: &Server) {
    let mut client = Client::connect_silently(server.address, None);
    if client.reply_or_end().is_none_or(|greeting| greeting.code != 220) {
        return;
    }
    let mut say = |line: &str| {
        client.stream.write_all(format!("{line}\r\n").as_bytes()).ok()?;
        client.reply_or_end()
    };
    let _ = (say("USER anonymous"), say("PASS x"), say("TYPE I"));
    let Some(port) = say("EPSV").and_then(|reply| {
        let text = reply.text();
        text.split("|||").nth(1)?.split('|').next()?.parse::<u16>().ok()
    }) else {
        return;
    };
    let Ok(mut data) = TcpStream::connect((server.address.ip(), port)) else {
        return;
    };
    let _ = data.set_read_timeout(Some(Duration::from_secs(10)));
    let opening = say("RETR file");
    let mut bytes = Vec::new();
    if opening.is_some_and(|reply| reply.code == 150) {
        let _ = data.read_to_end(&mut bytes);
        if say("NOOP").is_some_and(|reply| reply.code == 226) {
            assert_eq!(bytes.len(), 300_000, "226 for a part");
        }
    }
    let _ = say("LIST");
}

impl Server {
    fn connect_if_served(&self) -> Option<Client> {
        let mut client = Client::connect_silently(self.address, None);
        client.reply_or_end().map(|_| client)
    }
}

#[test]
fn k06_faults_in_the_calls_of_a_session_leak_nothing() {
    if has_program("strace") {
        fault_sweep(&CALLS, &["ENOMEM"], 3);
    }
}

#[test]
#[ignore = "an hour: every call, many errors; cargo test --release -- --ignored k06"]
fn k06_a_wide_sweep_of_faults() {
    let calls = [&CALLS[..], &[("recvfrom", 1), ("sendto", 1), ("getsockname", 20)]].concat();
    fault_sweep(
        &calls,
        &[
            "EIO",
            "ENOMEM",
            "EMFILE",
            "EINVAL",
            "ECONNRESET",
            "EPERM",
            "ENOBUFS",
            "EPIPE",
        ],
        48,
    );
}

#[test]
fn k10_what_arrived_in_time_counts_although_the_server_slept() {
    let server = Server::with(&["--idle-timeout", "500ms"]);
    let mut client = server.login();
    server.signal(rustix::process::Signal::STOP);
    client.send("NOOP");
    std::thread::sleep(Duration::from_millis(700));
    server.signal(rustix::process::Signal::CONT);
    client.expect(200);
}
