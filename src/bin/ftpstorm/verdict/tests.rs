//! Each scenario with each way in which a run can fail, or show nothing.

use super::*;
use crate::cleanup::Cleanup;
use crate::failure::{Break, Failure, ReplySummary};
use crate::measurements::Measurements;
use crate::options::tests::options;
use crate::plan::Plan;
use crate::process::{Sample, Samples};
use crate::reply_reader::ServerReply;
use crate::scenario::SCENARIOS;
use std::io::ErrorKind;
use std::time::{Duration, Instant};

/// A run that went well: every class has ten operations, and the attack had its effects.
struct Run {
    options: RunOptions,
    outcome: RunOutcome,
}

impl Run {
    fn of(scenario: &str) -> Self {
        Self::with(&format!("{scenario} 127.0.0.1:21 --path f"))
    }

    fn with(line: &str) -> Self {
        let options = options(line);
        let mut measurements = Measurements::new(Plan::new(&options).classes, Instant::now());
        for class in 0..measurements.classes.len() {
            for _ in 0..10 {
                measurements.begun(class);
                measurements.success(class, Duration::from_millis(5));
            }
            measurements.moved(class, 100);
        }
        let counts = &mut measurements.attack;
        (counts.effects, counts.thefts_tried) = (10, 10);
        (counts.squatted_ports, counts.squats_tried) = (10, 10);
        let outcome = RunOutcome {
            measurements,
            elapsed: Duration::from_secs(1),
            sessions: 10,
            samples: None,
            rate: None,
            cleanup: Cleanup::default(),
            end: End::Done,
        };
        Self { options, outcome }
    }

    fn of_all() -> impl Iterator<Item = Self> {
        SCENARIOS.iter().map(|scenario| Self::of(scenario.name))
    }

    /// The index of the first such class.
    fn index(&self, is_meant: impl Fn(&Class) -> bool) -> usize {
        let mut classes = self.outcome.measurements.classes.iter();
        classes.position(is_meant).expect("a class")
    }

    fn class(&mut self, name: &str) -> &mut Class {
        let index = self.index(|class| class.name == name);
        &mut self.outcome.measurements.classes[index]
    }

    fn fail(&mut self, class: usize, failure: Failure) {
        self.outcome.measurements.failure(class, failure);
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
        (judgement.exit_code, judgement.text(&self.options))
    }

    /// Asserts the exit code, and that the verdict says this.
    #[track_caller]
    fn expect(&self, expected: u8, reason: &str) {
        let (code, text) = self.judge();
        let scenario = self.options.scenario.name;
        assert!(code == expected && text.contains(reason), "{scenario}: {code}, {text}");
    }
}

fn reply(code: u16, text: &str) -> Failure {
    let text = text.as_bytes().to_vec();
    Failure::Reply(ReplySummary::from(&ServerReply { code, text }))
}

#[test]
fn every_scenario_passes_when_all_went_well() {
    for run in Run::of_all() {
        let is_attack = run.options.scenario.is_attack;
        let expected = if is_attack {
            "the server withstood the attack"
        } else {
            "every operation succeeded"
        };
        assert_eq!(run.judge(), (0, expected.to_owned()), "{}", run.options.scenario.name);
    }
}

#[test]
fn in_every_scenario_a_judged_failure_fails_the_run_and_one_of_the_own_machine_makes_it_inconclusive() {
    for scenario in &SCENARIOS {
        let classes = Run::of(scenario.name).outcome.measurements.classes;
        for index in (0..classes.len()).filter(|index| classes[*index].is_judged) {
            let mut run = Run::of(scenario.name);
            run.fail(index, reply(550, "Permission denied"));
            run.expect(1, "reply 550 Permission denied, once");
            let mut run = Run::of(scenario.name);
            run.fail(index, Failure::Local(ErrorKind::AddrNotAvailable));
            run.expect(3, "ftpstorm could not open a connection");
        }
    }
}

#[test]
fn in_every_scenario_a_class_of_which_no_operation_ended_fails_the_run() {
    for mut run in Run::of_all() {
        // The other classes of the scenario are served, only this one hangs.
        let judged = run.outcome.measurements.judged();
        let last = judged.last().expect("one").name;
        run.never_begun(|class| class.name == last);
        run.class(last).begun = 1;
        run.expect(1, &format!("{last}: no operation ended"));
    }
}

#[test]
fn in_every_attack_a_run_without_a_well_behaved_client_is_inconclusive() {
    for mut run in Run::of_all().filter(|run| run.options.scenario.is_attack) {
        run.never_begun(|class| class.is_judged);
        let login = run.index(|class| class.is_judged && class.kind == ClassKind::Login);
        run.fail(login, reply(530, "Login incorrect."));
        run.expect(3, "no well-behaved client got a session");
        run.expect(3, "530 Login incorrect.");
    }
}

#[test]
fn an_attack_without_effect_is_inconclusive() {
    for (scenario, reason) in [
        ("hoard", "0 ports hoarded"),
        ("slowloris", "0 bytes sent one by one"),
        ("stall", "0 downloads stalled (attack: reply 550 File not found)"),
        ("reset", "0 downloads reset (attack: reply 550 File not found)"),
        ("flood", "0 bytes of commands sent"),
        ("lines", "0 bytes of malformed lines sent"),
        ("thief", "no theft was tried"),
        ("squat", "the squatter could bind none of the 10 ports it tried"),
    ] {
        let mut run = Run::of(scenario);
        let counts = &mut run.outcome.measurements.attack;
        (counts.effects, counts.squatted_ports, counts.thefts_tried) = (0, 0, 0);
        if reason.contains("550") {
            let attack = run.index(|class| class.name == "attack");
            run.fail(attack, reply(550, "File not found"));
        }
        run.expect(3, reason);
        assert!(run.judge().1.starts_with("inconclusive: "), "{scenario}");
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
        run.expect(3, &format!("{class}: no operation began"));
    }
}

#[test]
fn downloads_of_an_empty_file_are_inconclusive_unless_that_was_expected() {
    for (line, code, text) in [
        ("download 127.0.0.1:21 --path f", 3, "the file is empty"),
        ("download 127.0.0.1:21 --path f --expect 0.zero", 0, ""),
        ("download 127.0.0.1:21 --path f --expect crc32:00000000", 0, ""),
    ] {
        let mut run = Run::with(line);
        run.class("download").bytes = 0;
        run.expect(code, text);
    }
}

#[test]
fn a_thief_fails_the_run_by_stolen_bytes_or_unserved_victims_and_the_verdict_says_which() {
    let mut run = Run::of("thief");
    run.outcome.measurements.attack.stolen_bytes = 8;
    run.expect(1, "8 bytes were stolen");
    assert!(!run.judge().1.contains("not served"), "{}", run.judge().1);

    let mut run = Run::of("thief");
    let theft = run.index(|class| class.name == "theft at once");
    run.fail(theft, reply(425, "Security: Bad IP connecting."));
    run.expect(1, "victims not served: theft at once: reply 425");
    assert!(!run.judge().1.contains("stolen"), "{}", run.judge().1);
}

#[test]
fn a_missed_rate_fails_a_load_and_makes_an_attack_inconclusive() {
    let missed = "500000/s requested, 14000/s reached";
    for (verdict, load, attack, reason) in [
        (RateVerdict::Reached, 0, 0, ""),
        (RateVerdict::Missed, 1, 3, missed),
        (RateVerdict::TooShort, 3, 3, "too short"),
    ] {
        for mut run in Run::of_all() {
            run.outcome.rate = Some(Rate {
                requested: 500_000.0,
                reached: 14_000.0,
                due: 5_000_000,
                begun: 140_000,
                verdict,
            });
            run.expect(if run.options.scenario.is_attack { attack } else { load }, reason);
            assert_eq!(run.judge().1.contains(missed), verdict == RateVerdict::Missed);
        }
    }
}

#[test]
fn leaked_descriptors_diverted_connections_and_slow_noops_fail_the_run() {
    let mut run = Run::of("squat");
    run.outcome.measurements.attack.diverted_connections = 3;
    run.expect(1, "3 connections were diverted");

    let mut run = Run::of("hoard");
    let mut samples = Samples::default();
    run.outcome.samples = Some(samples);
    run.expect(0, "");
    let descriptors = 5;
    samples.after = Sample {
        descriptors,
        ..Sample::default()
    };
    run.outcome.samples = Some(samples);
    run.expect(1, "descriptors: 0 before, 5 after");

    Run::with("fair 127.0.0.1:21 --path f --noop-limit 1ms").expect(1, "NOOP took");
}

#[test]
fn a_run_that_the_server_ended_fails_and_the_reason_is_given_once() {
    let last = Failure::Control(Break::Refused);
    let mut run = Run::of("cycle");
    run.outcome.end = End::ServerGone;
    run.expect(1, "the server's process has ended");
    run.outcome.end = End::NothingSucceeded { last: last.clone() };
    run.expect(
        1,
        "stopped because nothing succeeded for 30.00 s: control connection refused",
    );

    run.never_begun(|_| true);
    run.fail(1, last);
    let expected = "failed: nothing succeeded at 127.0.0.1:21 for 30.00 s: control connection refused";
    assert_eq!(run.judge(), (1, expected.to_owned()));
}

#[test]
fn an_interrupted_run_says_so_and_what_failed_until_then() {
    for mut run in Run::of_all() {
        run.outcome.end = End::Interrupted { exit_code: 130 };
        assert_eq!(run.judge(), (130, "interrupted".to_owned()));
        run.outcome.measurements.attack.stolen_bytes = 1;
        run.expect(130, "1 bytes were stolen");
    }
}
