//! The report for people: a table and a few lines.

use crate::failure::times;
use crate::measurements::Class;
use crate::options::RunOptions;
use crate::process::Samples;
use crate::progress_display::format_latency;
use crate::scenario::ScenarioKind;
use crate::storm::RunOutcome;
use crate::verdict::Judgement;
use std::fmt::Write;

/// Latencies that reports show: name and share of the operations.
pub const QUANTILES: [(&str, f64); 5] = [
    ("p50", 0.5),
    ("p90", 0.9),
    ("p99", 0.99),
    ("p99.9", 0.999),
    ("max", 1.0),
];

/// The whole report.
pub fn table(options: &RunOptions, outcome: &RunOutcome, judgement: &Judgement) -> String {
    let seconds = outcome.elapsed.as_secs_f64().max(1e-9);
    let measurements = &outcome.measurements;
    let mut text = format!(
        "{} against {}, {} clients, {seconds:.1} s\n\n{:<16}{:>10}{:>11}",
        options.scenario.name, options.target, outcome.sessions, "", "operations", "per second"
    );
    for (name, _) in QUANTILES {
        let _ = write!(text, "{name:>10}");
    }
    text += "    failed\n";
    for class in &measurements.classes {
        text += &table_row(class, seconds);
    }
    text.push('\n');
    let mut line = |label: &str, value: String| {
        let _ = writeln!(text, "{label:<10}{value}");
    };
    let bytes = measurements.bytes;
    if bytes > 0 || options.scenario.moves_data {
        let per_second = size((bytes as f64 / seconds) as u64);
        line("bytes", format!("{}, {per_second}/s", size(bytes)));
    }
    if let Some(rate) = &outcome.rate {
        line("rate", rate.to_string());
    }
    for class in &measurements.classes {
        for (failure, count) in &class.failures {
            line("failed", format!("{}: {failure}, {}", class.name, times(*count)));
        }
    }
    let (ports, counts) = (measurements.ports.len(), &measurements.attack);
    if ports > 0 {
        line("ports", format!("{ports} distinct passive ports announced"));
    }
    if counts.thefts_tried > 0 {
        let (stolen, tried) = (counts.stolen_bytes, counts.thefts_tried);
        line("thief", format!("{stolen} bytes stolen in {tried} tries"));
    }
    if options.scenario.kind == ScenarioKind::Squat {
        let (held, tried) = (counts.squatted_ports, counts.squats_tried);
        let diverted = counts.diverted_connections;
        let result = format!("bound {held} of {tried} ports tried, {diverted} connections diverted");
        line("squatter", result);
    }
    if let Some(unit) = options.scenario.effect_unit {
        line("attack", format!("{} {unit}", counts.effects));
    }
    let cleanup = &outcome.cleanup;
    if cleanup.removed > 0 {
        line("cleanup", format!("{} uploaded files removed", cleanup.removed));
    }
    for file in &cleanup.left {
        line(
            "cleanup",
            format!("{} could not be removed: {}", file.path, file.reason),
        );
    }
    if let Some(samples) = &outcome.samples {
        let [memory, descriptors] = server_lines(samples, outcome.sessions);
        line("server", memory);
        line("", descriptors);
    }
    line("verdict", judgement.text(options));
    text
}

/// A class's operations, rate, latencies and failures.
fn table_row(class: &Class, seconds: f64) -> String {
    let rate = class.in_time as f64 / seconds;
    let mut row = format!("{:<16}{:>10}{rate:>11.0}", class.name, class.succeeded());
    for (_, share) in QUANTILES {
        let latency = if class.succeeded() == 0 {
            "–".to_owned()
        } else {
            format_latency(class.quantile(share))
        };
        let _ = write!(row, "{latency:>10}");
    }
    let _ = writeln!(row, "{:>10}", class.failed());
    row
}

/// Memory; descriptors, processes and processor time of the server.
fn server_lines(samples: &Samples, sessions: usize) -> [String; 2] {
    let Samples { before, most, after } = samples;
    let grown = most.memory.saturating_sub(before.memory) / sessions.max(1) as u64;
    let [at_first, at_most, at_last, per_session] = [before.memory, most.memory, after.memory, grown].map(size);
    let processor = after.processor.saturating_sub(before.processor).as_secs_f64();
    [
        format!("memory {at_first} before, {at_most} at most, {at_last} after; {per_session} per session"),
        format!(
            "descriptors {} before, {} at most, {} after; {} processes at most; {processor:.2} s of processor time",
            before.descriptors, most.descriptors, after.descriptors, most.processes
        ),
    ]
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_the_unit_that_keeps_them_short() {
        assert_eq!(size(0), "0 bytes");
        assert_eq!(size(1_023), "1023 bytes");
        assert_eq!(size(1_536), "1.5 KiB");
        assert_eq!(size(10 << 20), "10.0 MiB");
        assert_eq!(size(5 << 29), "2.50 GiB");
    }
}
