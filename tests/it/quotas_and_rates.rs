//! Limits of accounts: quotas to the byte, rates by deadlines (threats H12, G24, G13).

use harness::accounts::HASH;
use harness::quotas::{WithAccounts, room};
use harness::server::Setup;
use harness::tree::noise;
use harness::{Client, Stream, wait_until};
use serde_json::Value;
use std::fs;
use std::io::Write;
use std::net::Shutdown;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::Duration;
use tempfile::NamedTempFile;

#[test]
fn h12_a_quota_is_kept_to_the_byte() {
    for arguments in [&[][..], &["--durable"]] {
        let accounts = WithAccounts::with_quota(arguments);
        let mut client = accounts.login("alice");
        for representation in ["TYPE I", "TYPE A"] {
            assert_eq!(client.code(representation), 200);
            assert_eq!(client.store("STOR file", &[b'x'; 10_001]).code, 552, "{representation}");
            assert_eq!(accounts.server.content("file"), None);
            assert!(accounts.server.hidden_files().is_empty());
        }
        assert_eq!(client.code("TYPE I"), 200);
        client.stores("STOR file", &noise(1, 10_000));
        for command in ["STOR other", "APPE file", "STOU"] {
            assert_eq!(client.store(command, b"x").code, 552, "{command}");
        }
        client.stores("STOR empty", b"");
        assert!(
            accounts
                .server
                .content("file")
                .is_some_and(|file| file == noise(1, 10_000))
        );
        // Removing a file makes room.
        assert_eq!(client.code("DELE file"), 250);
        client.stores("STOR other", &noise(1, 9_999));
        client.stores("APPE other", b"x");
        assert_eq!(client.store("APPE other", b"x").code, 552);
        assert!(accounts.server.hidden_files().is_empty());
    }
}

#[test]
fn h12_running_uploads_count_and_aborted_ones_do_not() {
    let accounts = WithAccounts::with_quota(&[]);
    let (mut first, mut second) = (accounts.login("alice"), accounts.login("alice"));
    let mut data = first.begin("STOR first");
    data.write_all(&noise(1, 6_000)).expect("the server reads it");
    accounts.server.wait_for_hidden_bytes(6_000);
    assert_eq!(second.store("STOR second", &noise(1, 4_001)).code, 552);
    second.stores("STOR second", &noise(1, 4_000));
    data.write_all(b"x").expect("the server reads it");
    first.expect(552);
    drop(data);
    assert_eq!(room(&mut second), 6_000);
    for _ in 0..5 {
        let mut data = first.begin("STOR first");
        data.write_all(&noise(1, 5_000)).expect("the server reads it");
        accounts.server.wait_for_hidden_bytes(5_000);
        first.send("ABOR");
        first.expect(426);
        first.expect(226);
    }
    assert_eq!(room(&mut second), 6_000);
    // A replaced file counts until the new one is complete.
    assert_eq!(second.store("STOR second", &noise(2, 6_001)).code, 552);
    second.stores("STOR second", &noise(2, 6_000));
    assert_eq!(room(&mut second), 4_000);
}

/// The usage on disk and the server's count are equal after everything that could confuse it.
#[test]
fn h12_nothing_frees_quota_twice() {
    let accounts = WithAccounts::with_quota(&[]);
    let server = &accounts.server;
    let (mut one, mut two) = (accounts.login("alice"), accounts.login("alice"));
    let real_room = || {
        let entries = fs::read_dir(server.directory()).expect("ours");
        let sizes = entries.map(|entry| entry.expect("ours").metadata().expect("ours").len());
        10_000 - sizes.sum::<u64>() as usize
    };
    let check = |client: &mut Client, what: &str| assert_eq!(room(client), real_room(), "{what}");
    one.stores("STOR kept", &noise(1, 2_000));
    one.stores("STOR file", &noise(1, 3_000));
    check(&mut one, "two files");
    for _ in 0..3 {
        assert_eq!(one.code("RNFR file"), 350);
        assert_eq!(one.code("RNTO file"), 250);
    }
    check(&mut one, "renamed to itself");
    one.stores("STOR small", b"0123456789");
    assert_eq!(one.code("RNFR small"), 350);
    assert_eq!(one.code("RNTO file"), 250);
    check(&mut one, "renamed over another");
    // Two clients replace one file.
    one.stores("STOR file", &noise(1, 3_000));
    let (mut first, mut second) = (one.begin("STOR file"), two.begin("STOR file"));
    first.write_all(b"first").expect("the server reads it");
    second.write_all(b"second").expect("the server reads it");
    drop(first);
    one.expect(226);
    drop(second);
    two.expect(226);
    check(&mut one, "replaced by two");
    // One client removes a file that the other is replacing.
    one.stores("STOR file", &noise(1, 3_000));
    let data = two.begin("STOR file");
    assert_eq!(one.code("DELE file"), 250);
    drop(data);
    two.expect(226);
    check(&mut one, "removed and replaced");
    // One client removes a file that the other is about to truncate.
    one.stores("STOR file", &noise(1, 3_000));
    assert_eq!(two.code("REST 1"), 350);
    let mut data = two.begin("STOR file");
    assert_eq!(one.code("DELE file"), 250);
    data.write_all(b"x").expect("the server reads it");
    drop(data);
    two.expect(451);
    assert!(room(&mut one) <= real_room(), "removed and cut");
    // One client replaces a file that the other appends to.
    one.stores("STOR file", &noise(1, 1_000));
    let mut data = two.begin("APPE file");
    data.write_all(b"appended").expect("the server reads it");
    wait_until("it has come", || {
        server.content("file").is_some_and(|file| file.len() == 1_008)
    });
    one.stores("STOR file", b"new");
    drop(data);
    two.expect(451);
    assert!(room(&mut one) <= real_room(), "replaced and appended to");
}

#[test]
fn h12_a_restart_frees_the_bytes_that_it_cuts_off() {
    let accounts = WithAccounts::with_quota(&[]);
    let mut client = accounts.login("alice");
    client.stores("STOR file", &noise(1, 10_000));
    assert_eq!(client.code("REST 9000"), 350);
    assert_eq!(client.store("STOR file", &noise(2, 1_001)).code, 552);
    assert_eq!(client.code("REST 9000"), 350);
    client.stores("STOR file", &noise(2, 1_000));
    assert!(
        accounts
            .server
            .content("file")
            .is_some_and(|file| file[9_000..] == noise(2, 1_000))
    );
    assert_eq!(client.code("REST 4000"), 350);
    client.stores("STOR file", b"");
    assert_eq!(room(&mut client), 6_000);
}

#[test]
fn h12_a_partial_file_that_is_kept_is_charged() {
    let accounts = WithAccounts::with_quota(&["--partial", "keep"]);
    let mut client = accounts.login("alice");
    for (name, left) in [("a", 6_000), ("b", 2_000)] {
        let mut data = client.begin(&format!("STOR {name}"));
        data.write_all(&noise(1, 4_000)).expect("the server reads it");
        accounts.server.wait_for_hidden_bytes(4_000);
        client.send("ABOR");
        client.expect(426);
        client.expect(226);
        drop(data);
        // With --partial keep, the part that fits is kept.
        let mut other = accounts.login("alice");
        assert_eq!(other.code(&format!("SIZE {name}")), 213);
        assert_eq!(other.store("APPE probe", &noise(1, left + 1)).code, 552);
        let _ = other.code("DELE probe");
        other.stores("STOR probe", &noise(1, left));
        assert_eq!(other.code("DELE probe"), 250);
    }
}

#[test]
fn h12_an_upload_does_not_replace_a_directory_that_took_its_name() {
    for arguments in [&[][..], &["--durable"]] {
        let accounts = WithAccounts::with_quota(arguments);
        let mut client = accounts.login("alice");
        let mut other = accounts.login("alice");
        client.stores("STOR name", b"old");
        let mut data = client.begin("STOR name");
        data.write_all(b"new").expect("the server reads it");
        accounts.server.wait_for_hidden_bytes(3);
        assert_eq!(other.code("DELE name"), 250);
        assert_eq!(other.code("MKD name"), 257);
        assert_eq!(other.code("MKD name/inside"), 257);
        drop(data);
        assert_eq!(client.reply().code / 100, 4, "it is not stored");
        assert!(accounts.server.directory().join("name/inside").is_dir());
        assert!(accounts.server.hidden_files().is_empty());
        assert_eq!(room(&mut client), 10_000);
    }
}

#[test]
fn h12_files_from_before_and_hidden_files_count() {
    let directory = tempfile::TempDir::new().expect("a directory");
    harness::tree::give_to_server(directory.path());
    fs::create_dir_all(directory.path().join("alice/d")).expect("ours");
    for (name, size) in [
        ("alice/file", 3_000),
        ("alice/d/other", 1_000),
        ("alice/.loopftpd-0123456789abcdef0123456789abcdef", 2_000),
        ("beside", 5_000),
    ] {
        let path = directory.path().join(name);
        fs::write(&path, noise(1, size)).expect("ours");
        harness::tree::give_to_owner(directory.path(), &path);
    }
    let mut users = NamedTempFile::new().expect("a file");
    writeln!(users, "alice:{HASH}:/alice:read,write:quota=10000").expect("room");
    let server = Setup::new()
        .for_uploads()
        .directory(directory.path())
        .arguments(&["--users", users.path().to_str().expect("UTF-8"), "--log-level", "debug"])
        .start();
    wait_until("it is added up", || {
        server
            .stderr()
            .contains("account alice: 6000 of 10000 bytes and 4 entries used")
    });
    let mut client = server.connect();
    client.login_as("alice", "secret");
    assert_eq!(room(&mut client), 4_000);
}

/// Sends without end, as fast as the server reads.
struct Sender<'scope> {
    client: Client,
    thread: ScopedJoinHandle<'scope, ()>,
}

fn send_on<'scope>(
    scope: &'scope Scope<'scope, '_>,
    mut client: Client,
    name: &str,
    is_over: &'scope AtomicBool,
) -> Sender<'scope> {
    let mut data: Stream = client.begin(&format!("STOR {name}"));
    let thread = scope.spawn(move || {
        while !is_over.load(Ordering::Relaxed) && data.write_all(&[7; 10_000]).is_ok() {}
        let _ = data.shutdown(Shutdown::Write);
    });
    Sender { client, thread }
}

impl Sender<'_> {
    fn moved(&mut self) -> u64 {
        let text = self.client.command("STAT").text();
        let number = text
            .strip_prefix("213 Status: ")
            .and_then(|rest| rest.strip_suffix(" bytes transferred"));
        number
            .and_then(|number| number.parse().ok())
            .expect("a number of bytes")
    }

    fn end(mut self) {
        self.client.send("ABOR");
        self.client.expect(426);
        self.client.expect(226);
        self.thread.join().expect("it ends");
    }
}

/// Rates are compared with each other, over the same time; how long that is does not matter.
#[test]
fn g24_the_sessions_of_an_account_share_its_rate() {
    let accounts = WithAccounts::start(
        &[
            ("fast", "/:read,write:rate=400K"),
            ("slow", "/:read,write:rate=100K"),
            ("free", "/:read,write"),
        ],
        &["--synthetic"],
    );
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let mut fast = send_on(scope, accounts.login("fast"), "/null/fast", &is_over);
        let mut shares = ["/null/a", "/null/b"].map(|name| send_on(scope, accounts.login("slow"), name, &is_over));
        wait_until("the fast transfer has moved a megabyte", || fast.moved() > 1_000_000);
        let (fast_bytes, shared) = (fast.moved(), shares.each_mut().map(Sender::moved));
        let slow_bytes: u64 = shared.iter().sum();
        let ratio = fast_bytes as f64 / slow_bytes as f64;
        assert!((2.5..6.0).contains(&ratio), "4 times as fast: {fast_bytes}, {shared:?}");
        assert!(
            shared.iter().all(|bytes| bytes * 5 > slow_bytes),
            "a share for each: {shared:?}"
        );
        // Meanwhile others are served, and one without a limit moves more than all of them.
        let mut free = accounts.login("free");
        assert_eq!(free.code("NOOP"), 200);
        let before = fast.moved();
        free.stores("STOR /null/free", &vec![0; 20_000_000]);
        assert!(fast.moved() - before < 20_000_000);
        assert_eq!(free.code("NOOP"), 200);
        is_over.store(true, Ordering::Relaxed);
        fast.end();
        shares.into_iter().for_each(Sender::end);
    });
}

/// Data that arrives constantly wakes its session constantly; it must neither use up nor delay the turns of others.
#[test]
fn g24_a_slow_and_a_fast_transfer_share_a_rate() {
    let rate = "/:read,write:rate=400K";
    let accounts = WithAccounts::start(&[("alice", rate), ("bob", rate)], &["--synthetic"]);
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let mut client = accounts.login("alice");
        let mut data = client.begin("STOR /null/trickle");
        // From now on each piece wakes it.
        data.write_all(b"first").expect("the server reads it");
        wait_until("that was transferred", || {
            client.command("STAT").text() == "213 Status: 5 bytes transferred"
        });
        let is_over = &is_over;
        let thread = scope.spawn(move || {
            // More than the rate allows, in single pieces.
            while !is_over.load(Ordering::Relaxed) && data.write_all(&[7; 1_000]).is_ok() {
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
        });
        let mut trickle = Sender { client, thread };
        let mut flood = send_on(scope, accounts.login("alice"), "/null/flood", is_over);
        let mut alone = send_on(scope, accounts.login("bob"), "/null/alone", is_over);
        wait_until("enough of it was transferred", || alone.moved() > 600_000);
        let (trickled, flooded, alone_moved) = (trickle.moved(), flood.moved(), alone.moved());
        is_over.store(true, Ordering::Relaxed);
        assert!(
            trickled > flooded / 3 && flooded > trickled / 3,
            "{trickled} and {flooded}"
        );
        assert!(
            trickled + flooded > alone_moved / 2,
            "{trickled} and {flooded}, beside {alone_moved}"
        );
        trickle.end();
        flood.end();
        alone.end();
    });
}

#[test]
fn g24_a_hundred_limited_transfers_delay_no_other_session() {
    let server = Setup::new()
        .writable()
        .ports(120)
        .arguments(&["--synthetic", "--rate-limit", "2K"])
        .start();
    let is_over = AtomicBool::new(false);
    let mut senders: Vec<(Client, Stream)> = (0..100)
        .map(|number| {
            let mut client = server.login();
            let mut data = client.begin(&format!("STOR /null/{number}"));
            data.write_all(&[0; 30_000]).expect("the kernel accepts it");
            (client, data)
        })
        .collect();
    let mut other = server.login();
    for _ in 0..200 {
        assert_eq!(other.code("NOOP"), 200);
    }
    other.stores("STOR /null/small", b"x");
    assert!(
        senders.iter_mut().all(|(client, _)| client.is_silent()),
        "they are still running"
    );
    is_over.store(true, Ordering::Relaxed);
    // Waiting takes no turns of the loop.
    for (client, _) in &mut senders {
        client.send("ABOR");
    }
    for (client, _) in &mut senders {
        client.expect(426);
        client.expect(226);
    }
}

/// The cost of a constant load must not grow with time. Each pause of a transfer used to leave a deadline, and every
/// turn of the loop searched all of them.
#[test]
fn g24_a_constant_load_costs_the_same_for_as_long_as_it_lasts() {
    const TRANSFERS: u16 = 600;
    let server = Setup::new()
        .ports(TRANSFERS)
        .arguments(&["--rate-limit", "20K"])
        .start();
    server.write("file", &vec![0; 1 << 20]);
    let mut clients = Vec::new();
    std::thread::scope(|scope| {
        for _ in 0..TRANSFERS {
            let mut client = server.login();
            let mut data = client.begin("RETR file");
            clients.push(client);
            scope.spawn(move || std::io::copy(&mut data, &mut std::io::sink()));
        }
        let mut other = server.login();
        let mut ticks_of_turns = || {
            let before = server.cpu_ticks();
            for _ in 0..5_000 {
                assert_eq!(other.code("NOOP"), 200);
            }
            server.cpu_ticks() - before
        };
        let memory = server.memory();
        let early = ticks_of_turns();
        std::thread::sleep(Duration::from_secs(8));
        let late = ticks_of_turns();
        let grown = server.memory().saturating_sub(memory);
        drop(std::mem::take(&mut clients));
        assert!(late <= early * 2 + 5, "{early} ticks at first, {late} later");
        assert!(grown < 1_024, "{grown} KiB more than at first");
    });
}

/// One line of `--events`.
fn events(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

#[test]
fn h12_events_report_how_limited_uploads_ended() {
    let log = NamedTempFile::new().expect("a file");
    fs::set_permissions(log.path(), fs::Permissions::from_mode(0o666)).expect("ours");
    let path = log.path().to_str().expect("UTF-8").to_owned();
    let accounts = WithAccounts::with_quota(&["--events", &path]);
    let mut client = accounts.login("alice");
    client.stores("STOR file", &noise(1, 7_000));
    assert_eq!(client.store("STOR other", &noise(1, 3_001)).code, 552);
    let mut data = client.begin("STOR third");
    data.write_all(b"12345").expect("the server reads it");
    accounts.server.wait_for_hidden_bytes(5);
    client.send("ABOR");
    client.expect(426);
    client.expect(226);
    assert_eq!(client.store("STOR .htaccess", b"x").code, 553);
    assert_eq!(client.code("DELE file"), 250);
    let told: Vec<_> = events(log.path())
        .iter()
        .filter(|event| event["event"] != "login" && event["event"] != "connect")
        .map(|event| {
            assert_eq!(event["user"], "alice");
            (
                event["event"].clone(),
                event["path"].clone(),
                event["bytes"].clone(),
                event["code"].clone(),
                event["ok"].clone(),
            )
        })
        .collect();
    let expected = [
        ("transfer".into(), "/file".into(), 7_000.into(), 226.into(), true.into()),
        (
            "transfer".into(),
            "/other".into(),
            3_000.into(),
            552.into(),
            false.into(),
        ),
        ("transfer".into(), "/third".into(), 5.into(), 426.into(), false.into()),
        (
            "refusal".into(),
            "/.htaccess".into(),
            Value::Null,
            553.into(),
            Value::Null,
        ),
        ("change".into(), "/file".into(), Value::Null, Value::Null, Value::Null),
    ];
    assert_eq!(told, expected);
}
