//! Mutated conversations over TCP to a real server (threats A01–A15, B, D, G19).
//!
//! Clients on several threads send written conversations in which bytes, lines and their order are changed, in
//! arbitrary segments, and open, close and reset data connections at will. Every reply must have its form, nothing may
//! be revealed, and after each batch the server serves a new client and holds no descriptor more than before.
//!
//! `NETWORK_FUZZ_MESSAGES` sets how many messages the long test sends, `NETWORK_FUZZ_SEED` the seed of its first batch.
//! A failure prints the seed of its batch and of its session; what the clients send depends on it, the timing does not.

mod client;
mod messages;
mod oracle;

use crate::guarded_server::GuardedServer;
use harness::server::Setup;
use harness::tree;
use messages::Chance;
use oracle::Seen;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddrV4, TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// Clients at once.
const CLIENTS: u64 = 128;
/// After so many messages the server is examined and its files are made anew.
const MESSAGES_PER_BATCH: u64 = 100_000;

/// A server, and a listener for active connections.
struct Target {
    guarded: GuardedServer,
    active_port: u16,
    baseline: usize,
}

impl Target {
    fn new() -> Self {
        let setup = Setup::new()
            .ports(64)
            .arguments(&["--connect-timeout", "500ms", "--stall-timeout", "1s"])
            .arguments(&["--idle-timeout", "10s", "--log-level", "error"]);
        let guarded = GuardedServer::start(setup);
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("a port");
        let active_port = listener.local_addr().expect("bound").port();
        for kind in 0..4 {
            let listener = listener.try_clone().expect("a second handle");
            std::thread::spawn(move || {
                for data in listener.incoming().flatten() {
                    let _ = serve_active(data, kind);
                }
            });
        }
        make_big_file(&guarded);
        // The first upload opens the pipe that serves all of them.
        guarded.server.login().stores("STOR first", b"content");
        let baseline = guarded.server.descriptors();
        Self {
            guarded,
            active_port,
            baseline,
        }
    }

    /// What must be true between two batches.
    fn examine(&self) -> Result<(), String> {
        // Sessions that were reset may still be ending.
        self.guarded.server.wait_for_descriptors(self.baseline);
        let left = self.guarded.server.hidden_files();
        if !left.is_empty() {
            return Err(format!("temporary files are left: {left:?}"));
        }
        self.guarded.make_files();
        make_big_file(&self.guarded);
        let mut client = self.guarded.server.login();
        assert_eq!(client.fetch("RETR a.txt"), b"alpha\nbeta\n");
        client.stores("STOR new", b"content");
        assert_eq!(client.fetch("RETR new"), b"content");
        drop(client);
        self.guarded.server.wait_for_descriptors(self.baseline);
        if self.guarded.server.stderr().contains("panic") {
            return Err(self.guarded.server.stderr());
        }
        Ok(())
    }
}

/// The client's side of an active connection.
fn serve_active(mut data: TcpStream, kind: usize) -> std::io::Result<()> {
    data.set_read_timeout(Some(Duration::from_millis(200)))?;
    match kind {
        0 => harness::client::reset(data),
        1 => data.write_all(b"bytes of an active client")?,
        _ => {
            data.shutdown(Shutdown::Write)?;
            data.read_to_end(&mut Vec::new())?;
        }
    }
    Ok(())
}

/// More than a socket takes at once.
fn make_big_file(guarded: &GuardedServer) {
    guarded.server.write("big", &tree::noise(1, 100_000));
}

/// The sessions of one client in one batch: at least so many messages.
fn run_client(target: &Target, seed: u64, wanted: u64) -> Result<Seen, String> {
    let mut all = Seen::default();
    while all.messages < wanted {
        let number = seed + all.sessions;
        let mut chance = Chance::new(number);
        let own = Ipv4Addr::new(127, 1, chance.below(250) as u8, 1 + chance.below(250) as u8);
        let messages = messages::session(&mut chance, SocketAddrV4::new(own, target.active_port));
        let failed = |what: String| {
            let shown: Vec<_> = messages
                .iter()
                .map(|message| String::from_utf8_lossy(message))
                .collect();
            format!("session {number}: {what}; {shown:?}")
        };
        let seen = client::run(target.guarded.server.address, own.into(), &messages, &mut chance).map_err(&failed)?;
        if seen.has_secret {
            return Err(failed("the secret was sent".to_owned()));
        }
        if seen.unasked {
            return Err(failed(format!("replies that nobody asked for: {:?}", seen.replies)));
        }
        all.add(&seen);
    }
    Ok(all)
}

/// Sends about so many messages, batch by batch; the seed of each is one more than the one before.
fn fuzz(messages: u64, first_seed: u64) -> Seen {
    let target = Target::new();
    let mut all = Seen::default();
    let mut seed = first_seed;
    while all.messages < messages {
        let batch = MESSAGES_PER_BATCH.min(messages - all.messages);
        let results: Vec<Result<Seen, String>> = std::thread::scope(|scope| {
            let client = |number| {
                let target = &target;
                // Seeds of sessions of different clients and batches are far apart.
                let first = Chance::new(seed * CLIENTS + number).number() >> 1;
                scope.spawn(move || run_client(target, first, batch.div_ceil(CLIENTS)))
            };
            let clients: Vec<_> = (0..CLIENTS).map(client).collect();
            clients
                .into_iter()
                .map(|client| client.join().expect("no panic of a client"))
                .collect()
        });
        for result in results {
            match result.and_then(|seen| target.guarded.canary.look().map(|()| seen)) {
                Ok(seen) => all.add(&seen),
                Err(what) => panic!("NETWORK_FUZZ_SEED={seed}, after {} messages: {what}", all.messages),
            }
        }
        if let Err(what) = target.examine() {
            panic!(
                "NETWORK_FUZZ_SEED={seed}, {} messages, after the batch: {what}",
                all.messages
            );
        }
        seed += 1;
    }
    target.guarded.assert_secret_is_whole();
    // The server counts its panics when it ends.
    assert!(target.guarded.server.stop().contains("\npanics: 0\n"));
    all
}

fn report(seen: &Seen, begun: Instant, seed: u64) {
    println!(
        "{} messages and {} replies in {} sessions, {} MB of data, in {:.0?}, \
         NETWORK_FUZZ_SEED={seed}; replies by code: {:?}",
        seen.messages,
        seen.reply_count(),
        seen.sessions,
        seen.data_bytes / 1_000_000,
        begun.elapsed(),
        seen.replies,
    );
}

#[test]
fn a15_mutated_conversations_over_tcp_are_answered_in_form_and_harm_nothing() {
    let begun = Instant::now();
    let seen = fuzz(5_000, 1);
    report(&seen, begun, 1);
    for code in [150, 200, 226, 227, 229, 230, 250, 331, 350, 500, 501, 550] {
        assert!(seen.replies.contains_key(&code), "no {code} in {:?}", seen.replies);
    }
}

#[test]
#[ignore = "minutes; NETWORK_FUZZ_MESSAGES sets how many: cargo test --release -- --ignored ten_million"]
fn a15_ten_million_mutated_messages_over_tcp_are_answered_in_form_and_harm_nothing() {
    let number = |name, default| std::env::var(name).map_or(default, |value| value.parse().expect("a number"));
    let (messages, seed) = (
        number("NETWORK_FUZZ_MESSAGES", 10_000_000),
        number("NETWORK_FUZZ_SEED", 1),
    );
    let begun = Instant::now();
    report(&fuzz(messages, seed), begun, seed);
}
