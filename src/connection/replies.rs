//! Replies on their way out, and the end of a control connection.
//!
//! What is queued is written once a turn. A client that does not read costs its own queue, which is bounded because
//! nobody answers it any more; the last reply is not lost to a reset, because unread input is read away before closing.

use crate::connection::pumping::{BYTES_PER_ENTRY, BYTES_PER_TURN, ENTRIES_PER_TURN};
use crate::connection::shared::Shared;
use crate::connection::{Connection, Inbound, Life};
use crate::records::trace::Tone;
use crate::session::{AnswerProgress, Ending};
use crate::target::Target;
use crate::transfer::Budget;
use mio::Interest;
use std::io::{ErrorKind, Write};
use std::net::Shutdown;
use std::time::Instant;

/// Queued replies from which on no command is answered.
pub(crate) const OUTPUT_ENOUGH: usize = 8 * 1024;

impl Connection {
    /// Writes what is queued; at the end of a turn, before a transfer moves data, or when the socket has room again.
    pub(crate) fn flush(&mut self, shared: &mut Shared) {
        let was_blocked = self.output.blocked.is_some();
        while let Some(unwritten) = self
            .output
            .bytes
            .get(self.output.written..)
            .filter(|rest| !rest.is_empty())
        {
            match self.control.write(unwritten) {
                Ok(count) => {
                    self.output.written += count;
                    self.output.blocked = None;
                }
                Err(error) => match error.kind() {
                    ErrorKind::Interrupted => {}
                    ErrorKind::WouldBlock => {
                        shared.counters.would_block += 1;
                        self.output.blocked.get_or_insert(shared.now);
                        self.await_room(shared);
                        return;
                    }
                    _ => {
                        self.vanish(Ending::ConnectionLost, shared);
                        return;
                    }
                },
            }
        }
        let wrote_much = self.output.written >= OUTPUT_ENOUGH;
        self.output.bytes = Vec::new();
        self.output.written = 0;
        self.output.blocked = None;
        if was_blocked {
            // The client has read something; a 150 that waited begins its transfer only now.
            self.active = shared.now;
        }
        match self.life {
            Life::Closing { since } => self.conclude(since, shared),
            // Answering, or a transfer, stopped because of this queue.
            Life::Serving if wrote_much || was_blocked || self.answer.is_some() => self.come_back(shared),
            Life::Serving | Life::Draining { .. } | Life::Gone => {}
        }
    }

    fn await_room(&mut self, shared: &mut Shared) {
        if self.output.is_registered {
            return;
        }
        let interest = Interest::READABLE | Interest::PRIORITY | Interest::WRITABLE;
        match shared
            .registry
            .reregister(&mut self.control, Target::Control(self.slot).into(), interest)
        {
            Ok(()) => self.output.is_registered = true,
            Err(_) => self.vanish(Ending::ServerError, shared),
        }
    }

    /// All is said. A client that has nothing more to say is closed at once; otherwise what it still sends is read away
    /// first, because closing a socket with unread input resets it and the last reply could be lost.
    fn conclude(&mut self, since: Instant, shared: &mut Shared) {
        // What was read already cannot reset anything; what lies unread in the kernel would.
        let has_said_all = !matches!(self.inbound, Inbound::Unread { .. });
        if has_said_all || self.control.shutdown(Shutdown::Write).is_err() {
            self.life = Life::Gone;
            return;
        }
        self.input.clear();
        self.life = Life::Draining { since };
        self.inbound = Inbound::Unread { to_the_end: true };
        self.come_back(shared);
    }

    /// Makes more of a long answer, if what was made before is on its way and this turn may still move something.
    pub(crate) fn continue_answer(&mut self, shared: &mut Shared) {
        let Some(answer) = &mut self.answer else {
            return;
        };
        if self.output.bytes.len() >= OUTPUT_ENOUGH {
            // Flushing it brings the connection back.
            return;
        }
        let share = shared.bulk_left.min(BYTES_PER_TURN);
        if share == 0 {
            self.come_back(shared);
            return;
        }
        let mut budget = Budget {
            bytes: share,
            entries: ENTRIES_PER_TURN,
        };
        let progress = answer.advance(&mut self.output.bytes, &mut shared.scratch, &mut budget, shared.now);
        let spent = share - budget.bytes + (ENTRIES_PER_TURN - budget.entries) * BYTES_PER_ENTRY;
        shared.bulk_left = shared.bulk_left.saturating_sub(spent);
        // The client waits for us: it must not be sent away because it says nothing.
        self.active = shared.now;
        let number = self.session.number();
        shared.trace.tell(Tone::Call, || {
            format!("session {number}: answers at length, {spent} bytes, {progress:?}")
        });
        match progress {
            AnswerProgress::MoreToCome => self.come_back(shared),
            AnswerProgress::Finished => self.finish_answer(shared),
        }
    }

    /// The answer is written, or leads to a transfer.
    fn finish_answer(&mut self, shared: &mut Shared) {
        let request = self.answer.take().and_then(|answer| self.session.answer_ended(*answer));
        if let Some(request) = request {
            self.fulfil(request, shared);
        }
    }

    /// ABOR was found among the commands that wait: ends the answer; the ABOR's own reply comes in its turn.
    pub(crate) fn abort_answer(&mut self, shared: &mut Shared) {
        if let Some(answer) = &self.answer {
            answer.abort(&mut self.output.bytes);
            self.finish_answer(shared);
        }
    }
}
