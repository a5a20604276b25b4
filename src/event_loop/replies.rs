//! Replies on their way out, and the end of a control connection.
//!
//! What is queued is written once a turn. A client that does not read costs its own queue, which is bounded because nobody
//! answers it any more; the last reply is not lost to a reset, because unread input is read away before closing.

use super::connection::{Connection, Inbound, Life};
use super::shared::Shared;
use super::token::Target;
use crate::ftp::reply;
use mio::Interest;
use std::io::{ErrorKind, Write};
use std::net::Shutdown;
use std::time::Instant;

/// Queued replies from which on no command is answered.
pub(super) const OUTPUT_ENOUGH: usize = 8 * 1024;

impl Connection {
    /// Writes what is queued; at the end of a turn, or when the socket has room again.
    pub(super) fn flush(&mut self, shared: &mut Shared) {
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
                        self.vanish(shared);
                        return;
                    }
                },
            }
        }
        let wrote_much = self.output.written >= OUTPUT_ENOUGH;
        self.output.bytes = Vec::new();
        self.output.written = 0;
        self.output.blocked = None;
        match self.life {
            Life::Closing { since } => self.conclude(since, shared),
            // Answering stopped because of this queue.
            Life::Serving if wrote_much || self.listing.is_some() => self.come_back(shared),
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
            Err(_) => self.vanish(shared),
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

    /// Makes more lines of a STAT listing, if what was made before is on its way.
    pub(super) fn continue_listing(&mut self, shared: &mut Shared) {
        let Some(listing) = &mut self.listing else {
            return;
        };
        if self.output.bytes.len() >= OUTPUT_ENOUGH {
            return;
        }
        let mut batch = Vec::new();
        let mut entries = usize::MAX;
        let failed = listing.lines.next_batch(&mut batch, &mut entries).is_err();
        for line in batch.split_inclusive(|byte| *byte == b'\n').take(listing.lines_left) {
            self.output.bytes.push(b' ');
            // 0xFF is Telnet's on the control connection, so it is doubled here.
            for part in line.split_inclusive(|byte| *byte == 0xff) {
                self.output.bytes.extend_from_slice(part);
                if part.ends_with(b"\xff") {
                    self.output.bytes.push(0xff);
                }
            }
        }
        let made = batch.iter().filter(|byte| **byte == b'\n').count();
        let truncated = made > listing.lines_left;
        listing.lines_left = listing.lines_left.saturating_sub(made);
        if failed || truncated || listing.lines.is_finished() {
            let end = if truncated {
                reply::STATUS_LISTING_TRUNCATED
            } else if failed {
                reply::STATUS_LISTING_FAILED
            } else {
                reply::STATUS_LISTING_ENDS
            };
            self.listing = None;
            end.write_to(&mut self.output.bytes);
            self.session.listing_ended();
        } else {
            self.come_back(shared);
        }
    }
}
