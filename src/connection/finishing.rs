//! The end of a transfer. A download: shut down our direction, read what the client sent, close the socket, then the
//! 226. An upload: close the socket, give the file its name, and only then the 226.

use super::{Connection, data_channel::DataChannel, shared::Shared};
use crate::reactor::socket::TcpSocket;
use crate::session::Outcome;
use crate::slow_work::Job;
use crate::storage::{Held, Published, StorageError};
use mio::Interest;
use std::io::ErrorKind;
use std::mem;
use std::time::{Duration, Instant};

/// How long a client may keep sending during a download.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);
/// Shortest time between a 150 and its 226, unless the client closes the data connection first. A client that reads
/// both at once (aria2) waits for the 226 until its timeout, and a small file takes less time than waking the client.
/// So this is longer than a busy machine takes to wake one; a client that closes the data connection is awake.
const REPLIES_APART: Duration = Duration::from_millis(200);

/// Why reading and dropping input ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DropEnd {
    /// The client has closed the connection.
    Closed,
    Reset,
    /// Nothing more has arrived.
    WouldBlock,
    BudgetSpent,
}

impl Connection {
    /// Everything is in the kernel: shuts down our direction, which also sends what CORK held back. The client's close
    /// is awaited if the 226 would follow its 150 too closely, or if the client has sent something.
    pub(super) fn finish_sending(&mut self, shared: &mut Shared) {
        let DataChannel::Transferring { socket, .. } = &mut self.channel else {
            return;
        };
        match socket.stream.shut_down_writing() {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                // Encrypted bytes are left in this process. The pump is complete, so this is tried again.
                shared.counters.would_block += 1;
                if socket
                    .await_event(Interest::WRITABLE, &shared.registry, self.slot)
                    .is_err()
                {
                    self.end_transfer(Outcome::ConnectionLost, shared);
                }
                return;
            }
            Err(_) => return self.end_transfer(Outcome::ConnectionLost, shared),
        }
        let apart = self.active + REPLIES_APART;
        if apart > shared.now {
            self.await_close(apart, shared);
            return;
        }
        match drop_input(&mut *socket.stream, shared) {
            (_, DropEnd::Closed) | (0, DropEnd::WouldBlock) => self.end_transfer(Outcome::Complete, shared),
            (_, DropEnd::Reset) => self.end_transfer(Outcome::ConnectionLost, shared),
            (_, DropEnd::WouldBlock | DropEnd::BudgetSpent) => {
                self.await_close(shared.now + DRAIN_TIMEOUT, shared);
                self.queue(shared);
            }
        }
    }

    /// The channel is transferring, and everything is sent.
    fn await_close(&mut self, until: Instant, shared: &mut Shared) {
        let DataChannel::Transferring { mut socket, pump, .. } = self.channel.take() else {
            return;
        };
        let registered = socket.await_event(Interest::READABLE, &shared.registry, self.slot);
        self.channel = DataChannel::AwaitingClose {
            socket,
            all_sent: shared.now,
            until,
            sent: pump.moved(),
        };
        if registered.is_err() {
            self.end_transfer(Outcome::Complete, shared);
        }
    }

    pub(super) fn continue_awaiting_close(&mut self, shared: &mut Shared) {
        if shared.bulk_left == 0 {
            self.queue(shared);
            return;
        }
        let DataChannel::AwaitingClose { socket, until, .. } = &mut self.channel else {
            return;
        };
        match drop_input(&mut *socket.stream, shared) {
            (_, DropEnd::Closed) => self.end_transfer(Outcome::Complete, shared),
            (_, DropEnd::Reset) => self.end_transfer(Outcome::ConnectionLost, shared),
            (0, DropEnd::WouldBlock) => {}
            (_, DropEnd::WouldBlock | DropEnd::BudgetSpent) => {
                *until = (*until).max(self.active + DRAIN_TIMEOUT);
                self.queue(shared);
            }
        }
    }

    /// Everything has been received: closes the data connection and renames the file. If that waits for the disk, it is
    /// done on the slow-work thread, and the reply waits for it.
    pub(super) fn finish_receiving(&mut self, shared: &mut Shared) {
        let DataChannel::Transferring { pump, mut socket, .. } = self.channel.take() else {
            return;
        };
        // Some clients wait for it. If there is no room, or the client has gone, they do without.
        let _ = socket.stream.end_stream();
        drop(socket);
        let Some(upload) = pump.into_upload() else {
            return;
        };
        let received = upload.received();
        let (publication, held) = match upload.finish() {
            Ok(finished) => finished,
            Err(error) => return self.end_transfer_of(received, Outcome::NotStored(error), shared),
        };
        if publication.waits() {
            let since = shared.now;
            let held = Box::new(held);
            self.channel = DataChannel::Storing { received, since, held };
            if let Some(queue) = &mut shared.slow_work {
                let slot = self.slot;
                queue.enqueue(Job::Publish { slot, publication });
            }
            return;
        }
        let outcome = self.outcome_of(publication.run(), received, held);
        self.end_transfer_of(received, outcome, shared);
    }

    /// The slow-work thread has renamed the file, or failed to.
    pub fn stored(&mut self, result: Result<Published, StorageError>, shared: &mut Shared) {
        // Otherwise it took too long, and the client has had its reply.
        if let DataChannel::Storing { .. } = self.channel
            && let DataChannel::Storing { received, held, .. } = self.channel.take()
        {
            let outcome = self.outcome_of(result, received, *held);
            self.end_transfer_of(received, outcome, shared);
        }
    }

    /// Releases what was held; only a file that exists is charged to the quota.
    fn outcome_of(&self, published: Result<Published, StorageError>, received: u64, held: Held) -> Outcome {
        let published = match published {
            Ok(published) => published,
            Err(error) => return Outcome::NotStored(error),
        };
        let swallowed = held.swallowed;
        held.settle(published);
        match swallowed {
            None if published.is_confirmed => Outcome::Complete,
            None => Outcome::StoredUnknown,
            Some(crc32) => Outcome::Swallowed {
                bytes: received,
                crc32,
                took: self.active.elapsed(),
            },
        }
    }

    /// Closes the data connection and queues the transfer's last reply.
    pub(super) fn end_transfer(&mut self, outcome: Outcome, shared: &mut Shared) {
        let moved = self.channel.moved();
        self.end_transfer_of(moved, outcome, shared);
    }

    /// Like [`end_transfer`](Self::end_transfer), where the channel no longer knows how many bytes were `moved`.
    pub(super) fn end_transfer_of(&mut self, moved: u64, outcome: Outcome, shared: &mut Shared) {
        let mut ended = shared.now;
        match self.channel.take() {
            DataChannel::AwaitingClient { port, .. } => self.release_port(port, shared),
            DataChannel::Connecting { pump, .. } | DataChannel::Securing { pump, .. } => pump.abort(),
            DataChannel::Transferring { socket, pump, .. } => {
                if ends_with_reset(outcome) {
                    socket.reset();
                }
                pump.abort();
            }
            // Waiting for the client's close does not count as transfer time.
            DataChannel::AwaitingClose { all_sent, .. } => ended = all_sent,
            // The rename continues without this session.
            DataChannel::Storing { held, .. } => {
                shared.unclaimed.insert(self.slot, *held);
            }
            DataChannel::Unarmed
            | DataChannel::Announced { .. }
            | DataChannel::ToConnect(_)
            | DataChannel::Discarding { .. } => {}
        }
        // The last activity was the transfer command.
        let began = mem::replace(&mut self.active, shared.now);
        if let Some((transfer, reply)) = self.session.transfer_ended(outcome) {
            self.say(&reply, shared);
            let took = ended.saturating_duration_since(began);
            self.record_transfer(&transfer, outcome, took, moved, shared);
        }
    }
}

/// Whether the client must be able to tell that the data is incomplete.
fn ends_with_reset(outcome: Outcome) -> bool {
    match outcome {
        Outcome::Stalled | Outcome::SourceFailed | Outcome::SourceShrank => true,
        Outcome::Complete
        | Outcome::NoDataConnection
        | Outcome::NoDescriptor
        | Outcome::ConnectionLost
        | Outcome::HandshakeFailed
        | Outcome::ForeignTlsSession
        | Outcome::Truncated
        | Outcome::Aborted
        | Outcome::BrokenStream
        | Outcome::NotStored(_)
        | Outcome::StoredUnknown
        | Outcome::Swallowed { .. } => false,
    }
}

/// Reads and drops what a client sent, and returns how many bytes. They are charged to the turn; one read is always
/// made, because usually there is nothing.
pub(super) fn drop_input(stream: &mut dyn TcpSocket, shared: &mut Shared) -> (usize, DropEnd) {
    let mut dropped = 0;
    loop {
        match stream.read(&mut shared.scratch) {
            Ok(0) => return (dropped, DropEnd::Closed),
            Ok(count) => {
                dropped += count;
                shared.charge(count, 0);
                if shared.bulk_left == 0 {
                    return (dropped, DropEnd::BudgetSpent);
                }
            }
            Err(error) => match error.kind() {
                ErrorKind::Interrupted => {}
                ErrorKind::WouldBlock => return (dropped, DropEnd::WouldBlock),
                _ => return (dropped, DropEnd::Reset),
            },
        }
    }
}
