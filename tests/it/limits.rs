//! Caps, floods and timeouts: what many clients, or clients that do nothing, can use up (threats G).

use harness::crowd::{persistent_login, slow_logins};
use harness::own_process::{in_own_process, raise_descriptor_limit};
use harness::server::{Setup, children_of, client_address};
use harness::tree::noise;
use harness::{Client, Server, Stream, wait_until};
use std::ffi::OsStr;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::time::{Duration, Instant};

#[test]
fn g01_a_thousand_sessions_at_once_leak_no_descriptor() {
    in_own_process(
        concat!(module_path!(), "::g01_a_thousand_sessions_at_once_leak_no_descriptor"),
        || {
            raise_descriptor_limit();
            let server = Server::start();
            let baseline = server.descriptors();
            let mut clients: Vec<Client> = (0..1_024).map(|_| server.login()).collect();
            for client in &mut clients {
                assert_eq!(client.code("NOOP"), 200);
            }
            assert_eq!(server.descriptors(), baseline + 1_024);
            drop(clients);
            server.wait_for_descriptors(baseline);
        },
    );
}

#[test]
fn g06_slow_logins_are_evicted_in_order_after_three_seconds() {
    let server = Server::with(&["--max-sessions", "200", "--login-timeout", "60s"]);
    let mut slow = slow_logins(&server, 300);
    let all_in = Instant::now();
    assert_eq!(slow.len(), 200, "those that came first");
    assert!(slow.iter_mut().all(Client::is_silent), "none was evicted at once");
    let mut real = vec![persistent_login(&server)];
    let first = slow.remove(0).reply_or_end().map(|reply| reply.code);
    assert_eq!(first, Some(421), "the client that has waited longest is evicted");
    // Once the last of them has had its three seconds, no new client is refused, and the slow ones are evicted in
    // order.
    std::thread::sleep((all_in + Duration::from_millis(3_100)).saturating_duration_since(Instant::now()));
    for evicted in &mut slow {
        real.push(server.login());
        assert_eq!(evicted.reply_or_end().map(|reply| reply.code), Some(421));
    }
    assert_eq!(Client::connect_silently(server.address, None).reply().code, 421);
    for client in &mut real {
        assert_eq!(client.code("NOOP"), 200, "sessions that have logged in stay");
    }
}

#[test]
fn as_many_clients_as_max_sessions_get_in_at_once() {
    let server = Server::with(&["--max-sessions", "20"]);
    let mut clients: Vec<Client> = (0..20).map(|_| server.connect()).collect();
    for _ in 0..5 {
        assert_eq!(
            Client::connect_silently(server.address, None).reply().code,
            421,
            "one too many"
        );
    }
    for client in &mut clients {
        client.login();
    }
    for client in &mut clients {
        assert_eq!(client.code("NOOP"), 200, "no session was lost");
    }
}

#[test]
fn g06_a_login_that_takes_too_long_is_ended() {
    let server = Server::with(&["--login-timeout", "300ms"]);
    let mut client = server.connect();
    client.send_bytes(b"USER an");
    client.expect(421);
    assert!(client.is_closed());
}

#[test]
fn an_idle_session_is_ended_but_not_while_it_transfers() {
    let server = Server::with(&["--idle-timeout", "400ms"]);
    // More than both sockets' buffers hold, so that the transfer lasts until the client reads.
    const LENGTH: usize = 64 << 20;
    server.write("big", &vec![1; LENGTH]);
    let mut busy = server.login();
    let mut data = busy.data();
    busy.send("RETR big");
    busy.expect(150);
    // Three sessions, one after the other, reach the idle timeout.
    for _ in 0..3 {
        let mut idle = server.login();
        idle.expect(421);
        assert!(idle.is_closed());
    }
    assert!(busy.is_silent(), "neither a 226 nor a 421");
    let mut bytes = Vec::new();
    data.read_to_end(&mut bytes).expect("the file");
    assert_eq!(bytes.len(), LENGTH);
    drop(data);
    busy.expect(226);
    assert_eq!(
        busy.code("NOOP"),
        200,
        "its idle time begins at the end of the transfer"
    );
    busy.expect(421);
}

#[test]
fn g07_one_address_cannot_fill_the_server() {
    let server = Server::with(&["--max-sessions-per-ip", "5"]);
    let greedy = client_address(2);
    let _held: Vec<Client> = (0..5).map(|_| Client::connect_from(server.address, greedy)).collect();
    for _ in 0..50 {
        let mut refused = Client::connect_silently(server.address, Some(greedy));
        assert_eq!(refused.reply().text(), "421 Too many connections");
        assert!(refused.is_closed());
    }
    Client::connect_from(server.address, client_address(3)).login();
}

#[test]
fn clients_beyond_max_sessions_are_refused() {
    let server = Server::with(&["--max-sessions", "3"]);
    let mut held: Vec<Client> = (0..3).map(|_| server.login()).collect();
    assert_eq!(Client::connect_silently(server.address, None).reply().code, 421);
    assert_eq!(held[0].code("QUIT"), 221);
    assert!(held[0].is_closed());
    wait_until("there is room again", || {
        Client::connect_silently(server.address, None).reply().code == 220
    });
}

#[test]
fn g08_an_idle_session_takes_little_memory() {
    let server = Server::start();
    // A warm-up, so that only the sessions themselves are measured.
    drop((0..100).map(|_| server.login()).collect::<Vec<_>>());
    let before = server.memory();
    let clients: Vec<Client> = (0..2_000).map(|_| server.login()).collect();
    let each = (server.memory().saturating_sub(before)) * 1024 / 2_000;
    assert!(each <= 1024, "{each} bytes a session");
    let ticks = server.cpu_ticks();
    std::thread::sleep(Duration::from_millis(500));
    assert!(server.cpu_ticks() - ticks <= 2, "idle sessions cost no time");
    drop(clients);
}

/// Commands that use the disk share one budget a turn for all clients: a NOOP waits for one turn at most.
#[test]
fn g16_commands_that_use_the_disk_share_a_turn() {
    // The verb, and how many of it a turn holds: see the table of costs.
    for (verb, argument, per_turn) in [
        ("MKD", "new", 16),
        ("RMD", "old", 16),
        ("MLST", "", 64),
        ("CWD", "/", 64),
    ] {
        let server = Setup::new().writable().arguments(&["--trace"]).start();
        let mut clients: Vec<Client> = (0..30).map(|_| server.login()).collect();
        let mut other = server.login();
        // All of them send while the server is stopped.
        server.signal(rustix::process::Signal::STOP);
        for (number, client) in clients.iter_mut().enumerate() {
            for line in 0..20 {
                let name = if argument == "new" {
                    format!("{number}-{line}")
                } else {
                    argument.to_owned()
                };
                client.send(&format!("{verb} {name}"));
            }
        }
        other.send("NOOP");
        server.signal(rustix::process::Signal::CONT);
        other.expect(200);
        for client in &mut clients {
            for _ in 0..20 {
                client.reply();
            }
        }
        let trace = server.stop();
        let said = format!("says {verb}");
        let turns = trace.split("\nturn ").map(|turn| turn.matches(&said).count());
        let most = turns.max().unwrap_or_default();
        assert!((1..=per_turn + 1).contains(&most), "{most} {verb} in a turn");
    }
}

/// Clients with a transfer that they do not read, and the code of each reply.
fn stalled(server: &Server, count: usize, before: &[&str], command: &str) -> Vec<(u16, Client, Stream)> {
    let begin = |_| {
        let mut client = server.login();
        for line in before {
            assert_eq!(client.code(line), 200, "{line}");
        }
        let data = client.data();
        let code = client.code(command);
        if code >= 400 {
            // Its port is free for others.
            assert_eq!(client.code("ABOR"), 226);
        }
        (code, client, data)
    };
    (0..count).map(begin).collect()
}

/// The memory of a stalled transfer goes back to the system, instead of leaving holes in the heap.
#[test]
fn g08_memory_of_a_thousand_stalled_transfers_is_released() {
    let server = Server::start();
    let noise = noise(1, 8 << 20);
    server.write("noise", &noise);
    let directory = server.make_directory("many");
    for number in 0..5_000 {
        fs::File::create(directory.join(format!("entry-{number:0200}"))).expect("a file");
    }
    let baseline = server.descriptors();
    drop((0..1_000).map(|_| server.login()).collect::<Vec<_>>());
    server.wait_for_descriptors(baseline);
    let before = server.memory();
    for (settings, command) in [
        (&["TYPE A"][..], "RETR noise"),
        (&[], "LIST many"),
        (&["MODE Z"], "LIST many"),
    ] {
        let clients = stalled(&server, 1_000, settings, command);
        assert!(clients.iter().filter(|(code, ..)| *code == 150).count() >= 64);
        drop(clients);
        server.wait_for_descriptors(baseline);
        let grown = server.memory().saturating_sub(before);
        assert!(grown < 10 * 1024, "{grown} KiB after {settings:?} {command}");
    }
}

#[test]
fn g08_stalled_mode_z_transfers_take_little_memory_and_are_bounded() {
    const PLACES: usize = 64;
    let server = Setup::new().writable().start();
    server.write("noise", &noise(1, 16 << 20));
    let baseline = server.descriptors();
    drop(stalled(&server, PLACES, &[], "RETR noise"));
    server.wait_for_descriptors(baseline);
    for (settings, command) in [
        (&["MODE Z"][..], "RETR noise"),
        (&["MODE Z", "TYPE A"], "RETR noise"),
        (&["MODE Z", "TYPE A"], "STOU"),
    ] {
        let before = server.memory();
        let mut clients = stalled(&server, PLACES + 10, settings, command);
        let codes: Vec<u16> = clients.iter().map(|(code, ..)| *code).collect();
        assert_eq!(codes[..PLACES], [150; PLACES], "{command}");
        assert_eq!(codes[PLACES..], [450; 10], "{command}");
        let each = server.memory().saturating_sub(before) / PLACES as u64;
        assert!(each <= 96, "{each} KiB each in {settings:?} {command}");
        // The refusal says what to do, and there is room again when a transfer has ended.
        let (_, refused, _) = clients.last_mut().expect("some");
        assert_eq!(refused.code("MODE S"), 200);
        assert_eq!(refused.fetch("NLST nothing-*"), b"");
        drop(clients);
        server.wait_for_descriptors(baseline);
        server.wait_for_no_hidden_file();
        let mut client = server.login();
        assert_eq!(client.code("MODE Z"), 200);
        assert!(!client.fetch("NLST").is_empty());
    }
}

#[test]
fn g09_a_directory_of_many_entries_is_streamed() {
    let server = Server::start();
    let many = 50_000;
    let directory = server.directory().join("many");
    fs::create_dir(&directory).expect("a directory");
    for number in 0..many {
        fs::File::create(directory.join(format!("entry-{number:06}"))).expect("a file");
    }
    harness::tree::allow_reading(&directory);
    let mut client = server.login();
    let mut witness = server.login();
    let before = server.memory();
    for verb in ["LIST many", "NLST many", "MLSD many"] {
        let mut data = client.data();
        client.send(verb);
        client.expect(150);
        let mut first = [0; 1_000];
        data.read_exact(&mut first).expect("the first lines");
        assert_eq!(witness.code("NOOP"), 200, "{verb}: others are served meanwhile");
        let mut rest = Vec::new();
        data.read_to_end(&mut rest).expect("the rest");
        client.expect(226);
        let lines = first.iter().chain(&rest).filter(|byte| **byte == b'\n').count();
        assert_eq!(lines, many, "{verb}");
    }
    let status = client.command("STAT many");
    assert_eq!(status.lines.len(), 10_002, "on the control connection it has an end");
    assert!(status.text().ends_with("use LIST"), "b16");
    assert!(server.memory() < before + 8 * 1024);
}

/// A server whose standard error is redirected by the shell.
fn with_log_into(shell: &str) -> Server {
    Setup::new()
        .arguments(&["--log-level", "debug"])
        .under(&["sh", "-c", shell, "sh"])
        .start()
}

#[test]
fn g14_a_log_on_a_full_disk_blocks_nothing_and_lost_lines_are_counted() {
    // Every write to it fails with ENOSPC.
    let mut server = with_log_into("exec \"$@\" 2>/dev/full");
    for _ in 0..500 {
        assert_eq!(server.connect().code("QUIT"), 221);
    }
    server.signal(rustix::process::Signal::TERM);
    assert!(server.wait().success());
    let count = || -> Option<u64> {
        server
            .stdout()
            .lines()
            .last()?
            .strip_prefix("log lines dropped: ")?
            .parse()
            .ok()
    };
    wait_until("the lost lines are counted", || {
        count().is_some_and(|count| count >= 500)
    });
}

#[test]
fn g14_a_log_without_a_reader_blocks_nothing() {
    for reader in ["sleep 1000", "true"] {
        let shell = format!("exec 3>&1; \"$@\" 2>&1 >&3 3>&- | {{ exec 3>&-; {reader}; }}");
        let mut server = with_log_into(&shell);
        server.is_unchecked = true;
        // Names that are four times as long in the log: a line must not be longer than a pipe.
        let name = vec![0xf0; 250];
        let mut path = server.directory().to_path_buf();
        for _ in 0..14 {
            path.push(OsStr::from_bytes(&name));
        }
        fs::create_dir_all(&path).expect("directories");
        fs::write(path.join("file"), b"x").expect("a file");
        let mut client = server.login();
        for _ in 0..14 {
            client.send_bytes(&[b"CWD ", name.as_slice(), b"\r\n"].concat());
            client.expect(250);
        }
        for _ in 0..50 {
            assert_eq!(client.fetch("RETR file"), b"x", "{reader}");
        }
        for _ in 0..1_000 {
            assert_eq!(server.connect().code("QUIT"), 221, "{reader}");
        }
        end_whole_tree(&server);
    }
}

#[test]
fn g18_a_client_that_reads_no_replies_is_disconnected() {
    let server = Server::with(&["--stall-timeout", "500ms"]);
    server.write("d/file", b"");
    for number in 0..200 {
        server.write(&format!("d/{number:0200}"), b"");
    }
    let before = server.memory();
    let baseline = server.descriptors();
    let mut client = server.login();
    let mut writer = client.stream.try_clone().expect("a second handle");
    let _ = writer.set_write_timeout(Some(Duration::from_secs(5)));
    // Writing fails once the server has closed.
    let start = Instant::now();
    while writer.write_all(b"STAT d\r\n").is_ok() && start.elapsed() < harness::PATIENCE {}
    server.wait_for_descriptors(baseline);
    assert!(server.memory() < before + 8 * 1024);
    drop(client.reply_or_end());
}

/// Ends processes that a shell has started for a test, by process id.
fn end_whole_tree(server: &Server) {
    for child in children_of(server.started_pid()) {
        let pid = rustix::process::Pid::from_raw(child.cast_signed()).expect("not 0");
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
    }
}
