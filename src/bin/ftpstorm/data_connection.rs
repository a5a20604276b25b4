//! A client's data connection: its bytes are dropped, compared, summed or generated, or left unread.

use super::failure::{ConnectionKind, Failure};
use super::polled_socket::PolledSocket;
use super::script::Flow;
use loopftpd::computed_file::Content;
use mio::net::TcpStream;
use mio::{Interest, Registry};
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use socket2::SockRef;
use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::time::Duration;

/// Reads or writes of one data connection before others get their turn: a prober's latency must not include ftpstorm's
/// own bulk work.
const CALLS_PER_TURN: usize = 2;

/// Bytes generated at once for an upload; those that the socket does not take are generated again.
const UPLOAD_CHUNK: usize = 64 * 1024;

/// The data connection.
#[derive(Debug)]
pub struct DataConnection {
    stream: TcpStream,
    work: DataWork,
    /// Bytes moved so far.
    pub moved: u64,
    is_registered: bool,
}

#[derive(Debug)]
enum DataWork {
    Discard,
    Compare { content: Content, size: u64 },
    Checksum { expected: u32, hasher: crc32fast::Hasher },
    Upload { content: Content, size: u64 },
    LeaveUnread,
    ResetAfter(u64),
}

/// What the data connection has come to after a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataProgress {
    /// An event will come when more can be moved.
    WouldBlock,
    /// More could be moved now.
    BudgetSpent,
    /// Everything has been moved and is right.
    Ended,
    /// As much has arrived as was wanted, and closing will reset the connection.
    Reset,
}

impl DataConnection {
    pub fn new(stream: TcpStream, flow: &Flow) -> Self {
        let work = match flow {
            Flow::Discard | Flow::SameSize => DataWork::Discard,
            Flow::Compare { content, size } => DataWork::Compare {
                content: *content,
                size: *size,
            },
            Flow::Checksum(expected) => DataWork::Checksum {
                expected: *expected,
                hasher: crc32fast::Hasher::new(),
            },
            Flow::Upload { content, size } => DataWork::Upload {
                content: *content,
                size: *size,
            },
        };
        Self::with_work(stream, work)
    }

    /// A data connection that is never read.
    pub fn unread(stream: TcpStream) -> Self {
        Self::with_work(stream, DataWork::LeaveUnread)
    }

    /// A data connection that is reset after `bytes`.
    pub fn reset_after(stream: TcpStream, bytes: u64) -> Self {
        Self::with_work(stream, DataWork::ResetAfter(bytes))
    }

    fn with_work(stream: TcpStream, work: DataWork) -> Self {
        Self {
            stream,
            work,
            moved: 0,
            is_registered: false,
        }
    }

    /// Registers for events, once. A short transfer that arrives together with its replies needs none.
    pub fn await_event(&mut self, socket: PolledSocket, registry: &Registry) -> Result<(), Failure> {
        if !self.is_registered {
            let interest = Interest::READABLE | Interest::WRITABLE;
            registry
                .register(&mut self.stream, socket.into(), interest)
                .map_err(|error| Failure::of(ConnectionKind::Data, &error))?;
            self.is_registered = true;
        }
        Ok(())
    }

    /// Whether the connection is established.
    pub fn is_connected(&self) -> bool {
        self.stream.peer_addr().is_ok()
    }

    /// Aborts the transfer. An upload that is merely closed would look like a whole file to the server.
    pub fn abandon(&self) {
        if let DataWork::Upload { size, .. } = self.work
            && self.moved < size
        {
            self.reset_when_closed();
        }
    }

    fn reset_when_closed(&self) {
        let _ = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
    }

    /// Moves what can be moved now.
    pub fn pump(&mut self, scratch: &mut [u8]) -> Result<DataProgress, Failure> {
        for _ in 0..CALLS_PER_TURN {
            let progress = match &mut self.work {
                DataWork::LeaveUnread => return Ok(DataProgress::WouldBlock),
                DataWork::Upload { content, size } => {
                    let (content, size) = (*content, *size);
                    self.send_some(content, size, scratch)?
                }
                DataWork::Discard | DataWork::ResetAfter(_) => self.drop_some(scratch)?,
                DataWork::Compare { .. } | DataWork::Checksum { .. } => self.read_some(scratch)?,
            };
            if let Some(progress) = progress {
                return Ok(progress);
            }
            if let DataWork::ResetAfter(bytes) = self.work
                && self.moved >= bytes
            {
                self.reset_when_closed();
                return Ok(DataProgress::Reset);
            }
        }
        Ok(DataProgress::BudgetSpent)
    }

    /// The kernel drops the bytes without copying them here (`MSG_TRUNC`, tcp(7)).
    fn drop_some(&mut self, scratch: &mut [u8]) -> Result<Option<DataProgress>, Failure> {
        match recv(&self.stream, &mut *scratch, RecvFlags::TRUNC) {
            Ok((_, 0)) => Ok(Some(DataProgress::Ended)),
            Ok((_, count)) => {
                self.moved += count as u64;
                Ok(None)
            }
            Err(Errno::INTR) => Ok(None),
            Err(Errno::AGAIN | Errno::NOTCONN) => Ok(Some(DataProgress::WouldBlock)),
            Err(errno) => Err(Failure::of(ConnectionKind::Data, &errno.into())),
        }
    }

    fn read_some(&mut self, scratch: &mut [u8]) -> Result<Option<DataProgress>, Failure> {
        match self.stream.read(scratch) {
            Ok(0) => self.check().map(|()| Some(DataProgress::Ended)),
            Ok(count) => {
                let (bytes, _) = scratch.split_at(count);
                match &mut self.work {
                    DataWork::Compare { content, .. } => {
                        if content.first_difference(self.moved, bytes).is_some() {
                            return Err(Failure::WrongBytes);
                        }
                    }
                    DataWork::Checksum { hasher, .. } => hasher.update(bytes),
                    DataWork::Discard | DataWork::Upload { .. } | DataWork::LeaveUnread | DataWork::ResetAfter(_) => {}
                }
                self.moved += count as u64;
                Ok(None)
            }
            Err(error) => match error.kind() {
                ErrorKind::Interrupted => Ok(None),
                ErrorKind::WouldBlock | ErrorKind::NotConnected => Ok(Some(DataProgress::WouldBlock)),
                _ => Err(Failure::of(ConnectionKind::Data, &error)),
            },
        }
    }

    /// All bytes have arrived: checks that they are the right ones, and as many as expected.
    fn check(&self) -> Result<(), Failure> {
        let is_right = match &self.work {
            DataWork::Compare { size, .. } => self.moved == *size,
            DataWork::Checksum { expected, hasher } => hasher.clone().finalize() == *expected,
            DataWork::Discard | DataWork::Upload { .. } | DataWork::LeaveUnread | DataWork::ResetAfter(_) => true,
        };
        if is_right { Ok(()) } else { Err(Failure::WrongBytes) }
    }

    fn send_some(&mut self, content: Content, size: u64, scratch: &mut [u8]) -> Result<Option<DataProgress>, Failure> {
        let left = size.saturating_sub(self.moved);
        if left == 0 {
            return match self.stream.shutdown(Shutdown::Write) {
                Ok(()) => Ok(Some(DataProgress::Ended)),
                Err(error) => Err(Failure::of(ConnectionKind::Data, &error)),
            };
        }
        let wanted = usize::try_from(left)
            .unwrap_or(usize::MAX)
            .min(scratch.len())
            .min(UPLOAD_CHUNK);
        let (bytes, _) = scratch.split_at_mut(wanted);
        content.fill(self.moved, bytes);
        match self.stream.write(bytes) {
            Ok(count) => {
                self.moved += count as u64;
                Ok(None)
            }
            Err(error) => match error.kind() {
                ErrorKind::Interrupted => Ok(None),
                ErrorKind::WouldBlock | ErrorKind::NotConnected => Ok(Some(DataProgress::WouldBlock)),
                _ => Err(Failure::of(ConnectionKind::Data, &error)),
            },
        }
    }
}
