//! How a transfer ends: our end shut, what the client sent unasked read away, the socket closed, then the 226.

use super::Connection;
use super::data_channel::DataChannel;
use super::shared::Shared;
use crate::reactor::socket::TcpSocket;
use crate::session::Outcome;
use crate::transfer::Pump;
use mio::Interest;
use std::io::ErrorKind;
use std::mem;
use std::time::{Duration, Instant};

/// How long a client may go on sending on a download.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a 226 stays behind its 150, unless the client closes the data connection before. Clients that read both at
/// once (aria2) wait for the 226 until their timeout, and a small file takes much less time than waking one. So this
/// has to be longer than a client may take to be woken; one that closes the data connection has been.
const REPLIES_APART: Duration = Duration::from_millis(200);
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
    /// Everything is in the kernel: shuts our end, which also sends what CORK held back. Then the client's end is
    /// waited for in two cases: its 226 would come right behind the 150, or it has sent something unasked.
    pub(super) fn finish_sending(&mut self, shared: &mut Shared) {
        let DataChannel::Transferring { socket, .. } = &mut self.channel else {
            return;
        };
        if socket.stream.shut_down_writing().is_err() {
            self.end_transfer(Outcome::ConnectionLost, shared);
            return;
        }
        let apart = self.active + REPLIES_APART;
        if apart > shared.now {
            self.drain_until(apart, shared);
            return;
        }
        match read_away(&mut *socket.stream, shared) {
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
            | DataChannel::Announced { .. }
            | DataChannel::ToConnect(_)
            | DataChannel::AwaitingClient { .. }
            | DataChannel::Connecting { .. }
            | DataChannel::Draining { .. }
            | DataChannel::Discarding { .. }
            | DataChannel::Storing { .. }) => self.channel = channel,
        }
    }

    pub(super) fn finish_draining(&mut self, shared: &mut Shared) {
        if shared.bulk_left == 0 {
            self.come_back(shared);
            return;
        }
        let DataChannel::Draining { socket, until, .. } = &mut self.channel else {
            return;
        };
        match read_away(&mut *socket.stream, shared) {
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
    pub(super) fn end_transfer(&mut self, outcome: Outcome, shared: &mut Shared) {
        let moved = self.channel.moved();
        self.end_transfer_of(moved, outcome, shared);
    }

    /// The same where the data channel does not know any more that `moved` bytes were.
    pub(super) fn end_transfer_of(&mut self, moved: u64, outcome: Outcome, shared: &mut Shared) {
        let mut ended = shared.now;
        match mem::replace(&mut self.channel, DataChannel::Unarmed) {
            DataChannel::AwaitingClient { port, .. } => self.give_port_back(port, shared),
            DataChannel::Connecting { pump, .. } => break_off(*pump),
            DataChannel::Transferring { socket, pump, .. } => {
                if ends_with_reset(outcome) {
                    socket.reset();
                }
                break_off(*pump);
            }
            // Waiting for the client's end is no part of the transfer.
            DataChannel::Draining { all_sent, .. } => ended = all_sent,
            // The publication goes on without this session.
            DataChannel::Storing { held, .. } => {
                shared.unclaimed.insert(self.slot, held);
            }
            DataChannel::Unarmed
            | DataChannel::Announced { .. }
            | DataChannel::ToConnect(_)
            | DataChannel::Discarding { .. } => {}
        }
        // The last command that counted as activity is the one that began the transfer.
        let began = mem::replace(&mut self.active, shared.now);
        if let Some((transfer, reply)) = self.session.transfer_ended(outcome) {
            self.say(&reply);
            let took = ended.saturating_duration_since(began);
            self.record(&transfer, outcome, took, moved, shared);
        }
    }
}

/// Whether the client must not be able to take what it has for the whole.
fn ends_with_reset(outcome: Outcome) -> bool {
    match outcome {
        Outcome::Stalled | Outcome::SourceFailed | Outcome::SourceShrank => true,
        Outcome::Complete
        | Outcome::NoDataConnection
        | Outcome::NoDescriptor
        | Outcome::ConnectionLost
        | Outcome::Aborted
        | Outcome::BrokenStream
        | Outcome::NotStored(_)
        | Outcome::StoredUnknown
        | Outcome::Swallowed { .. } => false,
    }
}

/// What an upload had received is given up, or kept as a part.
fn break_off(pump: Pump) {
    if let Some(upload) = pump.into_upload() {
        upload.abort();
    }
}

/// Reads and forgets what a client sent on a connection that only we send on. What is read is charged to the turn; one
/// read is always made, because most often nothing is there.
fn read_away(stream: &mut dyn TcpSocket, shared: &mut Shared) -> Drained {
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
