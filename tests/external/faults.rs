//! System calls that fail, storage that breaks (threats C21, G, J06, K).

use harness::faulty::{Faulty, calls_of_a_start};
use harness::server::Setup;
use harness::{Client, Server, trials, wait_until};
use libtest_mimic::Trial;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

pub fn trials() -> Vec<Trial> {
    trials! {
        "strace":
            c21_failing_storage_fails_one_command_only,
            c21_a_read_error_ends_only_its_own_transfer,
            g21_a_stalled_call_is_logged_with_its_session,
            j06_files_arrive_where_sendfile_does_not_work;
        "strace":
            k06_faults_in_the_calls_of_a_session_leak_nothing,
            g05_clients_lost_before_accept_stop_nothing,
            k04_interrupted_calls_are_repeated;
        "strace" slow "an hour: every call, many errors; cargo test --release -- --ignored k06":
            k06_many_faults_in_all_calls_of_a_session_leak_nothing;
        "strace" slow "15 s: a server for each of 200 faults; cargo test --release -- --ignored two_hundred":
            k06_two_hundred_faults_of_the_kernel_tear_no_upload_and_report_no_false_success;
    }
}

/// Whole sessions succeed, although calls fail in a way that means "try again".
fn sessions_go_well_with(faults: &[(&str, &str)]) {
    for (call, fault) in faults {
        let faulty = Faulty::start(call, fault);
        let server = &faulty.server;
        server.write("file", &vec![7; 600_000]);
        for _ in 0..5 {
            let mut client = server.login();
            assert_eq!(client.fetch("RETR file").len(), 600_000, "{call} {fault}");
            assert_eq!(client.fetch_text("NLST"), "file\r\n", "{call} {fault}");
            assert_eq!(client.code("QUIT"), 221);
        }
        faulty.assert_it_happened(&format!("{call} {fault}"));
    }
}

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
                let baseline = server.descriptors();
                let mut intact = server.connect_if_served();
                // Each makes at least one such call, so the fault has happened in the end.
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

/// A session that may be cut off anywhere; a 226 must mean that everything arrived.
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

/// Every call of a session that writes, of 20 kinds, each failing at its first and second time with five errors. The
/// faults are the kernel's as far as the server can see: the whole program runs, as it is released.
fn k06_two_hundred_faults_of_the_kernel_tear_no_upload_and_report_no_false_success() {
    const ERRORS: [&str; 5] = ["EIO", "ENOMEM", "EINVAL", "EPERM", "EINTR"];
    const CALLS: [&str; 20] = [
        "accept4",
        "close",
        "epoll_ctl",
        "fchmod",
        "fdatasync",
        "fstat",
        "fsync",
        "ftruncate",
        "getdents64",
        "mkdirat",
        "newfstatat",
        "openat",
        "openat2",
        "recvfrom",
        "renameat2",
        "sendfile",
        "sendto",
        "shutdown",
        "splice",
        "unlinkat",
    ];
    let setup = || Setup::new().writable().arguments(&["--durable"]);
    let mut injected = 0;
    for (call, start) in CALLS.iter().zip(calls_of_a_start(&CALLS, setup)) {
        for error in ERRORS {
            for nth in [start + 1, start + 2] {
                let what = format!("{call} {error} {nth}");
                let mut faulty = Faulty::start_with(setup(), &[], call, &format!("error={error}:when={nth}"));
                faulty.server.is_unchecked = true;
                let baseline = faulty.server.descriptors();
                for _ in 0..3 {
                    let _ = writing_session(&faulty.server, &what);
                }
                injected += usize::from(faulty.calls().contains("(INJECTED)"));
                let mut after = faulty.server.login();
                after.stores("STOR after", b"content");
                assert_eq!(after.fetch("RETR after"), b"content", "{what}");
                drop(after);
                // The pipe of the uploads stays. A close that strace makes fail is not made at all, so that one leaks.
                let kept = 2 + usize::from(*call == "close");
                wait_until(&format!("{what}: descriptors back"), || {
                    faulty.server.descriptors() <= baseline + kept
                });
                assert!(!faulty.server.stderr().contains("panic"), "{what}");
            }
        }
    }
    println!("{injected} faults injected");
    assert!(injected >= 190, "{injected} of 200 happened");
}

/// A session that may be cut off anywhere. What it is told to be done is compared with the directory.
fn writing_session(server: &Server, what: &str) -> Option<()> {
    let (old, new) = (vec![1; 50_000], vec![2; 90_000]);
    let _ = std::fs::remove_dir(server.directory().join("made"));
    server.write("target", &old);
    let mut client = Client::connect_silently(server.address, None);
    client.reply_or_end().filter(|greeting| greeting.code == 220)?;
    let mut say = |line: &str| {
        client.stream.write_all(format!("{line}\r\n").as_bytes()).ok()?;
        client.reply_or_end()
    };
    let _ = (say("USER anonymous")?, say("PASS x")?, say("TYPE I")?);
    // `None`: cut off, or refused.
    let mut transfer = |prelude: Option<&str>, line: &str, bytes: Option<&[u8]>| {
        let text = say("EPSV")?.text();
        let port = text.split("|||").nth(1)?.split('|').next()?.parse::<u16>().ok()?;
        let mut data = TcpStream::connect((server.address.ip(), port)).ok()?;
        data.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
        if let Some(prelude) = prelude {
            let _ = say(prelude)?;
        }
        let opening = say(line)?;
        let mut received = Vec::new();
        if opening.code != 150 {
            return Some((opening.code, received));
        }
        match bytes {
            Some(bytes) => drop(data.write_all(bytes)),
            None => drop(data.read_to_end(&mut received)),
        }
        drop(data);
        // A blank line has no reply of its own.
        let ending = say("")?;
        Some((ending.code, received))
    };
    let stored = transfer(None, "STOR target", Some(&new));
    let found = server.content("target");
    assert!(
        found.as_ref() == Some(&old) || found.as_ref() == Some(&new),
        "{what}: torn"
    );
    let is_stored = stored?.0 == 226;
    assert!(
        !is_stored || found.as_ref() == Some(&new),
        "{what}: a 226 for an upload that is not there"
    );
    if let (226, received) = transfer(None, "RETR target", None)? {
        assert!(Some(received) == found, "{what}: a 226 for a part");
    }
    if let (226, received) = transfer(None, "NLST", None)? {
        let text = String::from_utf8_lossy(&received).into_owned();
        assert!(text.contains("target\r\n"), "{what}: a 226 for a part of a listing");
    }
    let before = server.content("target")?;
    if transfer(Some("REST 10"), "STOR target", Some(&new))?.0 == 226 {
        let expected = [&before[..10], &new].concat();
        assert!(
            server.content("target") == Some(expected),
            "{what}: a 226 for another file"
        );
    }
    let is_there = |name: &str| server.directory().join(name).exists();
    for (line, code, name, exists) in [
        ("MKD made", 257, "made", true),
        ("SITE CHMOD 600 target", 200, "target", true),
        ("RMD made", 250, "made", false),
        ("DELE target", 250, "target", false),
    ] {
        let reply = say(line)?;
        assert!(
            reply.code != code || is_there(name) == exists,
            "{what}: {line}: {reply:?}"
        );
    }
    Some(())
}

/// The start registers ten passive ports, the control listener and the signals; all later calls are for clients.
const AFTER_START: (&str, usize) = ("epoll_ctl", 13);

/// The calls whose failure every session can meet, and the first of each that belongs to a session.
const CALLS: [(&str, usize); 5] = [
    ("accept4", 1),
    ("sendfile", 1),
    ("openat2", 1),
    ("shutdown", 1),
    AFTER_START,
];

fn c21_failing_storage_fails_one_command_only() {
    // The start lists the descriptors and the empty directory, two calls each.
    let listing = 5;
    for (call, error, nth, command, expected) in [
        ("sendfile", "EIO", 1, "RETR file", 451),
        ("sendfile", "ESTALE", 1, "RETR file", 451),
        ("sendfile", "ENODEV", 1, "RETR file", 451),
        ("openat2", "EIO", 1, "RETR file", 451),
        ("openat2", "EMFILE", 1, "RETR file", 450),
        ("openat2", "ENFILE", 1, "LIST", 450),
        ("openat2", "ENOMEM", 1, "LIST", 450),
        ("getdents64", "EIO", listing, "LIST", 451),
        ("getdents64", "ESTALE", listing, "MLSD", 451),
        ("getdents64", "EIO", listing, "STAT /", 213),
    ] {
        let what = format!("{command} with {call}: {error}");
        let faulty = Faulty::start(call, &format!("error={error}:when={nth}"));
        let server = &faulty.server;
        server.write("file", b"content");
        let mut client = server.login();
        let mut other = server.login();
        // The start itself opens nothing with openat2, so the first such call is this command's.
        let mut data = client.data();
        client.send(command);
        let mut reply = client.reply();
        if reply.code == 150 {
            let mut rest = Vec::new();
            let broken = data.read_to_end(&mut rest).is_err();
            reply = client.reply();
            assert!(
                broken || reply.code == 226,
                "{what}: an end that looks like a whole file"
            );
        }
        assert_eq!(reply.code, expected, "{what}");
        assert!(
            expected != 213 || reply.text().contains("reading the directory failed"),
            "{reply:?}"
        );
        faulty.assert_it_happened(&what);
        assert_eq!(client.fetch("RETR file"), b"content", "{what}: the session goes on");
        assert_eq!(
            other.fetch("RETR file"),
            b"content",
            "{what}: other sessions are unaffected"
        );
    }
}

/// TYPE A reads the file instead of sending it in the kernel.
fn c21_a_read_error_ends_only_its_own_transfer() {
    let directory = tempfile::TempDir::new().expect("a directory");
    let text = directory.path().join("text");
    std::fs::write(&text, b"line\n".repeat(20_000)).expect("a file");
    let text = text.to_str().expect("UTF-8");
    // Only reads of that file count: starting a program makes some, too.
    let faulty = Faulty::start_with(
        Setup::new().directory(directory.path()),
        &["-P", text],
        "pread64",
        "error=EIO:when=2",
    );
    let mut client = faulty.server.login();
    assert_eq!(client.code("TYPE A"), 200);
    let mut data = client.data();
    client.send("RETR text");
    client.expect(150);
    assert!(data.read_to_end(&mut Vec::new()).is_err(), "no orderly end");
    client.expect(451);
    faulty.assert_it_happened("pread64");
    assert_eq!(client.fetch("RETR text").len(), 120_000);
}

fn g21_a_stalled_call_is_logged_with_its_session() {
    let faulty = Faulty::start("openat2", "delay_enter=250000:when=1");
    faulty.server.write("d/file", b"x");
    assert_eq!(faulty.server.login().code("SIZE d/file"), 213);
    wait_until("the watchdog logs it", || {
        let log = faulty.server.stderr();
        log.lines()
            .any(|line| line.contains("event loop blocked for ") && line.contains(", now: ready"))
    });
}

fn j06_files_arrive_where_sendfile_does_not_work() {
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

fn k06_faults_in_the_calls_of_a_session_leak_nothing() {
    fault_sweep(&CALLS, &["ENOMEM"], 3);
}

fn k06_many_faults_in_all_calls_of_a_session_leak_nothing() {
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

fn g05_clients_lost_before_accept_stop_nothing() {
    sessions_go_well_with(&[
        ("accept4", "error=ECONNABORTED:when=1+2"),
        ("accept4", "error=EPROTO:when=1+2"),
        ("accept4", "error=EPERM:when=1+2"),
        ("accept4", "error=ENETDOWN:when=1+2"),
        ("accept4", "error=EINTR:when=1+2"),
    ]);
}

fn k04_interrupted_calls_are_repeated() {
    sessions_go_well_with(&[
        ("epoll_wait,epoll_pwait", "error=EINTR:when=3+3"),
        ("recvfrom", "error=EINTR:when=2+2"),
        ("sendto", "error=EINTR:when=2+2"),
        ("sendfile", "error=EINTR:when=1+2"),
        ("openat2", "error=EINTR:when=1+2"),
        ("openat2", "error=EAGAIN:when=1+2"),
        // The first belong to the start.
        ("getdents64", "error=EINTR:when=6+2"),
    ]);
}
