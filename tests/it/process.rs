//! The process: start, signals, output, descriptors (threats L06–L15).

use harness::server::{Setup, refused_start};
use harness::{Client, Server, wait_until};
use rustix::process::Signal;
use std::fs;
use std::io::{BufRead, Read};
use std::net::SocketAddr;
use std::path::Path;

#[test]
fn l15_wrong_options_are_named_and_exit_2() {
    for (arguments, named) in [
        (&["--bogus"][..], "bogus"),
        (&["--listen", "nowhere"], "--listen nowhere"),
        (&["/no/such/directory"], "/no/such/directory"),
        (&["--idle-timeout", "soon"], "--idle-timeout soon"),
        (&["--user", "no such user"], "--user no such user"),
        (&["--log-level", "info,nosuch=debug"], "nosuch"),
        (&["--durable"], "--durable"),
        (&["--on-violation", "log"], "--on-violation log"),
        (
            &["--no-sandbox", "--require-sandbox"],
            "--no-sandbox: contradicts --require-sandbox",
        ),
        (
            &["--no-sandbox", "--check-sandbox"],
            "--no-sandbox: contradicts --check-sandbox",
        ),
        (&["--listen", "192.0.2.1:2121"], "--listen 192.0.2.1:2121"),
    ] {
        let (code, text) = refused_start(arguments);
        assert_eq!(code, Some(2), "{text}");
        assert!(text.contains(named), "{text}");
    }
}

#[test]
fn l15_useless_users_files_are_reported() {
    let premises = harness::accounts::Premises::new();
    premises.write_users(&[]);
    let (users, root) = (premises.users_file(), premises.root());
    let [users, root] = [&users, &root].map(|path| path.to_str().expect("UTF-8"));
    let (code, text) = refused_start(&["-l", "127.0.0.1:0", "--users", users, "--anonymous", "off", root]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains(users) && text.contains("nobody could log in"), "{text}");
    let server = premises.serve(&["--users", users]);
    assert_eq!(server.login().code("PWD"), 257, "anonymous clients can");
}

#[test]
fn l15_a_lowered_max_sessions_is_logged() {
    let server = Setup::new().nofile(200).arguments(&["-m", "99999999"]).start();
    wait_until("it is logged", || {
        server.stderr().contains("--max-sessions 99999999: only ") && server.stderr().contains("ulimit -n")
    });
    let server = Setup::new().nofile(200).start();
    assert!(
        !server.stderr().contains("--max-sessions"),
        "nothing was asked for: {}",
        server.stderr()
    );
}

#[test]
fn the_counters_are_printed_only_with_stats() {
    for (arguments, is_told) in [
        (&[][..], false),
        (&["--stats"], true),
        (&["--log-level", "debug"], true),
    ] {
        let directory = tempfile::TempDir::new().expect("a directory");
        harness::tree::allow_reading(directory.path());
        let (low, high) = harness::server::free_range(2);
        let mut server = std::process::Command::new(env!("CARGO_BIN_EXE_loopftpd"))
            .args(["--listen", "127.0.0.1:0", "--passive-ports", &format!("{low}-{high}")])
            .args(arguments)
            .arg(directory.path())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("started");
        let mut output = std::io::BufReader::new(server.stdout.take().expect("piped"));
        let mut said = String::new();
        while !said.ends_with("ready\n") {
            assert!(output.read_line(&mut said).expect("UTF-8") > 0, "{said}");
        }
        let pid = rustix::process::Pid::from_child(&server);
        rustix::process::kill_process(pid, Signal::TERM).expect("ours");
        let mut rest = String::new();
        output.read_to_string(&mut rest).expect("UTF-8");
        assert!(server.wait().expect("ours").success());
        assert_eq!(rest.contains("longest turn: "), is_told, "{arguments:?}: {rest}");
        assert_eq!(rest.is_empty(), !is_told, "{arguments:?}: {rest}");
    }
}

#[test]
fn l14_an_address_in_use_is_named_and_exits_1() {
    let server = Server::start();
    let address = server.address.to_string();
    let (code, text) = refused_start(&["--listen", &address]);
    assert_eq!(code, Some(1));
    assert!(text.contains(&address) && text.contains("in use"), "{text}");
    assert_eq!(server.login().code("NOOP"), 200, "the first goes on");
}

#[test]
fn l07_term_closes_idle_sessions_and_lets_transfers_finish() {
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
        "no new client is admitted"
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
fn l07_a_second_signal_ends_the_server_at_once() {
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
    wait_until("SIGUSR1 logs the sessions", || {
        let text = server.stderr();
        text.contains("session 1: 127.0.0.1") && text.contains("descriptors")
    });
}

#[test]
fn l04_sighup_reopens_the_transfer_log() {
    let directory = tempfile::TempDir::new().expect("a directory");
    harness::tree::give_to_server(directory.path());
    harness::tree::allow_reading(directory.path());
    let (log, old) = (directory.path().join("log"), directory.path().join("old"));
    let server = Server::with(&["--transfer-log", log.to_str().expect("UTF-8")]);
    server.write("file", b"x");
    let mut client = server.login();
    assert_eq!(client.fetch("RETR file"), b"x");
    fs::rename(&log, &old).expect("rotated");
    server.signal(Signal::HUP);
    wait_until("there is a new one", || log.exists());
    assert_eq!(client.fetch("RETR file"), b"x");
    for file in [&log, &old] {
        assert_eq!(fs::read_to_string(file).expect("a log").lines().count(), 1);
    }
    let inside = fs::read_dir(server.directory()).expect("ours").count();
    assert_eq!(inside, 1, "nothing among the clients' files");
}

#[test]
fn l09_closed_standard_streams_are_never_reused_for_clients() {
    let (control, high) = harness::server::free_range(3);
    let address = SocketAddr::from(([127, 0, 0, 1], control));
    let mut server = std::process::Command::new("sh")
        .args(["-c", "exec \"$@\" <&- >&- 2>&-", "sh", env!("CARGO_BIN_EXE_loopftpd")])
        // The links in /proc/PID/fd are for root only if the process is not dumpable.
        .arg("--no-sandbox")
        .args([
            "--listen",
            &address.to_string(),
            "--passive-ports",
            &format!("{}-{high}", control + 1),
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
fn ten_sessions_are_served_by_one_thread() {
    let server = Server::start();
    let _clients: Vec<Client> = (0..10).map(|_| server.login()).collect();
    assert_eq!(server.threads(), 1);
}

#[test]
fn a_wildcard_address_prints_a_url_for_every_interface() {
    let server = Setup::new().listen("0.0.0.0:0").start();
    assert!(
        server.stdout().contains("open     ftp://127.0.0.1:"),
        "{}",
        server.stdout()
    );
    // With both wildcard addresses every URL is printed once.
    let (port, high) = harness::server::free_range(5);
    let both = Setup::new()
        .listen(&format!("[::]:{port}"))
        .arguments(&["--listen", &format!("0.0.0.0:{port}")])
        .passive(port + 1, high)
        .start();
    let text = both.stdout();
    for url in [format!("ftp://127.0.0.1:{port}/"), format!("ftp://[::1]:{port}/")] {
        assert_eq!(text.matches(&url).count(), 1, "{text}");
    }
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
fn banner_and_log_levels_of_modules_can_be_chosen() {
    let arguments = ["--banner", "Files of the club", "--log-level", "off,session=info"];
    let server = Server::with(&arguments);
    server.write("file", b"x");
    let mut client = Client::connect_silently(server.address, None);
    assert_eq!(client.expect(220).text(), "220 Files of the club");
    client.login();
    assert_eq!(client.fetch("RETR file"), b"x");
    client.send("GET / HTTP/1.1");
    client.expect(500);
    wait_until("the session's line is logged", || {
        server.stderr().contains("outcome=foreign-protocol")
    });
    server.signal(Signal::USR1);
    assert_eq!(server.login().code("NOOP"), 200);
    let text = server.stderr();
    assert!(text.lines().all(|line| line.contains("[loopftpd::session] ")), "{text}");
}

#[test]
fn trace_prints_every_turn_of_the_loop() {
    let server = Server::with(&["--trace"]);
    server.write("file", b"x");
    assert_eq!(server.login().fetch("RETR file"), b"x");
    wait_until("the trace has the transfer", || {
        let text = server.stdout();
        [
            "turn ",
            "ready → transferring RETR /file",
            "sent 1 bytes",
            "says PASS ****",
            "gets 226 ",
            "epoll_wait: until an event, at most ",
        ]
        .iter()
        .all(|part| text.contains(part))
    });
}

#[test]
fn l08_a_storm_of_sighups_drops_no_session_and_leaks_nothing() {
    let directory = tempfile::TempDir::new().expect("a directory");
    let log = directory.path().join("log");
    let server = Server::with(&["--log-level", "error", "--transfer-log", log.to_str().expect("UTF-8")]);
    server.write("file", &vec![1; 100_000]);
    let baseline = server.descriptors();
    let mut client = server.login();
    for _ in 0..1_000 {
        server.signal(Signal::HUP);
        assert_eq!(client.code("NOOP"), 200);
    }
    assert_eq!(client.fetch("RETR file").len(), 100_000);
    assert_eq!(client.code("QUIT"), 221);
    server.wait_for_descriptors(baseline);
    let lines = fs::read_to_string(&log).expect("the log");
    assert_eq!(lines.lines().count(), 1, "{lines}");
}
