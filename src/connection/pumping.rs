//! The data connection: made, pumped, ended.
//!
//! Write first, register on `WouldBlock`: a socket that takes everything at once is registered only to see the
//! client's end. There is one order: the 150 written, the bytes, our end shut, what the client sent unasked read away,
//! the socket closed, then the 226.

use crate::connection::data_channel::DataChannel;
use crate::connection::shared::Shared;
use crate::connection::{Connection, Life};
use crate::options::Technique;
use crate::reactor::pace::Pace;
use crate::records::trace::Tone;
use crate::session::Outcome;
use crate::transfer::{Budget, Direction, Progress, Pump, SocketStream, TransferError};
use mio::Interest;
use mio::net::TcpStream;
use std::io::{ErrorKind, Read};
use std::mem;
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// File bytes that one slot moves in one turn.
pub(crate) const BYTES_PER_TURN: usize = 256 * 1024;
/// File bytes that one slot receives in one turn. Giving a client room again means waking it, so room is given in
/// larger parts than what is sent; a turn of it still takes less than a millisecond.
const RECEIVED_PER_TURN: usize = 1024 * 1024;
/// Directory entries that one slot looks at in one turn.
pub(crate) const ENTRIES_PER_TURN: usize = 256;
/// What looking at an entry costs of a turn's bulk, in bytes: a full share of entries is a quarter of the turn.
pub(crate) const BYTES_PER_ENTRY: usize = 256;
/// How long a 226 stays behind its 150, unless the client closes the data connection before. Clients that read both at
/// once (aria2) wait for the 226 until their timeout, and a small file takes much less time than waking one. So this
/// has to be longer than a client may take to be woken; one that closes the data connection has been.
const REPLIES_APART: Duration = Duration::from_millis(200);
/// How long a client may go on sending on a download.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// What reading away a client's unasked bytes found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Drained {
    /// The client's end is closed.
    End,
    /// Nothing was there, and the end has not come.
    Silence,
    /// Something was there, and more may come.
    Chatter,
    Reset,
}

impl Connection {
    /// A transfer command was accepted: goes on with whatever is armed.
    pub(crate) fn start_transfer(&mut self, pump: Box<Pump>, shared: &mut Shared) {
        let since = shared.now;
        self.set_pace(shared);
        match mem::replace(&mut self.channel, DataChannel::Unarmed) {
            DataChannel::Announced { port, .. } => {
                // With a connection that is there already, the 150 waits until it is known to be the only one.
                let has_arrived = shared.look_once_more(self.ring, port, self.session.peer(), self.slot);
                self.channel = DataChannel::AwaitingClient {
                    port,
                    since,
                    pump,
                    is_opened: !has_arrived,
                };
                if !has_arrived {
                    self.open_transfer(shared);
                }
            }
            DataChannel::ToConnect(address) => self.connect(address, pump, shared),
            channel @ (DataChannel::Unarmed
            | DataChannel::InLine { .. }
            | DataChannel::AwaitingClient { .. }
            | DataChannel::Connecting { .. }
            | DataChannel::Transferring { .. }
            | DataChannel::Draining { .. }
            | DataChannel::Storing { .. }) => {
                self.channel = channel;
                self.end_transfer(Outcome::NoDataConnection, shared);
            }
            // Belongs to the transfer before, and does not serve this one.
            channel @ DataChannel::Discarding { .. } => {
                self.end_transfer(Outcome::NoDataConnection, shared);
                self.channel = channel;
            }
        }
    }

    /// What limits the speed of the transfer that begins: this server's rate for one session, the account's for all of
    /// its.
    fn set_pace(&mut self, shared: &mut Shared) {
        let [own, accounts] = &mut self.paces;
        if let Some(rate) = shared.settings.rate_limit {
            own.get_or_insert_with(|| Rc::new(Pace::new(rate, shared.now)));
        }
        *accounts = self.session.account().and_then(|account| shared.pace_of(account));
    }

    /// Writes the 150, and what was queued before it, at once: clients lose data, or wait for ever, when a 150 comes
    /// behind the data or in one segment with its 226. If the control connection has no room, the transfer waits for
    /// it: see [`pump`](Self::pump).
    pub(crate) fn open_transfer(&mut self, shared: &mut Shared) {
        self.session.transfer_begins(&mut self.output.bytes);
        self.flush(shared);
    }

    /// The poll reports the data socket, or the ready queue brings it back.
    pub(crate) fn data_ready(&mut self, shared: &mut Shared) {
        match &self.channel {
            DataChannel::Transferring { .. } => self.pump(shared),
            DataChannel::Connecting { .. } => self.finish_connecting(shared),
            DataChannel::Draining { .. } => self.finish_draining(shared),
            DataChannel::Discarding { .. } => self.discard(shared),
            DataChannel::Unarmed
            | DataChannel::InLine { .. }
            | DataChannel::Announced { .. }
            | DataChannel::ToConnect(_)
            | DataChannel::AwaitingClient { .. }
            | DataChannel::Storing { .. } => {}
        }
    }

    /// Writes at once: most transfers are over before the poll need be asked.
    pub(crate) fn begin_pumping(&mut self, shared: &mut Shared) {
        if shared.settings.techniques.include(Technique::WriteFirst) {
            self.pump(shared);
        } else {
            self.await_socket(shared);
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
    pub(crate) fn pump(&mut self, shared: &mut Shared) {
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
            socket: socket.stream.as_fd(),
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
    pub(crate) fn rest_is_over(&mut self, shared: &mut Shared) {
        if let DataChannel::Transferring { rests_until, .. } = &mut self.channel {
            *rests_until = None;
        }
        self.come_back(shared);
    }

    /// Everything is in the kernel: shuts our end, which also sends what CORK held back. Then the client's end is
    /// waited for in two cases: its 226 would come right behind the 150, or it has sent something unasked.
    fn finish_sending(&mut self, shared: &mut Shared) {
        let DataChannel::Transferring { socket, .. } = &mut self.channel else {
            return;
        };
        if socket.stream.shutdown(Shutdown::Write).is_err() {
            self.end_transfer(Outcome::ConnectionLost, shared);
            return;
        }
        let apart = self.active + REPLIES_APART;
        if apart > shared.now {
            self.drain_until(apart, shared);
            return;
        }
        match read_away(&mut socket.stream, shared) {
            Drained::End | Drained::Silence => self.end_transfer(Outcome::Complete, shared),
            Drained::Reset => self.end_transfer(Outcome::ConnectionLost, shared),
            Drained::Chatter => {
                self.drain_until(shared.now + DRAIN_TIMEOUT, shared);
                self.come_back(shared);
            }
        }
    }

    fn drain_until(&mut self, until: Instant, shared: &mut Shared) {
        match mem::replace(&mut self.channel, DataChannel::Unarmed) {
            DataChannel::Transferring { mut socket, pump, .. } => {
                let registered = socket.await_event(Interest::READABLE, &shared.registry, self.slot);
                let sent = pump.moved();
                self.channel = DataChannel::Draining {
                    socket,
                    all_sent: shared.now,
                    until,
                    sent,
                };
                if registered.is_err() {
                    self.end_transfer(Outcome::Complete, shared);
                }
            }
            channel @ (DataChannel::Unarmed
            | DataChannel::InLine { .. }
            | DataChannel::Announced { .. }
            | DataChannel::ToConnect(_)
            | DataChannel::AwaitingClient { .. }
            | DataChannel::Connecting { .. }
            | DataChannel::Draining { .. }
            | DataChannel::Discarding { .. }
            | DataChannel::Storing { .. }) => self.channel = channel,
        }
    }

    fn finish_draining(&mut self, shared: &mut Shared) {
        if shared.bulk_left == 0 {
            self.come_back(shared);
            return;
        }
        let DataChannel::Draining { socket, until, .. } = &mut self.channel else {
            return;
        };
        match read_away(&mut socket.stream, shared) {
            Drained::End => self.end_transfer(Outcome::Complete, shared),
            Drained::Reset => self.end_transfer(Outcome::ConnectionLost, shared),
            Drained::Silence => {}
            Drained::Chatter => {
                *until = (*until).max(self.active + DRAIN_TIMEOUT);
                self.come_back(shared);
            }
        }
    }

    /// Closes the data connection and gives the transfer its last reply.
    pub(crate) fn end_transfer(&mut self, outcome: Outcome, shared: &mut Shared) {
        let moved = self.channel.moved();
        self.end_transfer_of(moved, outcome, shared);
    }

    pub(crate) fn end_transfer_of(&mut self, moved: u64, outcome: Outcome, shared: &mut Shared) {
        if matches!(self.channel, DataChannel::AwaitingClient { .. }) {
            self.disarm(shared);
        }
        let ended = match mem::replace(&mut self.channel, DataChannel::Unarmed) {
            // The publication goes on without this session.
            DataChannel::Storing { held, .. } => {
                shared.unclaimed.insert(self.slot, held);
                shared.now
            }
            // Waiting for the client's end is no part of the transfer.
            DataChannel::Draining { all_sent, .. } => all_sent,
            channel @ (DataChannel::Unarmed
            | DataChannel::InLine { .. }
            | DataChannel::Announced { .. }
            | DataChannel::ToConnect(_)
            | DataChannel::AwaitingClient { .. }
            | DataChannel::Connecting { .. }
            | DataChannel::Transferring { .. }
            | DataChannel::Discarding { .. }) => {
                channel.close(outcome);
                shared.now
            }
        };
        // The last command that counted as activity is the one that began the transfer.
        let began = mem::replace(&mut self.active, shared.now);
        if let Some(transfer) = self.session.transfer_ended(outcome, &mut self.output.bytes) {
            let took = ended.saturating_duration_since(began);
            self.record(&transfer, outcome, took, moved, shared);
        }
    }

    /// Whether the data connection, rather than the conversation, is what the ready queue brought back.
    pub(crate) fn has_data_to_move(&self) -> bool {
        self.life == Life::Serving
            && matches!(
                self.channel,
                DataChannel::Transferring { .. } | DataChannel::Draining { .. } | DataChannel::Discarding { .. }
            )
    }
}

/// Reads and forgets what a client sent on a connection that only we send on. What is read is charged to the turn; one
/// read is always made, because most often nothing is there.
fn read_away(stream: &mut TcpStream, shared: &mut Shared) -> Drained {
    let mut heard_something = false;
    loop {
        match stream.read(&mut shared.scratch) {
            Ok(0) => return Drained::End,
            Ok(count) => {
                heard_something = true;
                shared.bulk_left = shared.bulk_left.saturating_sub(count);
                if shared.bulk_left == 0 {
                    return Drained::Chatter;
                }
            }
            Err(error) => match error.kind() {
                ErrorKind::Interrupted => {}
                ErrorKind::WouldBlock if heard_something => return Drained::Chatter,
                ErrorKind::WouldBlock => return Drained::Silence,
                _ => return Drained::Reset,
            },
        }
    }
}
