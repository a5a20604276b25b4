//! The report for programs. Times are in seconds, sizes in bytes.

use crate::cleanup::Cleanup;
use crate::failure::Failure;
use crate::measurements::{AttackCounts, Class, Second};
use crate::options::RunOptions;
use crate::process::Samples;
use crate::rate::Rate;
use crate::report::QUANTILES;
use crate::storm::RunOutcome;
use crate::verdict::Judgement;
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
    classes: Vec<ClassReport<'run>>,
    distinct_ports: usize,
    #[serde(flatten)]
    attack_counts: &'run AttackCounts,
    server: Option<Samples>,
    seconds_in_order: &'run [Second],
    rate: Option<Rate>,
    attack: Option<AttackReport>,
    cleanup: &'run Cleanup,
    #[serde(flatten)]
    judgement: &'run Judgement,
}

#[derive(Serialize)]
struct ClassReport<'run> {
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
    failures: &'run BTreeMap<Failure, u64>,
}

#[derive(Serialize)]
struct AttackReport {
    count: u64,
    unit: &'static str,
}

impl<'run> JsonReport<'run> {
    pub fn new(options: &RunOptions, outcome: &'run RunOutcome, judgement: &'run Judgement) -> Self {
        let seconds = outcome.elapsed.as_secs_f64().max(1e-9);
        let measurements = &outcome.measurements;
        let classes = measurements.classes.iter();
        let count = measurements.attack.effects;
        Self {
            scenario: options.scenario.name,
            target: options.target,
            clients: outcome.sessions,
            seconds,
            classes: classes.map(|class| ClassReport::new(class, seconds)).collect(),
            distinct_ports: measurements.ports.len(),
            attack_counts: &measurements.attack,
            server: outcome.samples,
            seconds_in_order: &measurements.seconds,
            rate: outcome.rate,
            attack: options.scenario.effect_unit.map(|unit| AttackReport { count, unit }),
            cleanup: &outcome.cleanup,
            judgement,
        }
    }
}

impl<'run> ClassReport<'run> {
    fn new(class: &'run Class, seconds: f64) -> Self {
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
            failures: &class.failures,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cleanup::LeftFile;
    use crate::failure::Awaited;
    use crate::measurements::{ClassKind, Measurements};
    use crate::options::tests::options;
    use crate::process::Sample;
    use crate::rate::RateVerdict;
    use crate::storm::End;
    use serde_json::json;
    use std::time::{Duration, Instant};

    fn outcome() -> RunOutcome {
        let now = Instant::now();
        let mut measurements = Measurements::new(vec![Class::new("attack", ClassKind::Operation, false)], now);
        measurements.failure(0, Failure::TimedOut(Awaited::Reply));
        measurements.moved(0, 1_000);
        measurements.attack.effects = 7;
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
            samples: Some(Samples::new(sample)),
            rate: Some(Rate {
                requested: 10.0,
                reached: 5.0,
                due: 20,
                begun: 10,
                verdict: RateVerdict::Missed,
            }),
            cleanup: Cleanup {
                removed: 1,
                left: vec![LeftFile {
                    path: "up/a".into(),
                    reason: Failure::WrongBytes,
                }],
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
