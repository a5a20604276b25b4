//! The process: start, signals, confinement, what it leaves alone (threats L).

mod harness;

use harness::server::{Setup, refused_start};
use harness::{Client, Server, has_program, is_root, wait_until};
use rustix::process::Signal;
use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

#[test]
fn l15_wrong_options_say_which_and_exit_2() {
    for (arguments, named) in [
        (&["--bogus"][..], "bogus"),
        (&["--listen", "nowhere"], "--listen nowhere"),
        (&["/no/such/directory"], "/no/such/directory"),
        (&["--idle-timeout", "soon"], "--idle-timeout soon"),
    ] {
        let (code, text) = refused_start(arguments);
        assert_eq!(code, Some(2), "{text}");
        assert!(text.contains(named), "{text}");
    }
}

#[test]
fn l14_an_address_in_use_exits_1_and_says_so() {
    let server = Server::start();
    let address = server.address.to_string();
    let (code, text) = refused_start(&["--listen", &address]);
    assert_eq!(code, Some(1));
    assert!(text.contains(&address) && text.contains("in use"), "{text}");
    assert_eq!(server.login().code("NOOP"), 200, "the first goes on");
}

#[test]
fn l07_asked_to_stop_it_dismisses_the_idle_and_lets_transfers_end() {
    let mut server = Server::start();
    let content = vec![4; 24 << 20];
    server.write("big", &content);
    let mut idle: Vec<Client> = (0..20).map(|_| server.login()).collect();
    let mut busy: Vec<_> = (0..20)
        .map(|_| {
            let mut client = server.login();
            let mut data = client.data();
            client.send("RETR big");
            client.expect(150);
            let mut some = vec![0; 1_000];
            data.read_exact(&mut some).expect("the beginning");
            (client, data)
        })
        .collect();
    server.signal(Signal::TERM);
    for client in &mut idle {
        client.expect(421);
        assert!(client.is_closed());
    }
    assert!(
        std::net::TcpStream::connect(server.address).is_err(),
        "nobody new is let in"
    );
    for (client, data) in &mut busy {
        let mut rest = Vec::new();
        data.read_to_end(&mut rest).expect("the rest");
        assert_eq!(rest.len() + 1_000, content.len());
        client.expect(226);
        client.expect(421);
    }
    assert!(server.wait().success());
}

#[test]
fn l07_asked_twice_it_ends_at_once() {
    let mut server = Server::start();
    server.write("big", &vec![4; 24 << 20]);
    let mut client = server.login();
    let _data = client.data();
    client.send("RETR big");
    client.expect(150);
    server.signal(Signal::INT);
    wait_until("it has noticed", || server.stderr().contains("stopping"));
    server.signal(Signal::INT);
    assert!(server.wait().success());
}

#[test]
fn l06_other_signals_change_nothing() {
    let server = Server::start();
    server.write("file", &vec![1; 100_000]);
    let mut client = server.login();
    for _ in 0..200 {
        for signal in [
            Signal::PIPE,
            Signal::XFSZ,
            Signal::USR1,
            Signal::USR2,
            Signal::CHILD,
            Signal::QUIT,
        ] {
            server.signal(signal);
        }
        assert_eq!(client.fetch("RETR file").len(), 100_000);
    }
    wait_until("USR1 tells of the sessions", || {
        let text = server.stderr();
        text.contains("session 1: 127.0.0.1") && text.contains("descriptors")
    });
}

#[test]
fn sighup_opens_the_transfer_log_anew() {
    if is_root() {
        // A confined server cannot reach the file any more; it says so and goes on with the old one.
        let directory = tempfile::TempDir::new().expect("a directory");
        let log = directory.path().join("log");
        let server = Server::with(&["--transfer-log", log.to_str().expect("UTF-8")]);
        server.signal(Signal::HUP);
        wait_until("it says so", || server.stderr().contains("cannot be reopened"));
        server.write("file", b"x");
        assert_eq!(server.login().fetch("RETR file"), b"x");
        assert!(fs::read_to_string(&log).expect("the old file").contains("/file"));
        return;
    }
    let directory = tempfile::TempDir::new().expect("a directory");
    let (log, old) = (directory.path().join("log"), directory.path().join("old"));
    let server = Server::with(&["--transfer-log", log.to_str().expect("UTF-8")]);
    fs::rename(&log, old).expect("rotated");
    server.signal(Signal::HUP);
    wait_until("there is a new one", || log.exists());
}

#[test]
fn l09_started_with_closed_standard_streams_it_gives_none_of_them_to_a_client() {
    let (low, high) = harness::server::free_range(2);
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = free.local_addr().expect("bound");
    drop(free);
    let mut server = std::process::Command::new("sh")
        .args(["-c", "exec \"$@\" <&- >&- 2>&-", "sh", env!("CARGO_BIN_EXE_loopftpd")])
        .args([
            "--listen",
            &address.to_string(),
            "--passive-ports",
            &format!("{low}-{high}"),
        ])
        .arg("/usr")
        .spawn()
        .expect("started");
    wait_until("it listens", || std::net::TcpStream::connect(address).is_ok());
    let mut client = Client::connect(address);
    client.login();
    for number in 0..3 {
        let target = fs::read_link(format!("/proc/{}/fd/{number}", server.id())).expect("open");
        assert_eq!(target, Path::new("/dev/null"), "descriptor {number}");
    }
    assert_eq!(client.code("NOOP"), 200);
    server.kill().expect("ours");
    server.wait().expect("ours");
}

#[test]
fn one_thread_and_every_descriptor_is_its_own() {
    let server = Server::start();
    let _clients: Vec<Client> = (0..10).map(|_| server.login()).collect();
    assert_eq!(server.threads(), 1);
}

#[test]
fn l01_l02_l04_started_as_root_it_is_root_no_more() {
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
    assert!(root.stderr().contains("stays root"), "{}", root.stderr());
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

#[test]
fn a_wildcard_address_prints_a_url_for_every_interface() {
    let server = Setup::new().listen("0.0.0.0:0").start();
    assert!(
        server.stdout().contains("open     ftp://127.0.0.1:"),
        "{}",
        server.stdout()
    );
}

#[test]
fn help_and_version_go_to_standard_output() {
    for (option, expected) in [("--help", "--passive-ports"), ("--version", env!("CARGO_PKG_VERSION"))] {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_loopftpd"))
            .arg(option)
            .output()
            .expect("runs");
        assert!(output.status.success());
        assert!(String::from_utf8_lossy(&output.stdout).contains(expected));
    }
}

#[test]
fn trace_tells_every_turn() {
    let server = Server::with(&["--trace"]);
    server.write("file", b"x");
    assert_eq!(server.login().fetch("RETR file"), b"x");
    wait_until("the trace tells of the transfer", || {
        let text = server.stdout();
        [
            "turn ",
            "Ready → Transferring(RETR /file)",
            "sent 1 bytes",
            "says PASS ****",
            "next: ",
        ]
        .iter()
        .all(|part| text.contains(part))
    });
}
