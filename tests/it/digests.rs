//! HASH, RANG and the XCRC family over real sockets, against digests computed by other programs.

use harness::{Server, wait_until};
use std::fs::File;

/// Far more than can be read while a test runs; a sparse file.
const HUGE: u64 = 1 << 40;

fn write_huge(server: &Server) {
    let path = server.write("huge", b"");
    let file = File::options().write(true).open(path).expect("ours");
    file.set_len(HUGE).expect("a sparse file");
}

#[test]
fn digests_of_a_megabyte_of_zeros_are_right() {
    let server = Server::start();
    server.write("zeroes", &vec![0; 1 << 20]);
    let mut client = server.login();
    // head -c 1048576 /dev/zero | sha256sum, and so on; the last with Python's zlib.crc32.
    let known = [
        (
            "SHA-256",
            "30e14955ebf1352266dc2ff8067e68104607e750abb9d3b36582b8af909fcb58",
        ),
        ("SHA-1", "3b71f43ff30f4b15b5cd85dd9e95ebc7e84eb5a3"),
        ("MD5", "b6d81b360a5672d80c27430f39153e2c"),
        ("CRC32", "a738ea1c"),
    ];
    for (name, digest) in known {
        assert_eq!(
            client.command(&format!("OPTS HASH {name}")).text(),
            format!("200 {name}")
        );
        assert_eq!(
            client.command("HASH zeroes").text(),
            format!("213 {name} 0-1048575 {digest} /zeroes")
        );
    }
    for (line, digest) in [("XSHA256", known[0].1), ("XSHA", known[1].1), ("XSHA1", known[1].1)] {
        let answered = client.command(&format!("{line} zeroes")).text();
        assert_eq!(answered, format!("250 {}", digest.to_uppercase()), "{line}");
    }
    assert!(
        client
            .command("FEAT")
            .text()
            .contains("\n HASH SHA-256;SHA-512;SHA-1;MD5;CRC32*\n")
    );
}

#[test]
fn a_long_digest_delays_only_its_own_session() {
    let server = Server::start();
    write_huge(&server);
    server.write("small", b"abc");
    let mut hashing = server.login();
    hashing.send("HASH huge");
    hashing.send("NOOP");
    let mut others: Vec<_> = (0..4).map(|_| server.login()).collect();
    for _ in 0..20 {
        for other in &mut others {
            assert_eq!(other.code("NOOP"), 200);
            assert!(other.command("XCRC small").text().starts_with("250 352441C2"));
            assert_eq!(other.fetch("RETR small"), b"abc");
        }
    }
    hashing.stream.set_nonblocking(true).expect("an option");
    let mut byte = [0];
    let error = hashing
        .stream
        .peek(&mut byte)
        .expect_err("the NOOP waits for the next turn");
    assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn digests_are_answered_in_the_order_of_their_commands() {
    let server = Server::start();
    server.write("file", &vec![1; 5 << 20]);
    let mut client = server.login();
    client.send_bytes(b"HASH file\r\nPWD\r\nXMD5 file\r\nHASH missing\r\nNOOP\r\n");
    for code in [213, 257, 250, 550, 200] {
        client.expect(code);
    }
}

#[test]
fn a_digest_is_abandoned_when_its_client_has_gone() {
    let server = Server::start();
    write_huge(&server);
    let baseline = server.descriptors();
    for farewell in ["orderly", "reset"] {
        let mut client = server.login();
        client.send("HASH huge");
        wait_until("the file is open", || server.descriptors() == baseline + 2);
        if farewell == "reset" {
            socket2::SockRef::from(&client.stream)
                .set_linger(Some(std::time::Duration::ZERO))
                .expect("an option");
        }
        drop(client);
        server.wait_for_descriptors(baseline);
    }
    assert_eq!(server.login().code("NOOP"), 200);
}

#[test]
fn a_second_term_signal_does_not_wait_for_a_digest() {
    let server = Server::start();
    write_huge(&server);
    let baseline = server.descriptors();
    let mut client = server.login();
    client.send("HASH huge");
    wait_until("the file is open", || server.descriptors() == baseline + 2);
    // The first signal lets running work finish, the second does not; Drop sends both and checks the exit.
    drop(server);
    assert!(client.is_closed());
}

#[test]
fn a_digest_longer_than_the_idle_timeout_does_not_end_the_session() {
    let server = Server::with(&["--idle-timeout", "1s"]);
    write_huge(&server);
    let mut client = server.login();
    client.send("HASH huge");
    let mut witness = server.login();
    witness.send("HASH huge");
    // A third session is idle and disconnected; those with running digests are not.
    let mut silent = server.login();
    silent.expect(421);
    for session in [client, witness] {
        session.stream.set_nonblocking(true).expect("an option");
        let error = session.stream.peek(&mut [0]).expect_err("no reply has come");
        assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
    }
}
