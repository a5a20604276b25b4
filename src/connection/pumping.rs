//! The data connection: made, pumped, ended.
//!
//! Write first, register on `WouldBlock`: a socket that takes everything at once is registered only to see the
//! client's end. There is one order: the 150 written, the bytes, our end shut, what the client sent unasked read away,
//! the socket closed, then the 226.

use super::budgets::{BYTES_PER_ENTRY, BYTES_PER_TURN, ENTRIES_PER_TURN, RECEIVED_PER_TURN};
use super::data_channel::DataChannel;
use super::shared::Shared;
use super::{Connection, Life};
use crate::records::trace::Tone;
use crate::session::Outcome;
use crate::transfer::{Budget, Direction, Progress, SocketStream, TransferError};
use mio::Interest;

impl Connection {
    /// The poll reports the data socket. Bulk data waits for the ready queue: conversations come first.
    pub fn data_event(&mut self, shared: &mut Shared) {
        if self.has_data_to_move() {
            self.come_back(shared);
        } else {
            self.data_ready(shared);
        }
    }

    /// The poll reports the data socket, or the ready queue brings it back.
    pub(super) fn data_ready(&mut self, shared: &mut Shared) {
        match &self.channel {
            DataChannel::Transferring { .. } => self.pump(shared),
            DataChannel::Connecting { .. } => self.finish_connecting(shared),
            DataChannel::Draining { .. } => self.finish_draining(shared),
            DataChannel::Discarding { .. } => self.discard(shared),
            DataChannel::Unarmed
            | DataChannel::Announced { .. }
            | DataChannel::ToConnect(_)
            | DataChannel::AwaitingClient { .. }
            | DataChannel::Storing { .. } => {}
        }
    }

    fn await_socket(&mut self, shared: &mut Shared) {
        let DataChannel::Transferring { socket, pump, .. } = &mut self.channel else {
            return;
        };
        let interest = match pump.direction() {
            Direction::ToClient => Interest::WRITABLE,
            Direction::FromClient => Interest::READABLE,
        };
        if socket.await_event(interest, &shared.registry, self.slot).is_err() {
            self.end_transfer(Outcome::ConnectionLost, shared);
        }
    }

    /// Moves the transfer on by at most a turn's budget; not at all when others have moved this turn's bulk already.
    pub(super) fn pump(&mut self, shared: &mut Shared) {
        let DataChannel::Transferring {
            socket,
            pump,
            progress,
            rests_until,
        } = &mut self.channel
        else {
            return;
        };
        if self.output.blocked.is_some() {
            // Among the replies that wait may be the 150, and data must not overtake it. Flushing brings the
            // connection back.
            return;
        }
        if shared.bulk_left == 0 {
            self.come_back(shared);
            return;
        }
        let now = shared.now;
        // What has arrived meanwhile waits; the turn before the end of the rest is somebody else's.
        if rests_until.is_some_and(|until| until > now) {
            return;
        }
        let paces = self.paces.iter().flatten();
        let allowed = paces.map(|pace| pace.available(now)).min().unwrap_or(usize::MAX);
        if allowed == 0 {
            *progress = now;
            // Only with a pace that has nothing left is it this one's turn to stand in line.
            let spent = self.paces.iter().flatten().filter(|pace| pace.available(now) == 0);
            *rests_until = spent.map(|pace| pace.take_turn()).max();
            return;
        }
        *rests_until = None;
        let share = match pump.direction() {
            Direction::ToClient => BYTES_PER_TURN,
            Direction::FromClient => RECEIVED_PER_TURN,
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
        let direction = pump.direction();
        for pace in self.paces.iter().flatten() {
            pace.spend(usize::try_from(moved).unwrap_or(usize::MAX), now);
        }
        // Work that moves nothing by itself (deflating, skipping, looking at entries) is paid for too.
        let spent = bytes - budget.bytes;
        let looked_at = ENTRIES_PER_TURN - budget.entries;
        shared.bulk_left = shared.bulk_left.saturating_sub(spent + looked_at * BYTES_PER_ENTRY);
        if spent > 0 {
            *progress = shared.now;
        }
        let number = self.session.number();
        shared.trace.tell(Tone::Call, || {
            let done = match direction {
                Direction::ToClient => "sent",
                Direction::FromClient => "received",
            };
            format!("session {number}: {done} {moved} bytes, {outcome:?}")
        });
        match outcome {
            Progress::Complete => match direction {
                Direction::ToClient => self.finish_sending(shared),
                Direction::FromClient => self.finish_receiving(shared),
            },
            Progress::WouldBlock => {
                shared.counters.would_block += 1;
                self.await_socket(shared);
            }
            Progress::BudgetSpent => self.come_back(shared),
            Progress::Failed(error) => {
                let outcome = match error {
                    TransferError::ConnectionLost => Outcome::ConnectionLost,
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

    /// The pace allows more. Nothing is left of the rest, or its end would come up again and again.
    pub(super) fn rest_is_over(&mut self, shared: &mut Shared) {
        if let DataChannel::Transferring { rests_until, .. } = &mut self.channel {
            *rests_until = None;
        }
        self.come_back(shared);
    }

    /// Whether the data connection, rather than the conversation, is what the ready queue brought back.
    pub(super) fn has_data_to_move(&self) -> bool {
        self.life == Life::Serving
            && matches!(
                self.channel,
                DataChannel::Transferring { .. } | DataChannel::Draining { .. } | DataChannel::Discarding { .. }
            )
    }
}
