//! What happens when descriptors run out (threats G02–G04, G06).

use harness::crowd::{hold_sessions, persistent_login, slow_logins};
use harness::faulty::Faulty;
use harness::own_process::{in_own_process, raise_descriptor_limit};
use harness::server::Setup;
use harness::{Client, trials, wait_until};
use libtest_mimic::Trial;
use std::io::Read;
use std::time::{Duration, Instant};

pub fn trials() -> Vec<Trial> {
    trials! {
        "descriptors=10300":
            g01_ten_thousand_sessions_work_and_leave_no_descriptor;
        "prlimit":
            g02_at_the_descriptor_limit_clients_get_421_and_service_resumes,
            g06_slow_logins_give_way_where_descriptors_are_few,
            g03_sessions_survive_when_descriptors_run_out;
        "strace":
            g04_the_loop_sleeps_while_every_accept_fails,
            g04_clients_in_the_queue_are_served_once_accept_succeeds_again;
    }
}

/// The default of `--max-sessions`.
fn g01_ten_thousand_sessions_work_and_leave_no_descriptor() {
    in_own_process(
        concat!(
            module_path!(),
            "::g01_ten_thousand_sessions_work_and_leave_no_descriptor"
        ),
        || {
            raise_descriptor_limit();
            hold_sessions(10_000);
        },
    );
}

fn g02_at_the_descriptor_limit_clients_get_421_and_service_resumes() {
    let server = Setup::new().nofile(64).ports(4).start();
    let mut held: Vec<Client> = Vec::new();
    let mut refused = 0;
    for _ in 0..200 {
        let mut client = Client::connect_silently(server.address, None);
        match client.reply().code {
            // A client that does not log in is evicted for another one after a while.
            220 => {
                client.login();
                held.push(client);
            }
            421 => refused += 1,
            other => panic!("{other}"),
        }
    }
    assert!(
        refused > 100 && held.len() > 10,
        "{refused} refused, {} held",
        held.len()
    );
    let held_at_most = held.len();
    // The processor stays idle while clients are held and refused.
    let before = server.cpu_ticks();
    std::thread::sleep(Duration::from_millis(500));
    let ticks = server.cpu_ticks() - before;
    assert!(ticks <= 5, "spinning");
    // Existing sessions can still work: the last descriptors were reserved for them.
    assert_eq!(held[0].fetch("LIST"), b"");
    held.truncate(1);
    let freed = Instant::now();
    wait_until("a client is served again", || {
        Client::connect_silently(server.address, None).reply().code == 220
    });
    println!(
        "{} sessions held, {refused} refused, {ticks} ticks of CPU time in 0.5 s, served again after {:?}",
        held_at_most,
        freed.elapsed()
    );
}

const OUT_OF_DESCRIPTORS: [&str; 4] = ["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"];
/// Refused by a security module, and an error that `accept4` should not have: not only for one connection.
const UNEXPECTED: [&str; 2] = ["EPERM", "EINVAL"];

fn g04_the_loop_sleeps_while_every_accept_fails() {
    // After an unexpected error the queue is tried to the end of the turn, ten times a second.
    let expected = OUT_OF_DESCRIPTORS.map(|error| (error, 50)).into_iter();
    for (error, calls_max) in expected.chain(UNEXPECTED.map(|error| (error, 1_000))) {
        let faulty = Faulty::start("accept4", &format!("error={error}:when=1+"));
        let server = &faulty.server;
        let _waiting: Vec<_> = (0..3).map(|_| Client::connect_silently(server.address, None)).collect();
        faulty.assert_it_happened(error);
        let (ticks, calls) = (server.cpu_ticks(), faulty.calls().lines().count());
        std::thread::sleep(Duration::from_secs(1));
        let (ticks, calls) = (server.cpu_ticks() - ticks, faulty.calls().lines().count() - calls);
        assert!(
            calls < calls_max,
            "{error}: accept was called {calls} times in a second"
        );
        assert!(ticks < 20, "{error}: {ticks} ticks of CPU time in a second");
    }
}

fn g04_clients_in_the_queue_are_served_once_accept_succeeds_again() {
    for error in OUT_OF_DESCRIPTORS {
        let faulty = Faulty::start("accept4", &format!("error={error}:when=1..6"));
        // The first accepts fail; the client stays in the queue and is served without connecting again.
        let mut client = Client::connect_silently(faulty.server.address, None);
        let first = client.reply().code;
        assert!(first == 220 || first == 421, "{error}: {first}");
        faulty.assert_it_happened(error);
        assert_eq!(faulty.server.login().code("NOOP"), 200, "{error}");
    }
}

fn g06_slow_logins_give_way_where_descriptors_are_few() {
    for descriptors in [64, 128] {
        let server = Setup::new().nofile(descriptors).ports(4).start();
        let slow = slow_logins(&server, 200);
        assert!(!slow.is_empty());
        assert_eq!(
            persistent_login(&server).fetch("LIST"),
            b"",
            "{descriptors} descriptors"
        );
    }
}

fn g03_sessions_survive_when_descriptors_run_out() {
    let server = Setup::new().nofile(64).ports(10).start();
    server.write("big", &vec![1; 16 << 20]);
    let mut clients: Vec<Client> = Vec::new();
    loop {
        let mut client = Client::connect_silently(server.address, None);
        if client.reply().code != 220 {
            break;
        }
        client.login();
        clients.push(client);
    }
    // Each needs a data connection and a file at once; there are not enough descriptors for all.
    let mut served = Vec::new();
    let mut refused = 0;
    for client in &mut clients {
        let data = client.data();
        match client.code("RETR big") {
            150 => served.push((client, data)),
            425 | 450 => refused += 1,
            other => panic!("{other}"),
        }
    }
    assert!(
        refused > 0 && !served.is_empty(),
        "{refused} refused, {} served",
        served.len()
    );
    for (client, mut data) in served {
        let mut bytes = Vec::new();
        // A connection that could not be kept is closed, and the transfer says so.
        data.read_to_end(&mut bytes).expect("an orderly end");
        match client.reply().code {
            226 => assert_eq!(bytes.len(), 16 << 20),
            425 => assert_eq!(bytes.len(), 0),
            other => panic!("{other}"),
        }
    }
    for client in &mut clients {
        assert_eq!(client.fetch("RETR big").len(), 16 << 20, "the usual size again");
    }
}
