//! How quotas are measured: every file under a root, however deeply hidden, and again at every reload (threats H12,
//! G13, L08).

use harness::accounts::{HASH, PASSWORD, Premises};
use harness::quotas::fits;
use harness::server::Setup;
use harness::tree::noise;
use harness::{Client, Server, wait_until};
use rustix::fs::{Mode, OFlags};
use rustix::process::Signal;
use std::fs;
use std::io::Write;
use std::net::Shutdown;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

const QUOTA: &str = "/alice:read,write:quota=10000";

/// A server with one account that has a quota of 10,000 bytes.
fn with_alice(premises: &Premises) -> Server {
    premises.write_users(&[("alice", QUOTA)]);
    premises.serve_accounts(&[])
}

fn login(server: &Server) -> Client {
    let mut client = server.connect();
    client.login_as("alice", PASSWORD);
    client
}

/// A client whose quota has been measured.
fn login_when_measured(server: &Server) -> Client {
    let mut client = login(server);
    wait_until("the quota is measured", || client.code("AVBL") == 213);
    client
}

/// Waits until AVBL reports `bytes`.
fn wait_for_room(client: &mut Client, bytes: usize) {
    let told = format!("213 {bytes}");
    wait_until(&format!("there is room for {bytes} bytes"), || {
        client.command("AVBL").text() == told
    });
}

/// Sends SIGHUP, and waits until the log has `logged` once more than before.
fn reload(server: &Server, logged: &str) {
    let before = server.stderr().matches(logged).count();
    server.signal(Signal::HUP);
    wait_until(logged, || server.stderr().matches(logged).count() > before);
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("ours");
}

#[test]
fn h12_an_unreadable_directory_frees_no_quota_at_a_reload() {
    let premises = Premises::new();
    premises.write("alice/d/large", &noise(1, 8_000));
    let server = with_alice(&premises);
    let mut client = login_when_measured(&server);
    assert!(fits(&mut client, 2_000) && !fits(&mut client, 2_001));
    let hidden = premises.root().join("alice/d");
    set_mode(&hidden, 0o300);
    let told = "quota of alice: incomplete measurement, the old figures stay in force: \
                Permission denied (os error 13): /alice/d";
    reload(&server, told);
    assert!(fits(&mut client, 2_000) && !fits(&mut client, 2_001));
    // The measurement is repeated without a signal.
    fs::write(hidden.join("more"), noise(2, 500)).expect("ours");
    set_mode(&hidden, 0o755);
    wait_for_room(&mut client, 1_500);
    assert!(fits(&mut client, 1_500) && !fits(&mut client, 1_501));
}

#[test]
fn h12_where_measuring_fails_only_removals_free_quota() {
    let premises = Premises::new();
    premises.write("alice/d/large", &noise(1, 1_000));
    premises.write("alice/small", &noise(1, 300));
    let hidden = premises.root().join("alice/d");
    set_mode(&hidden, 0o300);
    let server = with_alice(&premises);
    let mut client = login_when_measured(&server);
    assert_eq!(client.store("STOR file", b"x").code, 552);
    let told = "quota of alice: incomplete measurement, the limits count as used up until everything can be measured: ";
    assert!(server.stderr().contains(told), "{}", server.stderr());
    assert_eq!(client.code("DELE small"), 250);
    client.stores("STOR file", &noise(1, 300));
    assert_eq!(client.store("STOR other", b"x").code, 552);
    set_mode(&hidden, 0o755);
    wait_for_room(&mut client, 8_700);
    assert!(fits(&mut client, 8_700) && !fits(&mut client, 8_701));
}

#[test]
fn h12_a_tree_deeper_than_the_longest_path_is_measured() {
    let premises = Premises::new();
    premises.make_directory("alice");
    let name = [b'd'; 250];
    let top = premises.root().join("alice");
    let mut place = rustix::fs::open(&top, OFlags::DIRECTORY, Mode::empty()).expect("a directory");
    for _ in 0..40 {
        rustix::fs::mkdirat(&place, &name[..], Mode::from_raw_mode(0o755)).expect("a directory");
        place = rustix::fs::openat(&place, &name[..], OFlags::DIRECTORY, Mode::empty()).expect("a directory");
    }
    let flags = OFlags::CREATE | OFlags::WRONLY;
    let deepest = rustix::fs::openat(&place, "file", flags, Mode::from_raw_mode(0o644)).expect("a file");
    assert_eq!(rustix::io::write(&deepest, &noise(1, 7_000)), Ok(7_000));
    let server = with_alice(&premises);
    let mut client = login_when_measured(&server);
    assert!(fits(&mut client, 3_000) && !fits(&mut client, 3_001));
}

#[test]
fn h12_an_upload_during_a_reload_is_charged() {
    let premises = Premises::new();
    premises.make_directory("alice");
    let server = with_alice(&premises);
    let mut uploader = login_when_measured(&server);
    let mut data = uploader.begin("STOR file");
    data.write_all(&noise(1, 4_000)).expect("the server reads it");
    server.wait_for_hidden_bytes(4_000);
    reload(&server, "quotas measured");
    let mut client = login(&server);
    assert!(fits(&mut client, 6_000) && !fits(&mut client, 6_001), "while it comes");
    data.write_all(&noise(1, 2_000)).expect("the server reads it");
    data.shutdown(Shutdown::Write).expect("our socket");
    uploader.expect(226);
    assert!(
        fits(&mut client, 4_000) && !fits(&mut client, 4_001),
        "when it is there"
    );
    // An aborted upload is subtracted from the same count.
    let mut data = uploader.begin("STOR other");
    data.write_all(&noise(1, 3_000)).expect("the server reads it");
    server.wait_for_hidden_bytes(3_000);
    reload(&server, "quotas measured");
    uploader.send("ABOR");
    uploader.expect(426);
    uploader.expect(226);
    assert!(
        fits(&mut client, 4_000) && !fits(&mut client, 4_001),
        "when it has gone"
    );
}

#[test]
fn h12_accounts_with_the_same_root_share_its_usage() {
    let premises = Premises::new();
    premises.make_directory("alice");
    premises.write_users(&[("alice", QUOTA), ("bob", "/alice:read,write:quota=5000")]);
    let server = premises.serve_accounts(&[]);
    let mut alice = login_when_measured(&server);
    let mut bob = server.connect();
    bob.login_as("bob", PASSWORD);
    alice.stores("STOR file", &noise(1, 4_000));
    assert!(fits(&mut bob, 1_000) && !fits(&mut bob, 1_001));
    bob.stores("STOR other", &noise(1, 1_000));
    assert!(fits(&mut alice, 5_000) && !fits(&mut alice, 5_001));
}

#[test]
fn h12_changes_by_others_are_noticed_at_a_reload() {
    let premises = Premises::new();
    premises.write("alice/file", &noise(1, 1_000));
    let server = with_alice(&premises);
    let mut client = login_when_measured(&server);
    premises.write("alice/more", &noise(1, 2_000));
    reload(&server, "quotas measured");
    assert!(fits(&mut client, 7_000) && !fits(&mut client, 7_001));
    fs::remove_file(premises.root().join("alice/file")).expect("ours");
    reload(&server, "quotas measured");
    assert!(fits(&mut client, 8_000) && !fits(&mut client, 8_001));
}

#[test]
fn h12_files_moved_during_a_measurement_are_still_counted() {
    let premises = Premises::new();
    premises.write("alice/here/deep/large", &noise(1, 8_000));
    premises.make_directory("alice/there");
    // Enough that a walk takes several slices.
    for number in 0..5_000 {
        fs::write(premises.root().join(format!("alice/there/{number}")), b"").expect("ours");
    }
    let server = with_alice(&premises);
    let mut client = login_when_measured(&server);
    assert_eq!(client.command("AVBL").text(), "213 2000");
    for round in 0..1_000 {
        if round % 25 == 0 {
            server.signal(Signal::HUP);
        }
        for (from, to) in [("here/deep", "there/deep"), ("there/deep", "here/deep")] {
            for command in [format!("RNFR {from}"), format!("RNTO {to}")] {
                assert!(matches!(client.code(&command), 350 | 250), "{command}");
            }
            assert_eq!(client.command("AVBL").text(), "213 2000");
        }
    }
}

/// Writes a users file of `count` accounts with quotas, and makes their directories with a file in each.
fn many_accounts(premises: &Premises, count: usize) {
    let mut lines = format!("alice:{HASH}:/alice:read,write\n");
    for number in 0..count {
        lines += &format!("user{number}:{HASH}:/user{number}:read,write:quota=1000\n");
        let directory = premises.root().join(format!("user{number}"));
        fs::create_dir_all(&directory).expect("a directory");
        fs::write(directory.join("file"), b"12345").expect("a file");
    }
    premises.make_directory("alice");
    premises.write_users_file(&lines);
}

#[test]
fn h12_more_roots_than_descriptors_are_all_measured() {
    let premises = Premises::new();
    many_accounts(&premises, 500);
    let users = premises.users_file();
    let server = Setup::new()
        .directory(&premises.root())
        .nofile(100)
        .arguments(&["--anonymous", "off", "--users", users.to_str().expect("UTF-8")])
        .start();
    wait_until("all are measured", || {
        server.stderr().contains("quotas measured: 500 directories\n")
    });
    for name in ["user0", "user250", "user499"] {
        let mut client = server.connect();
        client.login_as(name, PASSWORD);
        assert_eq!(client.store("STOR large", &noise(1, 996)).code, 552, "{name}");
        client.stores("STOR fits", &noise(1, 995));
    }
}

#[test]
fn l08_a_storm_of_sighups_with_quotas_leaks_nothing_and_lets_clients_in() {
    let premises = Premises::new();
    many_accounts(&premises, 200);
    for number in 0..2_000 {
        fs::write(premises.root().join(format!("user0/{number}")), b"").expect("a file");
    }
    let server = premises.serve_accounts(&[]);
    let is_measured = |times: usize| server.stderr().matches("quotas measured: 200 directories\n").count() >= times;
    wait_until("all are measured", || is_measured(1));
    let baseline = server.descriptors();
    let mut old = login(&server);
    let most = (0..1_000)
        .map(|number| {
            server.signal(Signal::HUP);
            if number % 50 == 0 {
                login(&server).send("QUIT");
            }
            server.descriptors()
        })
        .max()
        .expect("a thousand");
    // Eight walks with five descriptors each, two logins, and a file that is being read.
    assert!(most < baseline + 60, "{most} descriptors, {baseline} before");
    assert_eq!(old.code("NOOP"), 200);
    old.send("QUIT");
    old.expect(221);
    let before = server.stderr().matches("quotas measured").count();
    server.signal(Signal::HUP);
    wait_until("all are measured", || is_measured(before + 1));
    server.wait_for_descriptors(baseline);
}

/// Puts another file in the place of the old one, so that a reader sees one or the other.
fn replace_users_file(premises: &Premises, content: &str) {
    let (old, new) = (premises.users_file(), premises.outside().join("users.new"));
    fs::write(&new, content).expect("a file");
    set_mode(&new, 0o600);
    let owner = fs::metadata(&old).expect("it is there");
    std::os::unix::fs::chown(&new, Some(owner.uid()), Some(owner.gid())).expect("ours");
    fs::rename(&new, &old).expect("renamed");
}

#[test]
fn f10_the_last_sighup_decides_which_accounts_are_active() {
    let premises = Premises::new();
    many_accounts(&premises, 300);
    let server = premises.serve_accounts(&[]);
    let mut client = login(&server);
    for number in 0..20 {
        // Only the last file has a third account.
        let last = if number == 19 {
            format!("last:{HASH}:/alice:read\n")
        } else {
            String::new()
        };
        let rest = format!("new{number}:{HASH}:/alice:read\n{last}");
        replace_users_file(&premises, &format!("alice:{HASH}:/alice:read,write\n{rest}"));
        server.signal(Signal::HUP);
        assert_eq!(client.code("NOOP"), 200);
    }
    wait_until("the last file is read", || {
        server.stderr().contains("users file read again: 3 accounts\n")
    });
    let mut last = server.connect();
    last.login_as("new19", PASSWORD);
}

#[test]
fn g13_a_flood_of_new_directories_is_stopped_by_the_entry_quota() {
    let premises = Premises::new();
    premises.write("alice/here", b"x");
    premises.write_users(&[("alice", "/alice:read,write:entries=1000")]);
    let server = premises.serve_accounts(&[]);
    let mut client = login_when_measured(&server);
    for number in 0..10_000_u32 {
        if number % 100 == 0 {
            let commands: String = (number..number + 100)
                .map(|number| format!("MKD d{number}\r\n"))
                .collect();
            client.send_bytes(commands.as_bytes());
        }
        client.expect(if number < 999 { 257 } else { 552 });
    }
    assert_eq!(
        fs::read_dir(premises.root().join("alice")).expect("ours").count(),
        1_000
    );
    assert_eq!(client.code("MKD d0/d"), 552);
    assert_eq!(client.code("RMD d0"), 250);
    assert_eq!(client.code("MKD d1/d"), 257);
    assert_eq!(client.code("MKD d2/d"), 552);
}

/// As many entries as fit; leaves nothing behind.
fn entries_that_fit(client: &mut Client) -> usize {
    let names: Vec<String> = (0..20).map(|number| format!("probe{number}")).collect();
    let made = names
        .iter()
        .take_while(|name| match client.code(&format!("MKD {name}")) {
            257 => true,
            552 => false,
            other => panic!("{other}"),
        });
    let made = made.count();
    for name in &names[..made] {
        assert_eq!(client.code(&format!("RMD {name}")), 250);
    }
    made
}

#[test]
fn g13_everything_that_makes_or_removes_an_entry_is_counted() {
    let premises = Premises::new();
    premises.write("alice/d/file", b"x");
    premises.link("alice/link", "d/file");
    premises.write_users(&[("alice", "/alice:read,write:entries=10")]);
    let server = premises.serve_accounts(&[]);
    let mut client = login_when_measured(&server);
    assert_eq!(
        entries_that_fit(&mut client),
        7,
        "a directory, its file and a link are there"
    );
    client.stores("STOR a", b"1");
    client.stores("APPE b", b"1");
    client.stores("APPE b", b"2");
    client.stores("STOR a", b"replaced");
    client.stores("STOU", b"1");
    assert_eq!(entries_that_fit(&mut client), 4);
    // A running upload counts as one entry until it is aborted.
    let mut data = client.begin("STOR under_way");
    data.write_all(b"x").expect("the server reads it");
    let mut other = login(&server);
    assert_eq!(entries_that_fit(&mut other), 3);
    client.send("ABOR");
    client.expect(426);
    client.expect(226);
    assert_eq!(entries_that_fit(&mut other), 4);
    for number in 0..4 {
        client.stores(&format!("STOR full{number}"), b"");
    }
    for command in ["STOR new", "APPE new", "STOU", "STOR a"] {
        assert_eq!(client.store(command, b"x").code, 552, "{command}");
    }
    client.stores("APPE a", b"what is there can grow");
    assert_eq!(client.code("MKD new"), 552);
    // Replacing a name by another file is one entry less.
    assert_eq!(client.code("RNFR full0"), 350);
    assert_eq!(client.code("RNTO full1"), 250);
    assert_eq!(entries_that_fit(&mut client), 1);
    assert_eq!(client.code("RNFR full1"), 350);
    assert_eq!(client.code("RNTO elsewhere"), 250);
    assert_eq!(entries_that_fit(&mut client), 1);
    assert_eq!(client.code("DELE link"), 250);
    assert_eq!(client.code("DELE d/file"), 250);
    assert_eq!(client.code("RMD d"), 250);
    assert_eq!(entries_that_fit(&mut client), 4);
    // A refused command changes nothing.
    assert_eq!(client.code("DELE d"), 550);
    assert_eq!(client.code("RMD elsewhere"), 550);
    assert_eq!(client.code("MKD elsewhere"), 550);
    assert_eq!(client.code("RNFR absent"), 550);
    assert_eq!(entries_that_fit(&mut client), 4);
    reload(&server, "quotas measured");
    assert_eq!(entries_that_fit(&mut client), 4, "a measurement finds the same");
}
