//! Exercise 08: deadlines that can be moved.
//!
//! A client that sends something may stay longer: its deadline is armed again. Most deadlines move a thousand times and
//! are never reached.

use super::checks::{MovableDeadlines, SlotToken};
use std::collections::BTreeSet;

/// When clients have to be looked at, in milliseconds.
#[derive(Default)]
pub struct Deadlines {
    entries: BTreeSet<(u64, SlotToken)>,
}

impl MovableDeadlines for Deadlines {
    fn arm(&mut self, client: SlotToken, due: u64) {
        self.entries.insert((due, client));
    }

    fn forget(&mut self, _client: SlotToken) {}

    fn next(&self) -> Option<u64> {
        self.entries.first().map(|(at, _)| *at)
    }

    fn pop_due(&mut self, now: u64) -> Option<SlotToken> {
        let (at, client) = self.entries.pop_first()?;
        if at <= now {
            return Some(client);
        }
        self.entries.insert((at, client));
        None
    }

    fn entries(&self) -> usize {
        self.entries.len()
    }
}
