//! Disks that are slow, full or failing, and what is charged meanwhile (threats F04, H04, H12).

use harness::accounts::{PASSWORD, Premises, client_of, send_password};
use harness::faulty::Faulty;
use harness::quotas::{QUOTA, WithAccounts, room};
use harness::server::Setup;
use harness::tree::noise;
use harness::{Client, tree, trials, wait_until};
use libtest_mimic::Trial;
use std::io::{Read, Write};
use std::net::Shutdown;

pub fn trials() -> Vec<Trial> {
    trials! {
        "strace":
            f04_a_login_waits_for_one_slow_fsync_only,
            f04_a_login_waits_no_longer_than_the_login_timeout,
            h12_a_file_synced_after_its_session_ended_is_charged,
            h12_a_file_removed_while_it_is_replaced_frees_quota_once,
            every_disk_error_has_its_own_reply,
            h04_on_a_full_disk_a_client_can_send_the_rest_and_reads_452;
    }
}

fn f04_a_login_waits_for_one_slow_fsync_only() {
    const UPLOADS: usize = 16;
    let premises = Premises::new();
    premises.write_users(&[("alice", "/:read")]);
    let users = premises.users_file();
    let arguments = ["--users", users.to_str().expect("UTF-8"), "--write", "--durable"];
    let setup = Setup::new()
        .ports(UPLOADS as u16)
        .directory(&premises.root())
        .arguments(&arguments);
    let faulty = Faulty::start_with(setup, &[], "fdatasync", "delay_enter=300000");
    let server = &faulty.server;
    let mut writers: Vec<Client> = (0..UPLOADS)
        .map(|number| {
            let mut client = server.login();
            let mut data = client.begin(&format!("STOR file{number}"));
            data.write_all(b"content").expect("the server reads it");
            client
        })
        .collect();
    wait_until("the fsync runs", || faulty.calls().contains("fdatasync("));
    let mut unanswered = || {
        writers
            .iter_mut()
            .filter_map(|client| client.is_silent().then_some(()))
            .count()
    };
    let before = unanswered();
    client_of(server, "alice");
    let after = unanswered();
    assert!(
        before - after <= 2 && after > 2,
        "{before} uploads waited before the login, {after} after it"
    );
    for client in &mut writers {
        client.expect(226);
    }
}

fn f04_a_login_waits_no_longer_than_the_login_timeout() {
    let premises = Premises::new();
    premises.write_users(&[("alice", "/:read")]);
    let users = premises.users_file();
    let arguments = ["--users", users.to_str().expect("UTF-8"), "--write", "--durable"];
    let setup = Setup::new()
        .directory(&premises.root())
        .arguments(&arguments)
        .arguments(&["--login-timeout", "500ms"]);
    let faulty = Faulty::start_with(setup, &[], "fdatasync", "delay_enter=5000000:when=1");
    let server = &faulty.server;
    let mut writer = server.login();
    let mut data = writer.begin("STOR file");
    data.write_all(b"content").expect("the server reads it");
    drop(data);
    wait_until("the fsync runs", || faulty.calls().contains("fdatasync("));
    // The helper thread has the first one; the second waits in the queue.
    let mut first = send_password(server, "alice", PASSWORD);
    let mut second = send_password(server, "alice", PASSWORD);
    assert_eq!(second.reply().text(), "421 Busy with other logins, try again");
    assert!(second.is_closed());
    assert!(first.is_silent() && writer.is_silent(), "the fsync still runs");
    first.expect(230);
    writer.expect(226);
}

fn h12_a_file_synced_after_its_session_ended_is_charged() {
    let delay = "inject=fdatasync:delay_enter=300000:when=1";
    let setup = Setup::new().arguments(&["--durable"]).under(&[
        "strace",
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        "trace=fdatasync",
        "-e",
        delay,
    ]);
    let accounts = WithAccounts::start_with(setup, &[("alice", QUOTA)]);
    let mut client = accounts.login("alice");
    let mut data = client.begin("STOR file");
    data.write_all(&noise(1, 4_000)).expect("the server reads it");
    data.shutdown(Shutdown::Write).expect("our socket");
    assert_eq!(
        data.read(&mut [0]).expect("the server's end"),
        0,
        "the upload is complete and the fsync begins"
    );
    client.reset();
    wait_until("it is stored", || accounts.server.content("file").is_some());
    let mut other = accounts.login("alice");
    wait_until("it is charged", || room(&mut other) == 6_000);
}

/// The fsync runs on another thread; a file that a client removes at that moment must not be subtracted twice.
fn h12_a_file_removed_while_it_is_replaced_frees_quota_once() {
    for slow_call in 1..=2 {
        let delay = format!("inject=renameat2:delay_enter=4000000:when={slow_call}");
        let trace = [
            "strace",
            "-f",
            "-qq",
            "-o",
            "/dev/null",
            "-e",
            "trace=renameat2",
            "-e",
            &delay,
        ];
        let setup = Setup::new().arguments(&["--durable"]).under(&trace);
        let accounts = WithAccounts::start_with(setup, &[("alice", "/:read,write:quota=10000,entries=100")]);
        let path = accounts.server.write("file", &noise(1, 4_000));
        let mut client = accounts.login("alice");
        accounts.server.signal(rustix::process::Signal::HUP);
        let mut other = accounts.login("alice");
        wait_until("the file is counted", || client.command("AVBL").text() == "213 6000");
        let mut data = client.begin("STOR file");
        data.write_all(&noise(2, 3_000)).expect("the server reads it");
        data.shutdown(Shutdown::Write).expect("our socket");
        accounts.server.wait_for_hidden_bytes(3_000);
        let removed = other.code("DELE file");
        assert!(
            removed == 250 && path.metadata().is_err(),
            "it is removed before it is replaced: {removed}, {:?}",
            path.metadata()
        );
        client.expect(226);
        assert_eq!(room(&mut other), 7_000, "call {slow_call}");
        assert!(accounts.server.hidden_files().is_empty());
    }
}

/// Errors that permissions cannot cause: the call on the file or directory is made to fail.
fn every_disk_error_has_its_own_reply() {
    for (call, error, line, expected) in [
        ("unlinkat", "EROFS", "DELE d/file", "550 Read-only file system"),
        ("unlinkat", "EBUSY", "RMD d/sub", "550 Device or resource busy"),
        ("unlinkat", "EIO", "DELE d/file", "451 Input/output error on the server"),
        ("mkdirat", "EROFS", "MKD d/new", "550 Read-only file system"),
        ("mkdirat", "ENOSPC", "MKD d/new", "452 No space left on the server"),
        ("mkdirat", "EDQUOT", "MKD d/new", "552 Quota exceeded"),
        ("mkdirat", "EMLINK", "MKD d/new", "550 Action failed (EMLINK)"),
        ("openat2", "ETXTBSY", "APPE d/file", "450 Busy, try again"),
        ("openat2", "EIO", "RETR d/file", "451 Input/output error on the server"),
        ("openat2", "EACCES", "CWD d", "550 Permission denied"),
        ("openat2", "ELOOP", "SIZE d/file", "550 Symbolic link loop"),
        ("openat2", "EOPNOTSUPP", "LIST d", "550 Action failed (EOPNOTSUPP)"),
        (
            "renameat2",
            "EXDEV",
            "RNTO d/new",
            "550 Cannot be moved to another file system",
        ),
        ("renameat2", "EROFS", "RNTO d/new", "550 Read-only file system"),
    ] {
        let what = format!("{line} with {call}: {error}");
        let directory = tempfile::TempDir::new().expect("a directory");
        tree::allow_reading(directory.path());
        let setup = Setup::new().writable().directory(directory.path());
        let faulty = Faulty::start_with(setup, &[], call, &format!("error={error}:when=1+"));
        let server = &faulty.server;
        server.make_directory("d");
        server.make_directory("d/sub");
        server.write("d/file", b"x");
        let mut client = server.login();
        let text = if line.starts_with("RNTO") {
            assert_eq!(client.code("RNFR d/file"), 350);
            client.command(line).text()
        } else {
            client.refusal(line)
        };
        assert_eq!(text, expected, "{what}");
        faulty.assert_it_happened(&what);
        let is_unexpected = expected.contains("Action failed");
        if is_unexpected {
            let peer = "127.0.0.1";
            wait_until(&format!("{what} is logged"), || {
                let log = server.stderr();
                log.lines().any(|line| line.contains(error) && line.contains(peer))
            });
        }
        let logged = server.stderr().contains("file system refused");
        assert_eq!(logged, is_unexpected, "{what}: {}", server.stderr());
    }
}

/// More than the buffers of both sockets hold, so that it cannot be sent unless it is read.
const LARGE: usize = 24 << 20;

fn h04_on_a_full_disk_a_client_can_send_the_rest_and_reads_452() {
    // The first splice takes bytes out of the socket, the second would put them into the file.
    let faulty = Faulty::start_with(Setup::new().writable(), &[], "splice", "error=ENOSPC:when=2");
    let mut client = faulty.server.login();
    let mut data = client.data();
    data.write_all(b"so that the first call finds something").expect("room");
    client.send("STOR file");
    client.expect(150);
    data.write_all(&vec![b'x'; LARGE]).expect("no reset");
    drop(data);
    client.expect(452);
    faulty.assert_it_happened("ENOSPC");
    client.stores("STOR file", b"content");
}
