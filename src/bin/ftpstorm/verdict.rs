//! What a run has shown: that the server works, that it fails, or nothing.

use super::failure::times;
use super::measurements::{Class, ClassKind, Measurements};
use super::options::RunOptions;
use super::progress_display::format_latency;
use super::rate::{Rate, RateVerdict};
use super::scenario::Scenario;
use super::storm::{End, RunOutcome};

/// The result of a run; each has an exit code of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunVerdict {
    Passed,
    Failed,
    /// The run did not test what it was meant to test.
    Inconclusive,
    Interrupted {
        exit_code: u8,
    },
}

/// The verdict with its reasons.
#[derive(Clone, Debug)]
pub struct Judgement {
    pub verdict: RunVerdict,
    /// What went wrong.
    pub complaints: Vec<String>,
    /// What was not tested.
    pub doubts: Vec<String>,
}

impl RunVerdict {
    pub fn exit_code(self) -> u8 {
        match self {
            RunVerdict::Passed => 0,
            RunVerdict::Failed => 1,
            RunVerdict::Inconclusive => 3,
            RunVerdict::Interrupted { exit_code } => exit_code,
        }
    }

    /// Its name in the JSON report.
    pub fn name(self) -> &'static str {
        match self {
            RunVerdict::Passed => "passed",
            RunVerdict::Failed => "failed",
            RunVerdict::Inconclusive => "inconclusive",
            RunVerdict::Interrupted { .. } => "interrupted",
        }
    }
}

impl Judgement {
    pub fn new(options: &RunOptions, outcome: &RunOutcome) -> Self {
        let mut judgement = Self {
            verdict: RunVerdict::Passed,
            complaints: Vec::new(),
            doubts: Vec::new(),
        };
        judgement.judge_end(options, outcome);
        judgement.judge_classes(options, outcome);
        judgement.judge_attack(options, &outcome.measurements);
        judgement.judge_rate(options, outcome.rate.as_ref());
        judgement.judge_server(options, outcome);
        judgement.verdict = match outcome.end {
            End::Interrupted { exit_code } => RunVerdict::Interrupted { exit_code },
            End::Done | End::NothingSucceeded { .. } | End::ServerGone => {
                match (judgement.complaints.is_empty(), judgement.doubts.is_empty()) {
                    (false, _) => RunVerdict::Failed,
                    (true, false) => RunVerdict::Inconclusive,
                    (true, true) => RunVerdict::Passed,
                }
            }
        };
        judgement
    }

    /// The verdict in a sentence.
    pub fn text(&self, options: &RunOptions) -> String {
        let reasons = || [&self.complaints[..], &self.doubts[..]].concat().join("; ");
        let is_attack = options.scenario.is_attack();
        match self.verdict {
            RunVerdict::Passed if is_attack => "the server withstood the attack".to_owned(),
            RunVerdict::Passed => "every operation succeeded".to_owned(),
            RunVerdict::Failed if is_attack => format!(
                "the server did not withstand the attack: {}",
                self.complaints.join("; ")
            ),
            RunVerdict::Failed => format!("failed: {}", self.complaints.join("; ")),
            RunVerdict::Inconclusive => format!("inconclusive: {}", self.doubts.join("; ")),
            RunVerdict::Interrupted { .. } if self.complaints.is_empty() => "interrupted".to_owned(),
            RunVerdict::Interrupted { .. } => format!("interrupted; until then: {}", reasons()),
        }
    }

    fn judge_end(&mut self, options: &RunOptions, outcome: &RunOutcome) {
        match &outcome.end {
            End::Done | End::Interrupted { .. } => {}
            End::ServerGone => self.complaints.push("the server's process has ended".to_owned()),
            End::NothingSucceeded { last } if outcome.measurements.succeeded() == 0 => self.complaints.push(format!(
                "nothing succeeded at {} for {}: {last}",
                options.target,
                format_latency(options.timeout)
            )),
            End::NothingSucceeded { last } => self.complaints.push(format!(
                "stopped because nothing succeeded for {}: {last}",
                format_latency(options.timeout)
            )),
        }
    }

    fn judge_classes(&mut self, options: &RunOptions, outcome: &RunOutcome) {
        let measurements = &outcome.measurements;
        if matches!(outcome.end, End::NothingSucceeded { .. }) && measurements.succeeded() == 0 {
            // The reason has been given.
            return;
        }
        let judged = || measurements.classes.iter().filter(|class| class.is_judged);
        let is_attack = options.scenario.is_attack();
        let is_over = !matches!(outcome.end, End::Interrupted { .. });
        // An attack shows something only if a well-behaved client had a session to be served in.
        let has_witness = judged().any(|class| class.kind == ClassKind::Operation && class.begun > 0);
        if is_attack && !has_witness && outcome.end == End::Done {
            self.doubts.push(format!(
                "no well-behaved client got a session{}",
                reasons_in_brackets(judged())
            ));
            return;
        }
        for class in judged() {
            for (failure, count) in &class.failures {
                let is_theft = options.scenario == Scenario::Thief && class.name.starts_with("theft");
                let what = if is_theft { "victims not served: " } else { "" };
                let reason = format!("{what}{}: {failure}, {}", class.name, times(*count));
                if failure.concerns_server() {
                    self.complaints.push(reason);
                } else {
                    self.doubts.push(reason);
                }
            }
            if is_over && class.begun == 0 && class.kind == ClassKind::Operation {
                self.doubts.push(format!("{}: no operation began", class.name));
            } else if is_over && class.begun > 0 && class.ended() == 0 {
                self.complaints.push(format!("{}: no operation ended", class.name));
            }
        }
        let noop = measurements.classes.iter().find(|class| class.name == "noop");
        if let (Some(limit), Some(noop)) = (options.noop_limit, noop)
            && noop.quantile(0.99) > limit
        {
            self.complaints.push(format!(
                "NOOP took {} at the 99th percentile, over the limit of {}",
                format_latency(noop.quantile(0.99)),
                format_latency(limit)
            ));
        }
        let download = judged().find(|class| class.name == "download" && class.succeeded() > 0);
        if download.is_some_and(|class| class.bytes == 0) && !options.expects_an_empty_file() {
            self.doubts.push("download: the file is empty".to_owned());
        }
    }

    /// Whether the attack took place, and what it achieved.
    fn judge_attack(&mut self, options: &RunOptions, measurements: &Measurements) {
        if measurements.stolen > 0 {
            self.complaints
                .push(format!("{} bytes were stolen", measurements.stolen));
        }
        if measurements.diverted > 0 {
            self.complaints
                .push(format!("{} connections were diverted", measurements.diverted));
        }
        if options.scenario == Scenario::Thief && measurements.thefts_tried == 0 {
            self.doubts.push(
                "no theft was tried: a thief needs a second address, 127.99.0.1, and a server in 127.0.0.0/8"
                    .to_owned(),
            );
        }
        if options.scenario == Scenario::Squat && measurements.squatted == 0 {
            self.doubts.push(format!(
                "the squatter could bind none of the {} ports it tried",
                measurements.squats_tried
            ));
        }
        if let Some(unit) = options.scenario.effect_unit()
            && measurements.attack_effects == 0
        {
            let attackers = measurements.classes.iter().filter(|class| !class.is_judged);
            self.doubts.push(format!(
                "the attack had no effect, 0 {unit}{}",
                reasons_in_brackets(attackers)
            ));
        }
    }

    fn judge_rate(&mut self, options: &RunOptions, rate: Option<&Rate>) {
        let Some(rate) = rate else {
            return;
        };
        let missed = format!(
            "the rate was missed: {:.0}/s requested, {:.0}/s reached",
            rate.requested, rate.reached
        );
        match rate.verdict {
            RateVerdict::Reached => {}
            // A weaker attack than was asked for is not the server's fault.
            RateVerdict::Missed if options.scenario.is_attack() => self.doubts.push(missed),
            RateVerdict::Missed => self.complaints.push(missed),
            RateVerdict::TooShort => self
                .doubts
                .push("the run was too short to tell whether the rate was reached".to_owned()),
        }
    }

    fn judge_server(&mut self, options: &RunOptions, outcome: &RunOutcome) {
        if let Some(samples) = &outcome.samples
            && options.scenario.is_attack()
            && samples.after.descriptors > samples.before.descriptors
        {
            self.complaints.push(format!(
                "descriptors: {} before, {} after",
                samples.before.descriptors, samples.after.descriptors
            ));
        }
    }
}

/// ` (login: reply 530 Login incorrect.)`, or nothing if nothing failed.
fn reasons_in_brackets<'class>(classes: impl Iterator<Item = &'class Class>) -> String {
    let reasons: Vec<String> = classes
        .flat_map(|class| {
            class
                .failures
                .keys()
                .map(move |failure| format!("{}: {failure}", class.name))
        })
        .collect();
    if reasons.is_empty() {
        String::new()
    } else {
        format!(" ({})", reasons.join("; "))
    }
}

#[cfg(test)]
mod tests;
