//! Micro-benchmarks of the work that the loop does between system calls.
//!
//!     cargo bench                    # all
//!     cargo bench -- 'LIST line'     # one
//!
//! Each measures one step as in the loop, with reused buffers, without sockets and files.

#![expect(clippy::expect_used, reason = "a benchmark that cannot be set up ends")]

use criterion::{Criterion, criterion_group, criterion_main};
use loopftpd::accounts::Rights;
use loopftpd::ftp::command::CommandLine;
use loopftpd::ftp::line::LineReader;
use loopftpd::ftp::listing::{Attributes, EntryKind, Facts, write_list_line, write_mlsd_line};
use loopftpd::ftp::path::VirtualPath;
use loopftpd::ftp::reply::{self, Reply};
use loopftpd::ftp::timestamp::Timestamp;
use loopftpd::ports::passive_ring::PassiveRing;
use loopftpd::random::Random;
use loopftpd::reactor::deadlines::{Deadline, Deadlines};
use loopftpd::reactor::slots::Slots;
use loopftpd::reactor::token::SlotId;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

/// The longest command line that sessions accept.
const LINE_LIMIT: usize = 4096;
/// Sessions besides the measured one.
const OTHERS: usize = 10_000;
/// Passive ports, the default number of the server.
const PORTS: u16 = 256;

fn control(criterion: &mut Criterion) {
    let mut reader = LineReader::default();
    criterion.bench_function("line reader: one command", |bencher| {
        bencher.iter(|| {
            reader.feed(black_box(b"RETR directory/file.tar.gz\r\n"));
            black_box(reader.peek_line(LINE_LIMIT))
                .is_some()
                .then(|| reader.skip_line())
        });
    });
    let pipelined = b"NOOP\r\n".repeat(100);
    criterion.bench_function("line reader: 100 pipelined commands", |bencher| {
        bencher.iter(|| {
            reader.feed(black_box(&pipelined));
            while let Some(line) = reader.peek_line(LINE_LIMIT) {
                black_box(line).expect("no line is too long");
                reader.skip_line();
            }
        });
    });

    for line in ["NOOP", "PASV", "LIST -la directory", "RETR directory/file.tar.gz"] {
        criterion.bench_function(&format!("command parser: {line}"), |bencher| {
            bencher.iter(|| CommandLine::parse(black_box(line.as_bytes())));
        });
    }

    let mut out = Vec::with_capacity(1024);
    criterion.bench_function("reply: fixed text", |bencher| {
        bencher.iter(|| {
            out.clear();
            black_box(&reply::NOOP_OK).write_to(&mut out);
        });
    });
    let address = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 30_123);
    criterion.bench_function("reply: 227 with address and port", |bencher| {
        bencher.iter(|| {
            out.clear();
            Reply::passive(black_box(address)).write_to(&mut out);
        });
    });
    let path = VirtualPath::ROOT.join(b"/directory/below").expect("a path");
    criterion.bench_function("reply: 257 with a path", |bencher| {
        bencher.iter(|| {
            out.clear();
            Reply::working_directory(black_box(&path)).write_to(&mut out);
        });
    });
}

fn listings(criterion: &mut Criterion) {
    let now = Timestamp::from_unix(1_790_000_000);
    let entry = Attributes {
        kind: EntryKind::File,
        mode: 0o644,
        links: 1,
        size: 123_456_789,
        modified: Timestamp::from_unix(1_780_000_000),
        device: 2049,
        inode: 7_654_321,
        readable: true,
    };
    let permissions = Rights::READ_ONLY.permissions();
    let mut out = Vec::with_capacity(1024);
    criterion.bench_function("LIST line", |bencher| {
        bencher.iter(|| {
            out.clear();
            write_list_line(&mut out, black_box(&entry), black_box(b"file.tar.gz"), None, now);
        });
    });
    criterion.bench_function("MLSD line", |bencher| {
        bencher.iter(|| {
            out.clear();
            write_mlsd_line(
                &mut out,
                Facts::all(),
                &permissions,
                black_box(&entry),
                black_box(b"file.tar.gz"),
            );
        });
    });
}

fn bookkeeping(criterion: &mut Criterion) {
    let mut slots = Slots::default();
    let names: Vec<SlotId> = (0..OTHERS).map(|number| slots.insert_with(|_| number)).collect();
    let mut turn = names.iter().cycle();
    criterion.bench_function("slot lookup among 10,000", |bencher| {
        bencher.iter(|| {
            let slot = turn.next().expect("there are slots");
            slots.get_mut(black_box(*slot)).map(|number| *number)
        });
    });

    let start = Instant::now();
    let patience = Duration::from_secs(300);
    let mut deadlines = Deadlines::default();
    let mut waiting = Slots::default();
    for _ in 0..OTHERS {
        let slot = waiting.insert_with(|_| Deadline::new(start));
        let deadline = waiting.get_mut(slot).expect("it was just put in");
        deadlines.arm(slot, deadline, start + patience);
    }
    let some_slot = waiting.insert_with(|_| Deadline::new(start));
    let mut due = start + patience;
    criterion.bench_function("deadline moved later among 10,000", |bencher| {
        let deadline = waiting.get_mut(some_slot).expect("it was put in");
        bencher.iter(|| {
            due += Duration::from_micros(1);
            deadlines.arm(black_box(some_slot), deadline, due);
        });
    });
    // Its entry would come up before it is due.
    deadlines.cancel(some_slot, waiting.get_mut(some_slot).expect("it was put in"));
    criterion.bench_function("deadline comes up and is put back among 10,000", |bencher| {
        bencher.iter(|| {
            let now = deadlines.next().expect("there are deadlines");
            let slot = deadlines
                .pop_due(&mut waiting, |deadline| deadline, now)
                .expect("it is due");
            let deadline = waiting.get_mut(slot).expect("none was removed");
            deadlines.arm(slot, deadline, now + patience);
        });
    });
}

fn ring(criterion: &mut Criterion) {
    let session = Slots::default().insert_with(|_| ());
    let mut random = Random::from_kernel().expect("kernel randomness");
    let mut ring = PassiveRing::default();
    (0..PORTS).for_each(|port| ring.add(port));
    let alone = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    criterion.bench_function("ring: draw, announce, arrive, claim", |bencher| {
        bencher.iter(|| cycle(&mut ring, black_box(alone), session, &mut random));
    });
    for peer in 0..40 {
        let peer = IpAddr::V4(Ipv4Addr::new(198, 51, 100, peer));
        for port in 0..PORTS - 6 {
            ring.announce(port, peer, session);
        }
    }
    let crowded = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7));
    criterion.bench_function(
        "ring: the same with 10,000 entries pending, 250 of 256 for this peer",
        |bencher| {
            bencher.iter(|| cycle(&mut ring, black_box(crowded), session, &mut random));
        },
    );
}

fn cycle(ring: &mut PassiveRing<()>, peer: IpAddr, session: SlotId, random: &mut Random) -> Option<()> {
    let port = ring.draw(peer, random)?;
    ring.announce(port, peer, session);
    ring.arrive(port, peer, ());
    ring.claim(port, peer, session)
}

criterion_group!(micro, control, listings, bookkeeping, ring);
criterion_main!(micro);
