//! Counters of the event loop since its start, printed at exit.

use std::fmt;
use std::time::Duration;

/// What the event loop has counted.
#[derive(Clone, Debug, Default)]
pub struct Counters {
    pub turns: u64,
    pub events: u64,
    pub stale_events: u64,
    pub accepted: u64,
    pub refused: u64,
    /// How often accepting paused because the kernel had no descriptor or refused every call.
    pub accept_pauses: u64,
    /// Sessions that had not logged in and were closed to make room for others.
    pub evicted: u64,
    /// Connections to passive ports that belong to no session.
    pub strangers: u64,
    /// Encrypted data connections that did not resume the TLS session of their control connection.
    pub foreign_tls_sessions: u64,
    pub commands: u64,
    pub transfers: u64,
    pub failed_transfers: u64,
    pub bytes_sent: u64,
    pub bytes_received: u64,
    /// Calls that found a socket not ready (`EAGAIN`).
    pub would_block: u64,
    /// Lines of `--events` that could not be written; set at exit.
    pub events_dropped: u64,
    pub panics: u64,
    pub longest_turn: Duration,
}

impl fmt::Display for Counters {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = [
            ("turns", self.turns),
            ("events", self.events),
            ("stale events", self.stale_events),
            ("accepted", self.accepted),
            ("refused", self.refused),
            ("accept pauses", self.accept_pauses),
            ("evicted", self.evicted),
            ("strangers", self.strangers),
            ("foreign TLS sessions", self.foreign_tls_sessions),
            ("commands", self.commands),
            ("transfers", self.transfers),
            ("failed transfers", self.failed_transfers),
            ("bytes sent", self.bytes_sent),
            ("bytes received", self.bytes_received),
            ("would block", self.would_block),
            ("event lines dropped", self.events_dropped),
            ("panics", self.panics),
        ];
        for (name, count) in rows {
            writeln!(formatter, "{name}: {count}")?;
        }
        write!(formatter, "longest turn: {:?}", self.longest_turn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_count_is_printed_on_a_line_of_its_own() {
        let counters = Counters {
            turns: 1,
            events: 2,
            stale_events: 3,
            accepted: 4,
            refused: 5,
            accept_pauses: 15,
            evicted: 6,
            strangers: 7,
            foreign_tls_sessions: 16,
            commands: 8,
            transfers: 70_000,
            failed_transfers: 9,
            bytes_sent: u64::MAX,
            bytes_received: 10,
            would_block: 11,
            events_dropped: 12,
            panics: 13,
            longest_turn: Duration::from_millis(14),
        };
        let expected = [
            "turns: 1",
            "events: 2",
            "stale events: 3",
            "accepted: 4",
            "refused: 5",
            "accept pauses: 15",
            "evicted: 6",
            "strangers: 7",
            "foreign TLS sessions: 16",
            "commands: 8",
            "transfers: 70000",
            "failed transfers: 9",
            "bytes sent: 18446744073709551615",
            "bytes received: 10",
            "would block: 11",
            "event lines dropped: 12",
            "panics: 13",
            "longest turn: 14ms",
        ];
        assert_eq!(counters.to_string(), expected.join("\n"));
    }
}
