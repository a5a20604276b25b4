//! The sandbox, seen from outside the process: its order, kernels without it, violations (threats L03, L05, L12, L16,
//! L17).

use harness::server::Setup;
use harness::{Server, trials, wait_until};
use libtest_mimic::Trial;
use rustix::process::Signal;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use tempfile::TempDir;

pub fn trials() -> Vec<Trial> {
    trials! {
        "root strace":
            l05_the_layers_are_set_up_in_order_and_then_nothing_outside_is_opened;
        "strace":
            l16_a_kernel_without_a_layer_is_served_unless_the_sandbox_is_required,
            l17_a_violation_is_refused_and_logged_or_ends_the_server;
    }
}

/// A server whose calls are traced, and the trace.
fn traced(options: &[&str], setup: Setup) -> (Server, PathBuf, TempDir) {
    let directory = TempDir::new().expect("a directory");
    let log = directory.path().join("calls");
    let mut wrapper = vec!["strace", "-f", "-qq", "-o", log.to_str().expect("UTF-8")];
    wrapper.extend(options);
    let server = setup.under(&wrapper).start();
    (server, log, directory)
}

fn l05_the_layers_are_set_up_in_order_and_then_nothing_outside_is_opened() {
    let logs = TempDir::new().expect("a directory");
    harness::tree::give_to_server(logs.path());
    let events = logs.path().join("events");
    let setup = Setup::new().writable();
    let setup = setup.arguments(&["--events", events.to_str().expect("UTF-8")]);
    let (server, log, _directory) = traced(&["-s", "20"], setup);
    let mut client = server.login();
    client.stores("STOR file", b"content");
    assert_eq!(client.fetch("RETR file"), b"content");
    assert_eq!(client.code("MKD d"), 257);
    fs::rename(&events, logs.path().join("events.1")).expect("rotated");
    server.signal(Signal::HUP);
    wait_until("the log is opened again", || events.exists());
    assert_eq!(client.code("QUIT"), 221);
    drop(server);
    let trace = fs::read_to_string(&log).expect("written");
    let calls: Vec<&str> = trace
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(_, call)| call.trim())
        .collect();
    // Each call is the last of its kind before the next one's first.
    let order = [
        "listen(",
        "chroot(",
        "prctl(PR_CAPBSET_DROP",
        "setgroups(",
        "setresgid(",
        "setresuid(",
        "capset(",
        "prctl(PR_SET_NO_NEW_PRIVS",
        "prctl(PR_SET_DUMPABLE, SUID_DUMP_DISABLE",
        "landlock_restrict_self(",
        "clone3(",
        "seccomp(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC",
        "write(1, \"serving",
    ];
    let first = |start: &&str| calls.iter().position(|call| call.starts_with(start));
    let places: Vec<_> = order
        .iter()
        .map(|call| first(call).unwrap_or_else(|| panic!("no {call} is made")))
        .collect();
    assert!(places.is_sorted(), "{order:?} are at {places:?}");
    for (name, place) in order
        .iter()
        .zip(&places)
        .filter(|(name, _)| !name.contains("NO_NEW_PRIVS"))
    {
        let next = places
            .iter()
            .find(|other| *other > place)
            .copied()
            .unwrap_or(calls.len());
        let last = calls.iter().rposition(|call| call.starts_with(name)).expect("made");
        assert!(last < next, "{name} is made again: {}", calls[last]);
    }
    let served = &calls[*places.last().expect("places")..];
    for call in served.iter().filter(|call| call.starts_with("open")) {
        let is_relative = !call.contains("AT_FDCWD") && !call.contains("\"/");
        let is_beneath = call.starts_with("openat2(") && call.contains("RESOLVE_BENEATH");
        assert!(is_relative && (is_beneath || call.starts_with("openat(")), "{call}");
    }
    assert!(
        served
            .iter()
            .any(|call| call.starts_with("openat(") && call.contains("\"events\"")),
        "the rotated log"
    );
}

fn l16_a_kernel_without_a_layer_is_served_unless_the_sandbox_is_required() {
    for (fault, missing) in [
        ("inject=landlock_create_ruleset:error=ENOSYS", "no Landlock"),
        ("inject=landlock_create_ruleset:error=EOPNOTSUPP", "no Landlock"),
        ("inject=seccomp:error=EINVAL", "no seccomp"),
    ] {
        let (server, ..) = traced(&["-e", fault], Setup::new().arguments(&["--on-violation", "kill"]));
        wait_until("it is logged", || server.stderr().contains(missing));
        server.write("file", b"content");
        assert_eq!(server.login().fetch("RETR file"), b"content", "{fault}");
        let directory = TempDir::new().expect("a directory");
        harness::tree::allow_reading(directory.path());
        let (low, high) = harness::server::free_range(2);
        let output = std::process::Command::new("timeout")
            .args(["20", "strace", "-f", "-qq", "-o", "/dev/null", "-e", fault])
            .arg(env!("CARGO_BIN_EXE_loopftpd"))
            .args(["-l", "127.0.0.1:0", "-p", &format!("{low}-{high}"), "--require-sandbox"])
            .arg(directory.path())
            .output()
            .expect("strace runs");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{fault}: {text}");
        assert!(text.contains("--require-sandbox: "), "{fault}: {text}");
    }
}

/// The tracer makes another call of one: `getppid`, which the sandbox does not allow. It returns EPERM in any case;
/// that the kernel does so too is checked by each server when it starts.
fn l17_a_violation_is_refused_and_logged_or_ends_the_server() {
    let violation = ["-e", "inject=openat2:error=EPERM:syscall=getppid:when=1"];
    let (server, ..) = traced(&violation, Setup::new().arguments(&["--on-violation", "refuse"]));
    server.write("file", b"content");
    let mut client = server.login();
    let data = client.data();
    assert_eq!(client.code("RETR file"), 550);
    drop(data);
    wait_until("it is logged", || {
        server.stderr().contains("or the sandbox forbids the call")
    });
    assert_eq!(client.fetch("RETR file"), b"content", "it goes on");
    drop(client);
    drop(server);

    let (mut server, ..) = traced(&violation, Setup::new().arguments(&["--on-violation", "kill"]));
    server.is_unchecked = true;
    server.write("file", b"content");
    let mut client = server.login();
    let _data = client.data();
    client.send("RETR file");
    assert!(client.reply_or_end().is_none(), "the server has gone");
    let status = server.end();
    assert_eq!(status.signal(), Some(Signal::SYS.as_raw()), "{status}");
}
