//! Sessions and aborts by the thousand leave no descriptor and no memory behind (threats G).

use crate::harness::client::connect;
use crate::harness::own_process::{in_own_process, raise_descriptor_limit};
use crate::harness::server::Setup;
use crate::harness::{Client, Server};
use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, Ipv4Addr, TcpStream};
use std::time::Duration;

#[test]
fn g19_a_storm_of_resets_leaves_the_server_standing() {
    let server = Server::start();
    let baseline = server.descriptors();
    let mut witness = server.login();
    for round in 0..3_000 {
        let client = Client::connect_silently(server.address, None);
        socket2::SockRef::from(&client.stream)
            .set_linger(Some(Duration::ZERO))
            .expect("an option");
        drop(client);
        if round % 300 == 0 {
            assert_eq!(witness.code("NOOP"), 200);
        }
    }
    drop(witness);
    server.wait_for_descriptors(baseline);
}

#[test]
fn sessions_and_aborts_by_the_thousand_leak_nothing() {
    leak_check(3_000);
}

#[test]
#[ignore = "minutes; the whole figure: cargo test --release -- --ignored a_hundred_thousand"]
fn a_hundred_thousand_sessions_and_aborts_leak_nothing() {
    leak_check(100_000);
}

fn leak_check(sessions: usize) {
    let server = Server::start();
    server.write("big", &vec![1; 4 << 20]);
    let baseline = server.descriptors();
    let mut memory = 0;
    for session in 0..sessions {
        let mut client = server.login();
        match session % 4 {
            0 => assert_eq!(client.code("QUIT"), 221),
            1 => {
                let _data = client.data();
            }
            2 => {
                let _data = client.data();
                client.send("RETR big");
                client.expect(150);
                client.send("ABOR");
                client.expect(426);
                client.expect(226);
            }
            _ => {
                client.passive();
            }
        }
        if session == sessions / 2 {
            memory = server.memory();
        }
    }
    server.wait_for_descriptors(baseline);
    assert_eq!(server.threads(), 1, "one loop, one thread");
    assert!(server.memory() < memory + 8 * 1024);
}

/// Descriptors that a test program and a server need besides their sessions.
const BESIDE_SESSIONS: u64 = 300;

/// As many sessions as a byte, FD_SETSIZE and the default of `--max-sessions` count. Each level is run where the limits
/// of descriptors permit it, and says so where they do not.
#[test]
fn g01_sessions_beyond_every_small_number_work_and_leave_no_descriptor() {
    in_own_process(
        "leaks::g01_sessions_beyond_every_small_number_work_and_leave_no_descriptor",
        hold_sessions,
    );
}

fn hold_sessions() {
    let permitted = raise_descriptor_limit();
    let server = Setup::new().ports(64).start();
    server.write("file", b"content");
    let baseline = server.descriptors();
    for sessions in [300, 1_024, 10_000] {
        if permitted < sessions + BESIDE_SESSIONS {
            println!("skipped: {sessions} sessions, with {permitted} descriptors permitted");
            continue;
        }
        let held: Vec<BufReader<TcpStream>> = (0..sessions).map(|number| session_of(&server, number)).collect();
        assert!(server.descriptors() >= baseline + held.len(), "each holds one");
        for (number, mut session) in (0..sessions).zip(held) {
            assert_eq!(ask(&mut session, "NOOP", 1), ["200"], "session {number} of {sessions}");
            // Its descriptors have numbers as high as any, and a transfer opens more.
            if number % 512 == 0 || number + 1 == sessions {
                fetch(&mut session, &server);
            }
            if number % 2 == 0 {
                crate::harness::client::reset(session.into_inner());
            }
        }
        server.wait_for_descriptors(baseline);
    }
    assert_eq!(server.login().fetch("RETR file"), b"content");
}

/// A session that is logged in, from one of many addresses, so that none runs out of ports.
fn session_of(server: &Server, number: u64) -> BufReader<TcpStream> {
    let from = Ipv4Addr::new(127, 77, 0, 1 + (number % 200) as u8);
    let mut session = BufReader::new(connect(server.address, Some(IpAddr::V4(from))));
    let replies = ask(&mut session, "USER anonymous\r\nPASS x", 3);
    assert_eq!(replies, ["220", "331", "230"], "session {number}");
    session
}

/// Says a line, or more, and reads the codes of so many replies of one line.
fn ask(session: &mut BufReader<TcpStream>, line: &str, replies: usize) -> Vec<String> {
    let mut stream = session.get_ref();
    stream
        .write_all(format!("{line}\r\n").as_bytes())
        .expect("the server takes it");
    let mut read = || {
        let mut reply = String::new();
        session.read_line(&mut reply).expect("a reply");
        reply.get(..3).unwrap_or_default().to_owned()
    };
    (0..replies).map(|_| read()).collect()
}

fn fetch(session: &mut BufReader<TcpStream>, server: &Server) {
    let mut stream = session.get_ref();
    stream.write_all(b"EPSV\r\n").expect("the server takes it");
    let mut reply = String::new();
    session.read_line(&mut reply).expect("a reply");
    let port = reply
        .split('|')
        .nth(3)
        .and_then(|port| port.parse().ok())
        .expect("a port");
    let from = session.get_ref().local_addr().expect("bound").ip();
    let data = connect((server.address.ip(), port).into(), Some(from));
    assert_eq!(ask(session, "RETR file", 2), ["150", "226"]);
    assert_eq!(std::io::read_to_string(data).expect("the file"), "content");
}
