//! The log as an operator reads it: one line for each finished action, with its session, address and user, which no
//! client can forge or use to fill a disk.

use harness::accounts::{PASSWORD, client_of, everything, with_alice};
use harness::{Client, Server, wait_until};
use rustix::process::Signal;

/// The lines of sessions, without time, level and module; numbers that differ each time become `N`.
fn session_lines(server: &Server) -> Vec<String> {
    const MARK: &str = " [loopftpd::session] ";
    let text = server.stderr();
    let lines = text.lines().filter_map(|line| line.split_once(MARK));
    lines.map(|(_, line)| without_numbers(line)).collect()
}

fn without_numbers(line: &str) -> String {
    let words = line.split(' ').map(|word| match word.split_once('=') {
        Some((field @ ("session" | "ms"), number)) if number.parse::<u64>().is_ok() => format!("{field}=N"),
        Some(("client", address)) if address.starts_with("127.0.0.1:") => "client=HERE".to_owned(),
        _ => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Waits until so many lines are there, and fails if there are more.
fn lines_after(server: &Server, count: usize) -> Vec<String> {
    wait_until("the lines are written", || session_lines(server).len() >= count);
    let lines = session_lines(server);
    assert_eq!(lines.len(), count, "{lines:#?}");
    lines
}

#[test]
fn every_finished_action_has_a_log_line_with_session_user_and_outcome() {
    let (_premises, server) = with_alice(&["--log-level", "debug"]);
    let mut client = server.connect();
    assert_eq!(client.code("USER mallory \"x"), 331);
    assert_eq!(client.code("PASS guess"), 530);
    harness::accounts::log_in(&mut client, "alice");
    for line in [
        "RETR grüße.txt",
        "STOR new",
        "MKD d\u{202e}",
        "RNFR new",
        "RNTO a \"b",
        "SITE CHMOD 600 missing",
        "RETR missing",
        "LIST",
        "QUIT",
    ] {
        everything(&mut client, line);
    }
    let expected = [
        "connected session=N client=HERE",
        "login failed session=N client=HERE user=\"mallory \\\"x\" ms=N outcome=wrong-password",
        "login session=N client=HERE user=\"alice\" ms=N outcome=ok",
        "transfer session=N client=HERE user=\"alice\" verb=RETR path=\"/grüße.txt\" bytes=10 ms=N outcome=complete",
        "transfer session=N client=HERE user=\"alice\" verb=STOR path=\"/new\" bytes=19 ms=N outcome=complete",
        "change session=N client=HERE user=\"alice\" verb=MKD path=\"/d\\xe2\\x80\\xae\" outcome=ok",
        "change session=N client=HERE user=\"alice\" verb=RNTO path=\"/new\" to=\"/a \\\"b\" outcome=ok",
        "refused session=N client=HERE user=\"alice\" verb=SITE-CHMOD path=\"/missing\" code=550 outcome=refused",
        "refused session=N client=HERE user=\"alice\" verb=RETR path=\"/missing\" code=550 outcome=refused",
        "session ended session=N client=HERE user=\"alice\" bytes_sent=LISTED bytes_received=19 ms=N outcome=quit",
    ];
    let lines = lines_after(&server, expected.len());
    for (line, expected) in lines.iter().zip(expected) {
        match expected.split_once("LISTED") {
            None => assert_eq!(line, expected),
            Some((before, after)) => assert!(line.starts_with(before) && line.ends_with(after), "{line}"),
        }
    }
    let text = server.stderr();
    for (level, what) in [
        ("DEBUG", "connected"),
        ("WARN ", "login failed"),
        ("INFO ", "login session"),
        ("INFO ", "transfer"),
    ] {
        assert!(
            text.contains(&format!(" {level} [loopftpd::session] {what}")),
            "{what}: {text}"
        );
    }
    assert!(!text.contains(PASSWORD) && !text.contains("guess"), "{text}");
}

#[test]
fn connecting_and_leaving_logs_nothing_at_the_default_level() {
    let (_premises, server) = with_alice(&[]);
    assert!(server.connect().code("NOOP") == 200);
    drop(client_of(&server, "alice"));
    let lines = lines_after(&server, 2);
    assert!(
        lines[0].starts_with("login session=N") && lines[1].ends_with("outcome=client-closed"),
        "{lines:?}"
    );
}

/// Waits for the end of so many sessions, and checks how the last one ended.
fn last_of(server: &Server, number: usize, outcome: &str) {
    let ends = || {
        let lines = session_lines(server).into_iter();
        lines
            .filter(|line| line.starts_with("session ended"))
            .collect::<Vec<_>>()
    };
    wait_until(outcome, || ends().len() >= number);
    let ends = ends();
    assert!(
        ends.len() == number && ends[number - 1].ends_with(&format!("outcome={outcome}")),
        "{ends:#?}"
    );
}

#[test]
fn the_log_says_why_a_session_ended() {
    let (premises, mut server) = with_alice(&["--log-level", "debug"]);
    let mut guesser = server.connect();
    for code in [530, 530, 421] {
        assert_eq!(guesser.code("USER alice"), 331);
        assert_eq!(guesser.code("PASS guess"), code);
    }
    last_of(&server, 1, "too-many-failed-logins");
    let mut babbler = server.connect();
    while babbler.code("XYZZY") != 421 {}
    last_of(&server, 2, "too-many-bad-commands");
    server.connect().send("GET / HTTP/1.1");
    last_of(&server, 3, "foreign-protocol");
    server.connect().send_bytes(&[b'x'; 100_000]);
    last_of(&server, 4, "line-too-long");
    let mut alice = client_of(&server, "alice");
    premises.write_users(&[("bob", "/:read")]);
    server.signal(Signal::HUP);
    alice.expect(421);
    last_of(&server, 5, "account-changed");
    let _last = server.login();
    server.signal(Signal::TERM);
    last_of(&server, 6, "shutdown");
    assert!(server.wait().success());
    let hurried = Server::with(&[
        "--log-level",
        "debug",
        "--login-timeout",
        "200ms",
        "--idle-timeout",
        "200ms",
    ]);
    let _silent = hurried.connect();
    last_of(&hurried, 1, "login-timeout");
    let _idle = hurried.login();
    last_of(&hurried, 2, "idle-timeout");
}

/// A refused command costs a client nothing, so its log lines must be bounded.
#[test]
fn g14_a_flood_of_refused_commands_is_counted_in_a_bounded_log() {
    let (_premises, server) = with_alice(&["--write"]);
    let mut client = server.login();
    for _ in 0..30 {
        client.send_bytes("DELE missing\r\n".repeat(100).as_bytes());
        for _ in 0..100 {
            client.expect(550);
        }
    }
    // Clients at other addresses are unaffected, and their actions are logged as usual.
    let mut other = Client::connect_from(server.address, harness::server::client_address(9));
    other.login();
    assert_eq!(other.code("DELE missing"), 550);
    assert_eq!(client.code("MKD done"), 257);
    let said = server.stop();
    let refused = |address: &str| {
        let lines = said.lines().filter(|line| line.contains("refused session="));
        lines
            .filter(|line| line.contains(&format!("client={address}:")))
            .count()
    };
    assert_eq!((refused("127.0.0.1"), refused("127.0.0.9")), (100, 1), "{said}");
    assert!(
        said.contains("2900 lines of refused commands and failed logins left out"),
        "{said}"
    );
    assert!(said.contains("verb=MKD path=\"/done\" outcome=ok"), "{said}");
}
