//! Uploads refused half-way: the client reads the reason and is not reset while it sends (threats H04, H12).

use harness::quotas::WithAccounts;
use harness::{Client, PATIENCE, Server};
use std::io::{Read, Write};
use std::time::Instant;

/// More than the buffers of both sockets hold, so that it cannot be sent unless it is read.
const LARGE: usize = 24 << 20;

/// Sends everything, and only then reads the reply, as curl and Python's ftplib do.
fn send_all_then_read(client: &mut Client, command: &str, code: u16) {
    let mut data = client.begin(command);
    data.write_all(&vec![b'x'; LARGE]).expect("no reset");
    drop(data);
    client.expect(code);
}

#[test]
fn h12_a_client_over_quota_can_send_the_rest_and_reads_552() {
    let accounts = WithAccounts::with_quota(&[]);
    let mut client = accounts.login("alice");
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
fn a_broken_mode_z_stream_is_451_without_a_reset() {
    let server = Server::writable();
    let mut client = server.login();
    assert_eq!(client.code("MODE Z"), 200);
    send_all_then_read(&mut client, "STOR file", 451);
}

#[test]
fn a_client_that_reads_replies_is_refused_at_once_and_goes_on() {
    let accounts = WithAccounts::with_quota(&[]);
    let mut client = accounts.login("alice");
    let mut data = client.begin("STOR file");
    data.write_all(&[b'x'; 20_000]).expect("room");
    client.expect(552);
    assert_eq!(data.read(&mut [0]).expect("no reset"), 0, "the server has shut its end");
    // The data connection that is still open does not disturb it.
    assert_eq!(client.code("STOR file"), 425);
    data.write_all(b"more").expect("still no reset");
    client.stores("STOR file", &[b'x'; 5_000]);
    assert_eq!(accounts.server.content("file").map(|file| file.len()), Some(5_000));
}

#[test]
fn a_refused_upload_that_is_never_closed_is_closed() {
    let accounts = WithAccounts::with_quota(&["--stall-timeout", "500ms"]);
    let mut client = accounts.login("alice");
    client.stores("STOR file", b"content");
    let baseline = accounts.server.descriptors();
    let mut data = client.begin("STOR file");
    data.write_all(&[b'x'; 20_000]).expect("room");
    client.expect(552);
    accounts.server.wait_for_descriptors(baseline);
    assert_eq!(client.code("NOOP"), 200, "the session goes on");
}

#[test]
fn a_refused_upload_that_never_ends_is_closed() {
    let accounts = WithAccounts::with_quota(&[]);
    let mut client = accounts.login("alice");
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
