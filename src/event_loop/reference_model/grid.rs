//! The grid of hostile lines (`tests/grid`) against the event loop, over simulated sockets.
//!
//! `GRID_CASES` sets how many cases the long test runs, spread over all of the grid; `GRID_FIRST` where it begins.

#[path = "../../../tests/grid/mod.rs"]
pub mod table;

use super::model::expected::{Seen, code_of};
use super::model::script::Action;
use super::model::{Access, Tally};
use super::world::{Client, World};
use super::{from_environment, model};
use crate::ftp::command::{TLS_VERBS, served_verbs};
use std::collections::HashSet;
use std::time::Instant;
use table::canary::reveals;
use table::{CASES, COMMANDS, Case, PHASES, STRINGS, lengths, spread};

/// Those that can change files, where the answer tells whether they did.
const CHANGING: [&str; 16] = [
    "APPE",
    "DELE",
    "MDTM",
    "MFF",
    "MFMT",
    "MKD",
    "RMD",
    "RNTO",
    "STOR",
    "STOU",
    "XMKD",
    "XRMD",
    "SITE",
    "SITE CHMOD",
    "SITE UTIME",
    "RNFR",
];

type Replies = HashSet<Vec<u8>>;

/// Every reply that harmless lines get before login.
fn replies_before_login(world: &mut World) -> Replies {
    let mut replies = Replies::new();
    for (_, phase) in &PHASES[..2] {
        for command in COMMANDS {
            for argument in ["", " ", " x", " \0", " ON", " Z LEVEL 0"] {
                let mut client = world.connect([10, 0, 0, 1], 1);
                client.greeting().expect("a greeting");
                prepare(&mut client, phase, [10, 0, 0, 1]).expect("the phase");
                let seen = client.act(&Action::Send(format!("{command}{argument}\r\n").into_bytes()));
                replies.extend(seen.expect("replies").replies);
                client.leave().expect("nothing left");
            }
        }
    }
    // Too many bad commands, and a line that is too long.
    let mut client = world.connect([10, 0, 0, 1], 1);
    client.greeting().expect("a greeting");
    let seen = client.act(&Action::Send(b"\r\n".repeat(20))).expect("replies");
    replies.extend(seen.replies);
    client.leave().expect("nothing left");
    let mut client = world.connect([10, 0, 0, 1], 1);
    client.greeting().expect("a greeting");
    let seen = client
        .act(&Action::Send([&[b'a'; 2000][..], b"\r\n"].concat()))
        .expect("replies");
    replies.extend(seen.replies);
    client.leave().expect("nothing left");
    replies
}

fn prepare(client: &mut Client<'_>, phase: &[(&str, u16)], own: [u8; 4]) -> Result<(), String> {
    let [a, b, c, d] = own;
    for (line, code) in phase {
        let line = line.replace(" P", &format!(" {a},{b},{c},{d},100,0"));
        let seen = client.act(&Action::Send(format!("{line}\r\n").into_bytes()))?;
        let codes: Vec<u16> = seen.replies.iter().map(|reply| code_of(reply)).collect();
        if codes != [*code] {
            return Err(format!("{line} is answered {codes:?}"));
        }
    }
    Ok(())
}

/// What was answered: the final codes.
fn run_case(world: &mut World, case: &Case, known: &Replies, tally: &mut Tally) -> Result<Vec<u16>, String> {
    let own = World::address_of(case.number);
    let mut client = world.connect(own, case.number);
    client.greeting()?;
    prepare(&mut client, PHASES[case.phase].1, own)?;
    let mut seen = client.act(&Action::Send(case.bytes()))?;
    // Transfers that wait for their data connection get it.
    for _ in 0..10 {
        if client.is_transferring() {
            let more = client.act(&Action::Connect { holds: false })?;
            seen = Seen {
                replies: [seen.replies, more.replies].concat(),
                data: [seen.data, more.data].concat(),
                is_closed: more.is_closed,
            };
        }
    }
    let finals: Vec<u16> = seen
        .replies
        .iter()
        .map(|reply| code_of(reply))
        .filter(|code| *code >= 200)
        .collect();
    case.judge(&finals, seen.is_closed)?;
    if seen.replies.iter().chain(&seen.data).any(|bytes| reveals(bytes)) {
        return Err("the secret is sent".to_owned());
    }
    if case.is_before_login()
        && let Some(reply) = seen.replies.iter().find(|reply| !known.contains(*reply))
        // A login in the string.
        && !finals.contains(&230)
    {
        return Err(format!("before login: {:?}", String::from_utf8_lossy(reply)));
    }
    if !seen.is_closed {
        let noop = client.act(&Action::Send(b"NOOP\r\n".to_vec()))?;
        let codes: Vec<u16> = noop.replies.iter().map(|reply| code_of(reply)).collect();
        if codes != [200] || noop.is_closed {
            return Err(format!("NOOP is answered {codes:?}"));
        }
    }
    client.leave()?;
    if case.phase == PHASES.len() - 1 {
        world.remove("new");
    }
    let several = STRINGS[case.string].0.contains(&b'\n');
    let has_changed = finals.iter().any(|code| matches!(code, 200 | 213 | 226 | 250 | 257));
    if has_changed && (several || CHANGING.contains(&case.command)) {
        world.restore();
    }
    for code in &finals {
        *tally.entry(format!("reply {code}")).or_default() += 1;
    }
    Ok(finals)
}

/// Runs these cases.
fn run_grid(cases: impl Iterator<Item = Case>) -> Tally {
    let mut world = World::new(Access::Write);
    let known = replies_before_login(&mut world);
    let mut tally = Tally::new();
    let mut wrong = 0;
    let begun = Instant::now();
    for (count, case) in (1_u64..).zip(cases) {
        let result = run_case(&mut world, &case, &known, &mut tally);
        let result = result.and_then(|_| world.canary.look());
        if let Err(what) = result {
            let bytes = case.bytes();
            let shown: String = String::from_utf8_lossy(&bytes).chars().take(120).collect();
            let (number, phase) = (case.number, PHASES[case.phase].0);
            eprintln!("case {number}: {shown:?} ({} bytes) {phase}: {what}", bytes.len());
            world.restore();
            wrong += 1;
            assert!(wrong < 20, "too many wrong answers");
        }
        if count.is_multiple_of(1_000_000) {
            eprintln!("{count} cases in {:.0?}", begun.elapsed());
        }
    }
    assert_eq!(wrong, 0, "cases that are answered wrongly");
    tally
}

/// Every string once, uncut, after every command, before login and with a data connection announced.
#[test]
fn a12_every_hostile_string_after_every_command_is_answered_once_and_reaches_nothing_outside() {
    let tally = run_grid([0, 3].into_iter().flat_map(Case::uncut));
    for code in ["reply 226", "reply 500", "reply 501", "reply 530", "reply 550"] {
        assert!(tally.contains_key(code), "{code}: {tally:?}");
    }
}

/// Some cases of all lengths and phases.
#[test]
fn a12_two_thousand_hostile_lines_are_answered_once_and_reach_nothing_outside() {
    let lengths = lengths();
    run_grid(spread(1, 2_000).map(|number| Case::numbered(number, &lengths)));
}

#[test]
#[ignore = "the whole grid takes many minutes in release; GRID_CASES sets how much of it"]
fn a12_the_whole_grid_of_hostile_lines_is_answered_once_and_reaches_nothing_outside() {
    let (first, count) = (from_environment("GRID_FIRST", 0), from_environment("GRID_CASES", CASES));
    let begun = Instant::now();
    let lengths = lengths();
    let tally = run_grid(spread(first, count).map(|number| Case::numbered(number, &lengths)));
    eprintln!("{count} of {CASES} cases from {first} on in {:.0?}", begun.elapsed());
    for (key, times) in tally {
        eprintln!("{times:>12} {key}");
    }
}

#[test]
fn the_grid_has_as_many_cases_as_it_says() {
    let sizes = [STRINGS.len(), COMMANDS.len(), PHASES.len(), lengths().len()];
    assert_eq!(sizes, [91, 70, 8, 200]);
    assert_eq!(sizes.iter().product::<usize>() as u64, CASES);
    let distinct: HashSet<usize> = lengths().into_iter().collect();
    assert_eq!(distinct.len(), 200);
    assert_eq!(
        STRINGS.iter().map(|(string, _)| string).collect::<HashSet<_>>().len(),
        91
    );
    // Its server has no certificate.
    let verbs = served_verbs().into_iter().filter(|verb| !TLS_VERBS.contains(verb));
    for verb in verbs {
        assert!(COMMANDS.contains(&verb), "{verb}");
    }
    for word in crate::ftp::command::served_site_words() {
        assert!(COMMANDS.contains(&&*format!("SITE {word}")), "{word}");
    }
}

#[test]
fn a_wrong_answer_to_a_hostile_line_is_noticed() {
    let case = |command, string, phase, length| Case {
        number: 0,
        command,
        string,
        phase,
        length,
    };
    let noop = case("NOOP", 0, 2, 10);
    assert!(noop.judge(&[200], false).is_ok());
    for (codes, is_closed) in [(&[][..], false), (&[200, 200], false), (&[421], true), (&[], true)] {
        assert!(noop.judge(codes, is_closed).is_err(), "{codes:?}");
    }
    let long = case("NOOP", 0, 2, 5000);
    assert!(long.judge(&[500], true).is_ok() && long.judge(&[501], false).is_err());
    let in_transfer = case("NOOP", 0, 7, 10);
    assert!(in_transfer.judge(&[226, 200], false).is_ok() && in_transfer.judge(&[200], false).is_err());

    let world = World::new(model::Access::Read);
    assert!(world.canary.look().is_ok());
    world.touch_the_canary();
    assert!(world.canary.look().is_err(), "an access is noticed");
    assert!(reveals(b"150 canary-7f3a91c2") && !reveals(b"canary"));
}
