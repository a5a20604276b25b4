//! The passive ring: enough ports for every client, in spite of strangers, squatters and hoarders (threats D01–D11).

use harness::client::connect;
use harness::server::{Setup, client_address, free_range, refused_start};
use harness::{Client, PATIENCE, Server, wait_until};
use std::collections::{HashSet, VecDeque};
use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// PASV + connect + LIST, over and over in one session, on ten ports.
fn cycles(count: usize) {
    let server = Setup::new().ports(10).start();
    server.write("file", b"x");
    let mut client = server.login();
    let baseline = server.descriptors();
    let mut ports = HashSet::new();
    for cycle in 0..count {
        let address = client.passive();
        ports.insert(address.port());
        let mut data = connect(address, None);
        client.send("LIST");
        client.expect(150);
        let mut listing = String::new();
        data.read_to_string(&mut listing).expect("the listing");
        drop(data);
        assert!(listing.contains(" file\r\n"), "cycle {cycle}");
        client.expect(226);
    }
    assert_eq!(ports.len(), 10.min(count), "the whole range is used");
    assert!(
        ports
            .iter()
            .all(|port| (server.passive.0..=server.passive.1).contains(port))
    );
    server.wait_for_descriptors(baseline);
}

#[test]
fn d01_three_thousand_listings_in_one_session_on_ten_ports() {
    cycles(3_000);
}

#[test]
#[ignore = "takes a minute; the story's whole script: cargo test --release -- --ignored d01"]
fn d01_seventy_thousand_listings_in_one_session_on_ten_ports() {
    cycles(70_000);
}

#[test]
fn d02_an_address_that_holds_every_port_blocks_only_itself() {
    let server = Setup::new().ports(4).arguments(&["--connect-timeout", "20s"]).start();
    let hoarder = client_address(2);
    let mut holders: Vec<Client> = (0..4)
        .map(|_| {
            let mut client = Client::connect_from(server.address, hoarder);
            client.login();
            client.passive();
            client
        })
        .collect();
    let mut waiting = Client::connect_from(server.address, hoarder);
    waiting.login();
    waiting.send("PASV");
    let mut other = Client::connect_from(server.address, client_address(3));
    other.login();
    for _ in 0..8 {
        assert_eq!(other.fetch("LIST"), b"", "others are served");
    }
    // One of the four releases its port: the session that waits gets it.
    assert_eq!(holders[0].code("ABOR"), 226);
    assert_eq!(waiting.reply().code, 227);
    // With all four taken again, the next session that waits is refused after a while.
    let mut last = Client::connect_from(server.address, hoarder);
    last.login();
    assert_eq!(last.code("PASV"), 425);
    assert_eq!(last.code("NOOP"), 200);
}

#[test]
fn d02_announced_ports_are_released_when_nobody_connects() {
    let server = Setup::new().ports(1).arguments(&["--connect-timeout", "200ms"]).start();
    let mut first = server.login();
    first.passive();
    let mut second = server.login();
    assert_eq!(second.fetch("LIST"), b"", "the entry of the first has run out");
    assert_eq!(first.code("LIST"), 425);
}

#[test]
fn d03_new_sessions_find_ports_although_the_server_closed_first() {
    let server = Setup::new().ports(2).start();
    for _ in 0..200 {
        let mut client = server.login();
        assert_eq!(client.fetch("NLST"), b"");
        assert_eq!(client.code("QUIT"), 221);
    }
}

#[test]
fn d04_ports_held_by_other_programs_are_never_announced() {
    let (low, high) = free_range(6);
    let squatters: Vec<TcpListener> = (low..low + 3)
        .map(|port| TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).expect("a free port"))
        .collect();
    let server = Setup::new().passive(low, high).start();
    assert!(server.stdout().contains("3 of 6 bound"), "{}", server.stdout());
    wait_until("the reason is logged", || server.stderr().contains("in use"));
    let mut client = server.login();
    for _ in 0..60 {
        let port = client.passive().port();
        assert!((low + 3..=high).contains(&port), "{port}");
    }
    drop(squatters);
}

/// Whatever address a squatter listens on, it holds the port.
#[test]
fn d04_squatters_on_any_address_are_noticed() {
    for squatted in ["0.0.0.0", "127.0.0.1", "[::]"] {
        for ours in ["127.0.0.1:0", "0.0.0.0:0", "[::]:0"] {
            let (low, high) = free_range(4);
            let _squatters: Vec<TcpListener> = (low..low + 2)
                .map(|port| TcpListener::bind(format!("{squatted}:{port}")).expect("a free port"))
                .collect();
            let server = Setup::new().passive(low, high).listen(ours).start();
            assert!(server.stdout().contains("2 of 4 bound"), "{squatted} against {ours}");
            let address = (Ipv4Addr::LOCALHOST, server.address.port());
            let mut client = Client::connect(address.into());
            client.login();
            for _ in 0..8 {
                let port = client.passive().port();
                assert!((low + 2..=high).contains(&port), "{port}: {squatted} against {ours}");
            }
        }
    }
}

#[test]
fn d04_a_range_held_entirely_by_other_programs_prevents_the_start() {
    let (low, high) = free_range(2);
    let _squatters: Vec<TcpListener> = (low..=high)
        .map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("a free port"))
        .collect();
    let (code, text) = refused_start(&["-l", "127.0.0.1:0", "-p", &format!("{low}-{high}")]);
    assert_eq!(code, Some(1));
    assert!(text.contains("--passive-ports") && text.contains("in use"), "{text}");
}

#[test]
fn d05_nobody_can_take_a_port_that_the_server_holds() {
    use socket2::{Domain, Socket, Type};
    for ours in ["127.0.0.1:0", "0.0.0.0:0", "[::]:0"] {
        let server = Setup::new().listen(ours).ports(4).start();
        let mut client = Client::connect((Ipv4Addr::LOCALHOST, server.address.port()).into());
        client.login();
        let squat = || {
            for port in server.passive.0..=server.passive.1 {
                for theirs in ["127.0.0.1", "0.0.0.0", "[::]", "[::ffff:127.0.0.1]"] {
                    let address: SocketAddr = format!("{theirs}:{port}").parse().expect("an address");
                    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).expect("a socket");
                    socket.set_reuse_address(true).expect("an option");
                    socket.set_reuse_port(true).expect("an option");
                    if address.is_ipv6() {
                        socket.set_only_v6(false).expect("an option");
                    }
                    let taken = socket.bind(&address.into()).and_then(|()| socket.listen(1));
                    assert!(taken.is_err(), "a squatter took {address} beside {ours}");
                }
            }
        };
        // At different moments of a session: before, between and after its data connections.
        for _ in 0..100 {
            squat();
            assert_eq!(client.fetch("LIST"), b"");
        }
    }
}

#[test]
fn d06_a_stranger_gets_nothing_and_the_client_is_served() {
    let server = Server::start();
    server.write("file", b"secret");
    let mut victim = server.login();
    for _ in 0..50 {
        let address = victim.passive();
        let mut thieves: Vec<_> = (0..3).map(|_| connect(address, Some(client_address(2)))).collect();
        let mut data = connect(address, None);
        victim.send("RETR file");
        victim.expect(150);
        let mut stolen = Vec::new();
        for thief in &mut thieves {
            let _ = thief.read_to_end(&mut stolen);
        }
        assert_eq!(stolen, b"");
        let mut bytes = Vec::new();
        data.read_to_end(&mut bytes).expect("the file");
        assert_eq!(bytes, b"secret");
        drop(data);
        victim.expect(226);
    }
}

#[test]
fn d10_a_second_connection_during_the_transfer_is_closed_and_the_first_goes_on() {
    let server = Server::start();
    // More than the kernel queues.
    server.write("file", &vec![1; 32 << 20]);
    let mut client = server.login();
    let address = client.passive();
    let mut first = connect(address, None);
    client.send("RETR file");
    client.expect(150);
    first.read_exact(&mut [0; 100]).expect("it has begun");
    let mut second = connect(address, None);
    let mut nothing = Vec::new();
    assert_eq!(second.read_to_end(&mut nothing).unwrap_or(0), 0);
    let mut bytes = Vec::new();
    first.read_to_end(&mut bytes).expect("the file");
    assert_eq!(bytes.len(), (32 << 20) - 100);
    client.expect(226);
}

/// Before a transfer begins, two connections from one address cannot be told apart.
#[test]
fn d08_two_connections_that_contend_for_a_port_are_both_refused_and_the_client_asks_again() {
    let server = Server::start();
    server.write("file", b"mine");
    let mut client = server.login();
    for pause in [true, false] {
        let address = client.passive();
        let mut contenders = [connect(address, None), connect(address, None)];
        if pause {
            // Both arrive before the command; without the pause all three may arrive in one turn.
            for contender in &mut contenders {
                assert_eq!(contender.read_to_end(&mut Vec::new()).unwrap_or(0), 0);
            }
        }
        let refusal = client.command("RETR file");
        assert_eq!(
            if refusal.code == 150 {
                client.reply().code
            } else {
                refusal.code
            },
            425
        );
        for contender in &mut contenders {
            assert_eq!(
                contender.read_to_end(&mut Vec::new()).unwrap_or(0),
                0,
                "no client gets it"
            );
        }
        assert_eq!(client.fetch("RETR file"), b"mine");
    }
}

/// Connects to every port as fast as it can, from the victim's own address, until `is_over`; returns what it received.
fn steal(ports: (u16, u16), is_over: &AtomicBool) -> usize {
    let mut stolen = 0;
    let mut open: VecDeque<TcpStream> = VecDeque::new();
    let start = Instant::now();
    while !is_over.load(Ordering::Relaxed) && start.elapsed() < PATIENCE {
        for port in ports.0..=ports.1 {
            open.push_back(connect((Ipv4Addr::LOCALHOST, port).into(), None));
        }
        while open.len() > 64 {
            let mut oldest = open.pop_front().expect("there are many");
            oldest.set_nonblocking(true).expect("our socket");
            let mut bytes = Vec::new();
            let _ = oldest.read_to_end(&mut bytes);
            stolen += bytes.len();
        }
    }
    stolen
}

/// Where a single port is left, a thief at the victim's address knows it, but still gets nothing.
#[test]
fn d08_a_thief_at_the_same_address_gets_nothing_where_one_port_is_left() {
    let server = Setup::new().ports(1).start();
    server.write("file", b"secret");
    let mut victim = server.login();
    let is_over = AtomicBool::new(false);
    let (stolen, outcomes) = std::thread::scope(|scope| {
        let thief = scope.spawn(|| steal(server.passive, &is_over));
        let outcomes: Vec<(u16, Vec<u8>)> = (0..200)
            .map(|_| {
                let mut data = victim.data();
                let opening = victim.command("RETR file").code;
                let outcome = if opening == 150 { victim.reply().code } else { opening };
                let mut bytes = Vec::new();
                let _ = data.read_to_end(&mut bytes);
                (outcome, bytes)
            })
            .collect();
        is_over.store(true, Ordering::Relaxed);
        (thief.join().expect("the thief"), outcomes)
    });
    assert_eq!(stolen, 0);
    for (outcome, bytes) in &outcomes {
        assert_eq!(bytes == b"secret", *outcome == 226, "{outcome}: {bytes:?}");
    }
    let contended = outcomes.iter().filter(|(outcome, _)| *outcome == 425).count();
    assert!(contended > 0, "the thief never won a race");
    assert_eq!(victim.fetch("RETR file"), b"secret", "the thief has gone");
}

/// A client that had been given all ports but one used to know the last.
#[test]
fn d08_drawing_all_ports_but_one_does_not_reveal_the_next() {
    let server = Setup::new().ports(10).start();
    let mut attacker = Client::connect_from(server.address, client_address(2));
    attacker.login();
    let mut victim = server.login();
    let mut guessed = 0;
    for _ in 0..300 {
        let mut seen = Vec::new();
        // It gets new ports as long as there are any that it has not seen.
        while seen.len() < 9 {
            let port = attacker.passive().port();
            if !seen.contains(&port) {
                seen.push(port);
            }
        }
        if !seen.contains(&victim.passive().port()) {
            guessed += 1;
        }
    }
    // One in eight by chance: two of the ten have just been dealt. 3 in 10 is more than six standard deviations away.
    assert!(guessed < 90, "{guessed} of 300 guessed");
}

#[test]
fn d11_connections_made_before_a_port_is_announced_reach_no_session() {
    let server = Setup::new().ports(1).start();
    server.write("file", b"mine");
    let mut client = server.login();
    let port = server.passive.0;
    for _ in 0..200 {
        let early = connect((Ipv4Addr::LOCALHOST, port).into(), None);
        let address = client.passive();
        let mut data = connect(address, None);
        client.send("RETR file");
        client.expect(150);
        let mut bytes = Vec::new();
        data.read_to_end(&mut bytes).expect("the file");
        assert_eq!(bytes, b"mine");
        drop(data);
        client.expect(226);
        drop(early);
    }
}

/// Two sessions of one address share a port: a surplus connection of the first never becomes the second's.
#[test]
fn d11_a_surplus_connection_is_not_handed_to_the_next_session() {
    let server = Setup::new().ports(1).start();
    server.write("file", b"mine");
    let (mut first, mut second) = (server.login(), server.login());
    for _ in 0..200 {
        let address = first.passive();
        let mut one = connect(address, None);
        let mut too_many = connect(address, None);
        let mut own = second.data();
        second.send("RETR file");
        second.expect(150);
        let mut bytes = Vec::new();
        let _ = too_many.read_to_end(&mut bytes);
        let _ = one.read_to_end(&mut bytes);
        assert_eq!(bytes, b"", "strangers get nothing");
        own.read_to_end(&mut bytes).expect("the file");
        assert_eq!(bytes, b"mine");
        drop(own);
        second.expect(226);
        assert_eq!(first.code("RETR file"), 425, "it has to ask again");
    }
}

#[test]
fn a_public_address_is_announced_only_to_its_network() {
    let server = Server::with(&[
        "--public-address",
        "203.0.113.9",
        "--public-address",
        "127.0.0.2/32=192.0.2.8",
    ]);
    let mut client = server.login();
    assert_eq!(client.passive().ip().to_string(), "203.0.113.9");
    let mut other = Client::connect_from(server.address, client_address(2));
    other.login();
    assert_eq!(other.passive().ip().to_string(), "192.0.2.8");
    assert_eq!(other.extended_passive().port() / 10_000, server.passive.0 / 10_000);
}

#[test]
fn the_client_may_connect_late_or_early() {
    let server = Server::start();
    server.write("file", b"x");
    let mut client = server.login();
    let address = client.passive();
    client.send("RETR file");
    client.expect(150);
    let mut data = connect(address, None);
    let mut bytes = Vec::new();
    data.read_to_end(&mut bytes).expect("the file");
    client.expect(226);
    assert_eq!(bytes, b"x");
}

#[test]
fn g01_three_hundred_sessions_share_ten_ports() {
    let server = Setup::new().ports(10).start();
    let mut clients: Vec<Client> = (0..300).map(|_| server.login()).collect();
    let addresses: Vec<_> = clients.iter_mut().take(10).map(Client::passive).collect();
    let distinct: HashSet<_> = addresses.iter().map(std::net::SocketAddr::port).collect();
    assert_eq!(distinct.len(), 10, "an address never has two sessions at one port");
    wait_until("more than 255 sockets are open", || server.descriptors() > 300);
}
