//! Thousands of sessions and aborts leak no descriptor and no memory (threats G).

use harness::crowd::hold_sessions;
use harness::own_process::{in_own_process, raise_descriptor_limit};
use harness::{Client, Server};
use std::time::Duration;

#[test]
fn g19_a_storm_of_resets_leaks_nothing() {
    let server = Server::start();
    let baseline = server.descriptors();
    let mut witness = server.login();
    for round in 0..3_000 {
        let client = Client::connect_silently(server.address, None);
        socket2::SockRef::from(&client.stream)
            .set_linger(Some(Duration::ZERO))
            .expect("an option");
        drop(client);
        if round % 300 == 0 {
            assert_eq!(witness.code("NOOP"), 200);
        }
    }
    drop(witness);
    server.wait_for_descriptors(baseline);
}

#[test]
fn thousands_of_sessions_and_aborts_leak_nothing() {
    leak_check(3_000);
}

#[test]
#[ignore = "minutes; LEAK_SESSIONS sets how many: cargo test --release -- --ignored a_hundred_thousand"]
fn a_hundred_thousand_sessions_and_aborts_leak_nothing() {
    leak_check(std::env::var("LEAK_SESSIONS").map_or(100_000, |value| value.parse().expect("a number")));
}

fn leak_check(sessions: usize) {
    let server = Server::start();
    server.write("big", &vec![1; 4 << 20]);
    let baseline = server.descriptors();
    let mut memory = 0;
    for session in 0..sessions {
        let mut client = server.login();
        match session % 4 {
            0 => assert_eq!(client.code("QUIT"), 221),
            1 => {
                let _data = client.data();
            }
            2 => {
                let _data = client.data();
                client.send("RETR big");
                client.expect(150);
                client.send("ABOR");
                client.expect(426);
                client.expect(226);
            }
            _ => {
                client.passive();
            }
        }
        if session == sessions / 2 {
            memory = server.memory();
        }
    }
    server.wait_for_descriptors(baseline);
    assert_eq!(server.threads(), 1, "one loop, one thread");
    let grown = server.memory().saturating_sub(memory);
    println!("{sessions} sessions, {baseline} descriptors before and after, {grown} KiB more in the second half");
    assert!(grown <= 128, "{grown} KiB more after {} sessions", sessions / 2);
}

/// As many sessions as a byte and FD_SETSIZE count; `external::descriptors` has the default of `--max-sessions`.
#[test]
fn g01_three_hundred_and_1_024_sessions_work_and_leak_no_descriptor() {
    in_own_process(
        concat!(
            module_path!(),
            "::g01_three_hundred_and_1_024_sessions_work_and_leak_no_descriptor"
        ),
        || {
            raise_descriptor_limit();
            hold_sessions(300);
            hold_sessions(1_024);
        },
    );
}
