//! Moving the bytes of a transfer, a budget at a time.
//!
//! Write first, register on `WouldBlock`: a socket that takes everything at once is registered only to see the client's
//! close.

use super::shared::{BULK_PER_TURN, ENTRIES_PER_TURN, Shared};
use super::{Connection, Life, data_channel::DataChannel};
use crate::session::Outcome;
use crate::trace;
use crate::transfer::{Budget, Direction, Progress, SocketStream, TransferError};
use mio::Interest;

/// File bytes that one connection receives in one turn. Giving a client room again means waking it, so room is given in
/// larger parts than what is sent; a turn of it still takes less than a millisecond.
const RECEIVED_PER_TURN: usize = 1024 * 1024;

impl Connection {
    /// An event of the data socket. Bulk data waits for the ready queue: control connections come first.
    pub fn data_event(&mut self, shared: &mut Shared) {
        if self.has_data_to_move() {
            self.queue(shared);
        } else {
            self.data_ready(shared);
        }
    }

    /// Continues the data connection, after an event or from the ready queue.
    pub(super) fn data_ready(&mut self, shared: &mut Shared) {
        match &self.channel {
            DataChannel::Transferring { .. } => self.pump(shared),
            DataChannel::Connecting { .. } => self.finish_connecting(shared),
            DataChannel::Securing { .. } => self.continue_data_handshake(shared),
            DataChannel::AwaitingClose { .. } => self.continue_awaiting_close(shared),
            DataChannel::Discarding { .. } => self.discard(shared),
            DataChannel::Unarmed
            | DataChannel::Announced { .. }
            | DataChannel::ToConnect(_)
            | DataChannel::AwaitingClient { .. }
            | DataChannel::Storing { .. } => {}
        }
    }

    /// Moves bytes, at most a turn's budget; none if the budget of all connections is spent.
    pub(super) fn pump(&mut self, shared: &mut Shared) {
        self.trace_states();
        let DataChannel::Transferring {
            socket,
            pump,
            progress,
            throttled_until,
        } = &mut self.channel
        else {
            return;
        };
        if self.output.blocked.is_some() {
            // Data must not overtake the 150, which may be among the blocked replies. Flushing queues the connection
            // again.
            return;
        }
        if shared.bulk_left == 0 {
            self.queue(shared);
            return;
        }
        let now = shared.now;
        // Throttled: leave the bytes in the socket buffer.
        if throttled_until.is_some_and(|until| until > now) {
            return;
        }
        let paces = self.paces.iter().flatten();
        let allowed = paces.map(|pace| pace.available(now)).min().unwrap_or(usize::MAX);
        if allowed == 0 {
            *progress = now;
            // Only a limit that is used up makes this connection wait.
            let spent = self.paces.iter().flatten().filter(|pace| pace.available(now) == 0);
            *throttled_until = spent.map(|pace| pace.take_turn()).max();
            return;
        }
        *throttled_until = None;
        let direction = pump.direction();
        let (share, interest, done) = match direction {
            Direction::ToClient => (BULK_PER_TURN, Interest::WRITABLE, "sent"),
            Direction::FromClient => (RECEIVED_PER_TURN, Interest::READABLE, "received"),
        };
        let bytes = share.min(allowed);
        let mut budget = Budget {
            bytes,
            entries: ENTRIES_PER_TURN,
        };
        let mut stream = SocketStream {
            socket: &mut *socket.stream,
            pipe: &mut shared.pipe,
        };
        let before = pump.moved();
        let outcome = pump.pump(&mut stream, &mut budget);
        let moved = pump.moved() - before;
        match direction {
            Direction::ToClient => shared.counters.bytes_sent += moved,
            Direction::FromClient => shared.counters.bytes_received += moved,
        }
        for pace in self.paces.iter().flatten() {
            pace.spend(usize::try_from(moved).unwrap_or(usize::MAX), now);
        }
        // Work that moves no bytes (deflating, skipping, reading entries) is charged too.
        let spent = bytes - budget.bytes;
        shared.charge(spent, ENTRIES_PER_TURN - budget.entries);
        if spent > 0 {
            *progress = shared.now;
        }
        trace::moved(moved, || format!("{done} {moved} bytes, {}", outcome.word()));
        match outcome {
            Progress::Complete => match direction {
                Direction::ToClient => self.finish_sending(shared),
                Direction::FromClient => self.finish_receiving(shared),
            },
            Progress::WouldBlock => {
                shared.counters.would_block += 1;
                if socket.await_event(interest, &shared.registry, self.slot).is_err() {
                    self.end_transfer(Outcome::ConnectionLost, shared);
                }
            }
            Progress::BudgetSpent => self.queue(shared),
            Progress::Failed(error) => {
                let outcome = match error {
                    TransferError::ConnectionLost => Outcome::ConnectionLost,
                    TransferError::Truncated => Outcome::Truncated,
                    TransferError::SourceFailed => Outcome::SourceFailed,
                    TransferError::SourceShrank => Outcome::SourceShrank,
                    TransferError::BrokenStream => Outcome::BrokenStream,
                    TransferError::NotStored(error) => Outcome::NotStored(error),
                };
                match direction {
                    Direction::ToClient => self.end_transfer(outcome, shared),
                    Direction::FromClient => self.refuse_rest(outcome, shared),
                }
            }
        }
    }

    /// The speed limit allows more.
    pub(super) fn throttling_ends(&mut self, shared: &mut Shared) {
        if let DataChannel::Transferring { throttled_until, .. } = &mut self.channel {
            *throttled_until = None;
        }
        self.queue(shared);
    }

    /// Whether the data connection can make progress.
    pub(super) fn has_data_to_move(&self) -> bool {
        self.life == Life::Serving
            && matches!(
                self.channel,
                DataChannel::Securing { .. }
                    | DataChannel::Transferring { .. }
                    | DataChannel::AwaitingClose { .. }
                    | DataChannel::Discarding { .. }
            )
    }
}
