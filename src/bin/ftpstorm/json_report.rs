//! The report for programs. Times are in seconds, sizes in bytes.

use super::measurements::{Class, Second};
use super::options::RunOptions;
use super::process::Samples;
use super::rate::Rate;
use super::report::QUANTILES;
use super::storm::RunOutcome;
use super::verdict::Judgement;
use serde::Serialize;
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// The whole report.
#[derive(Serialize)]
pub struct JsonReport<'run> {
    scenario: &'static str,
    target: SocketAddr,
    clients: usize,
    seconds: f64,
    classes: Vec<ClassReport>,
    distinct_ports: usize,
    stolen_bytes: u64,
    thefts_tried: u64,
    squatted_ports: u64,
    squats_tried: u64,
    diverted_connections: u64,
    server: Option<Samples>,
    seconds_in_order: &'run [Second],
    rate: Option<Rate>,
    attack: Option<AttackReport>,
    cleanup: CleanupReport<'run>,
    verdict: &'static str,
    complaints: &'run [String],
    doubts: &'run [String],
}

#[derive(Serialize)]
struct ClassReport {
    name: &'static str,
    judged: bool,
    operations: u64,
    per_second: f64,
    bytes: u64,
    bytes_per_second: f64,
    /// By the name of the quantile.
    latency: BTreeMap<&'static str, f64>,
    failed: u64,
    /// How often, by the text of the failure.
    failures: BTreeMap<String, u64>,
}

#[derive(Serialize)]
struct AttackReport {
    count: u64,
    unit: &'static str,
}

#[derive(Serialize)]
struct CleanupReport<'run> {
    removed: usize,
    left: Vec<LeftFile<'run>>,
}

#[derive(Serialize)]
struct LeftFile<'run> {
    path: &'run str,
    reason: String,
}

impl<'run> JsonReport<'run> {
    pub fn new(options: &RunOptions, outcome: &'run RunOutcome, judgement: &'run Judgement) -> Self {
        let seconds = outcome.elapsed.as_secs_f64().max(1e-9);
        let measurements = &outcome.measurements;
        let classes = measurements.classes.iter();
        let left = outcome.cleanup.left.iter().map(|(path, reason)| LeftFile {
            path,
            reason: reason.to_string(),
        });
        Self {
            scenario: options.scenario.name(),
            target: options.target,
            clients: outcome.sessions,
            seconds,
            classes: classes.map(|class| ClassReport::new(class, seconds)).collect(),
            distinct_ports: measurements.ports.len(),
            stolen_bytes: measurements.stolen,
            thefts_tried: measurements.thefts_tried,
            squatted_ports: measurements.squatted,
            squats_tried: measurements.squats_tried,
            diverted_connections: measurements.diverted,
            server: outcome.samples,
            seconds_in_order: &measurements.seconds,
            rate: outcome.rate,
            attack: options.scenario.effect_unit().map(|unit| AttackReport {
                count: measurements.attack_effects,
                unit,
            }),
            cleanup: CleanupReport {
                removed: outcome.cleanup.removed,
                left: left.collect(),
            },
            verdict: judgement.verdict.name(),
            complaints: &judgement.complaints,
            doubts: &judgement.doubts,
        }
    }
}

impl ClassReport {
    fn new(class: &Class, seconds: f64) -> Self {
        let latency = |(name, share)| (name, class.quantile(share).as_secs_f64());
        Self {
            name: class.name,
            judged: class.is_judged,
            operations: class.succeeded(),
            per_second: class.in_time as f64 / seconds,
            bytes: class.bytes,
            bytes_per_second: class.bytes as f64 / seconds,
            latency: QUANTILES.into_iter().map(latency).collect(),
            failed: class.failed(),
            failures: class
                .failures
                .iter()
                .map(|(failure, count)| (failure.to_string(), *count))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cleanup::Cleanup;
    use crate::failure::{Awaited, Failure};
    use crate::measurements::{ClassKind, Measurements};
    use crate::options::{ParsedArguments, parse};
    use crate::process::Sample;
    use crate::rate::RateVerdict;
    use crate::storm::End;
    use serde_json::json;
    use std::time::{Duration, Instant};

    fn options(line: &str) -> RunOptions {
        match parse(line.split_whitespace().map(std::ffi::OsString::from)) {
            Ok(ParsedArguments::Run(options)) => *options,
            other => panic!("{line}: {other:?}"),
        }
    }

    fn outcome() -> RunOutcome {
        let now = Instant::now();
        let mut measurements = Measurements::new(vec![Class::new("attack", ClassKind::Operation, false)], now);
        measurements.failure(0, Failure::TimedOut(Awaited::Reply));
        measurements.moved(0, 1_000);
        measurements.attack_effects = 7;
        measurements.second_ends(now + Duration::from_secs(2));
        let sample = Sample {
            memory: 1,
            descriptors: 2,
            processes: 3,
            processor: Duration::from_millis(500),
        };
        RunOutcome {
            measurements,
            elapsed: Duration::from_secs(2),
            sessions: 10,
            samples: Some(crate::process::Samples {
                before: sample,
                most: sample,
                after: sample,
            }),
            rate: Some(Rate {
                requested: 10.0,
                reached: 5.0,
                due: 20,
                begun: 10,
                verdict: RateVerdict::Missed,
            }),
            cleanup: Cleanup {
                removed: 1,
                left: vec![("up/a".into(), Failure::WrongBytes)],
            },
            end: End::Done,
        }
    }

    #[test]
    fn programs_find_every_field_under_its_name() {
        let (options, outcome) = (options("hoard 127.0.0.1:21"), outcome());
        let judgement = Judgement::new(&options, &outcome);
        let report = serde_json::to_value(JsonReport::new(&options, &outcome, &judgement)).expect("JSON");
        let sample = json!({ "memory": 1, "descriptors": 2, "processes": 3, "processor_seconds": 0.5 });
        let zero = 0.0;
        let expected = json!({
            "scenario": "hoard",
            "target": "127.0.0.1:21",
            "clients": 10,
            "seconds": 2.0,
            "classes": [{
                "name": "attack",
                "judged": false,
                "operations": 0,
                "per_second": zero,
                "bytes": 1_000,
                "bytes_per_second": 500.0,
                "latency": { "p50": zero, "p90": zero, "p99": zero, "p99.9": zero, "max": zero },
                "failed": 1,
                "failures": { "timed out waiting for a reply": 1 },
            }],
            "distinct_ports": 0,
            "stolen_bytes": 0,
            "thefts_tried": 0,
            "squatted_ports": 0,
            "squats_tried": 0,
            "diverted_connections": 0,
            "server": { "before": sample, "most": sample, "after": sample },
            "seconds_in_order": [
                { "length": 2.0, "operations": 0, "failures": 0, "bytes": 1_000, "p50": zero, "p99": zero },
            ],
            "rate": { "requested": 10.0, "reached": 5.0, "due": 20, "begun": 10, "missed": true },
            "attack": { "count": 7, "unit": "ports hoarded" },
            "cleanup": { "removed": 1, "left": [{ "path": "up/a", "reason": "wrong bytes" }] },
            "verdict": "inconclusive",
            "complaints": judgement.complaints,
            "doubts": judgement.doubts,
        });
        assert_eq!(report, expected);
    }

    #[test]
    fn what_a_run_does_not_have_is_null() {
        let options = options("login 127.0.0.1:21");
        let mut outcome = outcome();
        (outcome.samples, outcome.rate) = (None, None);
        let judgement = Judgement::new(&options, &outcome);
        let report = serde_json::to_value(JsonReport::new(&options, &outcome, &judgement)).expect("JSON");
        for field in ["server", "rate", "attack"] {
            assert_eq!(report.get(field), Some(&serde_json::Value::Null), "{field}");
        }
    }
}
