//! The report at the end: a table for people, and the same as JSON.

use super::failure::times;
use super::measurements::Class;
use super::options::Options;
use super::process::Samples;
use super::progress::format_latency;
use super::rate::RateVerdict;
use super::storm::Outcome;
use super::verdict::Judgement;
use serde_json::{Value, json};
use std::fmt::Write;

/// Latencies that are shown, by their share of the operations.
const QUANTILES: [(&str, f64); 5] = [
    ("p50", 0.5),
    ("p90", 0.9),
    ("p99", 0.99),
    ("p99.9", 0.999),
    ("max", 1.0),
];

/// The table.
pub fn table(options: &Options, outcome: &Outcome, judgement: &Judgement) -> String {
    let seconds = outcome.elapsed.as_secs_f64().max(1e-9);
    let measurements = &outcome.measurements;
    let mut text = format!(
        "{} against {}, {} clients, {seconds:.1} s\n\n{:<16}{:>10}{:>11}",
        options.scenario_name(),
        options.target,
        outcome.sessions,
        "",
        "operations",
        "per second"
    );
    for (name, _) in QUANTILES {
        let _ = write!(text, "{name:>10}");
    }
    text += "    failed\n";
    for class in &measurements.classes {
        let rate = class.in_time as f64 / seconds;
        let _ = write!(text, "{:<16}{:>10}{rate:>11.0}", class.name, class.succeeded());
        for (_, share) in QUANTILES {
            let latency = if class.succeeded() == 0 {
                "–".to_owned()
            } else {
                format_latency(class.quantile(share))
            };
            let _ = write!(text, "{latency:>10}");
        }
        let _ = writeln!(text, "{:>10}", class.failed());
    }
    text.push('\n');
    let bytes = measurements.bytes;
    if bytes > 0 || options.scenario.moves_data() {
        let _ = writeln!(
            text,
            "bytes     {}, {}/s",
            size(bytes),
            size((bytes as f64 / seconds) as u64)
        );
    }
    if let Some(rate) = &outcome.rate {
        let _ = writeln!(
            text,
            "rate      {:.0}/s requested, {:.0}/s reached",
            rate.requested, rate.reached
        );
    }
    for class in measurements.classes.iter().filter(|class| class.failed() > 0) {
        for (failure, count) in &class.failures {
            let _ = writeln!(text, "failed    {}: {failure}, {}", class.name, times(*count));
        }
    }
    if !measurements.ports.is_empty() {
        let _ = writeln!(
            text,
            "ports     {} distinct passive ports announced",
            measurements.ports.len()
        );
    }
    if measurements.thefts_tried > 0 {
        let (stolen, tried) = (measurements.stolen, measurements.thefts_tried);
        let _ = writeln!(text, "thief     {stolen} bytes stolen in {tried} tries");
    }
    if options.scenario_name() == "squat" {
        let (held, tried) = (measurements.squatted, measurements.squats_tried);
        let diverted = measurements.diverted;
        let _ = writeln!(
            text,
            "squatter  held {held} of {tried} ports tried, {diverted} connections came to it"
        );
    }
    if !options.scenario.strikes().is_empty() {
        let _ = writeln!(text, "attack    {} {}", measurements.struck, options.scenario.strikes());
    }
    let cleanup = &outcome.cleanup;
    if cleanup.removed > 0 {
        let _ = writeln!(text, "cleanup   {} uploaded files removed", cleanup.removed);
    }
    for (path, reason) in &cleanup.left {
        let _ = writeln!(text, "cleanup   {path} could not be removed: {reason}");
    }
    if let Some(samples) = &outcome.samples {
        text += &server(samples, outcome.sessions);
    }
    let _ = writeln!(text, "verdict   {}", judgement.text(options));
    text
}

fn server(samples: &Samples, sessions: usize) -> String {
    let Samples { before, most, after } = samples;
    let grown = most.memory.saturating_sub(before.memory) / sessions.max(1) as u64;
    format!(
        "server    memory {} before, {} at most, {} after; {} a session\n          descriptors {} before, {} at most, {} \
         after; {} processes at most; {:.2} s of processor time\n",
        size(before.memory),
        size(most.memory),
        size(after.memory),
        size(grown),
        before.descriptors,
        most.descriptors,
        after.descriptors,
        most.processes,
        after.processor.saturating_sub(before.processor).as_secs_f64(),
    )
}

fn size(bytes: u64) -> String {
    let bytes = bytes as f64;
    match bytes {
        _ if bytes >= f64::from(1 << 30) => format!("{:.2} GiB", bytes / f64::from(1 << 30)),
        _ if bytes >= f64::from(1 << 20) => format!("{:.1} MiB", bytes / f64::from(1 << 20)),
        _ if bytes >= 1024.0 => format!("{:.1} KiB", bytes / 1024.0),
        _ => format!("{bytes} bytes"),
    }
}

/// The result for programs. Latencies are in seconds, sizes in bytes.
pub fn json(options: &Options, outcome: &Outcome, judgement: &Judgement) -> Value {
    let seconds = outcome.elapsed.as_secs_f64().max(1e-9);
    let measurements = &outcome.measurements;
    json!({
        "scenario": options.scenario_name(),
        "target": options.target.to_string(),
        "clients": outcome.sessions,
        "seconds": seconds,
        "classes": measurements.classes.iter().map(|class| class_json(class, seconds)).collect::<Vec<_>>(),
        "distinct_ports": measurements.ports.len(),
        "stolen_bytes": measurements.stolen,
        "thefts_tried": measurements.thefts_tried,
        "squatted_ports": measurements.squatted,
        "squats_tried": measurements.squats_tried,
        "diverted_connections": measurements.diverted,
        "server": outcome.samples.map(|samples| {
            let one = |sample: super::process::Sample| json!({
                "memory": sample.memory,
                "descriptors": sample.descriptors,
                "processes": sample.processes,
                "processor_seconds": sample.processor.as_secs_f64(),
            });
            json!({ "before": one(samples.before), "most": one(samples.most), "after": one(samples.after) })
        }),
        "seconds_in_order": measurements.seconds.iter().map(|second| json!({
            "length": second.length.as_secs_f64(),
            "operations": second.operations,
            "failures": second.failures,
            "bytes": second.bytes,
            "p50": second.median.as_secs_f64(),
            "p99": second.p99.as_secs_f64(),
        })).collect::<Vec<_>>(),
        "rate": outcome.rate.map(|rate| json!({
            "requested": rate.requested,
            "reached": rate.reached,
            "due": rate.due,
            "begun": rate.begun,
            "missed": rate.verdict == RateVerdict::Missed,
        })),
        "attack": (!options.scenario.strikes().is_empty()).then(|| json!({
            "count": measurements.struck,
            "unit": options.scenario.strikes(),
        })),
        "cleanup": {
            "removed": outcome.cleanup.removed,
            "left": outcome.cleanup.left.iter().map(|(path, reason)| json!({
                "path": **path,
                "reason": reason.to_string(),
            })).collect::<Vec<_>>(),
        },
        "verdict": judgement.verdict.name(),
        "complaints": judgement.complaints,
        "doubts": judgement.doubts,
    })
}

fn class_json(class: &Class, seconds: f64) -> Value {
    let latencies: serde_json::Map<String, Value> = QUANTILES
        .iter()
        .map(|(name, share)| ((*name).to_owned(), json!(class.quantile(*share).as_secs_f64())))
        .collect();
    let failures: serde_json::Map<String, Value> = class
        .failures
        .iter()
        .map(|(failure, count)| (failure.to_string(), json!(count)))
        .collect();
    json!({
        "name": class.name,
        "judged": class.is_judged,
        "operations": class.succeeded(),
        "per_second": class.in_time as f64 / seconds,
        "bytes": class.bytes,
        "bytes_per_second": class.bytes as f64 / seconds,
        "latency": latencies,
        "failed": class.failed(),
        "failures": failures,
    })
}
