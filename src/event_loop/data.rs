//! The data connection: made, pumped, ended.
//!
//! Write first, register on `WouldBlock`: a socket that takes everything at once is never registered with the poll. The
//! end has one order: last byte, our end shut, what the client sent unasked read away, socket closed, then the reply.

use super::connection::{Connection, Life};
use super::data_channel::{DataChannel, DataSocket};
use super::pace::Pace;
use super::shared::Shared;
use super::trace::Tone;
use super::transfer_log::LoggedTransfer;
use crate::options::Technique;
use crate::session::{Outcome, Transfer, TransferKind};
use crate::storage::StorageError;
use crate::transfer::{Budget, Direction, Progress, Pump, SocketStream, TransferError};
use mio::Interest;
use mio::net::TcpStream;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use std::io::{self, ErrorKind, Read};
use std::mem;
use std::net::{IpAddr, Shutdown, SocketAddr};
use std::os::fd::AsFd;
use std::rc::Rc;
use std::time::Instant;

/// File bytes that one slot moves in one turn.
pub(super) const BYTES_PER_TURN: usize = 256 * 1024;
/// Directory entries that one slot looks at in one turn.
pub(super) const ENTRIES_PER_TURN: usize = 256;
/// What looking at an entry costs of a turn's bulk, in bytes: a full share of entries is a quarter of the turn.
pub(super) const BYTES_PER_ENTRY: usize = 256;
/// Reads of what a client sends on a download, before others have their turn.
const DRAIN_READS: usize = 16;

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
    pub(super) fn start_transfer(&mut self, pump: Box<Pump>, shared: &mut Shared) {
        let since = shared.now;
        self.set_pace(shared);
        match mem::replace(&mut self.channel, DataChannel::Unarmed) {
            DataChannel::Announced { port, .. } => {
                self.open_transfer(shared);
                self.channel = DataChannel::AwaitingClient { port, since, pump };
            }
            DataChannel::Connected { socket, .. } => {
                self.open_transfer(shared);
                self.channel = DataChannel::Transferring {
                    socket,
                    pump,
                    progress: since,
                    rests_until: None,
                };
                self.begin_pumping(shared);
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
        }
    }

    /// What limits the speed of the transfer that begins: this server's rate for one session, the account's for all of its.
    fn set_pace(&mut self, shared: &mut Shared) {
        let [own, accounts] = &mut self.paces;
        if let Some(rate) = shared.settings.rate_limit {
            own.get_or_insert_with(|| Rc::new(Pace::new(rate, shared.now)));
        }
        *accounts = self.session.account().and_then(|account| shared.pace_of(account));
    }

    /// Queues the 150.
    fn open_transfer(&mut self, shared: &mut Shared) {
        self.session.transfer_begins(&mut self.output.bytes);
        if !shared.settings.techniques.include(Technique::Coalescing) {
            self.flush(shared);
        }
    }

    fn connect(&mut self, address: SocketAddr, pump: Box<Pump>, shared: &mut Shared) {
        let Some(permit) = shared.descriptors.permit() else {
            self.end_transfer(Outcome::NoDescriptor, shared);
            return;
        };
        let connecting = self
            .own_address()
            .and_then(|own| connect_from(own, address, shared.settings.techniques.include(Technique::Cork)));
        let Ok(stream) = connecting else {
            self.end_transfer(Outcome::NoDataConnection, shared);
            return;
        };
        let mut socket = DataSocket::new(stream, permit);
        if socket
            .await_event(Interest::WRITABLE, &shared.registry, self.slot)
            .is_err()
        {
            self.end_transfer(Outcome::NoDataConnection, shared);
            return;
        }
        self.open_transfer(shared);
        self.channel = DataChannel::Connecting {
            socket,
            since: shared.now,
            pump,
        };
    }

    /// The client's connection has arrived at the port announced to it.
    pub(super) fn data_arrived(&mut self, socket: DataSocket, shared: &mut Shared) {
        let now = shared.now;
        match mem::replace(&mut self.channel, DataChannel::Unarmed) {
            DataChannel::Announced { .. } => self.channel = DataChannel::Connected { socket, since: now },
            DataChannel::AwaitingClient { pump, .. } => {
                self.channel = DataChannel::Transferring {
                    socket,
                    pump,
                    progress: now,
                    rests_until: None,
                };
                self.begin_pumping(shared);
            }
            // The session has turned to something else since; the connection is nobody's and is closed.
            channel @ (DataChannel::Unarmed
            | DataChannel::InLine { .. }
            | DataChannel::ToConnect(_)
            | DataChannel::Connected { .. }
            | DataChannel::Connecting { .. }
            | DataChannel::Transferring { .. }
            | DataChannel::Draining { .. }
            | DataChannel::Storing { .. }) => self.channel = channel,
        }
    }

    /// The client's connection arrived, but there is no descriptor to keep it with.
    pub(super) fn data_has_no_descriptor(&mut self, shared: &mut Shared) {
        if self.session.transfer().is_some() {
            self.end_transfer(Outcome::NoDescriptor, shared);
        } else {
            self.disarm(shared);
        }
    }

    /// The poll reports the data socket, or the ready queue brings it back.
    pub(super) fn data_ready(&mut self, shared: &mut Shared) {
        match &self.channel {
            DataChannel::Transferring { .. } => self.pump(shared),
            DataChannel::Connecting { .. } => self.finish_connecting(shared),
            DataChannel::Draining { .. } => self.finish_draining(shared),
            DataChannel::Unarmed
            | DataChannel::InLine { .. }
            | DataChannel::Announced { .. }
            | DataChannel::ToConnect(_)
            | DataChannel::Connected { .. }
            | DataChannel::AwaitingClient { .. }
            | DataChannel::Storing { .. } => {}
        }
    }

    fn finish_connecting(&mut self, shared: &mut Shared) {
        let channel = mem::replace(&mut self.channel, DataChannel::Unarmed);
        let DataChannel::Connecting { socket, since, pump } = channel else {
            self.channel = channel;
            return;
        };
        let failed = !matches!(socket.stream.take_error(), Ok(None));
        match socket.stream.peer_addr() {
            Ok(_) if !failed => {
                self.channel = DataChannel::Transferring {
                    socket,
                    pump,
                    progress: shared.now,
                    rests_until: None,
                };
                self.pump(shared);
            }
            // A hint that came too early.
            Err(error) if !failed && error.kind() == ErrorKind::NotConnected => {
                self.channel = DataChannel::Connecting { socket, since, pump };
            }
            Ok(_) | Err(_) => self.end_transfer(Outcome::NoDataConnection, shared),
        }
    }

    /// Writes at once: most transfers are over before the poll need be asked.
    fn begin_pumping(&mut self, shared: &mut Shared) {
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
    fn pump(&mut self, shared: &mut Shared) {
        let DataChannel::Transferring {
            socket,
            pump,
            progress,
            rests_until,
        } = &mut self.channel
        else {
            return;
        };
        if shared.bulk_left == 0 {
            self.come_back(shared);
            return;
        }
        let now = shared.now;
        let paces = self.paces.iter().flatten();
        let allowed = paces.map(|pace| pace.available(now)).min().unwrap_or(usize::MAX);
        if allowed == 0 {
            *progress = now;
            *rests_until = self.paces.iter().flatten().map(|pace| pace.resumes()).max();
            return;
        }
        *rests_until = None;
        let bytes = BYTES_PER_TURN.min(allowed);
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
                self.end_transfer(outcome, shared);
            }
        }
    }

    /// The client has closed its end, and all it sent is in the file: closes ours and has the file given its name. What
    /// waits for the disk is done beside the loop; the session's reply waits with it.
    fn finish_receiving(&mut self, shared: &mut Shared) {
        let DataChannel::Transferring { pump, .. } = mem::replace(&mut self.channel, DataChannel::Unarmed) else {
            return;
        };
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
            self.channel = DataChannel::Storing {
                received,
                since,
                _held: held,
            };
            shared.publications.push_back((self.slot, publication));
            return;
        }
        let outcome = match (publication.run(), held.swallowed) {
            (Err(error), _) => Outcome::NotStored(error),
            (Ok(()), None) => Outcome::Complete,
            (Ok(()), Some(crc32)) => Outcome::Swallowed {
                bytes: received,
                crc32,
                took: self.active.elapsed(),
            },
        };
        self.end_transfer_of(received, outcome, shared);
    }

    /// The disk has what was received, or would not take it.
    pub(super) fn stored(&mut self, result: Result<(), StorageError>, shared: &mut Shared) {
        if matches!(self.channel, DataChannel::Storing { .. }) {
            let outcome = result.map_or_else(Outcome::NotStored, |()| Outcome::Complete);
            self.end_transfer(outcome, shared);
        }
    }

    /// Everything is in the kernel: shuts our end, which also sends what CORK held back.
    fn finish_sending(&mut self, shared: &mut Shared) {
        let DataChannel::Transferring { socket, pump, .. } = &mut self.channel else {
            return;
        };
        let sent = pump.moved();
        if socket.stream.shutdown(Shutdown::Write).is_err() {
            self.end_transfer(Outcome::ConnectionLost, shared);
            return;
        }
        match read_away(&mut socket.stream, &mut shared.scratch) {
            Drained::End | Drained::Silence => self.end_transfer(Outcome::Complete, shared),
            Drained::Reset => self.end_transfer(Outcome::ConnectionLost, shared),
            Drained::Chatter => {
                let registered = socket.await_event(Interest::READABLE, &shared.registry, self.slot);
                if let DataChannel::Transferring { socket, .. } = mem::replace(&mut self.channel, DataChannel::Unarmed)
                {
                    self.channel = DataChannel::Draining {
                        socket,
                        since: shared.now,
                        sent,
                    };
                }
                match registered {
                    Ok(()) => self.come_back(shared),
                    Err(_) => self.end_transfer(Outcome::Complete, shared),
                }
            }
        }
    }

    fn finish_draining(&mut self, shared: &mut Shared) {
        let DataChannel::Draining { socket, .. } = &mut self.channel else {
            return;
        };
        match read_away(&mut socket.stream, &mut shared.scratch) {
            Drained::End => self.end_transfer(Outcome::Complete, shared),
            Drained::Reset => self.end_transfer(Outcome::ConnectionLost, shared),
            Drained::Silence => {}
            Drained::Chatter => self.come_back(shared),
        }
    }

    /// Closes the data connection and gives the transfer its last reply.
    pub(super) fn end_transfer(&mut self, outcome: Outcome, shared: &mut Shared) {
        let moved = self.channel.moved();
        self.end_transfer_of(moved, outcome, shared);
    }

    fn end_transfer_of(&mut self, moved: u64, outcome: Outcome, shared: &mut Shared) {
        if matches!(self.channel, DataChannel::AwaitingClient { .. }) {
            self.disarm(shared);
        }
        mem::replace(&mut self.channel, DataChannel::Unarmed).close(outcome);
        // The last command that counted as activity is the one that began the transfer.
        let began = mem::replace(&mut self.active, shared.now);
        if let Some(transfer) = self.session.transfer_ended(outcome, &mut self.output.bytes) {
            self.record(&transfer, outcome, began, moved, shared);
        }
    }

    fn record(&self, transfer: &Transfer, outcome: Outcome, began: Instant, moved: u64, shared: &mut Shared) {
        let number = self.session.number();
        let path = transfer.path.as_bytes();
        shared.counters.transfers += 1;
        match transfer.kind {
            TransferKind::Download | TransferKind::Listing => shared.counters.bytes_sent += moved,
            TransferKind::Upload => shared.counters.bytes_received += moved,
        }
        if !outcome.is_success() {
            shared.counters.failed_transfers += 1;
        }
        shared.trace.tell(Tone::Transition, || {
            format!(
                "session {number}: {} {} ends: {outcome:?}, {moved} bytes → Ready",
                transfer.verb,
                path.escape_ascii()
            )
        });
        let direction = match transfer.kind {
            TransferKind::Listing => return,
            TransferKind::Download => Direction::ToClient,
            TransferKind::Upload => Direction::FromClient,
        };
        log::info!(
            "session {number}: {} {} {outcome:?}, {moved} bytes",
            transfer.verb,
            path.escape_ascii()
        );
        let took = shared.now.saturating_duration_since(began);
        self.tell_transfer(transfer, outcome, moved, took, shared);
        if let Some(log) = &mut shared.transfer_log {
            log.write(&LoggedTransfer {
                ended: shared.wall,
                took,
                peer: self.session.peer(),
                bytes: moved,
                path,
                direction,
                representation: transfer.representation,
                complete: outcome.is_success(),
            });
        }
    }

    /// Whether the data connection, rather than the conversation, is what the ready queue brought back.
    pub(super) fn has_data_to_move(&self) -> bool {
        self.life == Life::Serving
            && matches!(
                self.channel,
                DataChannel::Transferring { .. } | DataChannel::Draining { .. }
            )
    }
}

fn connect_from(own: IpAddr, address: SocketAddr, corks: bool) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    SockRef::from(&socket).set_tcp_cork(corks)?;
    // From the address that the client knows, or its firewall would not let the connection in.
    socket.bind(&SocketAddr::new(own, 0).into())?;
    match socket.connect(&address.into()) {
        Err(error) if error.raw_os_error() != Some(rustix::io::Errno::INPROGRESS.raw_os_error()) => Err(error),
        Ok(()) | Err(_) => Ok(TcpStream::from_std(socket.into())),
    }
}

/// Reads and forgets what a client sent on a connection that only we send on.
fn read_away(stream: &mut TcpStream, scratch: &mut [u8]) -> Drained {
    let mut heard_something = false;
    for _ in 0..DRAIN_READS {
        match stream.read(scratch) {
            Ok(0) => return Drained::End,
            Ok(_) => heard_something = true,
            Err(error) => match error.kind() {
                ErrorKind::Interrupted => {}
                ErrorKind::WouldBlock if heard_something => return Drained::Chatter,
                ErrorKind::WouldBlock => return Drained::Silence,
                _ => return Drained::Reset,
            },
        }
    }
    Drained::Chatter
}
