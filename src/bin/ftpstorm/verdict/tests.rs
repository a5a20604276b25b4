//! Each scenario with each way in which a run can fail, or show nothing.

use super::*;
use crate::cleanup::Cleanup;
use crate::failure::{Break, ConnectionKind, Failure, ReplySummary};
use crate::options::{ParsedArguments, parse};
use crate::plan::Plan;
use crate::process::{Sample, Samples};
use crate::rate::RateVerdict;
use crate::reply_reader::ServerReply;
use std::io::ErrorKind;
use std::time::{Duration, Instant};

/// A run that went well: every class has ten operations, and the attack had its effects.
struct Run {
    options: RunOptions,
    outcome: RunOutcome,
}

impl Run {
    fn of(scenario: Scenario) -> Self {
        Self::with(&format!("{} 127.0.0.1:21 --path f", scenario.name()))
    }

    fn with(line: &str) -> Self {
        let options = match parse(line.split_whitespace().map(std::ffi::OsString::from)) {
            Ok(ParsedArguments::Run(options)) => *options,
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
        measurements.attack_effects = 10;
        measurements.squatted = 10;
        measurements.squats_tried = 10;
        measurements.thefts_tried = 10;
        Self {
            options,
            outcome: RunOutcome {
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

    /// No operation of these classes began.
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
    Failure::Reply(ReplySummary::from(&ServerReply {
        code,
        text: text.as_bytes().to_vec(),
    }))
}

fn refused() -> Failure {
    Failure::Connection {
        which: ConnectionKind::Control,
        broke: Break::Refused,
    }
}

#[test]
fn every_scenario_passes_when_all_went_well() {
    for scenario in Scenario::ALL {
        let run = Run::of(scenario);
        let expected = if run.is_attack() {
            "the server withstood the attack"
        } else {
            "every operation succeeded"
        };
        assert_eq!(run.judge(), (0, expected.to_owned()), "{scenario:?}");
    }
}

#[test]
fn in_every_scenario_a_judged_failure_fails_the_run_with_the_text_of_the_reply() {
    for scenario in Scenario::ALL {
        let judged = Run::of(scenario).outcome.measurements.classes;
        for index in (0..judged.len()).filter(|index| judged[*index].is_judged) {
            let mut run = Run::of(scenario);
            run.outcome.measurements.failure(index, reply(550, "Permission denied"));
            let (code, text) = run.judge();
            assert_eq!(code, 1, "{scenario:?}: {text}");
            assert!(text.contains("reply 550 Permission denied, once"), "{text}");
        }
    }
}

#[test]
fn in_every_scenario_a_failure_of_the_own_machine_makes_the_run_inconclusive() {
    for scenario in Scenario::ALL {
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
        assert_eq!(code, 3, "{scenario:?}: {text}");
        assert!(text.contains("ftpstorm could not open a connection"), "{text}");
    }
}

#[test]
fn in_every_scenario_a_class_of_which_no_operation_ended_fails_the_run() {
    for scenario in Scenario::ALL {
        let mut run = Run::of(scenario);
        let judged: Vec<_> = run
            .outcome
            .measurements
            .classes
            .iter()
            .map(|class| class.name)
            .collect();
        let last = judged.iter().rev().find(|name| **name != "attack").expect("one");
        // The other classes of the scenario are served, only this one hangs.
        let (is_judged, kind) = (run.class(last).is_judged, run.class(last).kind);
        *run.class(last) = Class::new(last, kind, is_judged);
        run.class(last).begun = 1;
        let (code, text) = run.judge();
        assert_eq!(code, 1, "{scenario:?}: {text}");
        assert!(text.contains(&format!("{last}: no operation ended")), "{text}");
    }
}

#[test]
fn in_every_attack_a_run_without_a_well_behaved_client_is_inconclusive() {
    for scenario in Scenario::ALL {
        let mut run = Run::of(scenario);
        if !run.is_attack() {
            continue;
        }
        run.never_begun(|class| class.is_judged);
        let logins = run.outcome.measurements.classes.iter();
        let login = logins
            .clone()
            .position(|class| class.is_judged && class.kind == ClassKind::Login);
        run.outcome
            .measurements
            .failure(login.expect("a login"), reply(530, "Login incorrect."));
        let (code, text) = run.judge();
        assert_eq!(code, 3, "{scenario:?}: {text}");
        assert!(text.contains("no well-behaved client got a session"), "{text}");
        assert!(text.contains("530 Login incorrect."), "{text}");
    }
}

#[test]
fn an_attack_without_effect_is_inconclusive() {
    for (scenario, reason) in [
        (Scenario::Hoard, "0 ports hoarded"),
        (Scenario::Slowloris, "0 bytes sent one by one"),
        (
            Scenario::Stall,
            "0 downloads stalled (attack: reply 550 File not found)",
        ),
        (Scenario::Reset, "0 downloads reset (attack: reply 550 File not found)"),
        (Scenario::Flood, "0 bytes of commands sent"),
        (Scenario::Lines, "0 bytes of malformed lines sent"),
        (Scenario::Thief, "no theft was tried"),
        (Scenario::Squat, "the squatter could bind none of the 10 ports it tried"),
    ] {
        let mut run = Run::of(scenario);
        let measurements = &mut run.outcome.measurements;
        measurements.attack_effects = 0;
        measurements.squatted = 0;
        measurements.thefts_tried = 0;
        if reason.contains("550") {
            let attack = measurements.classes.iter().position(|class| class.name == "attack");
            measurements.failure(attack.expect("a class"), reply(550, "File not found"));
        }
        let (code, text) = run.judge();
        assert_eq!(code, 3, "{scenario:?}: {text}");
        assert!(text.starts_with("inconclusive: ") && text.contains(reason), "{text}");
    }
}

#[test]
fn a_load_of_which_a_part_never_began_is_inconclusive() {
    for (scenario, class) in [
        (Scenario::Login, "login"),
        (Scenario::Cycle, "cycle"),
        (Scenario::Download, "download"),
        (Scenario::Upload, "upload"),
        (Scenario::Mixed, "noop"),
        (Scenario::Idle, "noop"),
        (Scenario::Fair, "noop"),
    ] {
        let mut run = Run::of(scenario);
        run.never_begun(|found| found.name == class);
        let (code, text) = run.judge();
        assert_eq!(code, 3, "{scenario:?}: {text}");
        assert!(text.contains(&format!("{class}: no operation began")), "{text}");
    }
}

#[test]
fn downloads_of_an_empty_file_are_inconclusive_unless_that_was_expected() {
    let mut run = Run::of(Scenario::Download);
    run.class("download").bytes = 0;
    let (code, text) = run.judge();
    assert_eq!(code, 3, "{text}");
    assert!(text.contains("the file is empty"), "{text}");
    let mut run = Run::with("download 127.0.0.1:21 --path f --expect 0.zero");
    run.class("download").bytes = 0;
    assert_eq!(run.judge().0, 0);
}

#[test]
fn a_thief_fails_the_run_by_stolen_bytes_or_unserved_victims_and_the_verdict_says_which() {
    let mut run = Run::of(Scenario::Thief);
    run.outcome.measurements.stolen = 8;
    let (code, text) = run.judge();
    assert_eq!((code, text.contains("8 bytes were stolen")), (1, true), "{text}");
    assert!(!text.contains("not served"), "{text}");
    let mut run = Run::of(Scenario::Thief);
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
    for scenario in Scenario::ALL {
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
            assert_eq!(code, expected, "{scenario:?}: {text}");
            assert_eq!(
                text.contains("500000/s requested, 14000/s reached"),
                verdict == RateVerdict::Missed,
                "{text}"
            );
        }
    }
}

#[test]
fn leaked_descriptors_diverted_connections_and_slow_noops_fail_the_run() {
    let mut run = Run::of(Scenario::Squat);
    run.outcome.measurements.diverted = 3;
    assert_eq!(run.judge().0, 1);

    let mut run = Run::of(Scenario::Hoard);
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
        let mut run = Run::of(Scenario::Cycle);
        run.outcome.end = end;
        assert_eq!(run.judge().0, 1, "{}", run.judge().1);
    }
}

#[test]
fn when_nothing_succeeded_the_reason_is_given_once() {
    let mut run = Run::of(Scenario::Cycle);
    run.never_begun(|_| true);
    run.outcome.measurements.failure(1, refused());
    run.outcome.end = End::NothingSucceeded { last: refused() };
    let expected = "failed: nothing succeeded at 127.0.0.1:21 for 30.00 s: control connection refused";
    assert_eq!(run.judge(), (1, expected.to_owned()));
}

#[test]
fn an_interrupted_run_says_so_and_what_failed_until_then() {
    for scenario in Scenario::ALL {
        let mut run = Run::of(scenario);
        run.outcome.end = End::Interrupted { exit_code: 130 };
        assert_eq!(run.judge(), (130, "interrupted".to_owned()), "{scenario:?}");
        run.outcome.measurements.stolen = 1;
        let (code, text) = run.judge();
        assert_eq!(
            (code, text.contains("1 bytes were stolen")),
            (130, true),
            "{scenario:?}: {text}"
        );
    }
}
