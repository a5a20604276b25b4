//! Uploads on a disk that is full, failing or slow, and the order of system calls behind a 226 (threats H02, H04–H07,
//! H10, H14, H21).

use harness::faulty::Faulty;
use harness::mode_z::deflated;
use harness::server::Setup;
use harness::tree::{hidden_files, leave_stale_files, noise, served_directory};
use harness::{Client, is_root, tree, trials, wait_until};
use libtest_mimic::Trial;
use rustix::process::Signal;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

pub fn trials() -> Vec<Trial> {
    trials! {
        "strace":
            h04_every_failure_of_an_upload_has_its_own_reply,
            h05_bytes_that_cannot_be_written_are_no_success,
            h05_a_failing_close_is_no_success,
            h04_interrupted_or_unsupported_calls_fail_no_upload,
            h03_new_names_are_taken_once_even_without_rename_noreplace,
            h06_data_name_and_directory_are_synced_in_order_before_the_reply,
            h07_a_slow_disk_delays_only_its_own_upload,
            h07_a_session_can_end_during_its_fsync,
            l18_clients_are_served_before_stale_files_are_removed,
            h21_a_directory_that_cannot_be_synced_is_logged_once;
        "prlimit":
            h04_the_file_size_limit_ends_the_upload_and_not_the_server,
            g14_logs_at_the_file_size_limit_lose_whole_lines_and_nothing_else;
        "mounts":
            h04_a_full_disk_is_452_and_failed_uploads_free_their_space;
    }
}

/// An upload whose first bytes arrive before its command, so that the first call for them finds some.
fn send_early(client: &mut Client, command: &str, bytes: &[u8]) {
    let (first, rest) = bytes.split_at(50_000);
    let mut data = client.data();
    data.write_all(first).expect("the kernel accepts it");
    client.send(command);
    // A server that refuses the rest, or is killed, closes half-way.
    let _ = data.write_all(rest);
}

/// One upload over an old file in the directory `d`, in which one call fails.
fn fails(refusal: &Refusal, nth: u32, is_filtered: bool, command: &str) {
    let Refusal { call, error, code } = refusal;
    let what = format!("{command} with {call}: {error}");
    let directory = served_directory();
    let place = directory.path().join("d");
    let setup = Setup::new()
        .writable()
        .directory(directory.path())
        .arguments(&["--durable"]);
    let filter = ["-P", place.to_str().expect("UTF-8")];
    let fault = format!("error={error}:when={nth}");
    let faulty = Faulty::start_with(setup, if is_filtered { &filter } else { &[] }, call, &fault);
    let server = &faulty.server;
    server.make_directory("d");
    server.write("d/file", b"old\n");
    let mut client = server.login();
    if command.starts_with("TYPE A") {
        assert_eq!(client.code("TYPE A"), 200);
    }
    let content = noise(1, 400_000);
    send_early(&mut client, "STOR d/file", &content);
    let mut reply = client.reply();
    if reply.code == 150 {
        reply = client.reply();
    }
    assert_eq!(reply.code, *code, "{what}: {reply:?}");
    faulty.assert_it_happened(&what);
    assert!(server.hidden_files().is_empty(), "{what}: something is left");
    // The file has its name before its directory is synced; the reply says that this is unconfirmed, and nothing else.
    let found = server.content("d/file").expect("it is always there");
    if *call == "fsync" {
        assert!(
            reply.text().contains("Sync not confirmed") && found == content,
            "{what}: {reply:?}"
        );
    } else {
        assert!(
            found == b"old\n" && !reply.text().contains("Sync not confirmed"),
            "{what}: {reply:?}"
        );
    }
    assert_eq!(client.code("TYPE I"), 200);
    client.stores("STOR d/file", &content);
    assert!(
        server.content("d/file").is_some_and(|file| file == content),
        "{what}: the next one"
    );
}

/// The calls of one durable upload of `d/file`, in the order in which they began.
fn calls_of_an_upload(trace: &str, filter: &[&str], arguments: &[&str], command: &str) -> Vec<String> {
    let directory = served_directory();
    let log = tempfile::NamedTempFile::new().expect("a file");
    let output = log.path().to_str().expect("UTF-8");
    let wrapper = [
        &["strace", "-f", "-y", "-qq", "-s", "200", "-o", output, "-e", trace],
        filter,
    ]
    .concat();
    let setup = Setup::new().writable().directory(directory.path()).arguments(arguments);
    let server = setup.under(&wrapper).start();
    server.make_directory("d");
    server.write("d/old", b"old");
    let mut client = server.login();
    client.stores(command, &noise(1, 100_000));
    let text = || String::from_utf8_lossy(&fs::read(log.path()).unwrap_or_default()).into_owned();
    wait_until("the trace is written", || text().contains("\"226 "));
    let text = text();
    let (before, after) = text.split_once("\"150 ").expect("the upload");
    let made = before
        .lines()
        .filter(|line| line.contains("O_CREAT") && line.contains(".loopftpd-"));
    made.chain(after.lines()).map(str::to_owned).collect()
}

fn position(calls: &[String], pattern: &str) -> usize {
    let found = calls.iter().position(|call| call.contains(pattern));
    found.unwrap_or_else(|| panic!("no {pattern} in {calls:#?}"))
}

/// A call that fails, its error, and the code of the reply.
struct Refusal {
    call: &'static str,
    error: &'static str,
    code: u16,
}

const fn refusal(call: &'static str, error: &'static str, code: u16) -> Refusal {
    Refusal { call, error, code }
}

/// A file system of one megabyte, seen by the server alone.
const SMALL_DISK: &str =
    "for last; do :; done; mount -t tmpfs -o size=1m,nr_inodes=64,mode=777 none \"$last\" && exec \"$@\"";

const TRACE: &str = "trace=openat,splice,pwrite64,fdatasync,fsync,close,rename,renameat,renameat2,sendto,ftruncate";

fn h04_every_failure_of_an_upload_has_its_own_reply() {
    // Only calls on the directory itself: making the hidden file, giving it its name, synchronising the directory.
    for refusal in [
        refusal("openat", "ENOSPC", 452),
        refusal("openat", "EDQUOT", 552),
        refusal("openat", "EROFS", 550),
        refusal("openat", "ENAMETOOLONG", 553),
        refusal("openat", "EIO", 451),
        refusal("openat", "EMFILE", 450),
        refusal("openat", "EACCES", 550),
        refusal("renameat2", "ENOSPC", 452),
        refusal("renameat2", "EDQUOT", 552),
        refusal("renameat2", "EROFS", 451),
        refusal("renameat2", "ENAMETOOLONG", 553),
        refusal("renameat2", "EACCES", 451),
        refusal("renameat2", "EIO", 451),
        refusal("fsync", "EIO", 451),
        refusal("fsync", "ENOSPC", 451),
    ] {
        fails(&refusal, 1, true, "STOR");
    }
}

fn h05_bytes_that_cannot_be_written_are_no_success() {
    // The first splice takes bytes out of the socket, the second puts them into the file.
    for (refusal, nth, command) in [
        (refusal("splice", "ENOSPC", 452), 2, "STOR"),
        (refusal("splice", "EDQUOT", 552), 2, "STOR"),
        (refusal("splice", "EFBIG", 552), 2, "STOR"),
        (refusal("splice", "EIO", 451), 2, "STOR"),
        (refusal("pwrite64", "ENOSPC", 452), 1, "TYPE A, STOR"),
        (refusal("pwrite64", "EIO", 451), 2, "TYPE A, STOR"),
        (refusal("fdatasync", "EIO", 451), 1, "STOR"),
        (refusal("fdatasync", "ENOSPC", 452), 1, "STOR"),
        (refusal("fdatasync", "EDQUOT", 552), 1, "STOR"),
    ] {
        fails(&refusal, nth, false, command);
    }
}

/// Network file systems report lost writes when the file is closed.
fn h05_a_failing_close_is_no_success() {
    for (error, code) in [("EIO", 451), ("ENOSPC", 452), ("EDQUOT", 552)] {
        let directory = served_directory();
        let file = directory.path().join("file");
        fs::write(&file, b"old").expect("ours");
        tree::give_to_owner(directory.path(), &file);
        let setup = Setup::new().writable().directory(directory.path());
        let filter = ["-P", file.to_str().expect("UTF-8")];
        let faulty = Faulty::start_with(setup, &filter, "close", &format!("error={error}:when=1"));
        let mut client = faulty.server.login();
        let reply = client.store("APPE file", b" and new");
        faulty.assert_it_happened(error);
        assert_eq!(reply.code, code, "{reply:?}");
    }
}

fn h04_interrupted_or_unsupported_calls_fail_no_upload() {
    for (call, fault) in [
        ("splice", "error=EINVAL:when=1"),
        ("splice", "error=EINVAL:when=2"),
        ("splice", "error=EINTR:when=1+3"),
        ("splice", "error=EINTR:when=2+3"),
        ("fdatasync", "error=EINTR:when=1"),
        ("fsync", "error=EINTR:when=1"),
        ("pwrite64", "error=EINTR:when=1+2"),
    ] {
        let setup = Setup::new().writable().arguments(&["--durable"]);
        let faulty = Faulty::start_with(setup, &[], call, fault);
        let mut client = faulty.server.login();
        if call == "pwrite64" {
            assert_eq!(client.code("TYPE A"), 200);
        }
        let content = b"0123456789".repeat(80_000);
        client.stores("STOR file", &content);
        faulty.assert_it_happened(fault);
        assert!(
            faulty.server.content("file").is_some_and(|file| file == content),
            "{call} {fault}"
        );
        assert!(faulty.server.hidden_files().is_empty());
    }
}

fn h03_new_names_are_taken_once_even_without_rename_noreplace() {
    let setup = Setup::new().for_uploads().arguments(&["--anonymous", "upload"]);
    let faulty = Faulty::start_with(setup, &[], "renameat2", "error=EINVAL");
    let server = &faulty.server;
    let (mut first, mut second) = (server.login(), server.login());
    let slow = first.begin("STOR file");
    second.stores("STOR file", b"quick");
    drop(slow);
    first.expect(553);
    faulty.assert_it_happened("renameat2");
    assert_eq!(server.content("file").as_deref(), Some(&b"quick"[..]));
    assert!(server.hidden_files().is_empty());
}

/// RLIMIT_FSIZE comes with a signal that would end the process.
fn h04_the_file_size_limit_ends_the_upload_and_not_the_server() {
    let setup = Setup::new().writable().under(&["prlimit", "--fsize=300000"]);
    let server = setup.start();
    server.write("file", b"old");
    let mut client = server.login();
    for content in [noise(1, 300_001), noise(1, 2_000_000)] {
        assert_eq!(client.store("STOR file", &content).code, 552);
        assert_eq!(server.content("file").as_deref(), Some(&b"old"[..]));
        assert!(server.hidden_files().is_empty());
    }
    client.stores("STOR file", &noise(1, 300_000));
    assert_eq!(client.store("APPE file", b"x").code, 552);
    assert_eq!(client.code("TYPE A"), 200);
    assert_eq!(client.store("STOR file", &b"line\r\n".repeat(100_000)).code, 552);
    assert_eq!(client.code("TYPE I"), 200);
    assert_eq!(client.code("MODE Z"), 200);
    let small = deflated(&vec![7; 2_000_000]);
    assert!(small.len() < 300_000, "only the file is too large");
    assert_eq!(client.store("STOR file", &small).text(), "552 File too large");
    assert_eq!(client.code("MODE S"), 200);
    assert_eq!(client.store("STOU", &noise(2, 400_000)).code, 552);
    assert_eq!(client.code("REST 299999"), 350);
    assert_eq!(client.store("STOR file", b"xx").code, 552);
    // What fits is written in place, as on any error there.
    assert!(server.content("file").is_some_and(|file| file.len() == 300_000));
    assert_eq!(
        server.directory().read_dir().expect("ours").count(),
        1,
        "nothing is left"
    );
    let mut next = server.login();
    next.stores("STOR file", &noise(1, 300_000));
    assert!(next.fetch("RETR file") == noise(1, 300_000));
}

/// The transfer log, the events and the log itself are files that reach the limit in the middle of a line.
fn g14_logs_at_the_file_size_limit_lose_whole_lines_and_nothing_else() {
    const LIMIT: u64 = 20_001;
    let place = served_directory();
    tree::allow_reading(place.path());
    let [transfers, events, log] = ["transfers", "events", "log"].map(|name| place.path().join(name));
    let path = |path: &PathBuf| path.to_str().expect("UTF-8").to_owned();
    let shell = format!("exec prlimit --fsize={LIMIT} \"$@\" 2>>'{}'", log.display());
    let server = Setup::new()
        .writable()
        .arguments(&["--transfer-log", &path(&transfers), "--events", &path(&events)])
        .under(&["sh", "-c", &shell, "sh"])
        .start();
    server.write("file", b"content");
    let use_it = |times: usize| {
        for _ in 0..times {
            let mut client = server.login();
            assert_eq!(client.fetch("RETR file"), b"content");
            client.stores("STOR new", b"content");
            assert_eq!(client.store("STOR new", &noise(1, LIMIT as usize + 1)).code, 552);
            assert_eq!(client.code("QUIT"), 221);
        }
    };
    use_it(200);
    for file in [&transfers, &events, &log] {
        let length = file.metadata().expect("a log").len();
        assert!(
            (LIMIT - 1_000..=LIMIT).contains(&length),
            "{}: {length}",
            file.display()
        );
    }
    let is_event = |line: &str| serde_json::from_str::<serde_json::Value>(line).is_ok();
    let is_transfer = |line: &str| line.split(' ').filter(|word| !word.is_empty()).count() == 18;
    let check = |directory: &Path, ending: &str| {
        let read = |name: &str| fs::read_to_string(directory.join(format!("{name}{ending}"))).expect("a log");
        let (events, transfers) = (read("events"), read("transfers"));
        // The last line may be cut.
        let whole = |text: &str| text.lines().count() - usize::from(!text.ends_with('\n'));
        assert!(events.lines().take(whole(&events)).all(is_event), "{events}");
        assert!(
            transfers.lines().take(whole(&transfers)).all(is_transfer),
            "{transfers}"
        );
        transfers.lines().count()
    };
    check(place.path(), "");
    // A new file takes lines again.
    for file in [&transfers, &events] {
        fs::rename(file, file.with_extension("old")).expect("rotated");
    }
    server.signal(Signal::HUP);
    wait_until("there are new files", || transfers.exists() && events.exists());
    use_it(2);
    check(place.path(), ".old");
    // Three transfers for each session, one of them not complete.
    assert_eq!(check(place.path(), ""), 6);
    assert!(server.stop().contains("panics: 0"));
}

fn h04_a_full_disk_is_452_and_failed_uploads_free_their_space() {
    for arguments in [&["--write"][..], &["--write", "--durable"]] {
        let server = Setup::new()
            .for_uploads()
            .arguments(arguments)
            .under(&["unshare", "--mount", "sh", "-c", SMALL_DISK, "sh"])
            .start();
        // Its own view of the directory, in a chroot or not.
        let within = if is_root() {
            PathBuf::from("/")
        } else {
            server.directory().to_path_buf()
        };
        let disk = PathBuf::from(format!("/proc/{}/root{}", server.pid(), within.display()));
        let mut client = server.login();
        let free = |client: &mut Client| client.command("AVBL").text();
        let at_first = free(&mut client);
        client.stores("STOR file", &noise(1, 400_000));
        let with_file = free(&mut client);
        for representation in ["TYPE I", "TYPE A"] {
            assert_eq!(client.code(representation), 200);
            for command in ["STOR file", "STOR new", "STOU"] {
                let reply = client.store(command, &noise(2, 1_500_000));
                assert_eq!(reply.code, 452, "{representation} {command}: {reply:?}");
                assert!(hidden_files(&disk).is_empty(), "{command}");
                assert_eq!(free(&mut client), with_file, "{representation} {command}");
            }
        }
        assert_eq!(client.code("TYPE I"), 200);
        assert!(client.fetch("RETR file") == noise(1, 400_000));
        assert_eq!(client.store("APPE file", &noise(2, 1_500_000)).code, 452);
        let appended = client.fetch("RETR file");
        assert!(
            [noise(1, 400_000), noise(2, 1_500_000)].concat().starts_with(&appended),
            "a prefix"
        );
        assert_eq!(client.code("DELE file"), 250);
        assert_eq!(free(&mut client), at_first);
        // A disk can run out of inodes as well.
        let made = (0..100)
            .take_while(|number| client.code(&format!("MKD {number}")) == 257)
            .count();
        assert!(made < 100);
        assert_eq!(client.code("MKD more"), 452);
        assert_eq!(client.store("STOR more", b"x").code, 452);
        assert!(hidden_files(&disk).is_empty());
    }
}

fn h06_data_name_and_directory_are_synced_in_order_before_the_reply() {
    let calls = calls_of_an_upload(TRACE, &[], &["--durable"], "STOR d/file");
    let created = &calls[position(&calls, "O_CREAT")];
    assert!(
        created.contains("O_EXCL") && created.contains("O_NOFOLLOW") && created.contains("0666"),
        "{created}"
    );
    assert!(
        created.contains("/d>, \".loopftpd-"),
        "in the directory of its target: {created}"
    );
    let name = created
        .split(".loopftpd-")
        .nth(1)
        .expect("a name")
        .split('"')
        .next()
        .expect("its end");
    assert!(
        name.len() == 32 && name.bytes().all(|digit| digit.is_ascii_hexdigit()),
        "128 bits: {name}"
    );
    let written = calls
        .iter()
        .rposition(|call| call.contains("splice(") && call.contains(name))
        .expect("written");
    let synchronised = position(&calls, "fdatasync(");
    let renamed = position(&calls, "renameat2(");
    let directory = position(&calls, "fsync(");
    let told = position(&calls, "\"226 ");
    assert!(
        written < synchronised && synchronised < renamed && renamed < directory && directory < told,
        "{calls:#?}"
    );
    assert!(calls[synchronised].contains(name) && calls[renamed].contains(name) && calls[directory].contains("/d>"));
    // The thread that replies is the loop's, and it never waits for the disk.
    let thread = |index: usize| calls[index].split_whitespace().next().unwrap_or_default().to_owned();
    assert_ne!(thread(synchronised), thread(told));
    assert_ne!(thread(directory), thread(told));
    assert_eq!(calls.iter().filter(|call| call.contains("sync(")).count(), 2);

    let calls = calls_of_an_upload(TRACE, &[], &["--durable"], "APPE d/old");
    assert!(
        position(&calls, "fdatasync(") < position(&calls, "\"226 "),
        "{calls:#?}"
    );
    assert!(!calls.iter().any(|call| call.contains("renameat2(")));

    // Without --durable nothing waits for the disk, and the order of the rest is the same.
    let calls = calls_of_an_upload(TRACE, &[], &[], "STOR d/file");
    assert!(!calls.iter().any(|call| call.contains("sync(")), "{calls:#?}");
    assert!(position(&calls, "renameat2(") < position(&calls, "\"226 "));
}

fn h07_a_slow_disk_delays_only_its_own_upload() {
    let setup = Setup::new().writable().arguments(&["--durable"]);
    let faulty = Faulty::start_with(setup, &[], "fdatasync", "delay_enter=2000000:when=1");
    let server = &faulty.server;
    server.write("small", b"content");
    let mut writer = server.login();
    let mut other = server.login();
    let mut data = writer.begin("STOR file");
    data.write_all(b"content").expect("the server reads it");
    drop(data);
    wait_until("the fsync runs", || faulty.calls().contains("fdatasync("));
    for _ in 0..20 {
        assert_eq!(other.code("NOOP"), 200);
        assert_eq!(other.fetch("RETR small"), b"content");
    }
    assert!(writer.is_silent(), "all commands before it were answered");
    assert_eq!(server.content("file"), None);
    // Its own session can ask for the status; an upload that is complete cannot be aborted.
    assert_eq!(writer.command("STAT").text(), "213 Status: 7 bytes transferred");
    writer.send("ABOR");
    writer.expect(226);
    assert_eq!(writer.expect(226).text(), "226 Nothing left to abort");
    assert_eq!(server.content("file").as_deref(), Some(&b"content"[..]));
}

/// A client that disconnects during the fsync has sent everything; the file is stored, and no temporary file is left.
fn h07_a_session_can_end_during_its_fsync() {
    for is_reset in [false, true] {
        let setup = Setup::new().writable().arguments(&["--durable"]);
        let faulty = Faulty::start_with(setup, &[], "fdatasync", "delay_enter=500000:when=2");
        let server = &faulty.server;
        server.login().stores("STOR first", b"");
        let baseline = server.descriptors();
        let mut client = server.login();
        let mut data = client.begin("STOR file");
        data.write_all(b"content").expect("the server reads it");
        drop(data);
        wait_until("the fsync runs", || faulty.calls().matches("fdatasync(").count() == 2);
        if is_reset {
            client.reset();
        } else {
            drop(client);
        }
        wait_until("it is stored", || server.content("file").is_some());
        server.wait_for_no_hidden_file();
        server.wait_for_descriptors(baseline);
        assert_eq!(server.login().code("NOOP"), 200);
    }
}

/// Nothing waits for the removal, not even the end of the server.
fn l18_clients_are_served_before_stale_files_are_removed() {
    let directory = served_directory();
    leave_stale_files(directory.path(), 200);
    let setup = Setup::new().writable().directory(directory.path());
    let mut faulty = Faulty::start_with(setup, &[], "unlinkat", "delay_enter=100000");
    wait_until("the removal has begun", || faulty.calls().contains("unlinkat("));
    let mut client = faulty.server.login();
    client.stores("STOR file", b"content");
    assert_eq!(client.fetch("RETR file"), b"content");
    assert_eq!(client.code("QUIT"), 221);
    faulty.server.signal(Signal::TERM);
    assert!(faulty.server.wait().success());
    let left = hidden_files(directory.path()).len();
    assert!(left > 100, "the removal would take 20 s, and {left} files are left");
}

fn h21_a_directory_that_cannot_be_synced_is_logged_once() {
    for error in ["EINVAL", "EOPNOTSUPP"] {
        let setup = Setup::new().writable().arguments(&["--durable"]);
        let faulty = Faulty::start_with(setup, &[], "fsync", &format!("error={error}"));
        let mut client = faulty.server.login();
        for number in 0..3 {
            client.stores(&format!("STOR {number}"), b"content");
        }
        faulty.assert_it_happened(error);
        let sentence = "cannot synchronise directories";
        wait_until("it is logged", || faulty.server.stderr().contains(sentence));
        let log = faulty.server.stderr();
        assert_eq!(log.matches(sentence).count(), 1, "{log}");
    }
}
