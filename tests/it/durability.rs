//! Uploads on a server that is killed, and the removal of stale temporary files (threats H01, H02, H23).

use harness::server::Setup;
use harness::tree::{hidden_files, noise, served_directory};
use harness::{Server, is_root, tree, wait_until};
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};
use rustix::process::Signal;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

/// Sets the times of the file itself (not of a link's target) back by so many seconds.
fn make_older(path: &Path, seconds: i64) {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970")
        .as_secs();
    let then = Timespec {
        tv_sec: i64::try_from(now).expect("before the end") - seconds,
        tv_nsec: 0,
    };
    let times = Timestamps {
        last_access: then,
        last_modification: then,
    };
    utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).expect("ours");
}

const DAY: i64 = 24 * 60 * 60;

/// The variable that sets the random points of [`kill_in_uploads`], to repeat a run that failed.
const SEED: &str = "LOOPFTPD_TEST_SEED";

/// Kills a server during `rounds` uploads, each time at another point.
fn kill_in_uploads(rounds: u32) {
    let directory = served_directory();
    let mut chance = std::env::var(SEED).map_or_else(
        |_| std::process::id(),
        |seed| seed.parse().unwrap_or_else(|error| panic!("{SEED}={seed}: {error}")),
    );
    println!("{SEED}={chance}");
    let mut random = move |below: u32| {
        chance = chance.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (chance >> 8) % below
    };
    let file = directory.path().join("file");
    let mut old = noise(0, 1_000_000);
    fs::write(&file, &old).expect("ours");
    tree::give_to_owner(directory.path(), &file);
    let mut killed_whole = 0;
    for round in 1..=rounds {
        let new = noise(round, 900_000 + round as usize);
        let server = Server::writable_in(directory.path(), if round % 2 == 0 { &["--durable"] } else { &[] });
        let mut client = server.login();
        let mut data = client.begin("STOR file");
        // Half of them during the data, the others around the end, where the file is renamed.
        let is_near_the_end = round % 4 < 2;
        let sent = if is_near_the_end {
            new.len()
        } else {
            random(new.len() as u32) as usize
        };
        data.write_all(&new[..sent]).expect("the server reads it");
        if is_near_the_end {
            drop(data);
            for _ in 0..random(40_000) {
                std::hint::spin_loop();
            }
        }
        server.kill();
        // A reply that was sent before the kill must be true.
        let was_told = client.remaining_text().contains("226 ");
        let found = fs::read(&file).expect("it is always there");
        assert!(
            found == old || found == new,
            "round {round}: a mix of {} bytes",
            found.len()
        );
        assert!(!was_told || found == new, "round {round}: 226, and the old file");
        if found == new {
            killed_whole += 1;
            old = new;
        }
    }
    println!("{killed_whole} of {rounds} were published");
    // Make the remaining files a day old.
    let left = hidden_files(directory.path());
    assert!(!left.is_empty(), "none was killed in the middle");
    let server = Server::writable_in(directory.path(), &[]);
    server.login().stores("STOR other", b"x");
    for path in &left {
        assert!(path.exists(), "it could belong to an upload of another server");
        make_older(path, DAY + 60);
    }
    drop(server);
    let server = Server::writable_in(directory.path(), &[]);
    server.wait_for_no_hidden_file();
    wait_until("it is logged", || {
        server
            .stderr()
            .contains(&format!("removed {} stale temporary files", left.len()))
    });
}

#[test]
fn h02_a_killed_server_leaves_the_old_file_or_the_new_one() {
    kill_in_uploads(40);
}

#[test]
#[ignore = "seconds: 200 kills; cargo test --release -- --ignored h02"]
fn h02_two_hundred_kills_at_random_points() {
    kill_in_uploads(200);
}

#[test]
fn h23_the_sweep_removes_only_its_own_old_temporary_files() {
    let directory = served_directory();
    let own = ".loopftpd-0123456789abcdef0123456789abcdef";
    let place = |name: &str| {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().expect("within")).expect("ours");
        fs::write(&path, b"data").expect("ours");
        tree::give_to_owner(directory.path(), &path);
        make_older(&path, 2 * DAY);
        path
    };
    let swept: Vec<PathBuf> = [own, &format!("a/b/c/{own}")].map(place).into();
    let mut kept: Vec<PathBuf> = [
        ".loopftpd-",
        ".loopftpd-notes",
        ".loopftpd-0123456789abcdef0123456789abcde",
        ".loopftpd-0123456789abcdef0123456789abcdef0",
        ".loopftpd-0123456789ABCDEF0123456789ABCDEF",
        ".loopftpd-0123456789abcdef0123456789abcdeg",
        "loopftpd-0123456789abcdef0123456789abcdef",
        "x.loopftpd-0123456789abcdef0123456789abcdef",
        ".loopftpd-ffffffffffffffffffffffffffffffff/inside",
        "visible",
    ]
    .map(place)
    .into();
    let young = place(".loopftpd-11111111111111111111111111111111");
    make_older(&young, DAY - 3_600);
    kept.push(young);
    if is_root() {
        let foreign = place(".loopftpd-22222222222222222222222222222222");
        std::os::unix::fs::chown(&foreign, Some(12_345), Some(12_345)).expect("root may");
        kept.push(foreign);
    }
    let link = directory.path().join(".loopftpd-33333333333333333333333333333333");
    std::os::unix::fs::symlink("visible", &link).expect("a link");
    make_older(&link, 2 * DAY);
    // A link is not followed to a file that would be removed.
    let outside = TempDir::new().expect("a directory");
    let beyond = outside.path().join(own);
    fs::write(&beyond, b"data").expect("ours");
    make_older(&beyond, 2 * DAY);
    std::os::unix::fs::symlink(outside.path(), directory.path().join("out")).expect("a link");
    let server = Server::writable_in(directory.path(), &[]);
    wait_until("the removal is over", || {
        server.stderr().contains("removed 2 stale temporary files")
    });
    assert!(swept.iter().all(|path| !path.exists()));
    for path in kept.iter().chain([&link, &beyond]) {
        assert!(path.symlink_metadata().is_ok(), "{}", path.display());
    }
    // A read-only server removes nothing.
    let again = place(own);
    drop(server);
    let server = Setup::new().directory(directory.path()).start();
    assert_eq!(server.login().code("NOOP"), 200);
    drop(server);
    assert!(again.exists());
}

#[test]
fn h01_a_server_that_is_stopped_lets_uploads_finish() {
    let server = Setup::new().writable().arguments(&["--durable"]).start();
    let mut client = server.login();
    let mut data = client.begin("STOR file");
    data.write_all(b"begin").expect("the server reads it");
    server.wait_for_hidden_bytes(5);
    server.signal(Signal::TERM);
    wait_until("the server has handled the signal", || {
        server.stderr().contains("stopping")
    });
    data.write_all(b" and end").expect("the server reads it");
    drop(data);
    client.expect(226);
    client.expect(421);
    assert_eq!(server.content("file").as_deref(), Some(&b"begin and end"[..]));
    drop(client);
    let mut server = server;
    assert!(server.wait().success());
}
