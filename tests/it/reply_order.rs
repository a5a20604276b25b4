//! When the replies of a transfer leave: the 150 before the first byte of data, the 226 behind the end of the data
//! connection, each in a write of its own.
//!
//! Clients that read both at once lose one of them: aria2 then waits until its timeout, Erlang's `ftp` loses the file.

use harness::Server;
use std::io::{ErrorKind, Read, Write};

#[test]
fn replies_queued_before_a_150_leave_with_it_in_order() {
    let server = Server::start();
    server.write("file", b"content");
    let mut client = server.login();
    let mut data = client.data();
    client.send_bytes(b"NOOP\r\nTYPE I\r\nRETR file\r\nPWD\r\n");
    for code in [200, 200, 150] {
        client.expect(code);
    }
    let mut bytes = Vec::new();
    data.read_to_end(&mut bytes).expect("the file");
    drop(data);
    assert_eq!(bytes, b"content");
    client.expect(226);
    client.expect(257);
}

#[test]
fn the_150_arrives_before_the_first_byte_of_data() {
    let server = Server::start();
    server.write("file", b"content");
    let mut client = server.login();
    for command in ["RETR file", "LIST", "NLST", "MLSD"] {
        for _ in 0..50 {
            let mut data = client.data();
            client.send(command);
            data.read_exact(&mut [0]).expect("a first byte");
            client.stream.set_nonblocking(true).expect("an option");
            let mut opening = [0; 4];
            let peeked = client.stream.peek(&mut opening);
            client.stream.set_nonblocking(false).expect("an option");
            assert_eq!(peeked.ok(), Some(4), "{command}: the 150 has not come");
            assert_eq!(&opening, b"150 ");
            data.read_to_end(&mut Vec::new()).expect("the rest");
            drop(data);
            client.expect(150);
            client.expect(226);
        }
    }
}

/// A 226 is held back until the client closes the data connection, but not from one that never does.
#[test]
fn a_client_that_keeps_its_data_connection_open_still_gets_its_226() {
    let server = Server::start();
    server.write("file", b"content");
    let mut client = server.login();
    let baseline = server.descriptors();
    let mut kept = Vec::new();
    for command in ["RETR file", "LIST"] {
        let data = client.begin(command);
        client.expect(226);
        kept.push(data);
    }
    assert_eq!(server.descriptors(), baseline, "the server's ends are closed");
    for mut data in kept {
        data.read_to_end(&mut Vec::new()).expect("all of it");
    }
}

#[test]
fn bytes_that_a_client_sends_after_a_small_file_do_not_reset_it() {
    let server = Server::start();
    server.write("file", b"content");
    let mut client = server.login();
    for _ in 0..20 {
        let mut data = client.begin("RETR file");
        for _ in 0..5 {
            match data.write_all(b"junk") {
                Ok(()) => {}
                Err(error) if matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => break,
                Err(error) => panic!("{error}"),
            }
        }
        data.shutdown(std::net::Shutdown::Write).expect("connected");
        let mut bytes = Vec::new();
        data.read_to_end(&mut bytes).expect("no reset");
        assert_eq!(bytes, b"content");
        client.expect(226);
    }
}
