//! How data connections are announced again, shared between IPv4 and IPv6, and ended (threats B, D17–D23).

use harness::client::{connect, reset};
use harness::server::Setup;
use harness::{Client, Server};
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown};

#[test]
fn b07_every_transfer_needs_a_data_connection_of_its_own() {
    let server = Server::start();
    server.write("file", b"x");
    let mut client = server.login();
    assert_eq!(client.fetch("RETR file"), b"x");
    assert_eq!(client.code("RETR file"), 425);
}

#[test]
fn b08_a_second_pasv_or_port_releases_the_first() {
    let server = Setup::new().ports(3).start();
    let mut client = server.login();
    let baseline = server.descriptors();
    for _ in 0..1_000 {
        client.passive();
    }
    assert_eq!(server.descriptors(), baseline);
    let old = client.passive();
    let new = client.extended_passive();
    if old.port() != new.port() {
        let mut stray = connect(old, None);
        let mut nothing = Vec::new();
        assert_eq!(stray.read_to_end(&mut nothing).unwrap_or(0), 0);
    }
}

#[test]
fn d17_ipv6_clients_use_epsv_and_dual_stack_listeners_serve_both() {
    let server = Setup::new().listen("[::]:0").start();
    let said = server.stdout();
    let mut urls = said.lines().filter_map(|line| line.strip_prefix("open     ftp://"));
    let (_, port) = urls.next().and_then(|url| url.rsplit_once(':')).expect("a URL");
    let port: u16 = port.trim_end_matches('/').parse().expect("a port");
    let mut v6 = Client::connect(std::net::SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, port)));
    v6.login();
    assert_eq!(v6.code("PASV"), 425);
    assert_eq!(v6.code("EPSV 1"), 522);
    let mut data = connect(v6.extended_passive(), None);
    v6.send("NLST");
    v6.expect(150);
    let mut bytes = Vec::new();
    data.read_to_end(&mut bytes).expect("nothing");
    v6.expect(226);
    let mut v4 = Client::connect(std::net::SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    v4.login();
    assert_eq!(v4.fetch("LIST"), b"");
    assert_eq!(v4.code("EPSV 2"), 522);
}

#[test]
fn d18_a_reset_during_a_download_or_listing_is_426_and_the_session_goes_on() {
    let server = Server::start();
    // More than both sockets' buffers can ever hold, so that the server is still sending when the reset comes.
    let big = server.write("big", b"");
    let file = fs::OpenOptions::new().write(true).open(big).expect("ours");
    file.set_len(1 << 30).expect("sparse");
    // Names of 250 bytes, all of one file.
    let directory = server.directory().join("many");
    fs::create_dir(&directory).expect("a directory");
    harness::tree::allow_reading(&directory);
    let first = directory.join("f".repeat(250));
    fs::write(&first, b"x").expect("a file");
    for number in 0..30_000 {
        fs::hard_link(&first, directory.join(format!("{number:0250}"))).expect("another name");
    }
    let mut client = server.login();
    let baseline = server.descriptors();
    for (command, rounds, more_each_round) in [
        ("RETR big", 100, 1_000),
        ("LIST many", 4, 10_000),
        ("MLSD many", 4, 10_000),
        ("NLST many", 4, 10_000),
    ] {
        for round in 0..rounds {
            let mut data = client.begin(command);
            let mut some = vec![0; 1 + round * more_each_round];
            data.read_exact(&mut some).expect("the beginning");
            reset(data);
            client.expect(426);
        }
        assert_eq!(client.code("NOOP"), 200, "{command}");
    }
    server.wait_for_descriptors(baseline);
}

#[test]
fn d19_a_transfer_to_a_client_that_never_reads_is_aborted() {
    let server = Server::with(&["--stall-timeout", "300ms"]);
    server.write("big", &vec![3; 32 << 20]);
    let before = server.memory();
    let mut clients = Vec::new();
    for _ in 0..20 {
        let mut client = server.login();
        let data = client.begin("RETR big");
        clients.push((client, data));
    }
    for (client, _) in &mut clients {
        client.expect(426);
        assert_eq!(client.code("NOOP"), 200);
    }
    assert!(server.memory() < before + 8 * 1024);
}

#[test]
fn d21_the_end_of_a_file_arrives_although_the_client_writes_on_the_connection() {
    let server = Server::start();
    let content: Vec<u8> = (0..300_000_u32).map(|n| (n % 253) as u8).collect();
    server.write("file", &content);
    let mut client = server.login();
    for _ in 0..200 {
        let mut data = client.data();
        data.write_all(&[b'j'; 3_000]).expect("room");
        client.send("RETR file");
        client.expect(150);
        let _ = data.write_all(&[b'j'; 3_000]);
        let mut bytes = Vec::new();
        data.read_to_end(&mut bytes).expect("no reset");
        assert_eq!(bytes, content);
        drop(data);
        client.expect(226);
    }
}

#[test]
fn d22_a_client_that_shuts_its_own_end_first_gets_the_file() {
    let server = Server::start();
    server.write("file", &vec![5; 1 << 20]);
    let mut client = server.login();
    let mut data = client.data();
    data.shutdown(Shutdown::Write).expect("connected");
    client.send("RETR file");
    client.expect(150);
    let mut bytes = Vec::new();
    data.read_to_end(&mut bytes).expect("the file");
    assert_eq!(bytes.len(), 1 << 20);
    client.expect(226);
}

#[test]
fn d23_the_data_connection_is_closed_before_the_226() {
    let server = Server::start();
    server.write("file", b"all of it");
    let mut client = server.login();
    for _ in 0..10 {
        let mut data = client.begin("RETR file");
        client.expect(226);
        // The 226 has been read, so the end of the data connection must have arrived already.
        data.set_nonblocking(true).expect("an option");
        let mut bytes = Vec::new();
        data.read_to_end(&mut bytes).expect("the end came before the 226");
        assert_eq!(bytes, b"all of it");
    }
}
