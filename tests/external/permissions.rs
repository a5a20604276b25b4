//! What the server may not do once it has dropped root.

use harness::accounts::{ConfinedBy, Premises, client_of};
use harness::event_log::{events_in, with_events};
use harness::quotas::fits;
use harness::server::Setup;
use harness::tree::noise;
use harness::{trials, wait_until};
use libtest_mimic::Trial;
use rustix::process::Signal;
use std::fs;
use std::os::unix::fs::PermissionsExt;

pub fn trials() -> Vec<Trial> {
    trials! {
        "root":
            an_events_file_that_cannot_be_reopened_stays_in_use_and_is_logged,
            h04_uploads_into_an_unwritable_directory_are_refused_before_the_data,
            h12_an_unreadable_directory_of_another_owner_is_not_measured;
    }
}

fn an_events_file_that_cannot_be_reopened_stays_in_use_and_is_logged() {
    let (premises, path, server) = with_events(ConfinedBy::Default);
    let mut client = client_of(&server, "alice");
    let moved = path.with_extension("1");
    fs::rename(&path, &moved).expect("moved");
    let neighbour = premises.outside().join("neighbour");
    std::os::unix::fs::chown(&neighbour, Some(0), Some(0)).expect("root may");
    server.signal(Signal::HUP);
    wait_until("the failure is logged", || {
        server
            .stderr()
            .contains("--events: the new file cannot be opened (Permission denied")
    });
    assert_eq!(client.code("MKD d"), 257);
    assert_eq!(events_in(&moved, 3)[2]["path"], "/d");
    // As logrotate does with `create`: the file is there already, for the server's user.
    fs::write(&path, "").expect("made");
    std::os::unix::fs::chown(&path, Some(12_345), Some(12_345)).expect("root may");
    server.signal(Signal::HUP);
    wait_until("the signal is seen", || {
        server.stderr().contains("--events: new file opened")
    });
    assert_eq!(client.code("RMD d"), 250);
    assert_eq!(events_in(&path, 1)[0]["verb"], "RMD");
}

fn h04_uploads_into_an_unwritable_directory_are_refused_before_the_data() {
    let directory = tempfile::TempDir::new().expect("a directory");
    // A server that can write nowhere would not start.
    std::fs::create_dir(directory.path().join("incoming")).expect("a directory");
    harness::tree::give_to_server(&directory.path().join("incoming"));
    let server = Setup::new().directory(directory.path()).arguments(&["--write"]).start();
    server.write("file", b"old");
    let mut client = server.login();
    for command in ["STOR new", "STOR file", "APPE file", "STOU", "MKD d", "DELE file"] {
        assert_eq!(client.store(command, b"x").code, 550, "{command}");
    }
    assert_eq!(server.content("file").as_deref(), Some(&b"old"[..]));
}

/// `lost+found` and the like: no client can have stored anything there through this server.
fn h12_an_unreadable_directory_of_another_owner_is_not_measured() {
    let premises = Premises::new();
    premises.write("alice/file", &noise(1, 1_000));
    let foreign = premises.root().join("alice/lost+found");
    fs::create_dir(&foreign).expect("a directory");
    fs::set_permissions(&foreign, fs::Permissions::from_mode(0o700)).expect("ours");
    premises.write_users(&[("alice", "/alice:read,write:quota=10000")]);
    let server = premises.serve_accounts(&[]);
    let mut client = client_of(&server, "alice");
    wait_until("the quota is measured", || client.code("AVBL") == 213);
    assert!(fits(&mut client, 9_000) && !fits(&mut client, 9_001));
    assert!(!server.stderr().contains("incomplete"), "{}", server.stderr());
}
