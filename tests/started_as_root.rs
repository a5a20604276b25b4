//! Started as root, the server confines itself before it serves, or does not start (threats L01–L04).

mod harness;

use harness::server::{Setup, refused_start};
use harness::{Server, has_program, is_root};
use std::fs;
use std::os::unix::fs::PermissionsExt;

#[test]
fn l04_l01_l02_started_as_root_it_is_root_no_more() {
    if !is_root() {
        println!("skipped: the tests do not run as root");
        return;
    }
    let server = Server::start();
    server.write("file", b"x");
    for (field, numbers) in [("Uid", 4), ("Gid", 4)] {
        let ids = server.status(field);
        let ids: Vec<&str> = ids.split_whitespace().collect();
        assert_eq!(ids.len(), numbers);
        assert!(ids.iter().all(|id| *id != "0"), "{field}: {ids:?}");
    }
    assert_eq!(server.status("Groups"), "");
    for field in ["CapEff", "CapPrm", "CapInh", "CapAmb"] {
        assert_eq!(server.status(field), "0000000000000000", "{field}");
    }
    assert_eq!(server.status("NoNewPrivs"), "1");
    let process = format!("/proc/{}", server.pid());
    let inside = fs::read_link(format!("{process}/root")).expect("readable as root");
    assert_eq!(inside, server.directory());
    assert_eq!(
        fs::read_link(format!("{process}/cwd")).expect("readable as root"),
        server.directory()
    );
    for entry in fs::read_dir(format!("{process}/fd")).expect("readable as root") {
        let target = fs::read_link(entry.expect("an entry").path()).unwrap_or_default();
        assert!(
            !target.is_dir() || target == server.directory(),
            "a directory outside: {}",
            target.display()
        );
    }
    assert_eq!(server.login().fetch("RETR file"), b"x");
}

#[test]
fn l02_groups_that_it_was_started_with_are_dropped() {
    if !is_root() || !has_program("setpriv") {
        println!("skipped: the tests do not run as root");
        return;
    }
    let server = Setup::new().under(&["setpriv", "--groups", "4,27"]).start();
    assert_eq!(server.status("Groups"), "");
    assert_ne!(server.status("Gid").split_whitespace().next(), Some("0"));
}

#[test]
fn l01_the_owner_of_the_directory_or_the_named_user_is_who_it_becomes() {
    if !is_root() {
        println!("skipped: the tests do not run as root");
        return;
    }
    let directory = tempfile::TempDir::new().expect("a directory");
    std::os::unix::fs::chown(directory.path(), Some(12_345), Some(23_456)).expect("root may");
    let server = Setup::new().directory(directory.path()).start();
    assert_eq!(server.status("Uid").split_whitespace().next(), Some("12345"));
    assert_eq!(server.status("Gid").split_whitespace().next(), Some("23456"));
    let named = Server::with(&["--user", "daemon"]);
    assert_ne!(named.status("Uid").split_whitespace().next(), Some("0"));
    assert!(named.stdout().contains("as user daemon"), "{}", named.stdout());
    let root = Server::with(&["--user", "root"]);
    harness::wait_until("the warning has come", || root.stderr().contains("stays root"));
}

#[test]
fn l01_a_directory_that_the_user_cannot_read_stops_the_start_and_says_what_mends_it() {
    if !is_root() {
        println!("skipped: the tests do not run as root");
        return;
    }
    let directory = tempfile::TempDir::new().expect("a directory");
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o700)).expect("ours");
    let (low, high) = harness::server::free_range(2);
    let range = format!("{low}-{high}");
    let (code, text) = refused_start(&[
        "-l",
        "127.0.0.1:0",
        "-p",
        &range,
        directory.path().to_str().expect("UTF-8"),
    ]);
    assert_eq!(code, Some(1));
    assert!(text.contains("chmod o+rx") && text.contains("nobody"), "{text}");
}

#[test]
fn l03_a_step_of_the_confinement_that_fails_stops_the_start() {
    if !is_root() || !has_program("strace") {
        return;
    }
    let directory = tempfile::TempDir::new().expect("a directory");
    harness::tree::allow_reading(directory.path());
    for call in [
        "chroot",
        "fchdir",
        "chdir",
        "setgroups",
        "setresgid",
        "setresuid",
        "getresuid",
        "getgroups",
        "capget",
        "prctl",
    ] {
        let (low, high) = harness::server::free_range(2);
        let inject = format!("inject={call}:error=EPERM");
        let output = std::process::Command::new("timeout")
            .args(["20", "strace", "-f", "-qq", "-o", "/dev/null", "-e", &inject])
            .arg(env!("CARGO_BIN_EXE_loopftpd"))
            .args(["-l", "127.0.0.1:0", "-p", &format!("{low}-{high}")])
            .arg(directory.path())
            .output()
            .expect("strace runs");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{call}: {text}");
        assert!(text.contains("confining the server failed"), "{call}: {text}");
        assert!(!String::from_utf8_lossy(&output.stdout).contains("ready"), "{call}");
    }
}
