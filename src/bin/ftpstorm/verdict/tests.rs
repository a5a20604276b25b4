//! Each scenario with each way in which a run can fail, or show nothing.

use super::super::cleanup::Cleanup;
use super::super::failure::{Break, Connection, Failure, Said};
use super::super::options::{Invocation, parse};
use super::super::plan::Plan;
use super::super::process::{Sample, Samples};
use super::super::rate::RateVerdict;
use super::*;
use crate::reply_reader::ServerReply;
use std::io::ErrorKind;
use std::time::{Duration, Instant};

const SCENARIOS: [&str; 16] = [
    "login",
    "cycle",
    "download",
    "upload",
    "mixed",
    "idle",
    "fair",
    "exhaust",
    "hoard",
    "slowloris",
    "stall",
    "thief",
    "squat",
    "reset",
    "flood",
    "lines",
];

/// A run that went as it should: every class has ten operations, and the attack did its work.
struct Run {
    options: Options,
    outcome: Outcome,
}

impl Run {
    fn of(scenario: &str) -> Self {
        Self::with(&format!("{scenario} 127.0.0.1:21 --path f"))
    }

    fn with(line: &str) -> Self {
        let options = match parse(line.split_whitespace().map(std::ffi::OsString::from)) {
            Ok(Invocation::Storm(options)) => *options,
            other => panic!("{line}: {other:?}"),
        };
        let mut measurements = Measurements::new(Plan::new(&options).classes, Instant::now());
        for class in 0..measurements.classes.len() {
            for _ in 0..10 {
                measurements.begun(class);
                measurements.success(class, Duration::from_millis(5));
            }
            measurements.moved(class, 100);
        }
        measurements.struck = 10;
        measurements.squatted = 10;
        measurements.squats_tried = 10;
        measurements.thefts_tried = 10;
        Self {
            options,
            outcome: Outcome {
                measurements,
                elapsed: Duration::from_secs(1),
                sessions: 10,
                samples: None,
                rate: None,
                cleanup: Cleanup::default(),
                end: End::Done,
            },
        }
    }

    fn is_attack(&self) -> bool {
        self.options.scenario.is_attack()
    }

    fn class(&mut self, name: &str) -> &mut Class {
        let classes = &mut self.outcome.measurements.classes;
        classes.iter_mut().find(|class| class.name == name).expect("a class")
    }

    /// Nothing of these classes was ever begun.
    fn never_begun(&mut self, which: impl Fn(&Class) -> bool) {
        for class in &mut self.outcome.measurements.classes {
            if which(class) {
                *class = Class::new(class.name, class.kind, class.is_judged);
            }
        }
    }

    fn judge(&self) -> (u8, String) {
        let judgement = Judgement::new(&self.options, &self.outcome);
        (judgement.verdict.exit_code(), judgement.text(&self.options))
    }
}

fn reply(code: u16, text: &str) -> Failure {
    Failure::Reply(Said::from(&ServerReply {
        code,
        text: text.as_bytes().to_vec(),
    }))
}

fn refused() -> Failure {
    Failure::Connection {
        which: Connection::Control,
        broke: Break::Refused,
    }
}

#[test]
fn every_scenario_passes_when_all_went_well() {
    for scenario in SCENARIOS {
        let run = Run::of(scenario);
        let expected = if run.is_attack() {
            "the server stood"
        } else {
            "every operation succeeded"
        };
        assert_eq!(run.judge(), (0, expected.to_owned()), "{scenario}");
    }
}

#[test]
fn in_every_scenario_a_judged_failure_fails_and_is_told_with_the_replys_text() {
    for scenario in SCENARIOS {
        let judged = Run::of(scenario).outcome.measurements.classes;
        for index in (0..judged.len()).filter(|index| judged[*index].is_judged) {
            let mut run = Run::of(scenario);
            run.outcome.measurements.failure(index, reply(550, "Permission denied"));
            let (code, text) = run.judge();
            assert_eq!(code, 1, "{scenario}: {text}");
            assert!(text.contains("reply 550 Permission denied, once"), "{text}");
        }
    }
}

#[test]
fn in_every_scenario_a_failure_of_the_own_machine_is_inconclusive() {
    for scenario in SCENARIOS {
        let mut run = Run::of(scenario);
        let judged = run
            .outcome
            .measurements
            .classes
            .iter()
            .position(|class| class.is_judged);
        let failure = Failure::Local(ErrorKind::AddrNotAvailable);
        run.outcome.measurements.failure(judged.expect("one"), failure);
        let (code, text) = run.judge();
        assert_eq!(code, 3, "{scenario}: {text}");
        assert!(text.contains("ftpstorm could not open a connection"), "{text}");
    }
}

#[test]
fn in_every_scenario_operations_that_were_begun_and_none_ended_fail() {
    for scenario in SCENARIOS {
        let mut run = Run::of(scenario);
        let judged: Vec<_> = run
            .outcome
            .measurements
            .classes
            .iter()
            .map(|class| class.name)
            .collect();
        let last = judged.iter().rev().find(|name| **name != "attack").expect("one");
        // Other classes of the same scenario are served: only this one hangs.
        let (is_judged, kind) = (run.class(last).is_judged, run.class(last).kind);
        *run.class(last) = Class::new(last, kind, is_judged);
        run.class(last).begun = 1;
        let (code, text) = run.judge();
        assert_eq!(code, 1, "{scenario}: {text}");
        assert!(text.contains(&format!("{last}: none came to an end")), "{text}");
    }
}

#[test]
fn in_every_attack_a_run_without_a_witness_is_inconclusive() {
    for scenario in SCENARIOS {
        let mut run = Run::of(scenario);
        if !run.is_attack() {
            continue;
        }
        run.never_begun(|class| class.is_judged);
        let logins = run.outcome.measurements.classes.iter();
        let login = logins
            .clone()
            .position(|class| class.is_judged && class.kind == Kind::Login);
        run.outcome
            .measurements
            .failure(login.expect("a login"), reply(530, "Login incorrect."));
        let (code, text) = run.judge();
        assert_eq!(code, 3, "{scenario}: {text}");
        assert!(text.contains("no honest client got a session"), "{text}");
        assert!(text.contains("530 Login incorrect."), "{text}");
    }
}

#[test]
fn an_attack_that_did_nothing_is_inconclusive() {
    for (scenario, reason) in [
        ("hoard", "0 ports hoarded"),
        ("slowloris", "0 bytes sent one by one"),
        ("stall", "0 downloads stalled (attack: reply 550 File not found)"),
        ("reset", "0 downloads reset (attack: reply 550 File not found)"),
        ("flood", "0 bytes of commands sent"),
        ("lines", "0 bytes of odd lines sent"),
        ("thief", "no theft was tried"),
        ("squat", "the squatter held 0 ports; 10 were tried"),
    ] {
        let mut run = Run::of(scenario);
        let measurements = &mut run.outcome.measurements;
        measurements.struck = 0;
        measurements.squatted = 0;
        measurements.thefts_tried = 0;
        if reason.contains("550") {
            let attack = measurements.classes.iter().position(|class| class.name == "attack");
            measurements.failure(attack.expect("a class"), reply(550, "File not found"));
        }
        let (code, text) = run.judge();
        assert_eq!(code, 3, "{scenario}: {text}");
        assert!(text.starts_with("inconclusive: ") && text.contains(reason), "{text}");
    }
}

#[test]
fn a_load_of_which_a_part_never_began_is_inconclusive() {
    for (scenario, class) in [
        ("login", "login"),
        ("cycle", "cycle"),
        ("download", "download"),
        ("upload", "upload"),
        ("mixed", "noop"),
        ("idle", "noop"),
        ("fair", "noop"),
    ] {
        let mut run = Run::of(scenario);
        run.never_begun(|found| found.name == class);
        let (code, text) = run.judge();
        assert_eq!(code, 3, "{scenario}: {text}");
        assert!(text.contains(&format!("{class}: none was begun")), "{text}");
    }
}

#[test]
fn downloads_of_no_bytes_show_nothing_unless_that_was_expected() {
    let mut run = Run::of("download");
    run.class("download").bytes = 0;
    let (code, text) = run.judge();
    assert_eq!(code, 3, "{text}");
    assert!(text.contains("the file is empty"), "{text}");
    let mut run = Run::with("download 127.0.0.1:21 --path f --expect 0.zero");
    run.class("download").bytes = 0;
    assert_eq!(run.judge().0, 0);
}

#[test]
fn a_thief_fails_a_server_for_what_was_stolen_or_for_who_was_not_served_and_says_which() {
    let mut run = Run::of("thief");
    run.outcome.measurements.stolen = 8;
    let (code, text) = run.judge();
    assert_eq!((code, text.contains("8 bytes were stolen")), (1, true), "{text}");
    assert!(!text.contains("not served"), "{text}");
    let mut run = Run::of("thief");
    let theft = run
        .outcome
        .measurements
        .classes
        .iter()
        .position(|class| class.name == "theft at once");
    run.outcome
        .measurements
        .failure(theft.expect("a class"), reply(425, "Security: Bad IP connecting."));
    let (code, text) = run.judge();
    assert_eq!((code, text.contains("stolen")), (1, false), "{text}");
    assert!(text.contains("victims not served: theft at once: reply 425"), "{text}");
}

#[test]
fn a_missed_rate_fails_a_load_and_makes_an_attack_inconclusive() {
    for scenario in SCENARIOS {
        for (verdict, load, attack) in [
            (RateVerdict::Reached, 0, 0),
            (RateVerdict::Missed, 1, 3),
            (RateVerdict::TooShort, 3, 3),
        ] {
            let mut run = Run::of(scenario);
            run.outcome.rate = Some(Rate {
                requested: 500_000.0,
                reached: 14_000.0,
                due: 5_000_000,
                begun: 140_000,
                verdict,
            });
            let expected = if run.is_attack() { attack } else { load };
            let (code, text) = run.judge();
            assert_eq!(code, expected, "{scenario}: {text}");
            assert_eq!(
                text.contains("500000/s requested, 14000/s reached"),
                verdict == RateVerdict::Missed,
                "{text}"
            );
        }
    }
}

#[test]
fn what_the_server_lost_and_what_took_too_long_fails() {
    let mut run = Run::of("squat");
    run.outcome.measurements.diverted = 3;
    assert_eq!(run.judge().0, 1);

    let mut run = Run::of("hoard");
    let (mut samples, more) = (
        Samples::default(),
        Sample {
            descriptors: 5,
            ..Sample::default()
        },
    );
    run.outcome.samples = Some(samples);
    assert_eq!(run.judge().0, 0);
    samples.after = more;
    run.outcome.samples = Some(samples);
    let (code, text) = run.judge();
    assert_eq!(
        (code, text.contains("descriptors: 0 before, 5 after")),
        (1, true),
        "{text}"
    );

    let run = Run::with("fair 127.0.0.1:21 --path f --noop-limit 1ms");
    assert!(run.judge().1.contains("NOOP took"), "{}", run.judge().1);

    for end in [End::ServerGone, End::NothingSucceeded { last: refused() }] {
        let mut run = Run::of("cycle");
        run.outcome.end = end;
        assert_eq!(run.judge().0, 1, "{}", run.judge().1);
    }
}

#[test]
fn where_nothing_ever_succeeded_the_reason_is_given_once() {
    let mut run = Run::of("cycle");
    run.never_begun(|_| true);
    run.outcome.measurements.failure(1, refused());
    run.outcome.end = End::NothingSucceeded { last: refused() };
    let expected = "failed: nothing could be done at 127.0.0.1:21 for 30.00 s: control connection refused";
    assert_eq!(run.judge(), (1, expected.to_owned()));
}

#[test]
fn an_interrupted_run_says_so_and_what_had_failed_until_then() {
    for scenario in SCENARIOS {
        let mut run = Run::of(scenario);
        run.outcome.end = End::Interrupted { exit_code: 130 };
        assert_eq!(run.judge(), (130, "interrupted".to_owned()), "{scenario}");
        run.outcome.measurements.stolen = 1;
        let (code, text) = run.judge();
        assert_eq!(
            (code, text.contains("1 bytes were stolen")),
            (130, true),
            "{scenario}: {text}"
        );
    }
}
