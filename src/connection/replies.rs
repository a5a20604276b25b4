//! Replies on their way out, and the end of a control connection.
//!
//! What is queued is written once a turn. A client that does not read costs its own queue, which is bounded because
//! nobody answers it any more; the last reply is not lost to a reset, because unread input is read away before closing.

use super::shared::Shared;
use super::{Connection, Inbound, Life};
use crate::session::Ending;
use crate::target::Target;
use mio::Interest;
use std::io::ErrorKind;
use std::time::Instant;

/// Queued replies from which on no command is answered.
pub(super) const OUTPUT_ENOUGH: usize = 8 * 1024;

impl Connection {
    /// The end of a turn: the replies of this one leave.
    pub fn flush_turn(&mut self, shared: &mut Shared) {
        self.is_unflushed = false;
        self.flush(shared);
    }

    /// Writes what is queued; at the end of a turn, before a transfer moves data, or when the socket has room again.
    pub(super) fn flush(&mut self, shared: &mut Shared) {
        let was_blocked = self.output.blocked.is_some();
        while !self.output.unwritten().is_empty() {
            match self.control.write(self.output.unwritten()) {
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
            Life::Serving if wrote_much || was_blocked || self.session.is_answering() => self.come_back(shared),
            Life::Serving | Life::Draining { .. } | Life::Gone => {}
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
            Err(_) => self.vanish(Ending::ServerError, shared),
        }
    }

    /// All is said. A client that has nothing more to say is closed at once; otherwise what it still sends is read away
    /// first, because closing a socket with unread input resets it and the last reply could be lost.
    fn conclude(&mut self, since: Instant, shared: &mut Shared) {
        // What was read already cannot reset anything; what lies unread in the kernel would.
        let has_said_all = !matches!(self.inbound, Inbound::Unread { .. });
        if has_said_all || self.control.shut_down_writing().is_err() {
            self.life = Life::Gone;
            return;
        }
        self.input.clear();
        self.life = Life::Draining { since };
        self.inbound = Inbound::Unread { to_the_end: true };
        self.come_back(shared);
    }
}
