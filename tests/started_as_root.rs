//! Started as root, the server confines itself before it serves, or does not start (threats L01–L04).

mod harness;

use harness::accounts::Premises;
use harness::server::{Setup, refused_start};
use harness::{Server, has_program, is_root};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

#[test]
fn l04_l01_l02_started_as_root_it_is_root_no_more() {
    if !is_root() {
        println!("skipped: the tests do not run as root");
        return;
    }
    let server = Server::start();
    server.write("file", b"x");
    for (field, numbers) in [("Uid", 4), ("Gid", 4)] {
        let ids = server.status(field);
        let ids: Vec<&str> = ids.split_whitespace().collect();
        assert_eq!(ids.len(), numbers);
        assert!(ids.iter().all(|id| *id != "0"), "{field}: {ids:?}");
    }
    assert_eq!(server.status("Groups"), "");
    for field in ["CapEff", "CapPrm", "CapInh", "CapAmb"] {
        assert_eq!(server.status(field), "0000000000000000", "{field}");
    }
    assert_eq!(server.status("NoNewPrivs"), "1");
    let process = format!("/proc/{}", server.pid());
    let inside = fs::read_link(format!("{process}/root")).expect("readable as root");
    assert_eq!(inside, server.directory());
    assert_eq!(
        fs::read_link(format!("{process}/cwd")).expect("readable as root"),
        server.directory()
    );
    assert_eq!(directories_outside(&server), [], "no directory outside");
    assert_eq!(server.login().fetch("RETR file"), b"x");
}

/// What identifies the directories outside the served one that the server has open.
fn directories_outside(server: &Server) -> Vec<(PathBuf, (u64, u64))> {
    let identity = |path: &Path| path.metadata().map(|metadata| (metadata.dev(), metadata.ino()));
    let served = identity(server.directory()).expect("it exists");
    let descriptors = fs::read_dir(format!("/proc/{}/fd", server.pid())).expect("readable as root");
    let mut outside: Vec<_> = descriptors
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_dir())
        .filter_map(|path| identity(&path).ok().map(|found| (path, found)))
        .filter(|(_, found)| *found != served)
        .collect();
    outside.sort_by_key(|(_, found)| *found);
    outside
}

/// The one exception: the directories of the files that are opened again, one descriptor for each file. Where the system lets
/// the server make a mount of its own of each, `..` leads nowhere from there.
#[test]
fn l04_the_directories_of_logs_and_users_file_are_all_that_is_kept_outside_and_have_no_way_up() {
    if !is_root() {
        println!("skipped: the tests do not run as root");
        return;
    }
    let premises = Premises::new();
    premises.write_users(&[("alice", "/:read")]);
    let logs = ["events", "transfers"].map(|name| {
        let directory = premises.outside().join(name);
        fs::create_dir(&directory).expect("a directory");
        (
            directory.clone(),
            directory.join("log").to_str().expect("UTF-8").to_owned(),
        )
    });
    let users = premises.users_file();
    let server = premises.serve(&[
        "--users",
        users.to_str().expect("UTF-8"),
        "--events",
        &logs[0].1,
        "--transfer-log",
        &logs[1].1,
    ]);
    let mut expected: Vec<_> = [premises.outside(), &logs[0].0, &logs[1].0]
        .map(|path| path.metadata().expect("it exists"))
        .map(|metadata| (metadata.dev(), metadata.ino()))
        .to_vec();
    expected.sort_unstable();
    let outside = directories_outside(&server);
    let found: Vec<_> = outside.iter().map(|(_, found)| *found).collect();
    assert_eq!(found, expected);
    const SYS_ADMIN: u64 = 1 << 21;
    let status = fs::read_to_string("/proc/self/status").expect("readable");
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))
        .expect("a mask");
    if u64::from_str_radix(mask.trim(), 16).expect("a mask") & SYS_ADMIN == 0 {
        println!("skipped: without CAP_SYS_ADMIN they are ordinary descriptors");
        return;
    }
    for (path, found) in outside {
        for up in ["..", "../../.."] {
            let above = path.join(up).metadata().expect("readable as root");
            assert_eq!((above.dev(), above.ino()), found, "{up} from {}", path.display());
        }
    }
}

#[test]
fn l02_groups_that_it_was_started_with_are_dropped() {
    if !is_root() || !has_program("setpriv") {
        println!("skipped: the tests do not run as root");
        return;
    }
    let server = Setup::new().under(&["setpriv", "--groups", "4,27"]).start();
    assert_eq!(server.status("Groups"), "");
    assert_ne!(server.status("Gid").split_whitespace().next(), Some("0"));
}

#[test]
fn l01_the_owner_of_the_directory_or_the_named_user_is_who_it_becomes() {
    if !is_root() {
        println!("skipped: the tests do not run as root");
        return;
    }
    let directory = tempfile::TempDir::new().expect("a directory");
    std::os::unix::fs::chown(directory.path(), Some(12_345), Some(23_456)).expect("root may");
    let server = Setup::new().directory(directory.path()).start();
    assert_eq!(server.status("Uid").split_whitespace().next(), Some("12345"));
    assert_eq!(server.status("Gid").split_whitespace().next(), Some("23456"));
    let named = Server::with(&["--user", "daemon"]);
    assert_ne!(named.status("Uid").split_whitespace().next(), Some("0"));
    assert!(named.stdout().contains("as user daemon"), "{}", named.stdout());
    let root = Server::with(&["--user", "root"]);
    harness::wait_until("the warning has come", || root.stderr().contains("stays root"));
}

#[test]
fn l01_a_directory_that_the_user_cannot_read_stops_the_start_and_says_what_mends_it() {
    if !is_root() {
        println!("skipped: the tests do not run as root");
        return;
    }
    let directory = tempfile::TempDir::new().expect("a directory");
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o700)).expect("ours");
    let (low, high) = harness::server::free_range(2);
    let range = format!("{low}-{high}");
    let (code, text) = refused_start(&[
        "-l",
        "127.0.0.1:0",
        "-p",
        &range,
        directory.path().to_str().expect("UTF-8"),
    ]);
    assert_eq!(code, Some(1));
    assert!(text.contains("chmod o+rx") && text.contains("nobody"), "{text}");
}

#[test]
fn l03_a_step_of_the_confinement_that_fails_stops_the_start() {
    if !is_root() || !has_program("strace") {
        return;
    }
    let directory = tempfile::TempDir::new().expect("a directory");
    harness::tree::allow_reading(directory.path());
    for call in [
        "chroot",
        "fchdir",
        "chdir",
        "setgroups",
        "setresgid",
        "setresuid",
        "getresuid",
        "getgroups",
        "capget",
        "prctl",
    ] {
        let (low, high) = harness::server::free_range(2);
        let inject = format!("inject={call}:error=EPERM");
        let output = std::process::Command::new("timeout")
            .args(["20", "strace", "-f", "-qq", "-o", "/dev/null", "-e", &inject])
            .arg(env!("CARGO_BIN_EXE_loopftpd"))
            .args(["-l", "127.0.0.1:0", "-p", &format!("{low}-{high}")])
            .arg(directory.path())
            .output()
            .expect("strace runs");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{call}: {text}");
        assert!(text.contains("confining the server failed"), "{call}: {text}");
        assert!(!String::from_utf8_lossy(&output.stdout).contains("ready"), "{call}");
    }
}
