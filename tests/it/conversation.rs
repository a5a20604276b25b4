//! Commands and their replies: greeting, lines, pipelines, malformed input (threats A, B, I).

use harness::{Client, Server, wait_until};
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::ffi::OsStrExt;

#[test]
fn a_session_runs_from_the_greeting_to_quit() {
    let server = Server::start();
    let mut client = server.connect();
    assert_eq!(client.command("SYST").text(), "215 UNIX Type: L8");
    client.login();
    assert_eq!(client.command("PWD").text(), "257 \"/\" is the current directory");
    assert_eq!(client.code("QUIT"), 221);
    assert!(client.is_closed());
}

#[test]
fn a01_an_endless_line_ends_the_connection() {
    let server = Server::start();
    let before = server.memory();
    for _ in 0..20 {
        let mut client = server.connect();
        let _ = client.stream.set_nonblocking(false);
        let chunk = [b'A'; 64 * 1024];
        // The server closes after the first kilobytes; what the kernel still accepts is discarded.
        for _ in 0..32 {
            if client.stream.write_all(&chunk).is_err() {
                break;
            }
        }
        client.expect(500);
        assert!(client.is_closed());
    }
    assert!(
        server.memory() < before + 1024,
        "{} KiB, before {before}",
        server.memory()
    );
}

#[test]
fn a02_the_longest_line_is_served_even_byte_by_byte() {
    let server = Server::start();
    let mut client = server.connect();
    // Before login 1,024 bytes without the line end.
    let longest = format!("NOOP {}", "x".repeat(1_019));
    assert_eq!(client.code(&longest), 200);
    for byte in format!("{longest}\r\n").bytes() {
        client.send_bytes(&[byte]);
    }
    client.expect(200);
    client.login();
    // 4,096 afterwards.
    let longest = format!("NOOP {}", "x".repeat(4_091));
    assert_eq!(client.code(&longest), 200);
    let mut before_login = server.connect();
    for (client, line) in [
        (&mut client, format!("{longest}x")),
        (&mut before_login, "x".repeat(1_025)),
    ] {
        client.send(&line);
        client.expect(500);
        assert!(client.is_closed());
    }
}

#[test]
fn a03_control_bytes_in_arguments_are_501_and_change_nothing() {
    let server = Server::start();
    let mut client = server.connect();
    client.send_bytes(b"USER a\0b\r\n");
    client.expect(501);
    client.login();
    for line in [
        &b"RETR x\0y\r\n"[..],
        b"CWD a\rb\r\n",
        b"SIZE \x1b[2J\r\n",
        b"PWD\r\0\r\n",
    ] {
        client.send_bytes(line);
        let code = client.reply().code;
        assert!(code == 501 || code == 500, "{code}");
    }
    assert_eq!(client.code("NOOP"), 200);
}

#[test]
fn a04_blank_lines_get_no_reply_but_are_counted() {
    let server = Server::start();
    let mut client = server.connect();
    client.send_bytes(b"\n\r\n \r\nNOOP\r\n");
    client.expect(200);
    client.send_bytes(b"\r\n".repeat(11).as_slice());
    client.expect(421);
    assert!(client.is_closed());
}

#[test]
fn a06_telnet_sequences_are_removed_from_commands() {
    let server = Server::start();
    let mut client = server.connect();
    client.send_bytes(b"\xff\xfb\x01NO\xff\xf4OP\r\n");
    client.expect(200);
    client.send_bytes(&[0xff; 1024]);
    client.send_bytes(b"\r\nNOOP\r\n");
    client.expect(500);
    client.expect(200);
}

#[test]
fn a11_clients_of_other_protocols_are_disconnected_before_they_are_parsed() {
    let server = Server::start();
    for opening in [
        &b"POST / HTTP/1.1\r\nHost: x\r\n\r\nUSER anonymous\r\nPASS x\r\nPWD\r\n"[..],
        b"SSH-2.0-client\r\n",
        b"EHLO mail\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
    ] {
        let mut client = server.connect();
        client.send_bytes(opening);
        client.expect(500);
        assert!(client.is_closed(), "nothing after it is answered");
    }
    wait_until("each is logged", || {
        server.stderr().matches("outcome=foreign-protocol").count() == 4
    });
}

#[test]
fn a12_nothing_a_client_sends_is_echoed_before_login() {
    let server = Server::start();
    let marker = "<script>alert(1)</script>";
    for verb in [
        "USER", "PASS", "HOST", "CLNT", "HELP", "OPTS", "CWD", "RETR", "SITE", "XYZZY", "ACCT", "STAT",
    ] {
        let mut client = server.connect();
        let reply = client.command(&format!("{verb} {marker}"));
        assert!(!reply.text().contains("script"), "{reply:?}");
    }
}

#[test]
fn a14_commands_are_not_read_while_replies_are_unread() {
    let server = Server::start();
    let mut client = server.login();
    let before = server.memory();
    let flood = b"NOOP\r\n".repeat(100_000);
    let mut writer = client.stream.try_clone().expect("a second handle");
    let writing = std::thread::spawn(move || writer.write_all(&flood).is_ok());
    for number in 0..100_000 {
        let reply = client.reply();
        assert_eq!(reply.code, 200, "reply {number}");
    }
    assert!(writing.join().expect("no panic"));
    assert!(server.memory() < before + 8 * 1024);
}

#[test]
fn a15_pipelined_commands_are_answered_in_order_in_any_segmentation() {
    let server = Server::start();
    let script = b"USER anonymous\r\nPASS x\r\nTYPE I\r\nPWD\r\nSYST\r\nNOOP\r\nXYZZY\r\nQUIT\r\n";
    let expected = [331, 230, 200, 257, 215, 200, 500, 221];
    for cut in (0..script.len()).step_by(7) {
        let mut client = server.connect();
        client.send_bytes(&script[..cut]);
        client.send_bytes(&script[cut..]);
        let codes: Vec<u16> = std::iter::from_fn(|| client.reply_or_end())
            .map(|reply| reply.code)
            .collect();
        assert_eq!(codes, expected);
    }
}

#[test]
fn k02_a_megabyte_of_pipelined_commands_is_processed() {
    let server = Server::start();
    let mut client = server.login();
    let line = format!("NOOP {}\r\n", "x".repeat(1_017));
    let mut writer = client.stream.try_clone().expect("a second handle");
    let writing = std::thread::spawn(move || (0..1_024).all(|_| writer.write_all(line.as_bytes()).is_ok()));
    for _ in 0..1_024 {
        client.expect(200);
    }
    assert!(writing.join().expect("no panic"));
}

#[test]
fn b02_rnto_without_rnfr_is_503() {
    let server = Server::start();
    let mut client = server.connect();
    client.send_bytes(b"USER anonymous\r\nRNTO x\r\n");
    client.expect(331);
    client.expect(530);
    client.login();
    assert_eq!(client.code("RNTO x"), 503);
}

#[test]
fn b04_user_resets_all_state_of_the_session() {
    let server = Server::start();
    server.write("d/file", b"x");
    let mut client = server.login();
    assert_eq!(client.code("CWD d"), 250);
    let address = client.passive();
    assert_eq!(client.code("USER bob"), 331);
    assert_eq!(client.code("LIST"), 530);
    client.login();
    assert_eq!(client.command("PWD").text(), "257 \"/\" is the current directory");
    let mut stray = harness::client::connect(address, None);
    let mut nothing = Vec::new();
    assert_eq!(
        stray.read_to_end(&mut nothing).unwrap_or(0),
        0,
        "the session no longer owns the port announced before"
    );
    assert_eq!(client.code("LIST"), 425);
}

#[test]
fn b10_repeatedly_refused_addresses_end_the_connection() {
    let server = Server::start();
    let mut client = server.login();
    for _ in 0..50 {
        assert_eq!(client.code("PORT x"), 501);
    }
    client.send("PORT x");
    client.expect(501);
    client.expect(421);
    assert!(client.is_closed());
}

/// The login timeout starts with the connection, and again when a logged-in client starts over.
#[test]
fn b04_a_new_login_starts_the_login_timeout_again() {
    let server = Server::with(&["--login-timeout", "1s"]);
    let mut client = server.login();
    let start = std::time::Instant::now();
    while start.elapsed() < std::time::Duration::from_millis(1_200) {
        assert_eq!(client.code("NOOP"), 200);
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(client.code("REIN"), 220);
    client.login();
    assert_eq!(client.code("USER anonymous"), 331);
    assert_eq!(client.code("PASS x"), 230);
    assert_eq!(client.code("REIN"), 220);
    client.expect(421);
    assert!(client.is_closed());
}

#[test]
fn b11_abor_is_answered_in_a_pipeline_and_with_nothing_to_abort() {
    let server = Server::start();
    let mut client = server.login();
    client.send_bytes(b"ABOR\r\n".repeat(100).as_slice());
    for _ in 0..100 {
        client.expect(226);
    }
    client.passive();
    assert_eq!(client.code("ABOR"), 226);
    assert_eq!(client.code("LIST"), 425, "the announced address is forgotten");
}

#[test]
fn b13_a_lost_control_connection_ends_its_transfer() {
    let server = Server::start();
    server.write("big", &vec![7; 8 << 20]);
    let baseline = server.descriptors();
    for orderly in [true, false] {
        let mut client = server.login();
        let data = client.data();
        client.send("RETR big");
        client.expect(150);
        if orderly {
            client.stream.shutdown(Shutdown::Both).expect("connected");
        } else {
            let socket = socket2::SockRef::from(&client.stream);
            socket.set_linger(Some(std::time::Duration::ZERO)).expect("an option");
        }
        drop(client);
        server.wait_for_descriptors(baseline);
        drop(data);
    }
}

#[test]
fn b14_nothing_about_the_server_is_revealed_before_login() {
    let server = Server::start();
    let mut client = server.connect();
    for line in ["STAT", "HELP", "SYST", "FEAT"] {
        let text = client.command(line).text().to_lowercase();
        assert!(
            !text.contains("loopftpd") && !text.contains(env!("CARGO_PKG_VERSION")),
            "{text}"
        );
    }
}

#[test]
fn b15_connecting_and_closing_at_once_leaks_nothing() {
    let server = Server::start();
    let baseline = server.descriptors();
    for _ in 0..2_000 {
        drop(Client::connect_silently(server.address, None));
    }
    server.wait_for_descriptors(baseline);
    assert_eq!(server.login().code("NOOP"), 200);
}

#[test]
fn i01_log_lines_contain_no_control_bytes_from_clients() {
    let server = Server::with(&["--log-level", "debug", "--trace"]);
    let mut client = server.connect();
    client.send_bytes(b"USER a\x1b[31mb\r\nUSER \xe2\x80\xae\r\n");
    client.expect(501);
    client.expect(331);
    client.send("PASS topsecret-4711");
    client.expect(530);
    drop(client);
    wait_until("the session is over", || server.stderr().contains("session ended"));
    // Names of files that were sent: right-to-left text, Latin-1 control characters.
    let names = ["\u{202e}txt.exe".as_bytes(), b"csi\x9b2J", "\u{9b}2J".as_bytes()];
    let mut client = server.login();
    for name in names {
        let path = server.directory().join(std::ffi::OsStr::from_bytes(name));
        std::fs::write(path, b"x").expect("a file");
        let _data = client.data();
        client.send_bytes(&[b"RETR ", name, b"\r\n"].concat());
        client.expect(150);
        client.expect(226);
    }
    wait_until("they are logged", || {
        server.stderr().matches("verb=RETR path=").count() >= 3
    });
    for text in [server.stderr(), server.stdout()] {
        let is_plain = |character: char| (' '..='~').contains(&character) || "\n→…µ".contains(character);
        assert!(text.chars().all(is_plain), "{text:?}");
        assert!(!text.contains("topsecret-4711"), "f08: no password in any log");
    }
}

#[test]
fn i07_no_reply_reveals_the_path_of_the_served_directory() {
    let server = Server::start();
    server.write("file", b"x");
    let root = server.directory().to_string_lossy().into_owned();
    let mut client = server.login();
    for line in [
        "PWD",
        "CWD missing",
        "RETR missing",
        "SIZE /",
        "STAT /",
        "MLST file",
        "MLST missing",
        "STAT",
        "LIST /x",
    ] {
        let text = client.command(line).text();
        assert!(
            !text.contains(&root) && !text.contains("os error") && !text.contains("No such"),
            "{text}"
        );
    }
}
