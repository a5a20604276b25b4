//! Active mode: the server connects only to its own client, and only for a transfer command (threats B10, D12–D16).

use harness::Server;
use harness::client::connect;
use std::io::Read;
use std::net::{Ipv4Addr, TcpListener};

fn port_command(address: std::net::SocketAddr) -> String {
    let octets = match address.ip() {
        std::net::IpAddr::V4(ip) => ip.octets(),
        std::net::IpAddr::V6(_) => panic!("IPv4 expected"),
    };
    let [a, b, c, d] = octets;
    format!("PORT {a},{b},{c},{d},{},{}", address.port() / 256, address.port() % 256)
}

#[test]
fn active_mode_connects_when_the_transfer_command_arrives() {
    let server = Server::start();
    server.write("file", b"active");
    let mut client = server.login();
    for extended in [false, true] {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = listener.local_addr().expect("bound");
        let command = if extended {
            format!("EPRT |1|127.0.0.1|{}|", address.port())
        } else {
            port_command(address)
        };
        assert_eq!(client.code(&command), 200);
        listener.set_nonblocking(true).expect("an option");
        assert!(listener.accept().is_err(), "no connection before the command");
        listener.set_nonblocking(false).expect("an option");
        client.send("RETR file");
        client.expect(150);
        let (mut data, from) = listener.accept().expect("the server connects");
        assert_eq!(from.ip(), server.address.ip());
        let mut bytes = Vec::new();
        data.read_to_end(&mut bytes).expect("the file");
        assert_eq!(bytes, b"active");
        drop(data);
        client.expect(226);
    }
}

#[test]
fn d13_the_server_connects_to_no_third_party_or_low_port() {
    let server = Server::start();
    let mut client = server.login();
    for line in [
        "PORT 127,0,0,3,39,16",
        "EPRT |1|127.0.0.3|10000|",
        "PORT 127,0,0,1,3,255",
        "PORT 0,0,0,0,39,16",
        "PORT 224,0,0,1,39,16",
        "PORT 255,255,255,255,39,16",
        "EPRT |2|::1|10000|",
    ] {
        assert_eq!(client.code(line), 500, "{line}");
        assert_eq!(client.code("LIST"), 425, "{line}");
    }
}

#[test]
fn b10_a_refused_address_clears_the_one_before() {
    let server = Server::start();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let good = port_command(listener.local_addr().expect("bound"));
    let mut client = server.login();
    for bad in [
        "PORT 1,2,3,4,256,1",
        "PORT x",
        "EPRT |1|127.0.0.1|",
        "PORT 127,0,0,1,0,80",
        "EPRT |3|x|1|",
    ] {
        assert_eq!(client.code(&good), 200);
        let code = client.code(bad);
        assert!(matches!(code, 500 | 501 | 522), "{bad}: {code}");
        assert_eq!(client.code("LIST"), 425, "{bad}");
    }
    listener.set_nonblocking(true).expect("an option");
    assert!(listener.accept().is_err(), "no connection was made");
}

#[test]
fn d16_an_active_connection_refused_or_unanswered_is_425() {
    let server = Server::with(&["--connect-timeout", "300ms"]);
    let mut client = server.login();
    let refusing = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = refusing.local_addr().expect("bound");
    drop(refusing);
    assert_eq!(client.code(&port_command(address)), 200);
    client.send("LIST");
    let first = client.reply().code;
    if first == 150 {
        client.expect(425);
    } else {
        assert_eq!(first, 425);
    }
    // A listener whose queue is full answers no connection.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    socket
        .bind(&std::net::SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())
        .expect("a port");
    socket.listen(0).expect("a queue of one");
    let address = socket.local_addr().expect("bound").as_socket().expect("IPv4");
    let _fills_the_queue = connect(address, None);
    let mut witness = server.login();
    assert_eq!(client.code(&port_command(address)), 200);
    client.send("LIST");
    client.expect(150);
    assert_eq!(witness.code("NOOP"), 200, "others are served meanwhile");
    client.expect(425);
    assert_eq!(client.code("NOOP"), 200);
}

#[test]
fn active_mode_can_be_switched_off() {
    let server = Server::with(&["--no-active"]);
    let mut client = server.login();
    assert_eq!(client.code("PORT 127,0,0,1,39,16"), 502);
}
