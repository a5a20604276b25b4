//! ABOR takes effect at once (RFC 959 §4.1.3): ahead of queued commands, as text or as urgent data, during transfers
//! and long replies.

use harness::{Client, Server, wait_until};
use std::fs::File;
use std::io::Read;

/// Commands in front of an ABOR, as many as may be queued (64 KiB).
const QUEUES: [usize; 4] = [0, 1_000, 2_000, 10_000];

/// Larger than both sockets' buffers and than a test can read in its time; a sparse file.
fn write_huge(server: &Server) {
    let path = server.write("huge", b"");
    let file = File::options().write(true).open(path).expect("ours");
    file.set_len(1 << 40).expect("a sparse file");
}

/// Sends `bytes`, the last as urgent data, as Telnet's Synch does.
fn send_urgent(client: &mut Client, bytes: &[u8]) {
    let socket = socket2::SockRef::from(&client.stream);
    assert_eq!(socket.send_out_of_band(bytes).expect("room"), bytes.len());
}

#[derive(Clone, Copy, Debug)]
enum Form {
    Text,
    /// As lftp and Telnet clients send it: IP, the data mark as urgent byte, then the command.
    Synch,
    /// As Python's ftplib sends it.
    AllUrgent,
}

fn send_abor(client: &mut Client, form: Form) {
    match form {
        Form::Text => client.send("ABOR"),
        Form::Synch => {
            send_urgent(client, b"\xff\xf4\xff\xf2");
            client.send("ABOR");
        }
        Form::AllUrgent => send_urgent(client, b"ABOR\r\n"),
    }
}

#[test]
fn b11_abor_overtakes_queued_commands_and_ends_the_transfer() {
    let server = Server::writable();
    write_huge(&server);
    let mut client = server.login();
    // The first upload opens the pipe that serves all of them.
    client.stores("STOR first", b"content");
    let baseline = server.descriptors();
    for command in ["RETR huge", "STOR new"] {
        for queued in QUEUES {
            for form in [Form::Text, Form::Synch, Form::AllUrgent] {
                let data = client.begin(command);
                client.send_bytes(&b"NOOP\r\n".repeat(queued));
                send_abor(&mut client, form);
                // Nothing else would end it: the client neither reads nor sends nor closes.
                client.expect(426);
                for _ in 0..queued {
                    client.expect(200);
                }
                client.expect(226);
                drop(data);
            }
        }
    }
    server.wait_for_descriptors(baseline);
}

#[test]
fn b11_abor_ends_a_transfer_whose_data_connection_is_never_made() {
    let server = Server::start();
    write_huge(&server);
    let mut client = server.login();
    client.passive();
    client.send("RETR huge");
    client.expect(150);
    client.send_bytes(&b"NOOP\r\n".repeat(2_000));
    client.send("ABOR");
    client.expect(426);
    for _ in 0..2_000 {
        client.expect(200);
    }
    client.expect(226);
}

/// The limit: during a transfer at most 64 KiB are read; an ABOR behind them is answered in order.
#[test]
fn b11_abor_behind_a_full_command_queue_is_answered_in_order() {
    let server = Server::start();
    let content = vec![7; 32 << 20];
    server.write("big", &content);
    let mut client = server.login();
    let mut data = client.begin("RETR big");
    let mut control = client.stream.try_clone().expect("a second handle");
    std::thread::scope(|scope| {
        scope.spawn(move || {
            use std::io::Write;
            let all = [&b"NOOP\r\n".repeat(20_000)[..], b"ABOR\r\n"].concat();
            control.write_all(&all).expect("the server reads it in the end");
        });
        let mut bytes = Vec::new();
        data.read_to_end(&mut bytes).expect("the file");
        assert!(bytes == content);
        drop(data);
        client.expect(226);
        for _ in 0..20_000 {
            client.expect(200);
        }
        client.expect(226);
    });
}

#[test]
fn b11_abor_ends_a_digest_a_status_listing_and_a_search_for_a_restart() {
    let server = Server::start();
    write_huge(&server);
    for number in 0..3_000 {
        server.write(&format!("many/{number}"), b"");
    }
    let mut client = server.login();
    let baseline = server.descriptors();
    for (command, code) in [
        ("HASH huge", 426),
        ("XCRC huge", 426),
        ("XSHA512 huge", 426),
        // The reply has begun, so its last line has the code of the first.
        ("STAT many", 213),
        ("TYPE A\r\nREST 1000000000000\r\nRETR huge", 426),
    ] {
        for queued in QUEUES {
            client.send(command);
            if command.starts_with("TYPE") {
                client.expect(200);
                client.expect(350);
            }
            if code == 426 {
                // It is running, and nothing else would end it.
                wait_until("the file is open", || server.descriptors() > baseline);
            }
            client.send_bytes(&[&b"NOOP\r\n".repeat(queued)[..], b"ABOR\r\n"].concat());
            client.expect(code);
            for _ in 0..queued {
                client.expect(200);
            }
            client.expect(226);
        }
    }
    client.send_bytes(b"STAT many\r\nABOR\r\n");
    assert!(client.expect(213).text().ends_with("213 End of status: aborted"));
    client.expect(226);
    server.wait_for_descriptors(baseline);
}

/// A file that is sent completely is not aborted, even before its 226 is written.
#[test]
fn abor_after_a_small_file_is_too_late() {
    let server = Server::start();
    server.write("file", b"content");
    let mut client = server.login();
    let mut data = client.data();
    client.send("RETR file");
    client.expect(150);
    let mut bytes = Vec::new();
    data.read_to_end(&mut bytes).expect("the file");
    assert_eq!(bytes, b"content");
    // The data connection is still open at this end, so the 226 waits for it.
    client.send("ABOR");
    client.expect(226);
    client.expect(226);
}

/// In one segment with its RETR, an ABOR is read before the transfer begins.
#[test]
fn abor_sent_with_the_retr_of_a_small_file_is_in_time() {
    let server = Server::start();
    server.write("file", b"content");
    let mut client = server.login();
    let mut data = client.data();
    client.send_bytes(b"RETR file\r\nABOR\r\n");
    client.expect(426);
    client.expect(226);
    let mut bytes = Vec::new();
    // The data connection closes with an end or a reset, but without a byte.
    let _ = data.read_to_end(&mut bytes);
    assert_eq!(bytes, b"");
}

/// Clients give up after 20 seconds or more without a reply.
#[test]
fn a_long_digest_sends_a_progress_line_every_ten_seconds() {
    let server = Server::start();
    write_huge(&server);
    let (mut hash, mut crc) = (server.login(), server.login());
    hash.send("HASH huge");
    crc.send("XCRC huge");
    wait_until("both servers have handled the signal", || {
        !hash.is_silent() && !crc.is_silent()
    });
    for (mut client, code) in [(hash, 213), (crc, 250)] {
        client.send("ABOR");
        let reply = client.expect(code);
        let (last, others) = reply.lines.split_last().expect("lines");
        assert_eq!(*last, format!("{code} Aborted, no digest"));
        for line in others {
            assert!(line.starts_with(&format!("{code}-Still reading, ")), "{line}");
        }
        assert!(!others.is_empty());
        client.expect(226);
    }
}
