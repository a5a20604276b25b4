//! Writing replies, producing long ones, and closing the control connection.
//!
//! Queued replies are written once a turn. The queue is bounded: a client that does not read its replies gets no more
//! of them. Before closing, unread input is read and dropped, because it would reset the connection and lose the last
//! reply.

use super::shared::{ENTRIES_PER_TURN, Shared};
use super::{Connection, Inbound, Life};
use crate::session::{Ending, Step};
use crate::shown_name::Shown;
use crate::target::Target;
use crate::trace::{self, Kind};
use crate::transfer::Budget;
use mio::Interest;
use std::io::ErrorKind;
use std::time::Instant;

/// Bytes of queued replies from which on no command is answered.
pub(super) const OUTPUT_ENOUGH: usize = 8 * 1024;
/// Lines of replies that the trace shows of one write.
const TRACED_LINES: usize = 12;

impl Connection {
    /// Writes the replies of this turn, at its end.
    pub fn flush_turn(&mut self, shared: &mut Shared) {
        self.is_unflushed = false;
        self.flush(shared);
    }

    /// Writes queued replies: at the end of a turn, before a transfer moves data, and when the socket has room again.
    pub(super) fn flush(&mut self, shared: &mut Shared) {
        let was_blocked = self.output.blocked.is_some();
        loop {
            let unwritten = self.output.unwritten();
            let written = if unwritten.is_empty() {
                self.control.flush().map(|()| 0)
            } else {
                self.control.write(unwritten)
            };
            match written {
                Ok(_) if unwritten.is_empty() => break,
                Ok(count) => {
                    trace_replies(self.output.unwritten(), count);
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
                        self.drop_client(Ending::ConnectionLost, shared);
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
            // The client has read something. A transfer whose 150 was blocked begins only now.
            self.active = shared.now;
        }
        match self.life {
            Life::Closing { since } => self.conclude(since, shared),
            // A long answer, a transfer or commands have waited for room.
            Life::Serving if wrote_much || was_blocked || self.session.is_answering() => self.queue(shared),
            Life::Securing { .. } | Life::Serving | Life::Lingering { .. } | Life::Gone => {}
        }
    }

    /// Continues a long answer (STAT with a path, a digest, the search for a restart marker), if its last part is
    /// written and the turn has budget left.
    pub(super) fn continue_answer(&mut self, shared: &mut Shared) {
        if !self.session.is_answering() || self.output.bytes.len() >= OUTPUT_ENOUGH {
            // Flushing queues the connection again.
            return;
        }
        let share = shared.bulk_left;
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
        shared.charge(share - budget.bytes, ENTRIES_PER_TURN - budget.entries);
        // The client waits for the server, so it is not idle.
        self.active = shared.now;
        let spent = share - shared.bulk_left;
        trace::line(Kind::Moved, || {
            format!("a long answer goes on, {spent} bytes of the turn's budget")
        });
        match step {
            Step::Answer => self.queue(shared),
            step => {
                if let (Step::Ignore, Some(tallies)) = (&step, &mut shared.tallies) {
                    // Its last line is the reply's.
                    let last = self.output.bytes.trim_ascii_end().rsplit(|byte| *byte == b'\n').next();
                    tallies.reply(self.session.number(), last.unwrap_or_default());
                }
                let _ = self.take(step, shared);
            }
        }
    }

    fn await_room(&mut self, shared: &mut Shared) {
        if self.output.is_registered {
            return;
        }
        let interest = Interest::READABLE | Interest::PRIORITY | Interest::WRITABLE;
        let token = Target::Control(self.slot).into();
        match self.control.register(&shared.registry, token, interest, true) {
            Ok(()) => self.output.is_registered = true,
            Err(_) => self.drop_client(Ending::ServerError, shared),
        }
    }

    /// Everything is written. With unread input, closing now would reset the connection and could lose the last reply,
    /// so that input is read first.
    fn conclude(&mut self, since: Instant, shared: &mut Shared) {
        // If there is no room for it, the client does without.
        let _ = self.control.end_stream();
        let is_all_read = !matches!(self.inbound, Inbound::Unread { .. });
        if is_all_read || self.control.shut_down_writing().is_err() {
            self.life = Life::Gone;
            return;
        }
        self.input.clear();
        self.life = Life::Lingering { since };
        self.inbound = Inbound::Unread { to_the_end: true };
        self.queue(shared);
    }
}

/// Traces the first `count` bytes of `replies`, which were just written.
fn trace_replies(replies: &[u8], count: usize) {
    if !trace::is_on() {
        return;
    }
    let (written, _) = replies.split_at(count);
    let mut lines = written.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    for line in lines.by_ref().take(TRACED_LINES) {
        trace::line(Kind::Reply, || format!("gets {}", Shown::whole(line.trim_ascii_end())));
    }
    let left = lines.count();
    if left > 0 {
        trace::line(Kind::Reply, || format!("gets {left} more lines"));
    }
}
