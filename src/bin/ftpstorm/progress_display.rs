//! Progress on standard error while it runs: a bar on a terminal, plain lines elsewhere.

use crate::measurements::Second;
use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::Duration;

/// Steps of a bar that follows the time.
const TIME_STEPS: u64 = 1_000;

/// Shows the progress of a run.
pub struct ProgressDisplay {
    bar: Option<ProgressBar>,
    is_silent: bool,
}

impl ProgressDisplay {
    /// `count`: the number of operations that ends the run, if one was given.
    pub fn new(count: Option<u64>, is_quiet: bool) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        let bar = (is_terminal && !is_quiet).then(|| {
            let bar = ProgressBar::with_draw_target(Some(count.unwrap_or(TIME_STEPS)), ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("{bar:32} {percent:>3}%  {msg}") {
                bar.set_style(style);
            }
            bar
        });
        Self {
            bar,
            is_silent: is_quiet || is_terminal,
        }
    }

    /// A second has passed. `share` of the run is done.
    pub fn second(&self, second: &Second, failures: u64, share: f64) {
        let line = format!(
            "{:>9}/s  {:>6.1} MiB/s  p99 {:>9}  {failures} failed",
            HumanCount(second.operations).to_string(),
            second.bytes as f64 / f64::from(1 << 20),
            format_latency(second.p99),
        );
        match &self.bar {
            Some(bar) => {
                let length = bar.length().unwrap_or(TIME_STEPS) as f64;
                bar.set_position((length * share.clamp(0.0, 1.0)) as u64);
                bar.set_message(line);
            }
            None if self.is_silent => {}
            None => eprintln!("{:>4.0}%  {line}", share.clamp(0.0, 1.0) * 100.0),
        }
    }

    pub fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// A latency with its unit; `–` for zero.
pub fn format_latency(latency: Duration) -> String {
    let seconds = latency.as_secs_f64();
    match seconds {
        _ if seconds <= 0.0 => "–".to_owned(),
        _ if seconds < 1e-3 => format!("{:.0} µs", seconds * 1e6),
        _ if seconds < 1.0 => format!("{:.2} ms", seconds * 1e3),
        _ => format!("{seconds:.2} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_have_the_unit_that_keeps_them_short() {
        assert_eq!(format_latency(Duration::ZERO), "–");
        assert_eq!(format_latency(Duration::from_nanos(1_600)), "2 µs");
        assert_eq!(format_latency(Duration::from_micros(12_340)), "12.34 ms");
        assert_eq!(format_latency(Duration::from_millis(1_500)), "1.50 s");
    }
}
