//! What a run has shown: that the server works, that it fails, or nothing.

use crate::failure::times;
use crate::measurements::{Class, ClassKind};
use crate::options::RunOptions;
use crate::progress_display::format_latency;
use crate::rate::{Rate, RateVerdict};
use crate::scenario::ScenarioKind;
use crate::storm::{End, RunOutcome};
use serde::Serialize;

/// The result of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RunVerdict {
    Passed,
    Failed,
    /// The run did not test what it was meant to test.
    Inconclusive,
    Interrupted,
}

/// The verdict with its reasons.
#[derive(Clone, Debug, Serialize)]
pub struct Judgement {
    pub verdict: RunVerdict,
    #[serde(skip)]
    pub exit_code: u8,
    /// What went wrong.
    pub complaints: Vec<String>,
    /// What was not tested.
    pub doubts: Vec<String>,
}

impl Judgement {
    pub fn new(options: &RunOptions, outcome: &RunOutcome) -> Self {
        let mut judgement = Self {
            verdict: RunVerdict::Passed,
            exit_code: 0,
            complaints: Vec::new(),
            doubts: Vec::new(),
        };
        judgement.judge_end(options, outcome);
        judgement.judge_classes(options, outcome);
        judgement.judge_attack(options, outcome);
        if let Some(rate) = &outcome.rate {
            judgement.judge_rate(options, rate);
        }
        (judgement.verdict, judgement.exit_code) = match outcome.end {
            End::Interrupted { exit_code } => (RunVerdict::Interrupted, exit_code),
            _ if !judgement.complaints.is_empty() => (RunVerdict::Failed, 1),
            _ if !judgement.doubts.is_empty() => (RunVerdict::Inconclusive, 3),
            _ => (RunVerdict::Passed, 0),
        };
        judgement
    }

    /// The verdict in a sentence.
    pub fn text(&self, options: &RunOptions) -> String {
        let (complaints, doubts) = (self.complaints.join("; "), self.doubts.join("; "));
        let is_attack = options.scenario.is_attack;
        match self.verdict {
            RunVerdict::Passed if is_attack => "the server withstood the attack".to_owned(),
            RunVerdict::Passed => "every operation succeeded".to_owned(),
            RunVerdict::Failed if is_attack => format!("the server did not withstand the attack: {complaints}"),
            RunVerdict::Failed => format!("failed: {complaints}"),
            RunVerdict::Inconclusive => format!("inconclusive: {doubts}"),
            RunVerdict::Interrupted if complaints.is_empty() => "interrupted".to_owned(),
            RunVerdict::Interrupted if doubts.is_empty() => format!("interrupted; until then: {complaints}"),
            RunVerdict::Interrupted => format!("interrupted; until then: {complaints}; {doubts}"),
        }
    }

    fn judge_end(&mut self, options: &RunOptions, outcome: &RunOutcome) {
        let timeout = format_latency(options.timeout);
        self.complaints.extend(match &outcome.end {
            End::Done | End::Interrupted { .. } => None,
            End::ServerGone => Some("the server's process has ended".to_owned()),
            End::NothingSucceeded { last } if outcome.measurements.succeeded() == 0 => {
                Some(format!("nothing succeeded at {} for {timeout}: {last}", options.target))
            }
            End::NothingSucceeded { last } => Some(format!("stopped because nothing succeeded for {timeout}: {last}")),
        });
    }

    fn judge_classes(&mut self, options: &RunOptions, outcome: &RunOutcome) {
        let measurements = &outcome.measurements;
        if matches!(outcome.end, End::NothingSucceeded { .. }) && measurements.succeeded() == 0 {
            // The reason has been given.
            return;
        }
        let is_over = !matches!(outcome.end, End::Interrupted { .. });
        // An attack shows something only if a well-behaved client had a session to be served in.
        let is_witness = |class: &Class| class.kind == ClassKind::Operation && class.begun > 0;
        if options.scenario.is_attack && outcome.end == End::Done && !measurements.judged().any(is_witness) {
            let reasons = reasons_in_brackets(measurements.judged());
            self.doubts
                .push(format!("no well-behaved client got a session{reasons}"));
            return;
        }
        for class in measurements.judged() {
            let name = class.name;
            for (failure, count) in &class.failures {
                let is_theft = options.scenario.kind == ScenarioKind::Thief && name.starts_with("theft");
                let what = if is_theft { "victims not served: " } else { "" };
                let reasons = if failure.concerns_server() {
                    &mut self.complaints
                } else {
                    &mut self.doubts
                };
                reasons.push(format!("{what}{name}: {failure}, {}", times(*count)));
            }
            if is_over && class.begun == 0 && class.kind == ClassKind::Operation {
                self.doubts.push(format!("{name}: no operation began"));
            } else if is_over && class.begun > 0 && class.ended() == 0 {
                self.complaints.push(format!("{name}: no operation ended"));
            }
        }
        let noop = measurements.classes.iter().find(|class| class.name == "noop");
        if let (Some(limit), Some(noop)) = (options.noop_limit, noop)
            && noop.quantile(0.99) > limit
        {
            let (slowest, limit) = (format_latency(noop.quantile(0.99)), format_latency(limit));
            let complaint = format!("NOOP took {slowest} at the 99th percentile, over the limit of {limit}");
            self.complaints.push(complaint);
        }
        let is_empty_download = |class: &Class| class.name == "download" && class.succeeded() > 0 && class.bytes == 0;
        if measurements.judged().any(is_empty_download) && !options.expects_an_empty_file() {
            self.doubts.push("download: the file is empty".to_owned());
        }
    }

    /// Whether the attack took place, what it achieved, and what it left behind.
    fn judge_attack(&mut self, options: &RunOptions, outcome: &RunOutcome) {
        let counts = &outcome.measurements.attack;
        if counts.stolen_bytes > 0 {
            self.complaints
                .push(format!("{} bytes were stolen", counts.stolen_bytes));
        }
        if counts.diverted_connections > 0 {
            let diverted = counts.diverted_connections;
            self.complaints.push(format!("{diverted} connections were diverted"));
        }
        if options.scenario.kind == ScenarioKind::Thief && counts.thefts_tried == 0 {
            let needs = "a thief needs a second address, 127.99.0.1, and a server in 127.0.0.0/8";
            self.doubts.push(format!("no theft was tried: {needs}"));
        }
        if options.scenario.kind == ScenarioKind::Squat && counts.squatted_ports == 0 {
            let tried = counts.squats_tried;
            self.doubts
                .push(format!("the squatter could bind none of the {tried} ports it tried"));
        }
        if let Some(unit) = options.scenario.effect_unit
            && counts.effects == 0
        {
            let attackers = outcome.measurements.classes.iter().filter(|class| !class.is_judged);
            let reasons = reasons_in_brackets(attackers);
            self.doubts.push(format!("the attack had no effect, 0 {unit}{reasons}"));
        }
        if let Some(samples) = &outcome.samples
            && options.scenario.is_attack
            && samples.after.descriptors > samples.before.descriptors
        {
            let (before, after) = (samples.before.descriptors, samples.after.descriptors);
            self.complaints
                .push(format!("descriptors: {before} before, {after} after"));
        }
    }

    fn judge_rate(&mut self, options: &RunOptions, rate: &Rate) {
        let missed = format!("the rate was missed: {rate}");
        match rate.verdict {
            RateVerdict::Reached => {}
            // A weaker attack than was asked for is not the server's fault.
            RateVerdict::Missed if options.scenario.is_attack => self.doubts.push(missed),
            RateVerdict::Missed => self.complaints.push(missed),
            RateVerdict::TooShort => {
                let doubt = "the run was too short to tell whether the rate was reached";
                self.doubts.push(doubt.to_owned());
            }
        }
    }
}

/// ` (login: reply 530 Login incorrect.)`, or nothing if nothing failed.
fn reasons_in_brackets<'class>(classes: impl Iterator<Item = &'class Class>) -> String {
    let of = |class: &'class Class| {
        class
            .failures
            .keys()
            .map(move |failure| format!("{}: {failure}", class.name))
    };
    let reasons: Vec<String> = classes.flat_map(of).collect();
    if reasons.is_empty() {
        return String::new();
    }
    format!(" ({})", reasons.join("; "))
}

#[cfg(test)]
mod tests;
