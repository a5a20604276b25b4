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
