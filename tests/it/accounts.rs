//! Logins over real sockets: slowed guessing, floods of logins, reloads of the users file (threats F, O10). What each
//! account may do is in `rights.rs`, and the separation of their files in `account_roots.rs`.

use harness::accounts::{HASH, PASSWORD, Premises, client_of, log_in, store, with_alice_and_bob};
use harness::server::refused_start;
use harness::{Client, Server, is_root, wait_until};
use loopftpd::accounts::hash_new;
use rustix::process::Signal;
use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

/// argon2id of `secret`, slow enough to be distinguished from a round trip.
const DEAR: &str = "$argon2id$v=19$m=4096,t=3,p=1$c2FsdHNhbHQ$OLeWCvLwvsLRPgRDUFsaPr4TPYfqZKBxQuyYI2VLP2w";

/// Loopback addresses for clients; none has a failed login yet.
fn fresh_address(number: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 1, 0, 1)) + number))
}

fn guess(client: &mut Client, user: &str) -> u16 {
    assert_eq!(client.code(&format!("USER {user}")), 331);
    client.code("PASS guess")
}

/// Whether nothing has arrived from the server; does not wait.
fn is_silent(client: &Client) -> bool {
    client.stream.set_nonblocking(true).expect("its output is not blocked");
    let peeked = client.stream.peek(&mut [0]);
    client.stream.set_nonblocking(false).expect("its output is not blocked");
    peeked.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
}

/// Sends SIGHUP and waits until the log has `logged` once more.
fn reload(server: &Server, logged: &str) {
    let before = server.stderr().matches(logged).count();
    server.signal(Signal::HUP);
    wait_until(logged, || server.stderr().matches(logged).count() > before);
}

#[test]
fn f01_no_reply_reveals_whether_an_account_exists() {
    let (_premises, server) = with_alice_and_bob(&[]);
    let long = "x".repeat(128);
    let mut told = BTreeSet::new();
    for (number, (user, password)) in [
        ("alice", "PASS wrong"),
        ("alice", "PASS"),
        ("alice", "PASS SECRET"),
        ("Alice", "PASS secret"),
        ("alice:", "PASS secret"),
        ("nobody", "PASS secret"),
        ("root", "PASS"),
        ("anonymous", "PASS me@example.org"),
        (&long, "PASS secret"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut client = Client::connect_from(server.address, fresh_address(number as u32));
        let asked = client.command(&format!("USER {user}"));
        told.insert((asked.text(), client.command(password).text()));
    }
    let only = (
        "331 Please give the password".to_owned(),
        "530 Login incorrect.".to_owned(),
    );
    assert_eq!(told, BTreeSet::from([only]));
    log_in(&mut server.connect(), "alice");
}

/// How long a wrong password took for names that exist and names that do not: `samples` of each, alternating.
fn refusals_of_known_and_unknown(samples: u32) -> (Server, [Vec<Duration>; 2]) {
    let premises = Premises::new();
    premises.write_users_file(&format!("alice:{DEAR}:/:read\nbob:{DEAR}:/:read\n"));
    let server = premises.serve_accounts(&[]);
    let mut times = [Vec::new(), Vec::new()];
    for sample in 0..samples {
        for (kind, user) in [
            (0, ["alice", "bob"][sample as usize % 2].to_owned()),
            (1, format!("nobody{sample}")),
        ] {
            let mut client = Client::connect_from(server.address, fresh_address(sample * 2 + kind as u32));
            assert_eq!(client.code(&format!("USER {user}")), 331);
            let start = Instant::now();
            assert_eq!(client.code("PASS guess"), 530);
            times[kind].push(start.elapsed());
        }
    }
    (server, times)
}

fn median(times: &[Duration]) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort();
    sorted[sorted.len() / 2]
}

/// CPU time instead of a clock, so that a busy machine makes no difference.
#[test]
fn f02_refusing_an_unknown_name_takes_the_same_work() {
    const SAMPLES: u32 = 30;
    let premises = Premises::new();
    premises.write_users_file(&format!("alice:{DEAR}:/:read\nbob:{DEAR}:/:read\n"));
    let server = premises.serve_accounts(&["--log-level", "debug"]);
    let mut address = 0;
    let mut refuse = |user: &dyn Fn(u32) -> String| {
        let (ticks, verified) = (server.cpu_ticks(), server.passwords_verified());
        for sample in 0..SAMPLES {
            address += 1;
            let mut client = Client::connect_from(server.address, fresh_address(address));
            assert_eq!(client.code(&format!("USER {}", user(sample))), 331);
            assert_eq!(client.code("PASS guess"), 530);
        }
        wait_until("each was verified", || {
            server.passwords_verified() == verified + SAMPLES as usize
        });
        server.cpu_ticks() - ticks
    };
    let known = refuse(&|sample| ["alice", "bob"][sample as usize % 2].to_owned());
    let unknown = refuse(&|sample| format!("nobody{sample}"));
    let ticks = format!("ticks of CPU time: known {known}, unknown {unknown}");
    assert!(known >= 10, "too little to compare: {ticks}");
    assert!(known < unknown * 2 && unknown < known * 2, "{ticks}");
}

#[test]
#[ignore = "a minute, and a quiet machine: 2,000 samples of each; cargo test --release -- --ignored f02"]
fn f02_refusal_times_of_known_and_unknown_names_have_one_distribution() {
    let (_server, [known, unknown]) = refusals_of_known_and_unknown(2_000);
    let (a, b) = (median(&known).as_secs_f64(), median(&unknown).as_secs_f64());
    println!("medians: known {a:.6} s, unknown {b:.6} s");
    assert!((a - b).abs() / a < 0.05, "the medians differ: {a} {b}");
    // Kolmogorov and Smirnov: the largest distance between the two distributions, against that of p = 0.01.
    let mut all: Vec<(Duration, f64)> = known
        .iter()
        .map(|time| (*time, 1.0 / known.len() as f64))
        .chain(unknown.iter().map(|time| (*time, -1.0 / unknown.len() as f64)))
        .collect();
    all.sort_by_key(|(time, _)| *time);
    let mut sum = 0.0_f64;
    let distance = all.iter().fold(0.0_f64, |largest, (_, step)| {
        sum += step;
        largest.max(sum.abs())
    });
    let allowed = 1.628 * (2.0 / 2_000.0_f64).sqrt();
    println!("distance {distance:.4}, allowed {allowed:.4}");
    assert!(distance < allowed, "{distance} {allowed}");
}

#[test]
fn f03_the_third_failed_login_closes_only_its_own_connection() {
    let (_premises, server) = with_alice_and_bob(&[]);
    let mut other = client_of(&server, "alice");
    let mut client = Client::connect_from(server.address, fresh_address(0));
    assert_eq!(guess(&mut client, "alice"), 530);
    assert_eq!(guess(&mut client, "nobody"), 530);
    assert_eq!(guess(&mut client, "alice"), 421);
    assert!(client.is_closed());
    assert_eq!(other.code("PWD"), 257);
}

#[test]
fn f03_only_the_address_that_fails_to_log_in_is_slowed_down() {
    let (_premises, server) = with_alice_and_bob(&[]);
    let guesser = fresh_address(0);
    let mut inside = Client::connect_from(server.address, guesser);
    log_in(&mut inside, "bob");
    let mut slowed = Vec::new();
    for _ in 0..2 {
        let mut client = Client::connect_from(server.address, guesser);
        for _ in 0..2 {
            assert_eq!(guess(&mut client, "alice"), 530);
        }
        slowed.push(client);
    }
    let mut waiting = slowed.pop().expect("two of them");
    assert_eq!(waiting.code("USER alice"), 331);
    waiting.send(&format!("PASS {PASSWORD}"));
    // Meanwhile the owner of the name logs in from another address, and existing sessions go on.
    let mut owner = Client::connect_from(server.address, fresh_address(1));
    log_in(&mut owner, "alice");
    assert_eq!(inside.code("NOOP"), 200);
    assert_eq!(store(&mut inside, "STOR file", b"not slowed"), 226);
    assert!(is_silent(&waiting), "even a right password waits");
    waiting.expect(230);
}

#[test]
fn f03_ten_failures_block_an_address_across_connections() {
    let (_premises, server) = with_alice_and_bob(&[]);
    let guesser = fresh_address(0);
    let mut clients: Vec<Client> = (0..10)
        .map(|_| {
            let mut client = Client::connect_from(server.address, guesser);
            assert_eq!(client.code("USER alice"), 331);
            client.send("PASS guess");
            client
        })
        .collect();
    for client in &mut clients {
        client.expect(530);
    }
    let mut right = Client::connect_from(server.address, guesser);
    for expected in [530, 530, 421] {
        assert_eq!(right.code("USER alice"), 331);
        assert_eq!(right.code(&format!("PASS {PASSWORD}")), expected, "not read");
    }
    log_in(&mut Client::connect_from(server.address, fresh_address(1)), "alice");
    let warning = "127.1.0.1: logins refused without verification: 1";
    wait_until(warning, || server.stderr().contains(warning));
}

#[test]
fn f04_a_flood_of_logins_does_not_delay_other_sessions() {
    const CLIENTS: u32 = 40;
    let premises = Premises::new();
    let dear = hash_new(PASSWORD.as_bytes()).expect("made");
    premises.write_users_file(&format!("alice:{dear}:/:read\nbob:{HASH}:/:read\n"));
    let server = premises.serve_accounts(&[]);
    let mut other = client_of(&server, "bob");
    let mut flood: Vec<Client> = (0..CLIENTS)
        .map(|number| {
            let mut client = Client::connect_from(server.address, fresh_address(number));
            let user = if number % 2 == 0 { "alice" } else { "nobody" };
            assert_eq!(client.code(&format!("USER {user}")), 331);
            client
        })
        .collect();
    for client in &mut flood {
        client.send("PASS guess");
    }
    for _ in 0..20 {
        assert_eq!(other.code("NOOP"), 200);
    }
    assert!(flood.iter().any(is_silent), "the loop did not wait for the passwords");
    assert_eq!(server.threads(), 2, "no thread was added");
    for client in &mut flood {
        client.expect(530);
    }
    log_in(&mut Client::connect_from(server.address, fresh_address(99)), "alice");
}

#[test]
fn f05_an_invalid_users_file_prevents_the_start_and_names_the_line() {
    let premises = Premises::new();
    let account = |rest: &str| format!("bob:{HASH}:{rest}");
    let hashed = |hash: &str| format!("bob:{hash}:/:read");
    for (line, reason) in [
        ("bob".to_owned(), "expected name:hash:root:rights"),
        (format!("bob:{HASH}"), "expected name:hash:root:rights"),
        (format!("bob:{HASH}:/"), "expected name:hash:root:rights"),
        (account("/:read:sessions=1:"), "expected name:hash:root:rights"),
        (format!(":{HASH}:/:read"), "the name is empty"),
        (
            format!("alice:{HASH}:/:read"),
            "duplicate account alice, already in line 2",
        ),
        (format!("anonymous:{HASH}:/:read"), "--anonymous"),
        (format!("b\0b:{HASH}:/:read"), "control character"),
        (format!("bob:{HASH}:/:read\r"), "control character"),
        (hashed(""), "the hash is empty"),
        (hashed("*"), "locks an account"),
        (hashed("!"), "locks an account"),
        (hashed("plain-password"), "not a password hash"),
        (hashed("$1$salt$plain-password"), "not a password hash"),
        (hashed(&HASH[..60]), "malformed argon2 hash"),
        (hashed(&HASH.replace("m=8", "m=4294967295")), "too much time or memory"),
        (account(":read"), "root"),
        (account("home:read"), "root"),
        (account("/../etc:read"), "root"),
        (account("/:"), "unknown right"),
        (account("/:readonly"), "unknown right"),
        (account("/:0"), "unknown right"),
        (account("/:read:uid=0"), "unknown limit"),
        (account("/:read:sessions=-1"), "sessions=-1"),
        (account("/:read:sessions=0x10"), "sessions=0x10"),
        (account("/:read:rate=1e3"), "rate=1e3"),
        (account("/:read:quota=18446744073709551616"), "quota="),
        (account("/:read:quota=1G,quota=1G"), "duplicate limit"),
    ] {
        premises.write_users_file(&format!("# users\nalice:{HASH}:/:read\n{line}\ncarol:{HASH}:/:read\n"));
        let (users, root) = (premises.users_file(), premises.root());
        let [users, root] = [&users, &root].map(|path| path.to_str().expect("UTF-8"));
        let (code, text) = refused_start(&["--users", users, root]);
        assert_eq!(code, Some(2), "{line}: {text}");
        assert!(
            text.contains(&format!("{users}:3: ")) && text.contains(reason),
            "{line}: {text}"
        );
        assert!(!text.contains("plain-password") && !text.contains("vk+JgWgZ"), "{text}");
    }
}

#[test]
fn f06_a_users_file_others_can_read_or_clients_can_reach_prevents_the_start() {
    let premises = Premises::new();
    premises.write_users(&[("alice", "/:read")]);
    let users = premises.users_file();
    let root = premises.root();
    let start = |users: &std::path::Path, more: &[&str]| {
        let own = ["--users", users.to_str().expect("UTF-8"), root.to_str().expect("UTF-8")];
        refused_start(&[more, &own].concat())
    };
    for mode in [0o644, 0o660, 0o602] {
        fs::set_permissions(&users, fs::Permissions::from_mode(mode)).expect("ours");
        let (code, text) = start(&users, &[]);
        assert_eq!(code, Some(2), "{text}");
        assert!(
            text.contains(&format!("mode {mode:04o}")) && text.contains("--insecure-users-file"),
            "{text}"
        );
    }
    log_in(
        &mut premises.serve_accounts(&["--insecure-users-file"]).connect(),
        "alice",
    );
    premises.write_users(&[("alice", "/:read")]);
    let inside = root.join("users");
    fs::copy(&users, &inside).expect("copied");
    for reachable in [inside, root.join("../root/users")] {
        let (code, text) = start(&reachable, &["--insecure-users-file"]);
        assert_eq!(code, Some(2), "{text}");
        assert!(text.contains("lies in the served directory"), "{text}");
        assert!(text.contains(root.to_str().expect("UTF-8")), "{text}");
    }
    let (code, text) = start(&root.join("missing"), &[]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("missing: cannot be opened"), "{text}");
}

#[test]
fn f07_anonymous_logs_in_with_any_password_and_in_any_case_beside_accounts() {
    let premises = Premises::new();
    premises.write_users(&[("alice", "/:read")]);
    let users = premises.users_file();
    let server = premises.serve(&["--users", users.to_str().expect("UTF-8")]);
    for (user, password) in [
        ("anonymous", "PASS"),
        ("Anonymous", "PASS -"),
        ("FTP", "PASS alice"),
        ("ftp", "PASS \u{e9}\u{fc}%n%s"),
    ] {
        let mut client = server.connect();
        assert_eq!(client.code(&format!("USER {user}")), 331);
        assert_eq!(client.command(password).text(), "230 Logged in, read-only");
    }
    log_in(&mut server.connect(), "alice");
}

#[test]
fn f08_no_password_appears_in_any_output() {
    let premises = Premises::new();
    premises.make_directory("alice");
    premises.write_users(&[("alice", "/alice:read,write")]);
    let written = ["events", "transfers"].map(|name| premises.outside().join(name));
    let [users, events, transfers] = [&premises.users_file(), &written[0], &written[1]];
    let server = premises.serve(&[
        "--users",
        users.to_str().expect("UTF-8"),
        "--events",
        events.to_str().expect("UTF-8"),
        "--transfer-log",
        transfers.to_str().expect("UTF-8"),
        "--trace",
        "--log-level",
        "trace",
    ]);
    let mut client = server.connect();
    client.code("PASS hunter2-too-early");
    for line in [
        "PASS hunter2-wrong",
        " PASS hunter2-after-a-blank",
        "PASShunter2",
        "pass hunter2-small",
    ] {
        client.code("USER alice");
        client.code(line);
    }
    let mut client = Client::connect_from(server.address, fresh_address(1));
    client.code(&format!("USER alice{}", "x".repeat(100)));
    client.code(&format!("PASS hunter2-{}", "x".repeat(300)));
    client.code("PASS hunter2-\x01");
    client.code("PASS hunter2-unknown");
    client.code("USER anonymous");
    client.code("PASS hunter2@example.org");
    let mut client = Client::connect_from(server.address, fresh_address(2));
    log_in(&mut client, "alice");
    assert_eq!(store(&mut client, "STOR file", b"content"), 226);
    assert_eq!(client.fetch("RETR file"), b"content");
    client.code("PASS hunter2-again");
    assert_eq!(client.code("QUIT"), 221);
    let said = server.stop();
    let [events, transfers] = written.map(|path| fs::read_to_string(path).expect("written"));
    for (what, text) in [("logs", &said), ("events", &events), ("transfer log", &transfers)] {
        assert!(text.contains("alice"), "{what} describe what happens: {text}");
        for secret in ["hunter2", PASSWORD, "argon2id", "vk+JgWgZ"] {
            assert!(!text.contains(secret), "{secret} is in the {what}: {text}");
        }
    }
    assert!(said.contains("PASS ****"), "{said}");
    assert!(
        !events.contains(&"x".repeat(32)),
        "only the start of an unknown name is logged: {events}"
    );
    assert_eq!(transfers.matches(" r alice ftp 0 * c\n").count(), 2, "{transfers}");
}

#[test]
fn f10_a_reload_ends_sessions_of_removed_or_changed_accounts_only() {
    let premises = Premises::new();
    let all = ["kept", "removed", "narrowed", "moved", "rehashed"];
    let accounts = all.map(|name| (name, "/:read,write"));
    premises.write_users(&accounts);
    let server = premises.serve_accounts(&[]);
    let mut clients = all.map(|name| client_of(&server, name));
    let mut armed = client_of(&server, "removed");
    let _announced = armed.passive();
    premises.make_directory("elsewhere");
    premises.write_users_file(&format!(
        "new:{HASH}:/:read\nkept:{HASH}:/:read,write\nnarrowed:{HASH}:/:read\nmoved:{HASH}:/elsewhere:read,write\n\
         rehashed:{DEAR}:/:read,write\n"
    ));
    reload(&server, "users file read again: 5 accounts");
    let [kept, others @ ..] = &mut clients;
    for client in others.iter_mut().chain([&mut armed]) {
        assert_eq!(client.reply().text(), "421 This account has changed, log in again");
        assert!(client.is_closed());
    }
    assert_eq!(store(kept, "STOR file", b"x"), 226);
    for (name, code) in [("new", 230), ("moved", 230), ("rehashed", 230), ("removed", 530)] {
        let mut client = server.connect();
        assert_eq!(client.code(&format!("USER {name}")), 331);
        assert_eq!(client.code(&format!("PASS {PASSWORD}")), code, "{name}");
    }
    let mut narrowed = client_of(&server, "narrowed");
    assert_eq!(narrowed.code("DELE file"), 550);
}

#[test]
fn f10_a_reload_aborts_the_transfer_of_a_removed_account() {
    let (premises, server) = with_alice_and_bob(&[]);
    let large = vec![7; 64 << 20];
    premises.write("alice/large", &large);
    premises.write("alice/old", b"as it was");
    let mut downloads = client_of(&server, "alice");
    let mut download = downloads.data();
    downloads.send("RETR large");
    downloads.expect(150);
    let mut uploads = client_of(&server, "alice");
    let mut upload = uploads.data();
    uploads.send("STOR old");
    uploads.expect(150);
    upload.write_all(&[8; 100_000]).expect("the server reads it");
    premises.write_users(&[("bob", "/bob:read,write")]);
    reload(&server, "users file read again: 1 accounts");
    let mut received = Vec::new();
    let _ = download.read_to_end(&mut received);
    assert!(received.len() < large.len(), "everything was sent");
    for client in [&mut downloads, &mut uploads] {
        client.expect(426);
        client.expect(421);
        assert!(client.is_closed());
    }
    drop(upload);
    assert_eq!(premises.read("alice/old"), b"as it was");
    assert_eq!(
        fs::read_dir(premises.root().join("alice")).expect("ours").count(),
        2,
        "no temporary file is left"
    );
}

#[test]
fn f10_a_login_during_a_reload_uses_the_new_accounts() {
    let (premises, server) = with_alice_and_bob(&[]);
    let mut clients = ["alice", "bob"].map(|name| {
        let mut client = server.connect();
        assert_eq!(client.code(&format!("USER {name}")), 331);
        client
    });
    premises.write_users(&[("bob", "/bob:read,write")]);
    reload(&server, "users file read again: 1 accounts");
    let [alice, bob] = &mut clients;
    assert_eq!(bob.code(&format!("PASS {PASSWORD}")), 230);
    assert_eq!(alice.code(&format!("PASS {PASSWORD}")), 530, "her account is gone");
}

#[test]
fn f10_an_invalid_users_file_keeps_the_old_accounts_at_a_reload() {
    let (premises, server) = with_alice_and_bob(&[]);
    let mut inside = client_of(&server, "alice");
    let baseline = server.descriptors();
    premises.write_users_file(&format!("alice:{HASH}:/alice:read,write\nbob:*:/bob:read\n"));
    for _ in 0..20 {
        reload(&server, ":2: this hash locks an account");
    }
    assert!(
        server.stderr().contains("the old accounts stay active"),
        "{}",
        server.stderr()
    );
    assert_eq!(server.descriptors(), baseline);
    fs::set_permissions(premises.users_file(), fs::Permissions::from_mode(0o644)).expect("ours");
    reload(&server, "mode 0644");
    assert_eq!(inside.code("PWD"), 257);
    log_in(&mut server.connect(), "bob");
    // The file is replaced. A server that was started as root has dropped root and logs that it cannot read it.
    let next = premises.outside().join("next");
    fs::write(&next, format!("carol:{HASH}:/:read\n")).expect("written");
    fs::set_permissions(&next, fs::Permissions::from_mode(0o600)).expect("ours");
    fs::rename(&next, premises.users_file()).expect("renamed");
    if is_root() {
        reload(&server, "has been replaced");
        assert_eq!(inside.code("PWD"), 257);
        std::os::unix::fs::chown(premises.users_file(), Some(12_345), Some(12_345)).expect("root may");
    }
    reload(&server, "users file read again: 1 accounts");
    log_in(&mut server.connect(), "carol");
}

#[test]
fn f12_pass_needs_a_user_right_before_it_and_user_alone_gives_nothing() {
    let (_premises, server) = with_alice_and_bob(&[]);
    let mut client = server.connect();
    assert_eq!(client.code(&format!("PASS {PASSWORD}")), 503);
    log_in(&mut client, "alice");
    assert_eq!(client.code(&format!("PASS {PASSWORD}")), 503);
    assert_eq!(client.code("PWD"), 257, "still alice");
    client.send_bytes(format!("USER bob\r\nPASS {PASSWORD}\r\nPASS {PASSWORD}\r\nPWD\r\n").as_bytes());
    for code in [331, 230, 503, 257] {
        client.expect(code);
    }
    let mut client = server.connect();
    for _ in 0..10 {
        assert_eq!(client.code("USER alice"), 331);
    }
    client.send("USER alice");
    client.expect(331);
    client.expect(421);
    assert!(client.is_closed());
}

#[test]
fn an_account_is_held_to_its_limit_of_sessions() {
    let premises = Premises::new();
    premises.write_users(&[("alice", "/:read:sessions=2"), ("bob", "/:read")]);
    let server = premises.serve_accounts(&[]);
    let baseline = server.descriptors();
    let mut first = client_of(&server, "alice");
    let second = client_of(&server, "alice");
    let mut third = server.connect();
    assert_eq!(third.code("USER alice"), 331);
    let refused = third.command(&format!("PASS {PASSWORD}"));
    assert_eq!(refused.text(), "421 Too many connections for this user");
    assert!(third.is_closed());
    let _others: Vec<Client> = (0..3).map(|_| client_of(&server, "bob")).collect();
    // Another name, a new login and the end of a connection each make room.
    for line in ["USER bob", "REIN", "QUIT"] {
        first.command(line);
        first = client_of(&server, "alice");
    }
    second
        .stream
        .shutdown(std::net::Shutdown::Both)
        .expect("open until now");
    drop(second);
    wait_until("there is room again", || {
        let mut client = server.connect();
        client.code("USER alice");
        client.code(&format!("PASS {PASSWORD}")) == 230
    });
    drop((first, _others));
    server.wait_for_descriptors(baseline);
}
