//! Caps, floods and timeouts: what many clients, or clients that do nothing, may take (threats G).

mod harness;

use harness::server::{Setup, children_of, client_address};
use harness::{Client, Server, has_program, wait_until};
use std::fs;
use std::io::{Read, Write};
use std::time::{Duration, Instant};

#[test]
fn g01_a_thousand_sessions_at_once_and_none_left_behind() {
    let server = Server::start();
    let baseline = server.descriptors();
    let mut clients: Vec<Client> = (0..1_024).map(|_| server.login()).collect();
    for client in &mut clients {
        assert_eq!(client.code("NOOP"), 200);
    }
    assert_eq!(server.descriptors(), baseline + 1_024);
    drop(clients);
    server.wait_for_descriptors(baseline);
}

#[test]
fn g02_at_the_descriptor_cap_clients_are_told_and_service_resumes() {
    if !has_program("prlimit") {
        return;
    }
    let server = Setup::new().nofile(64).ports(4).start();
    let mut held: Vec<Client> = Vec::new();
    let mut refused = 0;
    for _ in 0..200 {
        let mut client = Client::connect_silently(server.address, None);
        match client.reply().code {
            220 => held.push(client),
            421 => refused += 1,
            other => panic!("{other}"),
        }
    }
    assert!(
        refused > 100 && held.len() > 10,
        "{refused} refused, {} held",
        held.len()
    );
    // Nothing to do, so nothing is done: the processor stays idle while clients are held and refused.
    let before = server.cpu_ticks();
    std::thread::sleep(Duration::from_millis(500));
    assert!(server.cpu_ticks() - before <= 5, "spinning");
    // Those who are in can still work: the last descriptors were kept for them.
    held[0].login();
    assert_eq!(held[0].fetch("LIST"), b"");
    held.truncate(1);
    wait_until("somebody is served again", || {
        Client::connect_silently(server.address, None).reply().code == 220
    });
}

#[test]
fn g02_g04_when_the_kernel_itself_has_no_descriptor_the_loop_does_not_spin() {
    if !has_program("strace") {
        return;
    }
    for error in ["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"] {
        let inject = format!("inject=accept4:error={error}:when=1..6");
        let server = Setup::new()
            .under(&["strace", "-f", "-qq", "-o", "/dev/null", "-e", &inject])
            .start();
        // The first accepts fail; the client waits in the queue and is served without knocking again.
        let mut client = Client::connect_silently(server.address, None);
        let first = client.reply().code;
        assert!(first == 220 || first == 421, "{error}: {first}");
        assert_eq!(server.login().code("NOOP"), 200, "{error}");
    }
}

#[test]
fn g06_slow_logins_give_way_and_real_ones_come_through() {
    let server = Server::with(&["--max-sessions", "200", "--login-timeout", "60s"]);
    let mut slow: Vec<Client> = (0..300)
        .map(|_| {
            let mut client = Client::connect_silently(server.address, None);
            client.send_bytes(b"U");
            client
        })
        .collect();
    let mut real = server.login();
    assert_eq!(real.code("NOOP"), 200);
    let mut evicted = 0;
    for client in slow.iter_mut().take(200) {
        client.expect(220);
        if client.reply_or_end().is_some_and(|reply| reply.code == 421) {
            evicted += 1;
        }
    }
    assert_eq!(evicted, 200, "the oldest give way");
}

#[test]
fn g06_a_login_that_never_ends_is_ended() {
    let server = Server::with(&["--login-timeout", "300ms"]);
    let mut client = server.connect();
    client.send_bytes(b"USER an");
    client.expect(421);
    assert!(client.is_closed());
}

#[test]
fn an_idle_session_is_ended_but_not_while_it_transfers() {
    let server = Server::with(&["--idle-timeout", "400ms"]);
    server.write("big", &vec![1; 8 << 20]);
    let mut busy = server.login();
    let mut data = busy.data();
    busy.send("RETR big");
    busy.expect(150);
    let mut idle = server.login();
    idle.expect(421);
    assert!(idle.is_closed());
    // The transfer has been waiting for its reader for longer than the idle timeout.
    let mut bytes = Vec::new();
    data.read_to_end(&mut bytes).expect("the file");
    assert_eq!(bytes.len(), 8 << 20);
    busy.expect(226);
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
fn max_sessions_is_a_cap() {
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
fn g08_idle_sessions_cost_next_to_nothing() {
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

#[test]
fn g14_a_log_that_nobody_reads_stops_nothing() {
    for full in [false, true] {
        let server = if full {
            // Every write to it fails with ENOSPC.
            let shell = "exec \"$@\" 2>/dev/full";
            Setup::new()
                .arguments(&["--log-level", "debug"])
                .under(&["sh", "-c", shell, "sh"])
                .start()
        } else {
            // A pipe whose reader sleeps: it fills up.
            let shell = "\"$@\" 2>&1 >&3 3>&- | { exec 3>&-; sleep 1000; }";
            Setup::new()
                .arguments(&["--log-level", "debug"])
                .under(&["sh", "-c", &format!("exec 3>&1; {shell}"), "sh"])
                .start()
        };
        let mut server = server;
        server.is_unchecked = true;
        for _ in 0..2_000 {
            let mut client = server.connect();
            assert_eq!(client.code("QUIT"), 221, "full: {full}");
        }
        end_whole_tree(&server);
    }
}

#[test]
fn g18_replies_that_nobody_reads_end_the_session() {
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

/// Ends what a shell has started for a test, by process id.
fn end_whole_tree(server: &Server) {
    for child in children_of(server.started_pid()) {
        let pid = rustix::process::Pid::from_raw(child.cast_signed()).expect("not 0");
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
    }
}
