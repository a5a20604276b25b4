//! What a run has shown: that all went well, that something failed, or nothing at all.

use super::failure::times;
use super::measurements::{Class, Kind, Measurements};
use super::options::{Options, Scenario};
use super::progress::format_latency;
use super::rate::{Rate, RateVerdict};
use super::storm::{End, Outcome};

/// What the whole run comes to; each has an exit code of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
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
    pub verdict: Verdict,
    /// What went wrong.
    pub complaints: Vec<String>,
    /// What was not tested.
    pub doubts: Vec<String>,
}

impl Verdict {
    pub fn exit_code(self) -> u8 {
        match self {
            Verdict::Passed => 0,
            Verdict::Failed => 1,
            Verdict::Inconclusive => 3,
            Verdict::Interrupted { exit_code } => exit_code,
        }
    }

    /// The word for programs.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Passed => "passed",
            Verdict::Failed => "failed",
            Verdict::Inconclusive => "inconclusive",
            Verdict::Interrupted { .. } => "interrupted",
        }
    }
}

impl Judgement {
    pub fn new(options: &Options, outcome: &Outcome) -> Self {
        let mut judgement = Self {
            verdict: Verdict::Passed,
            complaints: Vec::new(),
            doubts: Vec::new(),
        };
        judgement.look_at_the_end(options, outcome);
        judgement.look_at_the_classes(options, outcome);
        judgement.look_at_the_attack(options, &outcome.measurements);
        judgement.look_at_the_rate(options, outcome.rate.as_ref());
        judgement.look_at_the_server(options, outcome);
        judgement.verdict = match outcome.end {
            End::Interrupted { exit_code } => Verdict::Interrupted { exit_code },
            End::Done | End::NothingSucceeded { .. } | End::ServerGone if !judgement.complaints.is_empty() => {
                Verdict::Failed
            }
            End::Done | End::NothingSucceeded { .. } | End::ServerGone if !judgement.doubts.is_empty() => {
                Verdict::Inconclusive
            }
            End::Done | End::NothingSucceeded { .. } | End::ServerGone => Verdict::Passed,
        };
        judgement
    }

    /// The verdict in a sentence.
    pub fn text(&self, options: &Options) -> String {
        let reasons = || [&self.complaints[..], &self.doubts[..]].concat().join("; ");
        let is_attack = options.scenario.is_attack();
        match self.verdict {
            Verdict::Passed if is_attack => "the server stood".to_owned(),
            Verdict::Passed => "every operation succeeded".to_owned(),
            Verdict::Failed if is_attack => format!("the server did not stand: {}", self.complaints.join("; ")),
            Verdict::Failed => format!("failed: {}", self.complaints.join("; ")),
            Verdict::Inconclusive => format!("inconclusive: {}", self.doubts.join("; ")),
            Verdict::Interrupted { .. } if self.complaints.is_empty() => "interrupted".to_owned(),
            Verdict::Interrupted { .. } => format!("interrupted; until then: {}", reasons()),
        }
    }

    fn look_at_the_end(&mut self, options: &Options, outcome: &Outcome) {
        match &outcome.end {
            End::Done | End::Interrupted { .. } => {}
            End::ServerGone => self.complaints.push("the server's process has ended".to_owned()),
            End::NothingSucceeded { last } if outcome.measurements.succeeded() == 0 => self.complaints.push(format!(
                "nothing could be done at {} for {}: {last}",
                options.target,
                format_latency(options.timeout)
            )),
            End::NothingSucceeded { last } => self.complaints.push(format!(
                "stopped, because nothing succeeded any more for {}: {last}",
                format_latency(options.timeout)
            )),
        }
    }

    fn look_at_the_classes(&mut self, options: &Options, outcome: &Outcome) {
        let measurements = &outcome.measurements;
        if matches!(outcome.end, End::NothingSucceeded { .. }) && measurements.succeeded() == 0 {
            // The one reason has been given.
            return;
        }
        let judged = || measurements.classes.iter().filter(|class| class.is_judged);
        let is_attack = options.scenario.is_attack();
        let is_over = !matches!(outcome.end, End::Interrupted { .. });
        // An attack shows something only if an honest client was there to be served or not.
        let has_witness = judged().any(|class| class.kind == Kind::Operation && class.begun > 0);
        if is_attack && !has_witness && outcome.end == End::Done {
            self.doubts.push(format!(
                "no honest client got a session{}",
                reasons_in_brackets(judged())
            ));
            return;
        }
        for class in judged() {
            for (failure, count) in &class.failures {
                let is_theft = options.scenario == Scenario::Thief && class.name.starts_with("theft");
                let what = if is_theft { "victims not served: " } else { "" };
                let reason = format!("{what}{}: {failure}, {}", class.name, times(*count));
                if failure.is_the_servers() {
                    self.complaints.push(reason);
                } else {
                    self.doubts.push(reason);
                }
            }
            if is_over && class.begun == 0 && class.kind == Kind::Operation {
                self.doubts.push(format!("{}: none was begun", class.name));
            } else if is_over && class.begun > 0 && class.ended() == 0 {
                self.complaints.push(format!("{}: none came to an end", class.name));
            }
        }
        let noop = measurements.classes.iter().find(|class| class.name == "noop");
        if let (Some(limit), Some(noop)) = (options.noop_limit, noop)
            && noop.quantile(0.99) > limit
        {
            self.complaints.push(format!(
                "NOOP took {} at the 99th percentile, the limit is {}",
                format_latency(noop.quantile(0.99)),
                format_latency(limit)
            ));
        }
        let download = judged().find(|class| class.name == "download" && class.succeeded() > 0);
        if download.is_some_and(|class| class.bytes == 0) && !options.expects_an_empty_file() {
            self.doubts.push("download: the file is empty".to_owned());
        }
    }

    /// Whether the attack took place at all, and what it got.
    fn look_at_the_attack(&mut self, options: &Options, measurements: &Measurements) {
        if measurements.stolen > 0 {
            self.complaints
                .push(format!("{} bytes were stolen", measurements.stolen));
        }
        if measurements.diverted > 0 {
            self.complaints
                .push(format!("{} connections were diverted", measurements.diverted));
        }
        match options.scenario {
            Scenario::Thief if measurements.thefts_tried == 0 => self.doubts.push(
                "no theft was tried: a thief needs a second address, 127.99.0.1, and a server on 127.0.0.0/8"
                    .to_owned(),
            ),
            Scenario::Squat if measurements.squatted == 0 => self.doubts.push(format!(
                "the squatter held 0 ports; {} were tried, none could be bound",
                measurements.squats_tried
            )),
            Scenario::Hoard
            | Scenario::Slowloris
            | Scenario::Stall
            | Scenario::Reset
            | Scenario::Flood
            | Scenario::Lines
                if measurements.struck == 0 =>
            {
                let attackers = measurements.classes.iter().filter(|class| !class.is_judged);
                self.doubts.push(format!(
                    "the attack did nothing, 0 {}{}",
                    options.scenario.strikes(),
                    reasons_in_brackets(attackers)
                ));
            }
            Scenario::Login
            | Scenario::Cycle
            | Scenario::Download
            | Scenario::Upload
            | Scenario::Mixed
            | Scenario::Idle
            | Scenario::Fair
            | Scenario::Exhaust
            | Scenario::Hoard
            | Scenario::Slowloris
            | Scenario::Stall
            | Scenario::Thief
            | Scenario::Squat
            | Scenario::Reset
            | Scenario::Flood
            | Scenario::Lines => {}
        }
    }

    fn look_at_the_rate(&mut self, options: &Options, rate: Option<&Rate>) {
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

    fn look_at_the_server(&mut self, options: &Options, outcome: &Outcome) {
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

/// ` (login: reply 530 Login incorrect.)`, or nothing where nothing failed.
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
