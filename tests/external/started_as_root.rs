//! Started as root, the server confines itself before it serves, or does not start (threats L01–L04).

use harness::accounts::Premises;
use harness::server::{Setup, refused_start};
use harness::{Server, trials};
use libtest_mimic::Trial;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

pub fn trials() -> Vec<Trial> {
    trials! {
        "root mounts":
            l04_directories_kept_open_for_logs_have_no_way_up;
        "root":
            l04_a_server_started_as_root_drops_root_and_capabilities,
            l04_inherited_descriptors_are_closed_and_standard_input_is_null,
            l04_standard_streams_that_are_directories_are_replaced,
            l04_only_the_directories_of_logs_and_users_file_stay_open_outside,
            l01_root_becomes_the_owner_of_the_directory_or_the_named_user,
            l01_a_directory_that_the_user_cannot_read_prevents_the_start_with_advice,
            l01_a_user_can_be_given_by_number,
            l15_unusable_account_roots_are_named_at_the_start;
        "root setpriv":
            l02_inherited_groups_are_dropped,
            l03_root_without_capabilities_names_them_and_starts_only_when_allowed,
            l15_a_directory_that_the_user_cannot_write_prevents_the_start_with_advice;
        "root strace":
            l03_a_failing_step_of_the_confinement_prevents_the_start;
    }
}

fn l04_a_server_started_as_root_drops_root_and_capabilities() {
    let server = Server::start();
    server.write("file", b"x");
    for (field, numbers) in [("Uid", 4), ("Gid", 4)] {
        let ids = server.status(field);
        let ids: Vec<&str> = ids.split_whitespace().collect();
        assert_eq!(ids.len(), numbers);
        assert!(ids.iter().all(|id| *id != "0"), "{field}: {ids:?}");
    }
    assert_eq!(server.status("Groups"), "");
    for field in ["CapEff", "CapPrm", "CapInh", "CapAmb", "CapBnd"] {
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

fn l04_inherited_descriptors_are_closed_and_standard_input_is_null() {
    let directory = tempfile::TempDir::new().expect("a directory");
    let log = directory.path().join("log");
    let script =
        "exec \"$@\" 3</ 4</etc 9>LOG 0</usr 57</etc/passwd 1000</tmp".replace("LOG", log.to_str().expect("UTF-8"));
    let server = Setup::new()
        .nofile(4_096)
        .under(&["bash", "-c", &script, "bash"])
        .start();
    assert_eq!(directories_outside(&server), [], "no directory outside");
    let descriptor = |number: u32| fs::read_link(format!("/proc/{}/fd/{number}", server.pid()));
    assert_eq!(descriptor(0).expect("open"), Path::new("/dev/null"));
    for number in [57, 1_000] {
        assert!(descriptor(number).is_err(), "{number} is still open");
    }
    let own = fs::read_dir(format!("/proc/{}/fd", server.pid())).expect("readable as root");
    let inherited: Vec<_> = own
        .filter_map(|entry| fs::read_link(entry.expect("an entry").path()).ok())
        .filter(|target| target == &log || target == Path::new("/etc/passwd"))
        .collect();
    assert!(inherited.is_empty(), "{inherited:?}");
    server.write("file", b"x");
    assert_eq!(server.login().fetch("RETR file"), b"x");
}

/// Standard output and error that are directories are useless, and would be ways out of the chroot.
fn l04_standard_streams_that_are_directories_are_replaced() {
    let directory = tempfile::TempDir::new().expect("a directory");
    harness::tree::allow_reading(directory.path());
    let (control, high) = harness::server::free_range(3);
    let address = SocketAddr::from(([127, 0, 0, 1], control));
    let mut server = std::process::Command::new("sh")
        .args(["-c", "exec \"$@\" 0</ 1</ 2</etc", "sh", env!("CARGO_BIN_EXE_loopftpd")])
        .args([
            "--listen",
            &address.to_string(),
            "--passive-ports",
            &format!("{}-{high}", control + 1),
        ])
        .arg(directory.path())
        .spawn()
        .expect("started");
    harness::wait_until("it listens", || std::net::TcpStream::connect(address).is_ok());
    harness::Client::connect(address).login();
    for number in 0..3 {
        let target = fs::read_link(format!("/proc/{}/fd/{number}", server.id())).expect("open");
        assert_eq!(target, Path::new("/dev/null"), "descriptor {number}");
    }
    server.kill().expect("ours");
    server.wait().expect("ours");
}

/// A server with a users file and two logs, and the directories that it keeps open for them: one descriptor for each
/// file, because the files are opened again.
fn with_outside_files() -> (Premises, Server, Vec<(u64, u64)>) {
    let premises = Premises::new();
    premises.write_users(&[("alice", "/:read")]);
    let [events, transfers] = ["events", "transfers"].map(|name| {
        let directory = premises.outside().join(name);
        fs::create_dir(&directory).expect("a directory");
        directory
    });
    let files = [premises.users_file(), events.join("log"), transfers.join("log")];
    let [users, event_log, transfer_log] = files.each_ref().map(|file| file.to_str().expect("UTF-8"));
    let server = premises.serve(&["--users", users, "--events", event_log, "--transfer-log", transfer_log]);
    let mut directories: Vec<_> = [premises.outside(), &events, &transfers]
        .map(|path| path.metadata().expect("it exists"))
        .map(|metadata| (metadata.dev(), metadata.ino()))
        .to_vec();
    directories.sort_unstable();
    (premises, server, directories)
}

fn l04_only_the_directories_of_logs_and_users_file_stay_open_outside() {
    let (_premises, server, directories) = with_outside_files();
    let outside = directories_outside(&server);
    let found: Vec<_> = outside.into_iter().map(|(_, found)| found).collect();
    assert_eq!(found, directories);
}

/// Where it may mount, it makes a mount of each of them, so that `..` leads nowhere from there.
fn l04_directories_kept_open_for_logs_have_no_way_up() {
    let (_premises, server, _) = with_outside_files();
    for (path, found) in directories_outside(&server) {
        for up in ["..", "../../.."] {
            let above = path.join(up).metadata().expect("readable as root");
            assert_eq!((above.dev(), above.ino()), found, "{up} from {}", path.display());
        }
    }
}

fn l02_inherited_groups_are_dropped() {
    let server = Setup::new().under(&["setpriv", "--groups", "4,27"]).start();
    assert_eq!(server.status("Groups"), "");
    assert_ne!(server.status("Gid").split_whitespace().next(), Some("0"));
}

fn l01_root_becomes_the_owner_of_the_directory_or_the_named_user() {
    let directory = tempfile::TempDir::new().expect("a directory");
    std::os::unix::fs::chown(directory.path(), Some(12_345), Some(23_456)).expect("root may");
    let server = Setup::new().directory(directory.path()).start();
    assert_eq!(server.status("Uid").split_whitespace().next(), Some("12345"));
    assert_eq!(server.status("Gid").split_whitespace().next(), Some("23456"));
    let named = Server::with(&["--user", "daemon"]);
    assert_ne!(named.status("Uid").split_whitespace().next(), Some("0"));
    assert!(named.stdout().contains("as user daemon"), "{}", named.stdout());
    let root = Server::with(&["--user", "root"]);
    harness::wait_until("the warning is logged", || root.stderr().contains("stays root"));
    // CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER, CAP_FSETID.
    for field in ["CapEff", "CapPrm", "CapBnd"] {
        assert_eq!(root.status(field), "000000000000001e", "{field}");
    }
}

fn l01_a_directory_that_the_user_cannot_read_prevents_the_start_with_advice() {
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
    assert_eq!(code, Some(2));
    assert!(text.contains("chmod o+rx") && text.contains("nobody"), "{text}");
}

fn l03_a_failing_step_of_the_confinement_prevents_the_start() {
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
        "capset",
        "prctl",
        "landlock_add_rule",
        "landlock_restrict_self",
        "seccomp",
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
        let is_named = text.contains("confining the server failed") || text.contains("the sandbox cannot be set up");
        assert!(is_named, "{call}: {text}");
        assert!(!String::from_utf8_lossy(&output.stdout).contains("ready"), "{call}");
    }
}

/// Runs a start to its end: exit code and output.
fn start_under(wrapper: &[&str], arguments: &[&str], directory: &Path) -> (Option<i32>, String) {
    let (low, high) = harness::server::free_range(2);
    let output = std::process::Command::new("timeout")
        .args(["20"])
        .args(wrapper)
        .arg(env!("CARGO_BIN_EXE_loopftpd"))
        .args(["-l", "127.0.0.1:0", "-p", &format!("{low}-{high}")])
        .args(arguments)
        .arg(directory)
        .output()
        .expect("it runs");
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    (output.status.code(), text)
}

/// As root in a container that was given few capabilities.
fn l03_root_without_capabilities_names_them_and_starts_only_when_allowed() {
    let directory = tempfile::TempDir::new().expect("a directory");
    harness::tree::allow_reading(directory.path());
    let without = |capabilities: &'static str| ["setpriv", "--bounding-set", capabilities, "--inh-caps", capabilities];
    let cases = [
        (without("-sys_chroot"), "chroot to the served directory", "--no-chroot"),
        (without("-setgid"), "dropping supplementary groups", "--user root"),
        (without("-setuid"), "taking the user's identity", "--user root"),
    ];
    for (wrapper, step, remedy) in cases {
        let (code, text) = start_under(&wrapper, &[], directory.path());
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains(step) && text.contains(remedy), "{text}");
    }
    let without_any = without("-sys_chroot,-setuid,-setgid,-sys_admin");
    let start = |wrapper: &[&str], arguments: &[&str]| {
        let server = Setup::new().under(wrapper).arguments(arguments).start();
        server.write("file", b"x");
        assert_eq!(server.login().fetch("RETR file"), b"x");
        server
    };
    let staying = start(&without_any, &["--user", "root"]);
    harness::wait_until("it warns", || {
        let text = staying.stderr();
        text.contains("CAP_SYS_CHROOT") && text.contains("the server starts without it") && text.contains("stays root")
    });
    assert!(
        staying.stdout().contains("running  as root, without chroot"),
        "{}",
        staying.stdout()
    );
    let unlocked = start(&without("-sys_chroot"), &["--no-chroot"]);
    harness::wait_until("it warns", || {
        unlocked.stderr().contains("--no-chroot: if the server is exploited")
    });
    assert_ne!(unlocked.status("Uid").split_whitespace().next(), Some("0"));
    assert_eq!(unlocked.status("NoNewPrivs"), "1");
    assert_eq!(unlocked.status("CapPrm"), "0000000000000000");
    assert!(unlocked.stdout().contains("as user nobody"), "{}", unlocked.stdout());
    let process = format!("/proc/{}/root", unlocked.pid());
    assert_eq!(fs::read_link(process).expect("readable as root"), Path::new("/"));
}

fn l01_a_user_can_be_given_by_number() {
    for (user, expected) in [("65534", "65534"), ("54321", "54321")] {
        let server = Server::with(&["--user", user]);
        assert_eq!(server.status("Uid").split_whitespace().next(), Some(expected));
    }
    let (code, text) = refused_start(&["--user", "4294967295"]);
    assert_eq!(code, Some(2), "{text}");
    assert!(
        text.contains("--user 4294967295: expected the name or number"),
        "{text}"
    );
}

fn l15_a_directory_that_the_user_cannot_write_prevents_the_start_with_advice() {
    let directory = tempfile::TempDir::new().expect("a directory");
    harness::tree::allow_reading(directory.path());
    let own: &[&str] = &["setpriv", "--reuid", "12345", "--regid", "12345", "--clear-groups"];
    for (wrapper, user, remedy) in [(&[][..], "nobody", "--user NAME"), (own, "#12345", "as a user who may")] {
        for access in ["upload", "write"] {
            let (code, text) = start_under(wrapper, &["--anonymous", access], directory.path());
            assert_eq!(code, Some(2), "{text}");
            for part in [&format!("--anonymous {access}"), user, "chown", remedy] {
                assert!(text.contains(part), "{part}: {text}");
            }
        }
    }
    // A directory for uploads in one that stays as it is.
    let incoming = directory.path().join("incoming");
    fs::create_dir(&incoming).expect("a directory");
    fs::set_permissions(&incoming, fs::Permissions::from_mode(0o777)).expect("ours");
    let server = Setup::new().directory(directory.path()).arguments(&["--write"]).start();
    let mut client = server.login();
    assert_eq!(client.code("MKD incoming/new"), 257);
    assert_ne!(client.code("MKD new"), 257);
}

fn l15_unusable_account_roots_are_named_at_the_start() {
    let premises = Premises::new();
    for name in ["good", "closed", "sealed"] {
        premises.make_directory(name);
    }
    let mode = |name: &str, mode: u32| {
        let path = premises.root().join(name);
        std::os::unix::fs::chown(&path, Some(0), Some(0)).expect("root may");
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("ours");
    };
    mode("closed", 0o700);
    mode("sealed", 0o755);
    premises.write_users(&[
        ("alice", "/good:read,write"),
        ("bob", "/missing:read"),
        ("carol", "/closed:read"),
        ("dave", "/sealed:read,write"),
        ("erin", "/sealed:read"),
    ]);
    let users = premises.users_file();
    let setup = Setup::new().directory(&premises.root());
    // The harness would make the directories readable for all users.
    let server = setup.arguments(&["--users", users.to_str().expect("UTF-8")]).start();
    let warnings: Vec<String> = server
        .stderr()
        .lines()
        .filter(|line| line.contains("account "))
        .map(str::to_owned)
        .collect();
    let expected = [
        "account bob: root /missing: there is no such directory",
        "account dave: root /sealed and the directories in it are not writable by user #12345",
    ];
    for line in expected {
        assert!(
            warnings.iter().any(|warning| warning.contains(line)),
            "{line}: {warnings:?}"
        );
    }
    for name in ["alice", "erin"] {
        assert!(
            !warnings.iter().any(|warning| warning.contains(name)),
            "{name}: {warnings:?}"
        );
    }
}
