//! The sandbox as the operator sees it: what it denies, what is logged, what can be chosen (threats L05, L11, L16).

use harness::own_process::in_own_process;
use harness::server::{Setup, free_range, program, refused_start};
use harness::{Server, is_root, wait_until};
use loopftpd::confine::{Permissions, Sandbox, SandboxPolicy, Violation};
use loopftpd::records::text_log;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

/// The table of `--check-sandbox` with these options, and whether everything was denied.
fn checked(arguments: &[&str]) -> (String, bool) {
    let directory = TempDir::new().expect("a directory");
    harness::tree::allow_reading(directory.path());
    harness::tree::give_to_server(directory.path());
    let output = Command::new(program())
        .arg("--check-sandbox")
        .args(arguments)
        .arg(directory.path())
        .output()
        .expect("it runs");
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert_eq!(
        fs::read_dir(directory.path()).expect("ours").count(),
        0,
        "it leaves nothing behind"
    );
    (text, output.status.success())
}

#[test]
fn l05_check_sandbox_finds_everything_denied_that_the_configuration_does_not_need() {
    let (table, is_passed) = checked(&["--no-active"]);
    assert!(is_passed, "{table}");
    let verdict_on = |attempt: &str| {
        let line = table.lines().find(|line| line.starts_with(attempt));
        line.unwrap_or_else(|| panic!("{attempt} is not tried: {table}"))
            .to_owned()
    };
    let inside = "create a file in the served directory";
    for (attempt, layer) in [
        ("read a file outside", if is_root() { "chroot" } else { "Landlock" }),
        (inside, "Landlock"),
        ("bind a TCP port", "Landlock"),
        ("connect to a service", "Landlock"),
        ("listen on a socket", "seccomp"),
        ("create an MPTCP socket", "seccomp"),
        ("create a UNIX socket", "seccomp"),
        ("change the working directory", "seccomp"),
        ("execute a program", "seccomp"),
        ("start a process that runs", "seccomp"),
        ("trace another process", "seccomp"),
        ("set up io_uring", "seccomp (by its program; not tried)"),
        ("chroot again", "user"),
        ("become root", "user"),
        ("mount a file system", "user"),
    ] {
        let line = verdict_on(attempt);
        assert!(line.trim_end().ends_with(layer), "{attempt}: {line}");
    }
    let permitted: Vec<&str> = table.lines().filter(|line| line.contains("permitted:")).collect();
    let names_are_visible = permitted.iter().all(|line| line.contains("only chroot hides names"));
    assert!(names_are_visible && permitted.is_empty() == is_root(), "{permitted:?}");

    let (table, is_passed) = checked(&["--write"]);
    assert!(is_passed, "{table}");
    let permitted = |attempt: &str, reason: &str| {
        let mut lines = table.lines().filter(|line| line.contains(reason));
        lines.any(|line| line.starts_with(attempt))
    };
    assert!(permitted(inside, "clients may change files"), "{table}");
    assert!(permitted("connect to a service", "active mode"), "{table}");
}

/// Neither needs a call that the filter would punish: a backtrace would open files, and big blocks of memory are
/// mapped, moved and unmapped.
#[test]
fn l17_a_panic_and_much_memory_are_no_violations() {
    in_own_process(
        concat!(module_path!(), "::l17_a_panic_and_much_memory_are_no_violations"),
        || {
            let permissions = Permissions::default();
            let mut sandbox = Sandbox::new(SandboxPolicy::BestEffort, Violation::Kill, permissions).expect("possible");
            text_log::report_panics();
            sandbox.restrict_files(Path::new("."), &[]).expect("restricted");
            sandbox.restrict_system_calls().expect("restricted");
            assert!(std::panic::catch_unwind(|| panic!("on purpose")).is_err());
            let mut memory: Vec<u8> = Vec::new();
            for length in 0..64 << 20 {
                memory.push(length as u8);
            }
            memory.truncate(1);
            memory.shrink_to_fit();
            assert_eq!(memory, [0]);
        },
    );
}

#[test]
fn l11_every_thread_is_filtered_and_nobody_but_root_can_look_at_the_process() {
    let server = Server::writable();
    let process = format!("/proc/{}", server.pid());
    let mut threads = 0;
    for thread in fs::read_dir(format!("{process}/task")).expect("the server lives") {
        let status = fs::read_to_string(thread.expect("an entry").path().join("status")).expect("the server lives");
        for line in ["NoNewPrivs:\t1", "Seccomp:\t2"] {
            assert!(status.contains(line), "{line}: {status}");
        }
        threads += 1;
    }
    assert_eq!(threads, 2, "the loop and the helper");
    let owner = fs::metadata(format!("{process}/fd")).expect("the server lives").uid();
    assert_eq!(owner, 0, "what is not dumpable belongs to root");
}

#[test]
fn l16_what_the_sandbox_enforces_is_logged_before_the_server_is_ready() {
    let server = Server::with(&["--require-sandbox", "--no-active"]);
    let line = |server: &Server| {
        let log = server.stderr();
        log.lines().find(|line| line.contains("sandbox: ")).map(str::to_owned)
    };
    wait_until("it is logged", || line(&server).is_some());
    let line = line(&server).expect("logged");
    for part in [
        "Landlock ABI ",
        "TCP bind and connect",
        "seccomp (",
        "no new privileges",
        "no capabilities",
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }
}

#[test]
fn l16_a_server_without_the_sandbox_warns() {
    let server = Setup::new().arguments(&["--no-sandbox"]).start();
    assert_eq!(server.status("Seccomp"), "0");
    assert_eq!(server.status("NoNewPrivs"), "1");
    wait_until("it warns", || {
        server.stderr().contains("--no-sandbox: if the server is exploited")
    });
    assert!(
        server.stderr().contains("sandbox: no Landlock, no seccomp"),
        "{}",
        server.stderr()
    );
}

/// Binding them later needs rights that a complete sandbox does not give.
#[test]
fn l16_a_required_sandbox_is_refused_if_passive_ports_are_missing() {
    let (low, high) = free_range(3);
    let other = TcpListener::bind(("127.0.0.1", high)).expect("a free port");
    let directory = TempDir::new().expect("a directory");
    harness::tree::allow_reading(directory.path());
    let range = format!("{low}-{high}");
    let root = directory.path().to_str().expect("UTF-8");
    let (code, text) = refused_start(&["-l", "127.0.0.1:0", "-p", &range, "--require-sandbox", root]);
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.contains("--require-sandbox: passive ports") && text.contains(&high.to_string()),
        "{text}"
    );
    let server = Setup::new().directory(directory.path()).passive(low, high).start();
    assert!(server.output().contains("2 of 3 bound"), "{}", server.output());
    drop(other);
}

#[test]
#[ignore = "half a minute: missing ports are tried again every 30 s"]
fn d04_a_passive_port_that_was_taken_at_the_start_is_bound_inside_the_sandbox() {
    let (low, high) = free_range(2);
    let other = TcpListener::bind(("127.0.0.1", high)).expect("a free port");
    let server = Setup::new().passive(low, high).start();
    drop(other);
    // Every 30 s.
    std::thread::sleep(Duration::from_secs(20));
    wait_until("it is tried again", || {
        server.stderr().contains("2 of 2 passive ports bound now")
    });
    server.write("file", b"content");
    for _ in 0..4 {
        assert_eq!(server.login().fetch("RETR file"), b"content");
    }
}
