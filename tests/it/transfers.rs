//! Downloads: every byte, restarts, both types, pipelines, aborts, and files that change meanwhile (threats B, J).

use harness::server::Setup;
use harness::tree::noise;
use harness::{Client, Server};
use std::fs;
use std::io::{Read, Seek, SeekFrom, Write};

#[test]
fn files_of_every_size_arrive_whole() {
    let server = Server::start();
    let mut client = server.login();
    for size in [0, 1, 1_447, 65_535, 65_536, 262_143, 262_144, 262_145, 3_000_000] {
        let content = noise(1, size);
        server.write("file", &content);
        assert_eq!(client.command("SIZE file").text(), format!("213 {size}"));
        assert_eq!(client.fetch("RETR file"), content);
    }
}

#[test]
fn the_150_says_how_many_bytes_will_be_sent() {
    let server = Server::start();
    server.write("12 bytes.txt", b"0123456789");
    let mut client = server.login();
    let mut data = client.data();
    assert_eq!(client.code("REST 4"), 350);
    client.send("RETR 12 bytes.txt");
    assert_eq!(
        client.expect(150).text(),
        "150 Opening BINARY mode data connection (6 bytes)"
    );
    data.shake_hands().expect("a handshake, with TLS");
    client.expect(226);
}

#[test]
fn b03_rest_applies_to_the_next_transfer_only() {
    let server = Server::start();
    server.write("file", b"0123456789");
    let mut client = server.login();
    // Before PASV, and after it, with harmless commands between.
    assert_eq!(client.code("REST 5"), 350);
    assert_eq!(client.fetch("RETR file"), b"56789");
    assert_eq!(client.fetch("RETR file"), b"0123456789", "used once");
    assert_eq!(client.code("REST 5"), 350);
    assert_eq!(client.code("TYPE I"), 200);
    assert_eq!(client.code("SIZE file"), 213);
    assert_eq!(client.fetch("RETR file"), b"56789");
    assert_eq!(client.code("REST 5"), 350);
    assert_eq!(client.code("PWD"), 257);
    assert_eq!(client.fetch("RETR file"), b"0123456789", "PWD has cleared it");
}

/// At the end nothing is sent. Beyond it, a restart is refused instead of a 150: a client that reads 150, no data and
/// 226 believes its file to be complete.
#[test]
fn j02_restarts_at_and_beyond_the_end_in_every_type_and_mode() {
    let server = Server::start();
    // Text is longer when it is translated; the large one takes many turns of the loop.
    server.write("empty", b"");
    server.write("small", &b"ab\n".repeat(10));
    server.write("whole lines", &b"ab\r\n".repeat(10));
    server.write("large", &b"0123456789\n".repeat(300_000));
    let mut client = server.login();
    for mode in ["S", "Z"] {
        assert_eq!(client.code(&format!("MODE {mode}")), 200);
        for (name, stored, translated) in [
            ("empty", 0, 0),
            ("small", 30, 40),
            ("whole lines", 40, 40),
            ("large", 3_300_000, 3_600_000),
        ] {
            for (representation, end) in [("A", translated), ("I", stored)] {
                assert_eq!(client.code(&format!("TYPE {representation}")), 200);
                for beyond in [end + 1, end * 3 / 2 + 2, end * 2 + 1, usize::MAX / 2] {
                    // The data connection has been made, and serves the next transfer.
                    let mut data = client.data();
                    assert_eq!(client.code(&format!("REST {beyond}")), 350);
                    let what = format!("{name} in TYPE {representation}, MODE {mode}, from {beyond} on");
                    assert_eq!(client.code(&format!("RETR {name}")), 554, "{what}");
                    client.send(&format!("RETR {name}"));
                    client.expect(150);
                    let mut bytes = Vec::new();
                    data.read_to_end(&mut bytes).expect("the file");
                    drop(data);
                    client.expect(226);
                    assert!(mode == "Z" || bytes.len() == end, "{what}: {} bytes", bytes.len());
                }
                assert_eq!(client.code(&format!("REST {end}")), 350);
                let rest = client.fetch(&format!("RETR {name}"));
                // In MODE Z even an empty file is a stream (RFC 1950).
                let nothing: &[u8] = match mode {
                    "Z" => &[0x78, 0x5e, 3, 0, 0, 0, 0, 1],
                    _ => b"",
                };
                let what = format!("{name} in TYPE {representation}, MODE {mode}, at its end");
                assert_eq!(rest, nothing, "{what}");
            }
        }
    }
}

/// Searching for the marker takes several turns of the loop, and delays no other session.
#[test]
fn j02_a_restart_far_into_a_text_delays_nobody_and_can_be_aborted() {
    let server = Server::start();
    let path = server.write("huge", b"");
    let file = fs::File::options().write(true).open(path).expect("ours");
    file.set_len(1 << 40).expect("a sparse file");
    let mut client = server.login();
    let baseline = server.descriptors();
    assert_eq!(client.code("TYPE A"), 200);
    let data = client.data();
    assert_eq!(client.code("REST 1099511627775"), 350);
    client.send("RETR huge");
    let mut other = server.login();
    for _ in 0..50 {
        assert_eq!(other.code("NOOP"), 200);
    }
    drop(other);
    assert!(client.is_silent(), "neither opened nor refused yet");
    drop(data);
    client.reset();
    server.wait_for_descriptors(baseline - 1);
}

#[test]
fn type_a_translates_and_restarts_in_translated_octets() {
    let server = Server::start();
    server.write("text", b"one\ntwo\r\nthree\n");
    server.write("large", &b"line\n".repeat(100_000));
    let mut client = server.login();
    assert_eq!(client.code("TYPE A"), 200);
    let translated = b"one\r\ntwo\r\nthree\r\n";
    assert_eq!(client.fetch("RETR text"), translated);
    assert_eq!(client.command("SIZE text").text(), format!("213 {}", translated.len()));
    for offset in 0..=translated.len() {
        assert_eq!(client.code(&format!("REST {offset}")), 350);
        assert_eq!(client.fetch("RETR text"), &translated[offset..]);
    }
    assert_eq!(
        client.code("SIZE large"),
        504,
        "never 550: clients take that for missing"
    );
    assert_eq!(client.fetch("RETR large"), b"line\r\n".repeat(100_000));
    assert_eq!(client.code("REST 599990"), 350);
    assert_eq!(client.fetch("RETR large").len(), 10);
}

/// 32-bit counters overflow at 2 or 4 GiB.
#[test]
fn j01_five_gibibytes_are_sent_and_counted_correctly() {
    let size = 5_u64 << 30;
    let server = Server::start();
    let path = server.write("sparse", b"");
    let mut file = fs::File::create(path).expect("our file");
    file.set_len(size).expect("a sparse file");
    for mark in [(1_u64 << 31) - 1, 1 << 32, size - 1] {
        file.seek(SeekFrom::Start(mark)).expect("within");
        file.write_all(b"!").expect("room");
    }
    let mut client = server.login();
    assert_eq!(client.command("SIZE sparse").text(), format!("213 {size}"));
    for mark in [(1_u64 << 31) - 1, 1 << 32] {
        let mut data = client.data();
        assert_eq!(client.code(&format!("REST {mark}")), 350);
        client.send("RETR sparse");
        assert_eq!(
            client.expect(150).text(),
            format!("150 Opening BINARY mode data connection ({} bytes)", size - mark)
        );
        let mut first = [0; 2];
        data.read_exact(&mut first).expect("the beginning");
        assert_eq!(&first, b"!\0");
        client.send("ABOR");
        client.expect(426);
        client.expect(226);
    }
    let mut data = client.begin("RETR sparse");
    let mut received = 0_u64;
    let mut marks = 0_u64;
    let mut buffer = vec![0; 1 << 20];
    loop {
        let count = data.read(&mut buffer).expect("the file");
        if count == 0 {
            break;
        }
        received += count as u64;
        // Nearly all of it is zeros; searching for the mark first is much faster than counting.
        if buffer[..count].contains(&b'!') {
            marks += buffer[..count].iter().filter(|byte| **byte == b'!').count() as u64;
        }
    }
    assert_eq!((received, marks), (size, 3));
    client.expect(226);
}

#[test]
fn j03_a_file_truncated_while_it_is_sent_ends_in_451() {
    let server = Server::start();
    let path = server.write("file", &vec![9; 64 << 20]);
    let mut client = server.login();
    let mut data = client.begin("RETR file");
    let mut some = vec![0; 1 << 20];
    data.read_exact(&mut some).expect("the beginning");
    let file = fs::OpenOptions::new().write(true).open(path).expect("our file");
    file.set_len(1 << 20).expect("truncated");
    let mut rest = Vec::new();
    // The connection is reset, so that the client cannot believe the file to be complete.
    assert!(data.read_to_end(&mut rest).is_err(), "no orderly end");
    client.expect(451);
    assert_eq!(client.code("NOOP"), 200);
}

#[test]
fn j04_a_file_that_grows_or_is_replaced_is_sent_as_it_was_opened() {
    let server = Server::start();
    let content = noise(1, 48 << 20);
    let path = server.write("file", &content);
    let mut client = server.login();
    let mut data = client.begin("RETR file");
    let mut some = vec![0; 1 << 20];
    data.read_exact(&mut some).expect("the beginning");
    let file = fs::OpenOptions::new().append(true).open(&path);
    file.and_then(|mut file| file.write_all(b"more")).expect("appended");
    server.write("new", b"another file");
    fs::rename(server.directory().join("new"), &path).expect("replaced");
    data.read_to_end(&mut some).expect("the file");
    assert!(some == content, "{} bytes", some.len());
    client.expect(226);
    assert_eq!(client.fetch("RETR file"), b"another file");
}

#[test]
fn commands_sent_during_a_transfer_are_answered_after_it_and_in_order() {
    let server = Server::start();
    let content = noise(1, 20 << 20);
    server.write("big", &content);
    server.write("d/small", b"s");
    let mut client = server.login();
    let mut data = client.data();
    client.send_bytes(b"RETR big\r\nNOOP\r\nCWD d\r\nPWD\r\nSIZE small\r\n");
    client.expect(150);
    let mut bytes = Vec::new();
    data.read_to_end(&mut bytes).expect("the file");
    assert!(bytes == content);
    client.expect(226);
    client.expect(200);
    client.expect(250);
    assert_eq!(client.expect(257).text(), "257 \"/d\" is the current directory");
    assert_eq!(client.expect(213).text(), "213 1");
}

#[test]
fn b06_no_later_command_changes_what_is_sent() {
    let server = Server::start();
    server.write("a", b"the right file");
    server.write("b", b"the wrong one");
    let mut client = server.login();
    let address = client.passive();
    client.send_bytes(b"RETR a\r\nUSER ../../b\r\nRETR b\r\n");
    client.expect(150);
    let mut data = client.data_connection(harness::client::connect(address, None));
    let mut bytes = Vec::new();
    data.read_to_end(&mut bytes).expect("the file");
    assert_eq!(bytes, b"the right file");
    client.expect(226);
    client.expect(331);
    client.expect(530);
}

#[test]
fn b12_quit_lets_the_transfer_end() {
    let server = Server::start();
    let content = noise(1, 20 << 20);
    server.write("big", &content);
    let mut client = server.login();
    let mut data = client.data();
    client.send_bytes(b"RETR big\r\nQUIT\r\n");
    client.stream.shutdown(std::net::Shutdown::Write).expect("connected");
    client.expect(150);
    let mut bytes = Vec::new();
    data.read_to_end(&mut bytes).expect("the file");
    assert!(bytes == content);
    client.expect(226);
    client.expect(221);
    assert!(client.is_closed());
}

#[test]
fn stat_is_answered_during_a_transfer() {
    let server = Server::start();
    server.write("big", &noise(1, 64 << 20));
    let mut client = server.login();
    let mut data = client.begin("RETR big");
    let mut some = vec![0; 1 << 20];
    data.read_exact(&mut some).expect("the beginning");
    let status = client.command("STAT");
    assert_eq!(status.code, 213);
    let sent: u64 = status
        .text()
        .split_whitespace()
        .find_map(|word| word.parse().ok().filter(|number| *number != 213))
        .expect("a number");
    assert!(sent >= 1 << 20, "{sent}");
    client.send("ABOR");
    client.expect(426);
    client.expect(226);
}

#[test]
fn a15_stat_sent_together_with_a_transfer_command_is_answered_after_its_150() {
    let server = Server::start();
    server.write("text", b"text");
    let mut client = server.login();
    let mut data = client.data();
    // The data connection has arrived when this is answered.
    assert_eq!(client.code("NOOP"), 200);
    client.send_bytes(b"RETR text\r\nSTAT\r\nNOOP\r\n");
    client.expect(150);
    data.shake_hands().expect("a handshake, with TLS");
    for code in [213, 226, 200] {
        client.expect(code);
    }
}

/// Sends `bytes`, the last as urgent data, as Telnet's Synch does.
fn send_urgent(client: &mut Client, bytes: &[u8]) {
    let socket = socket2::SockRef::from(&client.stream);
    assert_eq!(socket.send_out_of_band(bytes).expect("room"), bytes.len());
}

#[test]
fn a07_abor_ends_a_transfer_in_every_encoding() {
    let server = Server::start();
    server.write("big", &noise(1, 64 << 20));
    let mut client = server.login();
    let baseline = server.descriptors();
    for encoding in 0..6 {
        let mut data = client.begin("RETR big");
        let mut some = vec![0; 100_000];
        data.read_exact(&mut some).expect("the beginning");
        match encoding {
            0 => client.send("ABOR"),
            1 => client.send("abor"),
            2 => send_urgent(&mut client, b"ABOR\r\n"),
            3 => {
                send_urgent(&mut client, b"\xff\xf4\xff");
                client.send_bytes(b"\xf2ABOR\r\n");
            }
            4 => {
                send_urgent(&mut client, b"\xff\xf4\xff\xf2");
                client.send_bytes(b"ABOR\r\n");
            }
            _ => client.send_bytes(b"NOOP\r\n\xff\xf4\xff\xf2ABOR\r\n"),
        }
        client.expect(426);
        if encoding > 4 {
            client.expect(200);
        }
        client.expect(226);
        drop(data);
        assert_eq!(client.code("NOOP"), 200);
    }
    // Also when idle.
    send_urgent(&mut client, b"\xff\xf4\xff\xf2");
    client.send_bytes(b"ABOR\r\n");
    client.expect(226);
    server.wait_for_descriptors(baseline);
}

#[test]
fn g16_a_noop_is_answered_while_others_download() {
    let server = Server::start();
    server.write("big", &noise(1, 8 << 20));
    let stop = std::sync::atomic::AtomicBool::new(false);
    let answered = std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut client = server.login();
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    assert_eq!(client.fetch("RETR big").len(), 8 << 20);
                }
            });
        }
        let mut witness = server.login();
        let answered = (0..200).filter(|_| witness.code("NOOP") == 200).count();
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        answered
    });
    assert_eq!(answered, 200);
}

/// However many begin in one turn, they share its budget: 256 KiB, the rest of the last transfer's step, and the share
/// of the one that has waited longest.
#[test]
fn g16_transfers_that_begin_in_one_turn_share_its_budget() {
    let server = Setup::new().ports(20).arguments(&["--trace"]).start();
    server.write("big", &noise(1, 1 << 20));
    for number in 0..300 {
        server.write(&format!("d/{number}"), b"");
    }
    for command in ["RETR big", "LIST d"] {
        let mut clients = Vec::new();
        for _ in 0..20 {
            let mut client = server.login();
            let data = client.data();
            clients.push((client, data));
        }
        // All of them send while the server is stopped.
        server.signal(rustix::process::Signal::STOP);
        for (client, _) in &mut clients {
            client.send(command);
        }
        server.signal(rustix::process::Signal::CONT);
        for (client, data) in &mut clients {
            client.expect(150);
            data.read_to_end(&mut Vec::new()).expect("the data");
            client.expect(226);
        }
    }
    let ended = |trace: &str| trace.matches(" ends: complete").count() == 40;
    harness::wait_until("the trace is printed", || ended(&server.stdout()));
    let trace = server.stdout();
    let mut commands_at_once = 0;
    for turn in trace.split("\nturn ") {
        let said = turn.matches(": says RETR").count() + turn.matches(": says LIST").count();
        commands_at_once = commands_at_once.max(said);
        let moved: Vec<usize> = turn
            .lines()
            .filter_map(|line| line.split(": sent ").nth(1)?.split(' ').next()?.parse().ok())
            .collect();
        assert!(moved.iter().sum::<usize>() <= 3 * 256 * 1024, "{turn}");
        let whole_shares = turn.matches("budget spent").count();
        assert!(whole_shares <= 5, "looking at entries counts, too: {turn}");
    }
    // The commands are charged to the same budget, so the first that move bytes delay the others.
    assert!(
        (2..=32).contains(&commands_at_once),
        "{commands_at_once} began in one turn"
    );
}

/// The size in type A takes reading the file: one file a turn, and one more for the client that has waited longest.
#[test]
fn g16_sizes_in_type_a_share_the_budget_of_a_turn() {
    let server = Server::with(&["--trace"]);
    server.write("text", &b"line\n".repeat(50_000));
    let mut clients: Vec<Client> = (0..10).map(|_| server.login()).collect();
    for client in &mut clients {
        assert_eq!(client.code("TYPE A"), 200);
    }
    server.signal(rustix::process::Signal::STOP);
    for client in &mut clients {
        client.send_bytes(b"NOOP\r\nSIZE text\r\nsize text\r\nNOOP\r\n");
    }
    server.signal(rustix::process::Signal::CONT);
    for client in &mut clients {
        client.expect(200);
        assert_eq!(client.expect(213).text(), "213 300000");
        assert_eq!(client.expect(213).text(), "213 300000");
        client.expect(200);
    }
    let said = |trace: &str| trace.matches(": says SIZE").count() + trace.matches(": says size").count();
    harness::wait_until("the trace is printed", || said(&server.stdout()) == 20);
    for turn in server.stdout().split("\nturn ") {
        assert!(said(turn) <= 2, "{turn}");
    }
}

#[test]
fn the_transfer_log_has_the_xferlog_format() {
    let directory = tempfile::TempDir::new().expect("a directory");
    let log = directory.path().join("xferlog");
    let server = Server::with(&["--transfer-log", log.to_str().expect("UTF-8")]);
    server.write("a b", b"four");
    let mut client = server.login();
    assert_eq!(client.fetch("RETR a b"), b"four");
    let text = fs::read_to_string(&log).expect("the log");
    let fields: Vec<&str> = text.trim_end().split(' ').filter(|field| !field.is_empty()).collect();
    assert_eq!(fields.len(), 18, "{text}");
    let after_the_time = fields[5..].join(" ");
    assert_eq!(after_the_time, "0 127.0.0.1 4 /a_b b _ o a anonymous ftp 0 * c");
}
