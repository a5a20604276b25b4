//! `/metrics`: figures in the text format 0.0.4 of Prometheus. All labels have values of the server's own.

use super::handler::Handler;
use super::histogram::{Histogram, LIMITS_US};
use super::recorder::Recorder;
use super::seen::Seen;
use crate::process_figures::ProcessFile;
use crate::records::tallies::RefusalReason;
use crate::records::text_log;
use std::fmt::{Display, Write};

/// The type of the answer.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The text of the figures.
#[derive(Default)]
struct Exposition(String);

impl Exposition {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    /// `labels`: as in `{direction="sent"}`, or empty.
    fn sample(&mut self, name: &str, labels: &str, value: impl Display) {
        let _ = writeln!(self.0, "{name}{labels} {value}");
    }

    fn counter(&mut self, name: &str, help: &str, value: impl Display) {
        self.family(name, "counter", help);
        self.sample(name, "", value);
    }

    fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.family(name, "gauge", help);
        self.sample(name, "", value);
    }

    fn by_label<W: Display>(&mut self, name: &str, help: &str, label: &str, values: impl Iterator<Item = (W, u64)>) {
        self.family(name, "counter", help);
        for (word, value) in values {
            self.sample(name, &format!("{{{label}=\"{word}\"}}"), value);
        }
    }

    /// `label`: as in `handler="data"`, or empty.
    fn histogram(&mut self, name: &str, label: &str, histogram: &Histogram) {
        let comma = if label.is_empty() { "" } else { "," };
        let limits = LIMITS_US.iter().map(|limit| (*limit as f64 / 1e6).to_string());
        let mut count = 0;
        for (limit, below) in limits.chain(["+Inf".to_owned()]).zip(histogram.cumulative()) {
            self.sample(
                &format!("{name}_bucket"),
                &format!("{{{label}{comma}le=\"{limit}\"}}"),
                below,
            );
            count = below;
        }
        let label = if label.is_empty() {
            String::new()
        } else {
            format!("{{{label}}}")
        };
        self.sample(&format!("{name}_sum"), &label, histogram.sum().as_secs_f64());
        self.sample(&format!("{name}_count"), &label, count);
    }
}

/// All figures.
pub fn text(seen: &Seen<'_>, recorder: &Recorder, process: &ProcessFile, viewers: usize) -> String {
    let mut out = Exposition::default();
    out.family("loopftpd_build_info", "gauge", "The version of the server; always 1.");
    out.sample(
        "loopftpd_build_info",
        concat!("{version=\"", env!("CARGO_PKG_VERSION"), "\"}"),
        1,
    );
    sessions(&mut out, seen);
    transfers(&mut out, seen);
    the_loop(&mut out, seen, recorder);
    queues(&mut out, seen, viewers);
    if let Some(figures) = process.read() {
        out.counter(
            "process_cpu_seconds_total",
            "Processor time of the process, in user and kernel mode.",
            figures.cpu_seconds,
        );
        out.gauge(
            "process_resident_memory_bytes",
            "Resident memory.",
            figures.resident_bytes,
        );
        out.gauge("process_virtual_memory_bytes", "Virtual memory.", figures.virtual_bytes);
    }
    out.gauge(
        "process_start_time_seconds",
        "When the process started, in seconds since 1970.",
        process.started(),
    );
    out.0
}

fn sessions(out: &mut Exposition, seen: &Seen<'_>) {
    let counters = &seen.shared.counters;
    out.gauge("loopftpd_sessions", "Sessions now.", seen.slots.len());
    out.gauge(
        "loopftpd_sessions_max",
        "Most sessions at a time.",
        seen.shared.options.max_sessions,
    );
    out.counter(
        "loopftpd_sessions_accepted_total",
        "Sessions so far.",
        counters.accepted,
    );
    out.counter(
        "loopftpd_sessions_evicted_total",
        "Sessions without a login that were closed for a new client.",
        counters.evicted,
    );
    let Some(tallies) = &seen.shared.tallies else {
        return;
    };
    let refused = RefusalReason::ALL.map(|reason| (reason.word(), tallies.refused.get(&reason).copied().unwrap_or(0)));
    out.by_label(
        "loopftpd_sessions_refused_total",
        "Clients refused for a limit: of their address, of all sessions, or of descriptors.",
        "reason",
        refused.into_iter(),
    );
    let by_word = |words: &'_ std::collections::BTreeMap<String, u64>| -> Vec<(String, u64)> {
        words.iter().map(|(word, count)| (word.clone(), *count)).collect()
    };
    out.by_label(
        "loopftpd_sessions_ended_total",
        "Sessions that have ended, by the reason as in the log.",
        "reason",
        by_word(&tallies.endings).into_iter(),
    );
    out.by_label(
        "loopftpd_logins_total",
        "Logins by outcome as in the log; ok if it succeeded.",
        "outcome",
        by_word(&tallies.logins).into_iter(),
    );
    out.counter("loopftpd_commands_total", "Commands answered.", counters.commands);
    let classes = ["1xx", "2xx", "3xx", "4xx", "5xx"];
    out.by_label(
        "loopftpd_replies_total",
        "Replies by the first digit of their code.",
        "class",
        classes.into_iter().zip(tallies.replies),
    );
}

fn transfers(out: &mut Exposition, seen: &Seen<'_>) {
    let counters = &seen.shared.counters;
    if let Some(tallies) = &seen.shared.tallies {
        let name = "loopftpd_transfers_total";
        out.family(
            name,
            "counter",
            "Transfers that have ended, by direction and by outcome as in the log.",
        );
        for ((direction, outcome), count) in &tallies.transfers {
            out.sample(
                name,
                &format!("{{direction=\"{direction}\",outcome=\"{outcome}\"}}"),
                count,
            );
        }
    }
    out.by_label(
        "loopftpd_transferred_bytes_total",
        "Bytes of files and listings, also of running transfers.",
        "direction",
        [("sent", counters.bytes_sent), ("received", counters.bytes_received)].into_iter(),
    );
    out.counter(
        "loopftpd_unexpected_data_connections_total",
        "Connections to passive ports that belong to no session.",
        counters.strangers,
    );
}

fn the_loop(out: &mut Exposition, seen: &Seen<'_>, recorder: &Recorder) {
    let counters = &seen.shared.counters;
    out.counter("loopftpd_turns_total", "Turns of the event loop.", counters.turns);
    out.counter("loopftpd_events_total", "Events of the poll.", counters.events);
    out.counter(
        "loopftpd_stale_events_total",
        "Events for sessions that had ended.",
        counters.stale_events,
    );
    out.counter(
        "loopftpd_would_block_total",
        "Calls that found a socket not ready.",
        counters.would_block,
    );
    out.counter(
        "loopftpd_accept_pauses_total",
        "Pauses of accepting, because the system had no descriptor.",
        counters.accept_pauses,
    );
    out.counter(
        "loopftpd_panics_total",
        "Panics; each ended one session.",
        counters.panics,
    );
    out.counter(
        "loopftpd_log_lines_dropped_total",
        "Log lines that could not be written at once.",
        text_log::dropped(),
    );
    let dropped = |log: &Option<crate::records::log_file::LogFile>| log.as_ref().map_or(0, |log| log.dropped());
    out.counter(
        "loopftpd_event_lines_dropped_total",
        "Lines of --events that could not be written.",
        dropped(&seen.shared.event_log),
    );
    let name = "loopftpd_turn_duration_seconds";
    out.family(name, "histogram", "How long turns take, without sleeping.");
    out.histogram(name, "", &recorder.turn_times);
    let name = "loopftpd_handler_duration_seconds";
    out.family(name, "histogram", "How long steps take, by what serves them.");
    for (handler, times) in Handler::ALL.into_iter().zip(&recorder.handler_times) {
        out.histogram(name, &format!("handler=\"{}\"", handler.names().0), times);
    }
}

fn queues(out: &mut Exposition, seen: &Seen<'_>, viewers: usize) {
    let shared = &seen.shared;
    let name = "loopftpd_queue_length";
    out.family(name, "gauge", "Entries of the queues of the loop.");
    for (queue, _, length) in seen.queues() {
        out.sample(name, &format!("{{queue=\"{queue}\"}}"), length);
    }
    let (used, free) = (shared.descriptors.used(), shared.descriptors.free());
    out.gauge(
        "loopftpd_descriptors",
        "Descriptors of the budget that are in use.",
        used,
    );
    out.gauge("loopftpd_descriptors_max", "Descriptors of the budget.", used + free);
    let rings = || shared.rings.iter();
    let bound: usize = rings().map(|ports| ports.ring.len()).sum();
    out.gauge("loopftpd_passive_ports", "Passive ports that are bound.", bound);
    let wanted: usize = rings().map(|ports| ports.wanted()).sum();
    out.gauge("loopftpd_passive_ports_wanted", "Passive ports of the range.", wanted);
    let pending: usize = rings().map(|ports| ports.ring.pending().count()).sum();
    out.gauge(
        "loopftpd_passive_ports_announced",
        "Announcements of passive ports that await their connection.",
        pending,
    );
    let draws: u64 = rings().map(|ports| ports.ring.draws()).sum();
    out.counter("loopftpd_passive_draws_total", "Passive ports dealt.", draws);
    out.gauge("loopftpd_status_viewers", "Connections to the status page.", viewers);
}
