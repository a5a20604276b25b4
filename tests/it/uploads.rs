//! Uploads over real sockets: all bytes or nothing, however a transfer ends (threats H, B, D, J).

use harness::client::{connect, reset};
use harness::server::Setup;
use harness::tree::noise;
use harness::{Client, Server, Stream, wait_until};
use socket2::SockRef;
use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::sync::atomic::{AtomicBool, Ordering};

#[test]
fn uploads_of_every_size_arrive_whole_as_new_files_and_as_replacements() {
    let server = Server::writable();
    let mut client = server.login();
    for size in [0, 1, 1_447, 65_536, 262_143, 262_144, 262_145, 3_000_000] {
        let content = noise(1, size);
        client.stores("STOR file", &content);
        assert!(server.content("file").is_some_and(|stored| stored == content), "{size}");
        assert_eq!(client.command("SIZE file").text(), format!("213 {size}"));
        assert_eq!(client.code("DELE file"), 250);
        client.stores("STOR other", &content);
        assert!(client.fetch("RETR other") == content, "{size}");
    }
    server.wait_for_no_hidden_file();
}

/// How a client aborts an upload.
#[derive(Clone, Copy, Debug)]
enum End {
    DataReset,
    ControlReset,
    ControlClosed,
    Abor,
    Silence,
}

/// Aborts an upload of `content` after `sent` bytes; afterwards there is the old file, or none.
fn break_off(server: &Server, end: End, old: Option<&[u8]>, content: &[u8], sent: usize) {
    let what = format!("{end:?} after {sent} bytes");
    let mut client = server.login();
    if let Some(old) = old {
        client.stores("STOR file", old);
    }
    let mut data = client.begin("STOR file");
    data.write_all(&content[..sent]).expect("the server reads it");
    server.wait_for_hidden_bytes(sent as u64);
    assert!(
        server.content("file").as_deref() == old,
        "{what}: the client sees nothing of it"
    );
    match end {
        End::DataReset => reset(data),
        // The data connection stays open, because its end would be the end of the file.
        End::ControlReset | End::ControlClosed => {
            match end {
                End::ControlReset => client.reset(),
                _ => drop(client),
            }
            wait_until("the server has ended it, too", || !matches!(data.write(b"x"), Ok(1)));
            return;
        }
        End::Abor => client.send("ABOR"),
        // The server waits in vain.
        End::Silence => {}
    }
    client.expect(426);
    if let End::Abor = end {
        client.expect(226);
    }
    assert!(server.hidden_files().is_empty(), "{what}: removed before the reply");
    assert!(server.content("file").as_deref() == old, "{what}");
    client.stores("STOR file", content);
    assert!(server.content("file").is_some_and(|stored| stored == content), "{what}");
    assert_eq!(client.code("DELE file"), 250);
}

fn break_off_many(rounds: usize) {
    let server = Setup::new().writable().arguments(&["--stall-timeout", "500ms"]).start();
    let content = noise(2, 900_000);
    let old = noise(3, 700_000);
    // The first upload makes the pipe that all of them pass through.
    server.login().stores("STOR first", b"");
    let baseline = server.descriptors();
    for round in 0..rounds {
        let end = match round % 5 {
            0 => End::DataReset,
            1 => End::ControlReset,
            2 => End::ControlClosed,
            3 => End::Abor,
            // Each takes the timeout.
            _ if round % 25 == 4 => End::Silence,
            _ => End::DataReset,
        };
        let sent = round.wrapping_mul(7_919_993) % content.len();
        let old = (round % 2 == 0).then_some(&old[..]);
        break_off(&server, end, old, &content, sent);
        server.wait_for_no_hidden_file();
        if matches!(end, End::ControlReset | End::ControlClosed) {
            assert!(server.content("file").as_deref() == old, "{end:?} after {sent} bytes");
            let _ = server.login().code("DELE file");
        }
    }
    server.wait_for_descriptors(baseline);
}

#[test]
fn h01_an_aborted_upload_leaves_only_the_old_file() {
    break_off_many(30);
}

#[test]
#[ignore = "half a minute: 1,000 uploads; cargo test --release -- --ignored h01"]
fn h01_a_thousand_aborted_uploads_leave_only_the_old_file() {
    break_off_many(1_000);
}

#[test]
fn h01_a_server_stopped_twice_leaves_no_temporary_file() {
    let mut server = Server::writable();
    let mut client = server.login();
    let mut data = client.begin("STOR file");
    data.write_all(&noise(1, 200_000)).expect("the server reads it");
    server.wait_for_hidden_bytes(200_000);
    server.signal(rustix::process::Signal::TERM);
    wait_until("the first signal was handled", || server.stderr().contains("stopping"));
    server.signal(rustix::process::Signal::TERM);
    assert!(server.wait().success());
    assert!(server.hidden_files().is_empty() && server.content("file").is_none());
}

#[test]
fn b12_quit_right_after_the_data_loses_none_of_it() {
    let server = Server::writable();
    let content = noise(4, 1_500_000);
    let mut client = server.login();
    let mut data = client.begin("STOR file");
    client.send("QUIT");
    data.write_all(&content).expect("the server reads it");
    drop(data);
    client.expect(226);
    client.expect(221);
    assert!(client.is_closed());
    assert!(server.content("file").is_some_and(|stored| stored == content));

    // Everything at once, and the client's end of the control connection is closed already.
    let mut client = server.login();
    let mut data = client.data();
    data.write_all(b"short").expect("the kernel accepts it");
    drop(data);
    client.send_bytes(b"STOR short\r\nQUIT\r\n");
    client.stream.shutdown(Shutdown::Write).expect("our socket");
    for code in [150, 226, 221] {
        client.expect(code);
    }
    assert_eq!(server.content("short").as_deref(), Some(&b"short"[..]));
}

#[test]
fn b05_rein_waits_for_the_upload() {
    let server = Server::writable();
    let mut client = server.login();
    let mut data = client.begin("STOR file");
    client.send("REIN");
    data.write_all(b"content").expect("the server reads it");
    drop(data);
    client.expect(226);
    client.expect(220);
    assert_eq!(client.code("DELE file"), 530);
    assert_eq!(server.content("file").as_deref(), Some(&b"content"[..]));
}

#[test]
fn d09_data_sent_before_stor_is_kept() {
    let server = Server::writable();
    let content = noise(5, 10 << 20);
    let mut client = server.login();
    let mut data = client.data();
    let before = server.memory();
    data.set_nonblocking(true).expect("our socket");
    let mut sent = 0;
    while let Ok(count) = data.write(&content[sent..]) {
        sent += count;
        if sent == content.len() {
            break;
        }
    }
    data.set_nonblocking(false).expect("our socket");
    assert_eq!(client.code("NOOP"), 200);
    assert!(server.hidden_files().is_empty());
    assert!(server.memory() < before + 1024, "nothing was read");
    client.send("STOR file");
    client.expect(150);
    data.write_all(&content[sent..]).expect("the server reads it");
    drop(data);
    client.expect(226);
    assert!(server.content("file").is_some_and(|stored| stored == content));
}

#[test]
fn d22_closing_without_a_byte_makes_an_empty_file() {
    let server = Server::writable();
    let mut client = server.login();
    client.stores("STOR after", b"");
    let data = client.data();
    drop(data);
    client.send("STOR before");
    client.expect(150);
    client.expect(226);
    let address = client.passive();
    client.send("STOR waiting");
    client.expect(150);
    drop(connect(address, None));
    client.expect(226);
    for name in ["after", "before", "waiting"] {
        assert_eq!(server.content(name).as_deref(), Some(&b""[..]), "{name}");
    }
}

#[test]
fn d23_an_upload_closes_the_data_connection_before_its_226() {
    for arguments in [&["--write"][..], &["--write", "--durable"]] {
        let server = Setup::new().for_uploads().arguments(arguments).start();
        let mut client = server.login();
        for _ in 0..20 {
            let mut data = client.begin("STOR file");
            data.write_all(b"content").expect("the server reads it");
            data.shutdown(Shutdown::Write).expect("our socket");
            client.expect(226);
            data.set_nonblocking(true).expect("our socket");
            assert_eq!(data.read(&mut [0]).ok(), Some(0), "it was closed already");
        }
    }
}

/// splice stops at the urgent mark; the bytes after it must not get lost.
#[test]
fn d22_urgent_data_does_not_truncate_an_upload() {
    let server = Server::writable();
    let (before, behind) = (noise(6, 100_000), noise(7, 100_000));
    for verb in ["STOR new", "STOR new", "APPE appended"] {
        let mut client = server.login();
        let mut data = client.begin(verb);
        data.write_all(&before).expect("the server reads it");
        SockRef::from(&data).send_out_of_band(b"!").expect("our socket");
        data.write_all(&behind).expect("the server reads it");
        drop(data);
        let reply = client.reply();
        let name = verb.split(' ').nth(1).expect("a name");
        if reply.code == 226 {
            let stored = server.content(name).expect("a file");
            let without = [&before[..], &behind].concat();
            let with = [&before[..], b"!", &behind].concat();
            assert!(stored == without || stored == with, "{verb}: {} bytes", stored.len());
        } else {
            assert_eq!(reply.code, 426, "{verb}: {reply:?}");
        }
        server.wait_for_no_hidden_file();
    }
}

#[test]
fn h08_the_last_of_many_writers_wins_and_readers_see_no_mixture() {
    const WRITERS: u32 = 100;
    let server = Setup::new().writable().ports(120).start();
    let whole = |content: &[u8]| (0..=WRITERS).any(|seed| *content == noise(seed, 50_000 + seed as usize)[..]);
    server.write("file", &noise(0, 50_000));
    let mut writers: Vec<(Client, Stream)> = (1..=WRITERS)
        .map(|_| {
            let mut client = server.login();
            let data = client.begin("STOR file");
            (client, data)
        })
        .collect();
    for (seed, (_, data)) in (1..).zip(&mut writers) {
        data.write_all(&noise(seed, 30_000)[..]).expect("the server reads it");
    }
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut client = server.login();
            let mut seen = 0;
            while !is_over.load(Ordering::Relaxed) || seen == 0 {
                assert!(whole(&client.fetch("RETR file")), "a mix was read");
                seen += 1;
            }
        });
        for (seed, (mut client, mut data)) in (1..).zip(writers) {
            let content = noise(seed, 50_000 + seed as usize);
            data.write_all(&content[30_000..]).expect("the server reads it");
            drop(data);
            client.expect(226);
        }
        is_over.store(true, Ordering::Relaxed);
        reader.join().expect("the reader");
    });
    assert!(server.content("file").is_some_and(|content| whole(&content)));
    assert!(server.hidden_files().is_empty());
}

#[test]
fn h09_a_download_during_a_replacement_gets_the_old_file_whole() {
    let server = Server::writable();
    let (old, new) = (noise(1, 12_000_000), noise(2, 3_000_000));
    server.write("file", &old);
    let mut reader = server.login();
    let mut data = reader.begin("RETR file");
    let mut read = vec![0; 1_000_000];
    data.read_exact(&mut read).expect("its beginning");
    let mut writer = server.login();
    writer.stores("STOR file", &new);
    data.read_to_end(&mut read).expect("the rest");
    reader.expect(226);
    assert!(read == old);
    assert!(reader.fetch("RETR file") == new);
}

#[test]
fn h10_only_one_session_at_a_time_appends_to_a_file() {
    let server = Server::writable();
    server.write("file", b"0123456789");
    std::fs::hard_link(server.directory().join("file"), server.directory().join("alias")).expect("a link");
    let (mut first, mut second) = (server.login(), server.login());
    let mut data = first.begin("APPE file");
    data.write_all(b"abc").expect("the server reads it");
    wait_until("it is there", || {
        server.content("file").is_some_and(|file| file.len() == 13)
    });
    for command in ["APPE file", "APPE alias"] {
        assert_eq!(second.store(command, b"x").code, 450, "{command}");
    }
    assert_eq!(second.code("REST 3"), 350);
    assert_eq!(second.store("STOR file", b"x").code, 450);
    drop(data);
    first.expect(226);
    second.stores("APPE alias", b"d");
    assert_eq!(server.content("file").as_deref(), Some(&b"0123456789abcd"[..]));
    // An aborted upload releases the file, too, and leaves a prefix.
    let mut data = first.begin("APPE file");
    data.write_all(b"ef").expect("the server reads it");
    wait_until("it is there", || {
        server.content("file").is_some_and(|file| file.len() == 16)
    });
    first.send("ABOR");
    first.expect(426);
    first.expect(226);
    assert_eq!(second.code("REST 16"), 350);
    second.stores("STOR file", b"gh");
    assert_eq!(server.content("file").as_deref(), Some(&b"0123456789abcdefgh"[..]));
}

#[test]
fn h10_a_restart_makes_no_hole_and_truncates_the_rest() {
    let server = Server::writable();
    server.write("file", b"0123456789");
    let mut client = server.login();
    for (offset, sent, left) in [
        (10, &b"ab"[..], &b"0123456789ab"[..]),
        (4, b"xy", b"0123xy"),
        (1, b"", b"0"),
        (0, b"new", b"new"),
    ] {
        assert_eq!(client.code(&format!("REST {offset}")), 350);
        client.stores("STOR file", sent);
        assert_eq!(server.content("file").as_deref(), Some(left), "from {offset} on");
    }
    for (offset, name, code) in [(4, "file", 554), (i64::MAX, "file", 554), (1, "missing", 550)] {
        assert_eq!(client.code(&format!("REST {offset}")), 350);
        assert_eq!(client.store(&format!("STOR {name}"), b"x").code, code, "{offset}");
    }
    assert_eq!(client.code("REST 1"), 350);
    assert_eq!(client.code("TYPE A"), 200);
    assert_eq!(client.store("STOR file", b"x").code, 504);
    assert_eq!(server.content("file").as_deref(), Some(&b"new"[..]));
    // An upload that is refused or aborted before its first byte truncates nothing.
    assert_eq!(client.code("TYPE I"), 200);
    assert_eq!(client.code("REST 1"), 350);
    let data = client.begin("STOR file");
    client.send("ABOR");
    client.expect(426);
    client.expect(226);
    drop(data);
    assert_eq!(server.content("file").as_deref(), Some(&b"new"[..]));
}

#[test]
fn h10_appending_to_a_removed_file_is_no_success() {
    let server = Server::writable();
    server.write("file", b"0123456789");
    let (mut client, mut other) = (server.login(), server.login());
    let mut data = client.begin("APPE file");
    data.write_all(b"abc").expect("the server reads it");
    wait_until("it is there", || {
        server.content("file").is_some_and(|file| file.len() == 13)
    });
    other.stores("STOR file", b"another");
    drop(data);
    client.expect(451);
    assert_eq!(server.content("file").as_deref(), Some(&b"another"[..]));
}

#[test]
fn appe_creates_missing_files_and_translates_text() {
    let server = Server::writable();
    let mut client = server.login();
    client.stores("APPE log", b"one\n");
    assert_eq!(client.code("TYPE A"), 200);
    client.stores("APPE log", b"two\r\nthree\r\n");
    assert_eq!(server.content("log").as_deref(), Some(&b"one\ntwo\nthree\n"[..]));
    client.stores("STOR text", &b"a\r\n\r\nb\rc\r\n".repeat(50_000));
    let expected = b"a\n\nb\rc\n".repeat(50_000);
    assert!(server.content("text").is_some_and(|text| text == expected));
    assert_eq!(client.fetch("RETR log"), b"one\r\ntwo\r\nthree\r\n");
}

#[test]
fn h11_allo_of_a_huge_size_allocates_nothing() {
    let server = Server::writable();
    let mut client = server.login();
    for argument in ["1000000000000000000", "9223372036854775807", "1 R 1000000000000000000"] {
        assert_eq!(client.code(&format!("ALLO {argument}")), 202);
        client.stores("STOR file", b"x");
    }
    assert_eq!(client.code("ALLO 9223372036854775808"), 501);
    let metadata = server.directory().join("file").metadata().expect("a file");
    assert!(std::os::unix::fs::MetadataExt::blocks(&metadata) < 100);
}

#[test]
fn h20_sizes_around_counter_limits_are_stored_correctly() {
    let server = Server::writable();
    let mut client = server.login();
    for edge in [1_u64 << 31, 1 << 32, 5 << 30] {
        for size in [edge - 1, edge, edge + 1] {
            let path = server.write("file", b"");
            let file = std::fs::File::options().write(true).open(&path).expect("ours");
            file.set_len(size).expect("a sparse file");
            client.stores("APPE file", b"appended");
            assert_eq!(client.command("SIZE file").text(), format!("213 {}", size + 8));
            assert_eq!(client.code(&format!("REST {}", size + 3)), 350);
            client.stores("STOR file", b"ENDED.");
            assert_eq!(client.command("SIZE file").text(), format!("213 {}", size + 9));
            assert_eq!(client.code(&format!("REST {}", size - 1)), 350);
            assert_eq!(client.fetch("RETR file"), b"\0appENDED.", "{size}");
        }
    }
}

/// Bytes through a socket, counted and checksummed.
fn swallow(size: u64) {
    let server = Setup::new().writable().arguments(&["--synthetic"]).start();
    let mut client = server.login();
    let block = noise(8, 1 << 20);
    let mut crc = crc32fast::Hasher::new();
    let mut data = client.begin("STOR /null/anything");
    let mut left = size;
    while left > 0 {
        let part = &block[..usize::try_from(left).unwrap_or(usize::MAX).min(block.len())];
        crc.update(part);
        data.write_all(part).expect("the server reads it");
        left -= part.len() as u64;
    }
    drop(data);
    let text = client.expect(226).text();
    let expected = format!("226 {size} bytes swallowed, ");
    let ending = format!(" MiB/s, CRC-32 {:08x}", crc.finalize());
    let rate = text.strip_prefix(&expected).and_then(|rest| rest.strip_suffix(&ending));
    let rate = rate.unwrap_or_else(|| panic!("expected {expected}…{ending}, got {text}"));
    let is_plausible = |rate: f64| if size < 1_000_000 { rate >= 0.0 } else { rate > 0.0 };
    assert!(rate.parse().is_ok_and(is_plausible), "{text}");
    assert_eq!(client.code("SIZE /null/anything"), 550, "it is never there");
}

#[test]
fn j01_uploads_to_null_are_counted_and_checksummed() {
    for size in [0, 1, 50_000_001] {
        swallow(size);
    }
}

#[test]
#[ignore = "seconds: more than 4 GiB through a socket; cargo test --release -- --ignored j01"]
fn j01_more_than_4_gib_can_be_uploaded_to_null() {
    swallow((1 << 32) + 7);
}

#[test]
fn partial_keep_keeps_an_aborted_upload_for_a_resume() {
    let server = Setup::new().writable().arguments(&["--partial", "keep"]).start();
    let content = noise(9, 600_000);
    let mut client = server.login();
    let break_off = |client: &mut Client, command: &str, from: usize, to: usize| {
        let mut data = client.begin(command);
        data.write_all(&content[from..to]).expect("the server reads it");
        let arrived = || {
            let hidden = server.hidden_files();
            let path = hidden
                .first()
                .cloned()
                .unwrap_or_else(|| server.directory().join("file"));
            path.metadata()
                .is_ok_and(|metadata| metadata.len() as usize >= if hidden.is_empty() { to } else { to - from })
        };
        wait_until("it has come", arrived);
        client.send("ABOR");
        client.expect(426);
        client.expect(226);
        assert!(server.hidden_files().is_empty());
    };
    break_off(&mut client, "STOR file", 0, 200_000);
    assert_eq!(client.command("SIZE file").text(), "213 200000");
    assert_eq!(client.code("REST 200000"), 350);
    break_off(&mut client, "STOR file", 200_000, 350_000);
    assert_eq!(client.command("SIZE file").text(), "213 350000");
    client.stores("APPE file", &content[350_000..]);
    assert!(server.content("file").is_some_and(|file| file == content));
    // A complete old file is not replaced by a part, and an empty part is not kept.
    break_off(&mut client, "STOR file", 0, 100_000);
    assert!(server.content("file").is_some_and(|file| file == content));
    let data = client.begin("STOR empty");
    client.send("ABOR");
    client.expect(426);
    client.expect(226);
    drop(data);
    assert_eq!(server.content("empty"), None);
}

#[test]
fn h01_an_upload_without_a_data_connection_leaves_nothing() {
    let server = Setup::new()
        .writable()
        .arguments(&["--connect-timeout", "200ms"])
        .start();
    server.write("file", b"old");
    let mut client = server.login();
    client.passive();
    client.send("STOR file");
    client.expect(150);
    client.expect(425);
    assert!(server.hidden_files().is_empty());
    assert_eq!(client.store("STOR file", b"new").code, 226);
    // Without a data connection nothing is created either.
    assert_eq!(client.code("STOR other"), 425);
    assert!(server.hidden_files().is_empty() && server.content("other").is_none());
}

#[test]
fn h01_stat_reports_the_bytes_of_a_running_upload() {
    let server = Server::writable();
    let mut client = server.login();
    let mut data = client.begin("STOR file");
    data.write_all(&noise(1, 123_456)).expect("the server reads it");
    server.wait_for_hidden_bytes(123_456);
    assert_eq!(client.command("STAT").text(), "213 Status: 123456 bytes transferred");
    drop(data);
    client.expect(226);
}

/// One sends as fast as it can; the others are answered in between.
#[test]
fn g16_a_fast_upload_delays_no_other_session() {
    let server = Setup::new().writable().arguments(&["--synthetic"]).start();
    server.write("small", b"content");
    let is_over = AtomicBool::new(false);
    let mut sender = server.login();
    let mut data = sender.begin("STOR /null/x");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let block = vec![0; 1 << 20];
            while !is_over.load(Ordering::Relaxed) {
                data.write_all(&block).expect("the server reads it");
            }
            data.shutdown(Shutdown::Write).expect("our socket");
        });
        let mut other = server.login();
        for _ in 0..20 {
            assert_eq!(other.code("NOOP"), 200);
            assert_eq!(other.fetch("RETR small"), b"content");
            other.stores("STOR another", b"content");
        }
        // All of it was answered while the fast upload was still running.
        assert!(sender.is_silent());
        is_over.store(true, Ordering::Relaxed);
    });
    sender.expect(226);
}

#[test]
fn d10_a_second_data_connection_adds_nothing_to_an_upload() {
    let server = Server::writable();
    let mut client = server.login();
    let address = client.passive();
    let mut data = connect(address, None);
    client.send("STOR file");
    client.expect(150);
    let mut stray = connect(address, None);
    let _ = stray.write_all(b"stray");
    let end = stray.read(&mut [0]);
    assert!(matches!(&end, Ok(0)) || end.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset));
    data.write_all(b"content").expect("the server reads it");
    drop(data);
    client.expect(226);
    assert_eq!(server.content("file").as_deref(), Some(&b"content"[..]));
}
