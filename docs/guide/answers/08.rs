//! Answer 08: a deadline that moves later changes a number, and its entry follows when it comes up.

use super::checks::{MovableDeadlines, SlotToken};
use std::collections::{BTreeSet, HashMap};

/// When clients have to be looked at, in milliseconds.
#[derive(Default)]
pub struct Deadlines {
    entries: BTreeSet<(u64, SlotToken)>,
    clients: HashMap<SlotToken, Deadline>,
}

struct Deadline {
    due: u64,
    /// Where its entry is: at `due` or before.
    entry: u64,
}

impl MovableDeadlines for Deadlines {
    fn arm(&mut self, client: SlotToken, due: u64) {
        let deadline = self.clients.entry(client).or_insert(Deadline { due, entry: u64::MAX });
        deadline.due = due;
        if due < deadline.entry {
            self.entries.remove(&(deadline.entry, client));
            self.entries.insert((due, client));
            deadline.entry = due;
        }
    }

    fn forget(&mut self, client: SlotToken) {
        if let Some(deadline) = self.clients.remove(&client) {
            self.entries.remove(&(deadline.entry, client));
        }
    }

    fn next(&self) -> Option<u64> {
        self.entries.first().map(|(at, _)| *at)
    }

    fn pop_due(&mut self, now: u64) -> Option<SlotToken> {
        while self.next().is_some_and(|at| at <= now) {
            let (_, client) = self.entries.pop_first()?;
            let Some(deadline) = self.clients.get_mut(&client) else {
                continue;
            };
            if deadline.due <= now {
                self.clients.remove(&client);
                return Some(client);
            }
            // It has moved later meanwhile.
            deadline.entry = deadline.due;
            self.entries.insert((deadline.due, client));
        }
        None
    }

    fn entries(&self) -> usize {
        self.entries.len()
    }
}
