//! The grid of hostile lines (`tests/grid`) against a real server. `GRID_TCP_CASES` sets how many cases the long test
//! sends, spread over all of it.

use crate::grid::canary::reveals;
use crate::grid::{COMMANDS, Case, PHASES, lengths, spread};
use crate::guarded_server::GuardedServer;
use harness::client::{Client, Reply, connect};
use harness::server::Setup;
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::Instant;

/// The served files are made anew after so many cases.
const CASES_PER_TREE: u64 = 500;

/// A server, and a listener for active connections.
struct Target {
    guarded: GuardedServer,
    active_port: u16,
}

impl Target {
    fn new() -> Self {
        let guarded = GuardedServer::start(Setup::new());
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("a port");
        let active_port = listener.local_addr().expect("bound").port();
        std::thread::spawn(move || {
            listener
                .incoming()
                .flatten()
                .for_each(|data| finish(data, &mut Vec::new()))
        });
        Self { guarded, active_port }
    }

    /// A client in a phase. Clients come from many addresses, so that ports do not run out.
    fn client_in(&self, phase: usize, number: u64) -> (Client, IpAddr, Option<u16>) {
        let own = Ipv4Addr::new(127, 1, (number / 200 % 200) as u8, (number % 200) as u8 + 1);
        let mut client = Client::connect_from(self.guarded.server.address, own.into());
        let mut port = None;
        for (line, code) in PHASES[phase].1 {
            let [a, b, c, d] = own.octets();
            let [high, low] = self.active_port.to_be_bytes();
            let reply = client.command(&line.replace(" P", &format!(" {a},{b},{c},{d},{high},{low}")));
            assert_eq!(reply.code, *code, "{line}: {reply:?}");
            port = passive_port(&reply).or(port);
        }
        (client, own.into(), port)
    }
}

/// The client's side of any transfer: nothing is sent, and everything is read.
fn finish(mut data: TcpStream, bytes: &mut Vec<u8>) {
    let _ = data.shutdown(Shutdown::Write);
    let _ = data.read_to_end(bytes);
}

/// The port of a 227 or 229.
fn passive_port(reply: &Reply) -> Option<u16> {
    let text = reply.text();
    let numbers: Vec<u16> = text
        .split(|letter: char| !letter.is_ascii_digit())
        .filter_map(|word| word.parse().ok())
        .collect();
    match (reply.code, &numbers[..]) {
        (227, [.., high, low]) => Some(high * 256 + low),
        (229, [.., port]) => Some(*port),
        _ => None,
    }
}

/// Every reply that harmless lines get before login.
fn replies_before_login(target: &Target) -> BTreeSet<String> {
    let mut known = BTreeSet::new();
    for phase in 0..2 {
        for command in COMMANDS {
            for argument in ["", " ", " x", " \0", " ON", " Z LEVEL 0"] {
                let (mut client, ..) = target.client_in(phase, 0);
                client.send(&format!("{command}{argument}"));
                known.insert(client.reply().text());
            }
        }
    }
    for flood in [b"\r\n".repeat(20), [&[b'a'; 2000][..], b"\r\n"].concat()] {
        let (mut client, ..) = target.client_in(0, 0);
        client.send_bytes(&flood);
        known.insert(client.reply().text());
    }
    known
}

fn run_case(target: &Target, case: &Case, known: &BTreeSet<String>) -> Result<(), String> {
    if PHASES[case.phase].0 == "after RNFR" && target.guarded.server.content("b.bin").is_none() {
        target.guarded.make_files();
    }
    let (mut client, own, mut port) = target.client_in(case.phase, case.number);
    // The server may close before it has read everything.
    let _ = client.stream.write_all(&case.bytes());
    let mut codes = Vec::new();
    let mut sent = Vec::new();
    let mut is_closed = false;
    // The transfer that the phase has begun.
    let mut is_waiting = case.phase == PHASES.len() - 1;
    while codes.len() < case.replies() {
        if std::mem::take(&mut is_waiting)
            && let Some(port) = port
        {
            let address = SocketAddr::new(target.guarded.server.address.ip(), port);
            finish(connect(address, Some(own)), &mut sent);
        }
        let Some(reply) = client.reply_or_end() else {
            is_closed = true;
            break;
        };
        port = passive_port(&reply).or(port);
        // An active connection is finished by the listener.
        is_waiting = reply.code == 150 && PHASES[case.phase].0 != "armed with PORT";
        if reply.code >= 200 {
            codes.push(reply.code);
        }
        if case.is_before_login() && !known.contains(&reply.text()) && !codes.contains(&230) {
            return Err(format!("before login: {:?}", reply.text()));
        }
        sent.extend_from_slice(reply.text().as_bytes());
    }
    if !is_closed {
        let _ = client.stream.write_all(b"NOOP\r\n");
        match client.reply_or_end() {
            Some(reply) if reply.text() == "200 NOOP ok" => {}
            // The last line was one bad line too many, or ended the session with its own reply.
            Some(reply) if reply.code == 421 => (is_closed, codes) = (true, [codes, vec![421]].concat()),
            None => is_closed = true,
            Some(reply) => return Err(format!("an additional {reply:?}")),
        }
    }
    if reveals(&sent) {
        return Err("the secret is sent".to_owned());
    }
    case.judge(&codes, is_closed)
}

fn run_grid(cases: impl Iterator<Item = Case>) {
    let target = Target::new();
    let baseline = target.guarded.server.descriptors();
    let known = replies_before_login(&target);
    let mut wrong = 0;
    for (index, case) in (0_u64..).zip(cases) {
        if index.is_multiple_of(CASES_PER_TREE) {
            target.guarded.make_files();
        }
        let result = run_case(&target, &case, &known).and_then(|()| target.guarded.canary.look());
        if let Err(what) = result {
            let shown: String = String::from_utf8_lossy(&case.bytes()).chars().take(120).collect();
            let phase = PHASES[case.phase].0;
            let number = case.number;
            eprintln!("case {number}: {shown:?} ({} bytes) {phase}: {what}", case.length);
            wrong += 1;
            assert!(wrong < 20, "too many wrong answers");
        }
    }
    assert_eq!(wrong, 0, "cases that are answered wrongly");
    target.guarded.server.wait_for_descriptors(baseline);
    target.guarded.assert_secret_is_whole();
}

#[test]
fn a12_hostile_lines_over_tcp_are_answered_once_and_reach_nothing_outside() {
    let lengths = lengths();
    run_grid(spread(3, 500).map(|number| Case::numbered(number, &lengths)));
}

#[test]
#[ignore = "a hundred thousand cases over TCP take minutes; GRID_TCP_CASES sets how many"]
fn a12_a_hundred_thousand_hostile_lines_over_tcp_reach_nothing_outside() {
    let count = std::env::var("GRID_TCP_CASES").map_or(100_000, |value| value.parse().expect("a number"));
    let begun = Instant::now();
    let lengths = lengths();
    // Every string uncut, and others than the short test sends.
    let uncut = Case::uncut(3);
    let others = spread(1_000_000, count).map(|number| Case::numbered(number, &lengths));
    run_grid(uncut.chain(others).take(count as usize));
    eprintln!("{count} cases over TCP in {:.0?}", begun.elapsed());
}
