//! The figures of one message of the stream: counters, queues, passive rings, and what the last turns were like.

use super::recorder::{Interval, Recorder};
use super::rings::Rings;
use super::rows::{microseconds, milliseconds};
use super::seen::{QUEUES, Seen};
use serde::Serialize;

/// The figures of a message.
#[derive(Serialize)]
pub struct Figures {
    /// Milliseconds since the start of the server.
    at: u64,
    turn: u64,
    sessions: usize,
    descriptors: usize,
    events: u64,
    commands: u64,
    transfers: u64,
    failed_transfers: u64,
    accepted: u64,
    refused: u64,
    strangers: u64,
    would_block: u64,
    sent: u64,
    received: u64,
    /// Since the last message.
    turns: u64,
    busy_microseconds: u64,
    slept_microseconds: u64,
    longest_microseconds: u64,
    /// Lengths, in the order of [`Seen::queues`].
    queues: [usize; QUEUES],
    /// `None`: as before.
    rings: Option<Rings>,
    warnings: Vec<WarningObject>,
}

#[derive(Serialize)]
struct WarningObject {
    at: u64,
    turn: u64,
    handler: &'static str,
    session: Option<u64>,
    milliseconds: u64,
}

impl Figures {
    /// Takes the figures of the turns since the last message.
    pub fn take(seen: &Seen<'_>, recorder: &mut Recorder, rings: Option<Rings>) -> Self {
        let Interval {
            turns,
            busy,
            slept,
            longest,
            warnings,
            ..
        } = std::mem::take(&mut recorder.interval);
        let warnings = warnings.into_iter().map(|warning| WarningObject {
            at: milliseconds(warning.at),
            turn: warning.turn,
            handler: warning.handler.names().1,
            session: warning.session,
            milliseconds: milliseconds(warning.took),
        });
        let counters = &seen.shared.counters;
        Self {
            at: recorder.milliseconds(seen.shared.now),
            turn: counters.turns,
            sessions: seen.slots.len(),
            descriptors: seen.shared.descriptors.used(),
            events: counters.events,
            commands: counters.commands,
            transfers: counters.transfers,
            failed_transfers: counters.failed_transfers,
            accepted: counters.accepted,
            refused: counters.refused,
            strangers: counters.strangers,
            would_block: counters.would_block,
            sent: counters.bytes_sent,
            received: counters.bytes_received,
            turns,
            busy_microseconds: microseconds(busy),
            slept_microseconds: microseconds(slept),
            longest_microseconds: microseconds(longest),
            queues: seen.queues().map(|(_, _, length)| length),
            rings,
            warnings: warnings.collect(),
        }
    }
}
