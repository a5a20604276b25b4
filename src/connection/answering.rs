//! Long answers on the control connection, a budget at a time: STAT with a path, digests, and the search for a restart
//! marker.

use super::Connection;
use super::budgets::{BYTES_PER_ENTRY, BYTES_PER_TURN, ENTRIES_PER_TURN};
use super::replies::OUTPUT_ENOUGH;
use super::shared::Shared;
use crate::records::trace::TraceLine;
use crate::session::Step;
use crate::transfer::Budget;

impl Connection {
    /// Continues a long answer, if its last part is written and the turn has budget left.
    pub(super) fn continue_answer(&mut self, shared: &mut Shared) {
        if !self.session.is_answering() || self.output.bytes.len() >= OUTPUT_ENOUGH {
            // Flushing queues the connection again.
            return;
        }
        let share = shared.bulk_left.min(BYTES_PER_TURN);
        if share == 0 {
            self.queue(shared);
            return;
        }
        let mut budget = Budget {
            bytes: share,
            entries: ENTRIES_PER_TURN,
        };
        let out = &mut self.output.bytes;
        let step = self
            .session
            .advance_answer(out, &mut shared.scratch, &mut budget, shared.now);
        let spent = share - budget.bytes + (ENTRIES_PER_TURN - budget.entries) * BYTES_PER_ENTRY;
        shared.bulk_left = shared.bulk_left.saturating_sub(spent);
        // The client waits for the server, so it is not idle.
        self.active = shared.now;
        let number = self.session.number();
        shared.trace.print(TraceLine::Call, || {
            format!("session {number}: a long answer goes on, {spent} bytes")
        });
        match step {
            Step::Answer => self.queue(shared),
            step => {
                let _ = self.take(step, shared);
            }
        }
    }
}
