//! Uploads that are refused in the middle: the client reads why, and is not reset while it sends (threats H04, H12).

use crate::harness::faulty::Faulty;
use crate::harness::programs::Workplace;
use crate::harness::server::Setup;
use crate::harness::{Client, PATIENCE, Server, has_program, wait_until};
use std::fs;
use std::io::{Read, Write};
use std::time::Instant;
use tempfile::NamedTempFile;

/// Of `secret`, cheap to verify.
const HASH: &str = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$vk+JgWgZGbXHtEqPQPhzXbD+QxxkJR5Fq2AXLhDyYaY";

/// More than the buffers of both sockets hold, so that it cannot be sent unless it is read.
const LARGE: usize = 24 << 20;

/// A server on which `alice` may store 10,000 bytes.
struct WithQuota {
    server: Server,
    _users: NamedTempFile,
}

impl WithQuota {
    fn start() -> Self {
        Self::with(&[])
    }

    fn with(arguments: &[&str]) -> Self {
        let mut users = NamedTempFile::new().expect("a file");
        writeln!(users, "alice:{HASH}:/:read,write:quota=10000").expect("room");
        let path = users.path().to_str().expect("UTF-8").to_owned();
        let server = Setup::new()
            .for_uploads()
            .arguments(&["--users", &path])
            .arguments(arguments)
            .start();
        wait_until("what lies there is added up", || {
            server.stderr().contains("quotas measured")
        });
        Self { server, _users: users }
    }

    fn login(&self) -> Client {
        let mut client = self.server.connect();
        client.login_as("alice", "secret");
        client
    }

    fn url(&self, path: &str) -> String {
        format!("ftp://alice:secret@{}/{path}", self.server.address)
    }
}

/// Sends everything, and only then reads the reply, as curl and Python's ftplib do.
fn send_all_then_read(client: &mut Client, command: &str, code: u16) {
    let mut data = client.begin(command);
    data.write_all(&vec![b'x'; LARGE]).expect("no reset");
    drop(data);
    client.expect(code);
}

#[test]
fn h12_a_client_over_its_quota_may_send_the_rest_and_reads_552() {
    let accounts = WithQuota::start();
    let mut client = accounts.login();
    let baseline = accounts.server.descriptors();
    for representation in ["TYPE I", "TYPE A"] {
        assert_eq!(client.code(representation), 200);
        for command in ["STOR file", "APPE file", "STOU"] {
            send_all_then_read(&mut client, command, 552);
        }
    }
    assert!(accounts.server.hidden_files().is_empty());
    assert_eq!(accounts.server.content("file"), None);
    // The pipe that uploads pass through stays open.
    accounts.server.wait_for_descriptors(baseline + 2);
    client.stores("STOR file", &[b'x'; 10_000]);
}

#[test]
fn h04_on_a_full_disk_a_client_may_send_the_rest_and_reads_452() {
    if !has_program("strace") {
        return;
    }
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

#[test]
fn a_stream_that_cannot_be_inflated_is_451_and_no_reset() {
    let server = Server::writable();
    let mut client = server.login();
    assert_eq!(client.code("MODE Z"), 200);
    send_all_then_read(&mut client, "STOR file", 451);
}

#[test]
fn a_client_that_listens_is_refused_at_once_and_can_go_on() {
    let accounts = WithQuota::start();
    let mut client = accounts.login();
    let mut data = client.begin("STOR file");
    data.write_all(&[b'x'; 20_000]).expect("room");
    client.expect(552);
    assert_eq!(data.read(&mut [0]).expect("no reset"), 0, "the server has shut its end");
    // It is not answered by the data connection that is still open, nor disturbed by it.
    assert_eq!(client.code("STOR file"), 425);
    data.write_all(b"more").expect("still no reset");
    client.stores("STOR file", &[b'x'; 5_000]);
    assert_eq!(accounts.server.content("file").map(|file| file.len()), Some(5_000));
}

#[test]
fn a_client_that_never_closes_is_closed() {
    let accounts = WithQuota::with(&["--stall-timeout", "500ms"]);
    let mut client = accounts.login();
    client.stores("STOR file", b"content");
    let baseline = accounts.server.descriptors();
    let mut data = client.begin("STOR file");
    data.write_all(&[b'x'; 20_000]).expect("room");
    client.expect(552);
    accounts.server.wait_for_descriptors(baseline);
    assert_eq!(client.code("NOOP"), 200, "the session goes on");
}

#[test]
fn a_client_that_does_not_stop_sending_is_closed() {
    let accounts = WithQuota::start();
    let mut client = accounts.login();
    client.stores("STOR file", b"content");
    let baseline = accounts.server.descriptors();
    let mut data = client.begin("STOR file");
    let began = Instant::now();
    let chunk = vec![b'x'; 1 << 20];
    let mut sent = 0;
    while data.write_all(&chunk).is_ok() {
        sent += 1;
        assert!(began.elapsed() < PATIENCE, "{sent} MiB are taken");
    }
    assert!(sent >= 63, "64 MiB may come, {sent} have");
    client.expect(552);
    drop(data);
    accounts.server.wait_for_descriptors(baseline);
}

#[test]
fn h12_real_clients_say_552() {
    let accounts = WithQuota::start();
    let workplace = Workplace::new();
    fs::write(workplace.path().join("large"), vec![b'x'; LARGE]).expect("a file");
    let said = |program: &str, arguments: &[&str]| {
        let output = workplace.run(program, arguments, "");
        assert!(!output.status.success(), "{program} takes it for a success");
        format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )
    };
    if has_program("curl") {
        let text = said("curl", &["-sSv", "-T", "large", &accounts.url("file")]);
        assert!(text.contains("< 552 "), "{text}");
    }
    if has_program("lftp") {
        let script = format!(
            "set cmd:fail-exit on; set net:max-retries 1; open {}; put large -o file",
            accounts.url("")
        );
        let text = said("lftp", &["-c", &script]);
        assert!(text.contains("552"), "{text}");
    }
    if has_program("python3") {
        let script = format!(
            "import ftplib; f = ftplib.FTP(); f.connect('127.0.0.1', {}, timeout=20); f.login('alice', 'secret')\n\
             f.storbinary('STOR file', open('large', 'rb'))",
            accounts.server.address.port()
        );
        let text = said("python3", &["-c", &script]);
        assert!(text.contains("error_perm: 552"), "{text}");
    }
    assert_eq!(accounts.server.content("file"), None);
}
