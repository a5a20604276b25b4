//! ftpstorm against a server that behaves, and against servers that do not.

mod interrupted;
mod liar;
mod run;
mod uploads;
mod verdicts;

use harness::Server;
use harness::server::{Setup, free_range};
use liar::liar;
use run::{Running, against, storm};

/// A port that nothing listens on.
fn closed_port() -> u16 {
    free_range(1).0
}

#[test]
fn every_scenario_succeeds_against_this_server() {
    let server = Setup::new().arguments(&["--synthetic"]).ports(64).start();
    server.write("file", b"12345");
    for (scenario, arguments) in [
        ("login", &["-n", "200"][..]),
        ("cycle", &["-n", "200"]),
        ("cycle", &["-n", "100", "--epsv", "--list", "MLSD"]),
        (
            "cycle",
            &[
                "-n",
                "50",
                "--list",
                "NLST",
                "--source",
                "127.5.0.0/24",
                "--ramp",
                "200ms",
            ],
        ),
        (
            "download",
            &["-n", "50", "--path", "/gen/300K.pattern", "--expect", "300K.pattern"],
        ),
        (
            "download",
            &["-n", "10", "--path", "/file", "--expect", "crc32:cbf53a1c"],
        ),
        (
            "mixed",
            &[
                "-n",
                "200",
                "--path",
                "/gen/10K.rand?seed=3",
                "--expect",
                "10K.rand?seed=3",
            ],
        ),
        ("idle", &["-c", "500", "-n", "50"]),
        ("fair", &["-n", "40", "--path", "/gen/1M.zero"]),
    ] {
        let (code, text) = against(&server, scenario, arguments);
        assert_eq!(code, Some(0), "{scenario} {arguments:?}: {text}");
        assert!(text.contains("every operation succeeded"), "{text}");
    }
}

#[test]
fn this_server_withstands_every_attack() {
    let server = Setup::new().writable().arguments(&["--synthetic"]).ports(64).start();
    let pid = server.pid().to_string();
    for (attack, arguments) in [
        ("exhaust", &["-n", "500"][..]),
        ("hoard", &["-n", "50"]),
        ("slowloris", &["-c", "50", "-d", "2s"]),
        ("stall", &["--path", "/gen/1G.zero", "-d", "2s"]),
        ("thief", &["-n", "1000"]),
        ("reset", &["--path", "/gen/100M.zero", "-d", "2s"]),
        ("flood", &["-d", "2s"]),
        ("lines", &["-n", "20"]),
    ] {
        let (code, text) = against(&server, attack, &[&["--pid", &pid], arguments].concat());
        assert_eq!(code, Some(0), "{attack}: {text}");
        assert!(text.contains("the server withstood the attack"), "{text}");
    }
}

#[test]
fn the_result_is_written_for_programs_and_drawn() {
    let server = Server::start();
    let pid = server.pid().to_string();
    let ended = Running::against(&server, "cycle", &["-n", "100", "--pid", &pid]).wait();
    assert_eq!(ended.code, Some(0), "{}", ended.text());
    assert_eq!(ended.stderr, "", "no output and no error");
    let result = ended.json();
    let cycle = result["classes"]
        .as_array()
        .expect("classes")
        .iter()
        .find(|class| class["name"] == "cycle");
    let cycle = cycle.expect("the class");
    assert_eq!(cycle["operations"], 100);
    assert!(cycle["latency"]["p99"].as_f64().expect("a latency") > 0.0);
    assert!(result["server"]["most"]["memory"].as_u64().expect("memory") > 0);
    assert_eq!(result["verdict"], "passed");
    let picture = std::fs::read_to_string(ended.svg()).expect("written");
    assert!(
        picture.starts_with("<svg") && picture.contains("<polyline"),
        "{picture}"
    );
}

#[test]
fn a_misbehaving_server_is_detected() {
    let download: &[&str] = &["-n", "3", "-c", "1", "--path", "f", "--expect", "16.pattern"];
    let login: &[&str] = &["-n", "3", "-c", "1"];
    // Where the reply is wrong, the bytes are right: the order of arrival must not matter.
    for (scenario, arguments, address, complaint) in [
        ("download", download, liar(&[], b"000000000000000\n"), None),
        (
            "download",
            download,
            liar(&[], b"000000000000001\n"),
            Some("wrong bytes"),
        ),
        ("download", download, liar(&[], b"00000000"), Some("wrong bytes")),
        (
            "download",
            download,
            liar(&[("RETR", "226 done\r\n")], b"000000000000000\n"),
            Some("reply 226"),
        ),
        (
            "download",
            download,
            liar(&[("RETR", "550 no\r\n")], b"000000000000000\n"),
            Some("reply 550"),
        ),
        (
            "download",
            download,
            liar(&[("PASV", "227 somewhere\r\n")], b""),
            Some("no address"),
        ),
        (
            "download",
            download,
            liar(&[("PASV", "200 ok\r\n")], b""),
            Some("reply 200"),
        ),
        (
            "login",
            login,
            liar(&[("PASS", "230 in\n")], b""),
            Some("ends in a bare LF"),
        ),
        (
            "login",
            login,
            liar(&[("PASS", "hello\r\n")], b""),
            Some("without a code"),
        ),
        (
            "login",
            login,
            liar(&[("PASS", "230 in\r\n230 in\r\n")], b""),
            Some("reply 230"),
        ),
        ("login", login, liar(&[("", "421 full\r\n")], b""), Some("reply 421")),
    ] {
        let address = address.to_string();
        let (code, text) = storm(&[&[scenario, &address, "-q", "--timeout", "5s"], arguments].concat());
        match complaint {
            None => assert_eq!(code, Some(0), "{text}"),
            Some(complaint) => {
                assert_eq!(code, Some(1), "{complaint}: {text}");
                assert!(text.contains(complaint), "{complaint}: {text}");
            }
        }
    }
}

#[test]
fn a_server_that_serves_thieves_fails() {
    let address = liar(&[], b"a secret").to_string();
    let (code, text) = storm(&["thief", &address, "-q", "-n", "5", "-c", "1"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("bytes were stolen"), "{text}");
}

#[test]
fn a_port_without_a_listener_is_a_failure() {
    let address = format!("127.0.0.1:{}", closed_port());
    let (code, text) = storm(&["login", &address, "-q", "-n", "2", "-c", "1"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("control connection refused"), "{text}");
}

#[test]
fn l15_wrong_usage_exits_2_and_says_what_was_expected() {
    for (arguments, named) in [
        (&["login"][..], "SCENARIO ADDR:PORT"),
        (&["login", "192.0.2.1:21"], "--i-own-this-server"),
        (&["login", "127.0.0.1:21", "--clients", "none"], "--clients none"),
        (&["login", "127.0.0.1:21", "--bogus"], "bogus"),
    ] {
        let (code, text) = storm(arguments);
        assert_eq!(code, Some(2), "{text}");
        assert!(text.contains(named), "{text}");
    }
}
