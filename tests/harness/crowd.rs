//! Clients that contend for the sessions of a server.

use crate::client::{connect, reset};
use crate::server::Setup;
use crate::{Client, Server, wait_until};
use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, Ipv4Addr, TcpStream};

/// Clients that send one byte and no more; returns those of `count` that were admitted.
pub fn slow_logins(server: &Server, count: usize) -> Vec<Client> {
    let begun = (0..count).map(|_| {
        let mut client = Client::connect_silently(server.address, None);
        // A refused connection may be closed before this is sent.
        let _ = client.stream.write_all(b"U");
        client
    });
    let mut begun: Vec<Client> = begun.collect();
    begun.retain_mut(|client| client.reply_or_end().is_some_and(|reply| reply.code == 220));
    begun
}

/// A client that connects until it is admitted, and logs in.
pub fn persistent_login(server: &Server) -> Client {
    let mut let_in = None;
    wait_until("a client is evicted", || {
        let mut client = Client::connect_silently(server.address, None);
        if client.reply().code == 220 {
            let_in = Some(client);
        }
        let_in.is_some()
    });
    let mut client = let_in.expect("it was admitted");
    client.login();
    client
}

/// Holds so many sessions at once, uses each, and ends half of them with a reset. The process needs as many descriptors
/// and some more.
pub fn hold_sessions(sessions: usize) {
    let server = Setup::new().ports(64).start();
    server.write("file", b"content");
    let baseline = server.descriptors();
    let held: Vec<BufReader<TcpStream>> = (0..sessions).map(|number| session_of(&server, number)).collect();
    assert!(server.descriptors() >= baseline + sessions, "each holds one");
    for (number, mut session) in held.into_iter().enumerate() {
        assert_eq!(ask(&mut session, "NOOP", 1), ["200"], "session {number} of {sessions}");
        // A transfer opens descriptors with even higher numbers.
        if number % 512 == 0 || number + 1 == sessions {
            fetch(&mut session, &server);
        }
        if number % 2 == 0 {
            reset(session.into_inner());
        }
    }
    server.wait_for_descriptors(baseline);
    assert_eq!(server.login().fetch("RETR file"), b"content");
}

/// A session that is logged in, from one of many addresses, so that none runs out of ports.
fn session_of(server: &Server, number: usize) -> BufReader<TcpStream> {
    let from = Ipv4Addr::new(127, 77, 0, 1 + (number % 200) as u8);
    let mut session = BufReader::new(connect(server.address, Some(IpAddr::V4(from))));
    let replies = ask(&mut session, "USER anonymous\r\nPASS x", 3);
    assert_eq!(replies, ["220", "331", "230"], "session {number}");
    session
}

/// Sends lines and reads the codes of so many one-line replies.
fn ask(session: &mut BufReader<TcpStream>, line: &str, replies: usize) -> Vec<String> {
    let mut stream = session.get_ref();
    stream
        .write_all(format!("{line}\r\n").as_bytes())
        .expect("the server reads it");
    let mut read = || {
        let mut reply = String::new();
        session.read_line(&mut reply).expect("a reply");
        reply.get(..3).unwrap_or_default().to_owned()
    };
    (0..replies).map(|_| read()).collect()
}

fn fetch(session: &mut BufReader<TcpStream>, server: &Server) {
    let mut stream = session.get_ref();
    stream.write_all(b"EPSV\r\n").expect("the server reads it");
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
