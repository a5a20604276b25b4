//! Many logins at once, and logins while the helper thread has other work (threats F03, F04).

use harness::accounts::{HASH, PASSWORD, Premises, client_of, send_password};
use harness::server::Setup;
use harness::{Client, Server, wait_until};
use loopftpd::accounts::hash_new;
use rustix::process::Signal;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

/// The line of a users file for each of `names`, with the cheap hash.
fn accounts(names: impl IntoIterator<Item = String>, rest: &str) -> String {
    let line = |name: String| format!("{name}:{HASH}:{rest}\n");
    names.into_iter().map(line).collect()
}

#[test]
fn f04_a_login_waits_for_one_slice_of_a_tree_walk_only() {
    const ACCOUNTS: usize = 200;
    let premises = Premises::new();
    for number in 0..20_000 {
        std::fs::File::create(premises.root().join(number.to_string())).expect("a file");
    }
    let names = (0..ACCOUNTS).map(|number| format!("user{number}"));
    premises.write_users_file(&accounts(names, "/:read:quota=1G"));
    let server = premises.serve_accounts(&[]);
    let measured = || server.stderr().matches(" bytes used").count();
    for number in 0..20 {
        client_of(&server, &format!("user{number}"));
    }
    assert!(measured() < ACCOUNTS, "walks were running all the time");
}

#[test]
fn f04_as_many_logins_as_sessions_may_queue_and_all_succeed() {
    let premises = Premises::new();
    premises.write_users(&[("alice", "/:read")]);
    let server = premises.serve_accounts(&["--max-sessions", "100"]);
    let mut clients: Vec<Client> = (0..100).map(|_| send_password(&server, "alice", PASSWORD)).collect();
    for client in &mut clients {
        client.expect(230);
    }
}

/// A loopback address without a failed login.
fn fresh_address(number: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 2, 0, 1)) + number))
}

#[test]
fn f04_hashing_uses_one_block_of_memory_and_releases_it() {
    const MIB: u64 = 1024;
    let premises = Premises::new();
    let costly = hash_new(PASSWORD.as_bytes()).expect("made");
    premises.write_users_file(&format!("alice:{costly}:/:read\nbob:{HASH}:/:read,write\n"));
    let server = premises.serve_accounts(&[]);
    let start = server.memory();
    let mut most = 0;
    for number in 0..40 {
        // Wrong passwords, so that each hash is computed; each from an address without a failed login.
        let mut client = Client::connect_from(server.address, fresh_address(number));
        assert_eq!(client.code("USER alice"), 331);
        assert_eq!(client.code("PASS guess"), 530);
        most = most.max(server.memory());
    }
    for _ in 0..960 {
        client_of(&server, "bob");
    }
    most = most.max(server.memory());
    assert!(
        most <= start + 25 * MIB,
        "{start} KiB before, {most} KiB after 1,000 logins"
    );
    wait_until("the memory is released", || server.memory() <= start + 3 * MIB);
}

#[test]
fn a_failed_login_without_accounts_computes_no_hash() {
    let server = Setup::new().writable().arguments(&["--log-level", "debug"]).start();
    for _ in 0..3 {
        let mut client = server.connect();
        for expected in [530, 530, 421] {
            assert_eq!(client.code("USER nobody"), 331);
            assert_eq!(client.code("PASS guess"), expected);
        }
    }
    assert_eq!(server.passwords_verified(), 0);
    assert!(server.memory() < 19 * 1024, "no memory was taken for one");
}

/// A server with alice and this hash, at a log level that counts verified passwords.
fn with_alice(hash: &str) -> (Premises, Server) {
    let premises = Premises::new();
    premises.write_users_file(&format!("alice:{hash}:/:read\n"));
    let server = premises.serve_accounts(&["--log-level", "debug"]);
    (premises, server)
}

/// Whether the right password is accepted from `address`.
fn gets_in(server: &Server, address: IpAddr) -> bool {
    let mut client = Client::connect_from(server.address, address);
    assert_eq!(client.code("USER alice"), 331);
    match client.code(&format!("PASS {PASSWORD}")) {
        230 => true,
        530 => false,
        other => panic!("{other}"),
    }
}

#[test]
fn f03_a_hundred_connections_get_no_more_guesses_than_one() {
    let (_premises, server) = with_alice(HASH);
    let guesser = fresh_address(0);
    let mut guessers: Vec<Client> = (0..100)
        .map(|_| Client::connect_from(server.address, guesser))
        .collect();
    for client in &mut guessers {
        client.send_bytes(b"USER alice\r\nPASS guess\r\n".repeat(3).as_slice());
    }
    assert!(
        gets_in(&server, fresh_address(1)),
        "the name is not locked for other clients"
    );
    for client in &mut guessers {
        for expected in [331, 530, 331, 530, 331, 421] {
            client.expect(expected);
        }
        assert!(client.is_closed());
    }
    assert!(!gets_in(&server, guesser));
    wait_until("the log is written", || {
        server.stderr().contains("logins refused") && server.passwords_verified() > 10
    });
    assert_eq!(
        server.passwords_verified(),
        10 + 1,
        "ten guesses, and the login from elsewhere"
    );
    assert_eq!(
        server.stderr().matches("logins refused").count(),
        1,
        "290 refusals are one line"
    );
}

/// The failure counts even if the client does not wait for the reply.
#[test]
fn f03_guesses_count_even_if_the_client_disconnects() {
    let (_premises, server) = with_alice(&hash_new(PASSWORD.as_bytes()).expect("made"));
    let guesser = fresh_address(0);
    let baseline = server.descriptors();
    let mut waves = 0;
    loop {
        let before = server.passwords_verified();
        let wave: Vec<Client> = (0..10)
            .map(|_| {
                let mut client = Client::connect_from(server.address, guesser);
                client.send_bytes(b"USER alice\r\nPASS guess\r\n");
                client
            })
            .collect();
        if waves % 2 == 0 {
            // Now the first has been verified, and the helper thread works on the second.
            wait_until("one is verified or all are refused", || {
                server.passwords_verified() > before || server.stderr().contains("logins refused")
            });
        }
        wave.into_iter().for_each(Client::reset);
        server.wait_for_descriptors(baseline);
        waves += 1;
        if server.stderr().contains("logins refused") {
            break;
        }
        assert!(waves < 100, "never blocked");
    }
    assert!(!gets_in(&server, guesser), "blocked");
    assert_eq!(server.passwords_verified(), 10);
    assert!(
        gets_in(&server, fresh_address(1)),
        "the name is not locked for other clients"
    );
}

#[test]
fn f04_a_flood_of_guesses_neither_blocks_the_loop_nor_other_logins() {
    const ADDRESSES: u32 = 20;
    const GUESSES: u32 = 10;
    let (_premises, server) = with_alice(&hash_new(PASSWORD.as_bytes()).expect("made"));
    let baseline = server.descriptors();
    let start = Instant::now();
    let mut bystander = client_of(&server, "alice");
    let login = start.elapsed();
    let flood: Vec<Client> = (0..ADDRESSES * GUESSES)
        .map(|number| {
            let mut client = Client::connect_from(server.address, fresh_address(number % ADDRESSES));
            client.send_bytes(b"USER alice\r\nPASS guess\r\n");
            client
        })
        .collect();
    let mut noops: Vec<Duration> = (0..50)
        .map(|_| {
            let start = Instant::now();
            assert_eq!(bystander.code("NOOP"), 200);
            start.elapsed()
        })
        .collect();
    noops.sort();
    assert!(
        noops[45] < login / 2,
        "a NOOP took {:?}, a login alone {login:?}",
        noops[45]
    );
    // Each address has one guess in the current round and one in the next; 200 wait.
    let before = server.passwords_verified();
    assert!(gets_in(&server, fresh_address(ADDRESSES)));
    let others = server.passwords_verified() - before;
    assert!(
        others <= 2 * ADDRESSES as usize + 5,
        "{others} guesses were verified before a login"
    );
    flood.into_iter().for_each(Client::reset);
    drop(bystander);
    server.wait_for_descriptors(baseline);
    let at_the_end = server.passwords_verified();
    assert!(gets_in(&server, fresh_address(ADDRESSES)));
    assert!(
        server.passwords_verified() <= at_the_end + 3,
        "guesses of clients that have gone are not verified"
    );
}

#[test]
fn f10_only_a_repeated_right_password_skips_the_hash_and_not_after_a_reload() {
    let (_premises, server) = with_alice(HASH);
    let mut expected = 0;
    let mut cost = |hashes: usize, what: &str| {
        expected += hashes;
        wait_until(what, || server.passwords_verified() >= expected);
        assert_eq!(server.passwords_verified(), expected, "{what}");
    };
    assert!(gets_in(&server, fresh_address(0)));
    cost(1, "the first login");
    assert!(gets_in(&server, fresh_address(1)));
    cost(0, "the same again");
    for (number, user) in [(2, "alice"), (3, "nobody")] {
        let mut client = Client::connect_from(server.address, fresh_address(number));
        assert_eq!(client.code(&format!("USER {user}")), 331);
        assert_eq!(client.code("PASS guess"), 530);
        cost(1, "a wrong password");
    }
    let mut client = Client::connect_from(server.address, fresh_address(4));
    assert_eq!(client.code("USER nobody"), 331);
    assert_eq!(client.code(&format!("PASS {PASSWORD}")), 530);
    cost(1, "alice's password under another name");
    server.signal(Signal::HUP);
    wait_until("it has read the file again", || {
        server.stderr().contains("users file read again")
    });
    assert!(gets_in(&server, fresh_address(5)));
    cost(1, "the first login after HUP");
}
