//! Verdicts: what fails, what is inconclusive, and how both are reported.

use super::closed_port;
use super::liar::liar;
use super::run::{Ended, Running, against, storm};
use harness::server::Setup;
use harness::{Server, wait_until};
use rustix::process::Signal;
use socket2::{Domain, SockRef, Socket, Type};
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

/// A listener with one thread that does this to every connection.
fn listener(treat: impl Fn(TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound").to_string();
    std::thread::spawn(move || listener.incoming().map_while(Result::ok).for_each(treat));
    address
}

/// A port that does not answer connection attempts: its queue is full and not accepted from.
fn silent_port() -> (SocketAddr, Vec<Socket>) {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    listener
        .bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())
        .expect("a port");
    listener.listen(0).expect("listening");
    let address = listener.local_addr().expect("bound");
    let mut held = vec![listener];
    for _ in 0..4 {
        let filler = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        filler.set_nonblocking(true).expect("an option");
        let _ = filler.connect(&address);
        held.push(filler);
    }
    (address.as_socket().expect("an address"), held)
}

#[test]
fn a_run_without_any_success_stops_and_says_why() {
    let (silent, _held) = silent_port();
    let mute = listener(|stream| {
        // Kept open, and never written to.
        std::mem::forget(stream);
    });
    let resets = listener(|stream| {
        let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
    });
    let closes = listener(drop);
    let says_no = liar(&[("PASS", "530 Login incorrect.\r\n")], b"").to_string();
    for (address, reason) in [
        (format!("127.0.0.1:{}", closed_port()), "control connection refused"),
        (silent.to_string(), "control connection timed out connecting"),
        (mute, "timed out waiting for the greeting"),
        (resets, "control connection reset"),
        (closes, "control connection closed by the server"),
        (says_no, "reply 530 Login incorrect."),
    ] {
        // A count of operations that never begin would not end it.
        let arguments = ["cycle", &address, "--quiet", "-n", "100", "-c", "2", "--timeout", "1s"];
        let ended = Running::start(&arguments).wait();
        assert_eq!(ended.code, Some(1), "{reason}: {}", ended.text());
        let said = format!("nothing succeeded at {address} for 1.00 s: ");
        assert!(ended.stderr.contains(&said), "{reason}: {}", ended.stderr);
        assert!(ended.stderr.contains(reason), "{reason}: {}", ended.stderr);
        assert!(ended.stdout.contains(reason), "{reason}: {}", ended.stdout);
        assert_eq!(ended.json()["verdict"], "failed");
    }
}

#[test]
fn a_refused_data_connection_is_reported_as_such() {
    // A port whose listener has closed.
    let port = closed_port();
    let reply: &'static str = format!(
        "227 Entering Passive Mode (127,0,0,1,{},{})\r\n",
        port >> 8,
        port & 0xff
    )
    .leak();
    let address = liar(Vec::leak(vec![("PASV", reply)]), b"").to_string();
    let (code, text) = storm(&["cycle", &address, "-q", "-n", "1", "-c", "1"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("data connection refused"), "{text}");
}

/// Operations that run when the time is up are waited for: a server that hangs has failed.
#[test]
fn a_server_that_hangs_before_the_time_is_up_has_failed() {
    let server = Server::start();
    let baseline = server.descriptors();
    let run = Running::against(&server, "cycle", &["-d", "3s", "--timeout", "6s", "-c", "2"]);
    wait_until("both have logged in", || server.descriptors() >= baseline + 2);
    server.signal(Signal::STOP);
    let ended = run.wait();
    server.signal(Signal::CONT);
    assert_eq!(ended.code, Some(1), "{}", ended.text());
    assert!(ended.text().contains("timed out"), "{}", ended.text());
}

#[test]
fn a_missed_rate_fails_and_is_reported() {
    let server = Server::start();
    let ended = Running::against(&server, "cycle", &["-d", "1s", "--rate", "500000"]).wait();
    assert_eq!(ended.code, Some(1), "{}", ended.text());
    assert!(
        ended.stderr.contains("the rate was missed: 500000/s requested, "),
        "{}",
        ended.stderr
    );
    let rate = &ended.json()["rate"];
    assert_eq!(rate["missed"], true, "{rate}");
    assert_eq!(rate["requested"], 500_000.0, "{rate}");
    assert!(rate["reached"].as_f64().expect("a rate") < 475_000.0, "{rate}");
}

/// A busy machine may miss any rate, so only the report can be checked; the arithmetic has unit tests.
#[test]
fn the_text_about_a_rate_agrees_with_the_exit_code() {
    let server = Server::start();
    let ended = Running::against(&server, "cycle", &["-n", "40", "--rate", "20", "--ramp", "100ms"]).wait();
    let result = ended.json();
    let rate = &result["rate"];
    assert_eq!((&rate["requested"], &rate["begun"]), (&20.0.into(), &40.into()));
    let is_missed = rate["missed"].as_bool().expect("a verdict");
    assert_eq!(ended.code, Some(i32::from(is_missed)), "{}", ended.text());
    assert_eq!(
        ended.stderr.contains("the rate was missed"),
        is_missed,
        "{}",
        ended.stderr
    );
    assert!(ended.stdout.contains("20/s requested"), "{}", ended.stdout);
}

fn assert_inconclusive(ended: &Ended, reason: &str) {
    assert_eq!(ended.code, Some(3), "{reason}: {}", ended.text());
    assert!(ended.stderr.contains("inconclusive"), "{}", ended.stderr);
    assert!(ended.stderr.contains(reason), "{reason}: {}", ended.stderr);
    let result = ended.json();
    assert_eq!(result["verdict"], "inconclusive");
    assert!(result["doubts"].to_string().contains(reason), "{result}");
}

#[test]
fn an_attack_that_tests_nothing_is_inconclusive() {
    let server = Setup::new().ports(64).start();
    server.write("small", b"12345");
    for (attack, arguments, reason) in [
        ("squat", &["-d", "500ms"][..], "the squatter could bind none of"),
        (
            "stall",
            &["-d", "500ms", "--path", "missing"],
            "0 downloads stalled (attack: reply 550",
        ),
        ("stall", &["-d", "500ms", "--path", "small"], "0 downloads stalled"),
        ("reset", &["-d", "500ms", "--path", "missing"], "0 downloads reset"),
    ] {
        assert_inconclusive(&Running::against(&server, attack, arguments).wait(), reason);
    }
}

#[test]
fn a_thief_without_an_address_of_its_own_is_inconclusive() {
    let server = Setup::new().listen("[::1]:0").start();
    let ended = Running::against(&server, "thief", &["-n", "5", "--epsv"]).wait();
    assert_inconclusive(&ended, "no theft was tried");
}

#[test]
fn an_attack_without_a_bystander_is_inconclusive() {
    let address = liar(&[("PASS", "530 Login incorrect.\r\n")], b"").to_string();
    for attack in [
        &["hoard"][..],
        &["slowloris"],
        &["stall", "--path", "f"],
        &["thief"],
        &["squat"],
        &["reset", "--path", "f"],
        &["flood"],
        &["lines"],
        &["exhaust"],
    ] {
        let (name, more) = attack.split_first().expect("a name");
        let arguments = [&[*name, &address, "-q", "-d", "300ms"], more].concat();
        assert_inconclusive(
            &Running::start(&arguments).wait(),
            "no well-behaved client got a session",
        );
    }
}

#[test]
fn a_part_of_a_mix_that_never_ran_is_inconclusive() {
    let server = Server::start();
    let mix = ["-n", "1", "-c", "1", "--mix", "cycle=1,noop=1"];
    assert_inconclusive(&Running::against(&server, "mixed", &mix).wait(), "no operation began");
}

#[test]
fn stolen_bytes_count_even_if_the_victim_was_refused() {
    let address = liar(&[("LIST", "425 Bad IP\r\n")], b"a secret").to_string();
    let (code, text) = storm(&["thief", &address, "-q", "-n", "5", "-c", "1"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("bytes were stolen"), "{text}");
    assert!(
        text.contains("victims not served: theft at once: reply 425 Bad IP"),
        "{text}"
    );
}

/// Without `--expect` the content is unknown, but it has one size.
#[test]
fn truncated_downloads_are_detected() {
    let log = tempfile::TempDir::new().expect("a directory");
    let log = log.path().join("transfers");
    let server = Setup::new()
        .arguments(&["--transfer-log", log.to_str().expect("UTF-8")])
        .start();
    let file = server.write("file", &[b'x'; 1_000]);
    let arguments = ["-n", "2", "-c", "1", "--rate", "0.2", "--path", "file"];
    let run = Running::against(&server, "download", &arguments);
    wait_until("it was downloaded once", || {
        std::fs::read(&log).is_ok_and(|log| !log.is_empty())
    });
    let mut file = std::fs::OpenOptions::new().append(true).open(file).expect("the file");
    file.write_all(b"more").expect("written");
    let ended = run.wait();
    assert_eq!(ended.code, Some(1), "{}", ended.text());
    assert!(
        ended.text().contains("size differs from the first download"),
        "{}",
        ended.text()
    );
}

#[test]
fn downloads_of_an_empty_file_are_inconclusive() {
    let server = Server::start();
    server.write("empty", b"");
    let ended = Running::against(&server, "download", &["-n", "5", "--path", "empty"]).wait();
    assert_inconclusive(&ended, "the file is empty");
    let (code, text) = against(
        &server,
        "download",
        &["-n", "5", "--path", "empty", "--expect", "0.zero"],
    );
    assert_eq!(code, Some(0), "{text}");
}
