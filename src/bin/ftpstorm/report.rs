//! The report for people: a table and a few lines.

use super::failure::times;
use super::measurements::Class;
use super::options::RunOptions;
use super::process::Samples;
use super::progress_display::format_latency;
use super::scenario::Scenario;
use super::storm::RunOutcome;
use super::verdict::Judgement;
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
        options.scenario.name(),
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
        text += &table_row(class, seconds);
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
    if options.scenario == Scenario::Squat {
        let (held, tried) = (measurements.squatted, measurements.squats_tried);
        let diverted = measurements.diverted;
        let _ = writeln!(
            text,
            "squatter  bound {held} of {tried} ports tried, {diverted} connections diverted"
        );
    }
    if let Some(unit) = options.scenario.effect_unit() {
        let _ = writeln!(text, "attack    {} {unit}", measurements.attack_effects);
    }
    let cleanup = &outcome.cleanup;
    if cleanup.removed > 0 {
        let _ = writeln!(text, "cleanup   {} uploaded files removed", cleanup.removed);
    }
    for (path, reason) in &cleanup.left {
        let _ = writeln!(text, "cleanup   {path} could not be removed: {reason}");
    }
    if let Some(samples) = &outcome.samples {
        text += &server_lines(samples, outcome.sessions);
    }
    let _ = writeln!(text, "verdict   {}", judgement.text(options));
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

/// Memory, descriptors and processor time of the server.
fn server_lines(samples: &Samples, sessions: usize) -> String {
    let Samples { before, most, after } = samples;
    let grown = most.memory.saturating_sub(before.memory) / sessions.max(1) as u64;
    format!(
        "server    memory {} before, {} at most, {} after; {} per session\n          \
         descriptors {} before, {} at most, {} after; {} processes at most; {:.2} s of processor time\n",
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
