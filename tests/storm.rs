//! ftpstorm: what it finds in a server that behaves, and in servers that do not.

mod harness;

use harness::accounts::{PASSWORD, Premises};
use harness::server::Setup;
use harness::tree::contents;
use harness::{Server, wait_until};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// What ftpstorm said, and its exit code.
fn storm(arguments: &[&str]) -> (Option<i32>, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_ftpstorm"))
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("ftpstorm starts");
    let mut ended = None;
    wait_until("ftpstorm ends", || {
        ended = child.try_wait().expect("our child");
        ended.is_some()
    });
    let mut text = String::new();
    child
        .stdout
        .take()
        .expect("piped")
        .read_to_string(&mut text)
        .expect("UTF-8");
    child
        .stderr
        .take()
        .expect("piped")
        .read_to_string(&mut text)
        .expect("UTF-8");
    (ended.and_then(|status| status.code()), text)
}

fn against(server: &Server, scenario: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let address = server.address.to_string();
    storm(&[&[scenario, &address, "--quiet"], arguments].concat())
}

#[test]
fn every_scenario_succeeds_against_this_server() {
    let server = Setup::new().arguments(&["--synthetic"]).ports(64).start();
    server.write("file", b"12345");
    for (scenario, arguments) in [
        ("login", &["-n", "200"][..]),
        ("cycle", &["-n", "200"]),
        ("cycle", &["-n", "100", "--epsv", "--list", "MLSD", "--rate", "500"]),
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
fn this_server_stands_under_every_attack() {
    let server = Setup::new().arguments(&["--synthetic", "--write"]).ports(64).start();
    let pid = server.pid().to_string();
    for (attack, arguments) in [
        ("exhaust", &["-n", "500"][..]),
        ("hoard", &["-d", "500ms"]),
        ("slowloris", &["-c", "50", "-d", "500ms"]),
        ("stall", &["--path", "/gen/1G.zero", "-d", "500ms"]),
        ("thief", &["-n", "300"]),
        ("squat", &["-d", "500ms"]),
        ("reset", &["--path", "/gen/100M.zero", "-d", "500ms"]),
        ("flood", &["-d", "500ms"]),
        ("lines", &["-d", "1500ms"]),
    ] {
        let (code, text) = against(&server, attack, &[&["--pid", &pid], arguments].concat());
        assert_eq!(code, Some(0), "{attack}: {text}");
        assert!(text.contains("the server stood"), "{text}");
    }
}

/// What was stored is fetched again and compared, byte by byte; nothing but whole files is left.
#[test]
fn h05_uploads_are_read_back_anonymously_and_by_an_account() {
    let premises = Premises::new();
    premises.write_users(&[("alice", "/alice:read,write")]);
    let users = premises.users_file();
    let users = users.to_str().expect("UTF-8");
    let server = Setup::new().writable().arguments(&["--users", users]).ports(64).start();
    server.make_directory("up");
    server.make_directory("alice/up");
    let account: &[&str] = &["--user", "alice", "--password", PASSWORD, "-c", "5"];
    for (scenario, arguments) in [
        ("upload", &["-n", "60", "--size", "300K", "--path", "/up"][..]),
        ("upload", &["-n", "60", "--size", "0", "--epsv"]),
        ("upload", &["-n", "20", "--size", "1M", "--store-only"]),
        (
            "mixed",
            &[
                "-n",
                "200",
                "--size",
                "20K",
                "--mix",
                "cycle=2,upload=3,noop=1",
                "--path",
                "/up",
            ],
        ),
    ] {
        for whose in [&[][..], account] {
            let (code, text) = against(&server, scenario, &[arguments, whose].concat());
            assert_eq!(code, Some(0), "{scenario} {arguments:?} {whose:?}: {text}");
            assert!(text.contains("every operation succeeded"), "{text}");
        }
    }
    let (code, text) = against(&server, "login", &["-n", "1", "--user", "alice", "--password", "guess"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("reply 530"), "{text}");
    assert!(!contents(server.directory()).is_empty());
    assert_eq!(server.hidden_files(), Vec::<PathBuf>::new());
}

#[test]
fn the_result_is_told_to_programs_and_drawn() {
    let server = Server::start();
    let directory = tempfile::TempDir::new().expect("a directory");
    let (json, svg) = (directory.path().join("r.json"), directory.path().join("r.svg"));
    let pid = server.pid().to_string();
    let arguments = [
        "-n",
        "100",
        "--pid",
        &pid,
        "--json",
        json.to_str().expect("UTF-8"),
        "--svg",
        svg.to_str().expect("UTF-8"),
    ];
    let (code, text) = against(&server, "cycle", &arguments);
    assert_eq!(code, Some(0), "{text}");
    let result: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(json).expect("written")).expect("JSON");
    let cycle = result["classes"]
        .as_array()
        .expect("classes")
        .iter()
        .find(|class| class["name"] == "cycle");
    let cycle = cycle.expect("the class");
    assert_eq!(cycle["operations"], 100);
    assert!(cycle["latency"]["p99"].as_f64().expect("a latency") > 0.0);
    assert!(result["server"]["most"]["memory"].as_u64().expect("memory") > 0);
    let picture = std::fs::read_to_string(svg).expect("written");
    assert!(
        picture.starts_with("<svg") && picture.contains("<polyline"),
        "{picture}"
    );
}

/// A server that says what it is told to: pairs of a verb and the reply to it. `{data}` connects nothing, but names a port
/// at which `file` is sent to whoever comes.
fn liar(answers: &'static [(&'static str, &'static str)], file: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || lie(stream, answers, file));
        }
    });
    address
}

fn lie(mut stream: TcpStream, answers: &[(&str, &str)], file: &'static [u8]) {
    let answer = |verb: &str| {
        answers
            .iter()
            .find(|(asked, _)| *asked == verb)
            .map(|(_, reply)| *reply)
    };
    let mut lines = BufReader::new(stream.try_clone().expect("a second handle")).lines();
    let _ = stream.write_all(answer("").unwrap_or("220 hello\r\n").as_bytes());
    while let Some(Ok(line)) = lines.next() {
        let verb = line.split(' ').next().unwrap_or_default();
        let usual = match verb {
            "USER" => "331 and?\r\n",
            "PASS" => "230 in\r\n",
            "PASV" => "{data}",
            "RETR" | "LIST" => "150 here\r\n226 done\r\n",
            _ => "200 yes\r\n",
        };
        let mut reply = answer(verb).unwrap_or(usual).to_owned();
        if reply == "{data}" {
            let data = TcpListener::bind("127.0.0.1:0").expect("a port");
            let port = data.local_addr().expect("bound").port();
            reply = format!(
                "227 Entering Passive Mode (127,0,0,1,{},{})\r\n",
                port >> 8,
                port & 0xff
            );
            std::thread::spawn(move || {
                // Whoever comes is served, at first come: what a thief hopes for.
                for stream in data.incoming().take(2).map_while(Result::ok) {
                    let mut stream = stream;
                    let _ = stream.write_all(file);
                }
            });
        }
        if stream.write_all(reply.as_bytes()).is_err() {
            return;
        }
    }
}

#[test]
fn a_server_that_misbehaves_is_found_out() {
    let download: &[&str] = &["-n", "3", "-c", "1", "--path", "f", "--expect", "16.pattern"];
    let login: &[&str] = &["-n", "3", "-c", "1"];
    // Where the reply is the lie, the bytes are right: which of the two arrives first must not matter.
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
            Some("ends in LF alone"),
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
fn a_server_that_serves_thieves_has_not_stood() {
    let address = liar(&[], b"a secret").to_string();
    let (code, text) = storm(&["thief", &address, "-q", "-n", "5", "-c", "1"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("bytes were stolen"), "{text}");
}

#[test]
fn a_port_where_nobody_listens_is_a_failure() {
    let free = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = free.local_addr().expect("bound").to_string();
    drop(free);
    let (code, text) = storm(&["login", &address, "-q", "-n", "2", "-c", "1"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("connecting"), "{text}");
}

#[test]
fn l15_wrong_use_exits_2_and_says_what_was_expected() {
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
