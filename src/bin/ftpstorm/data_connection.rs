//! A client's data connection: its bytes are dropped, compared, summed or generated, or left unread.

use crate::failure::Failure;
use crate::polled_socket::PolledSocket;
use crate::script::Flow;
use loopftpd::computed_file::Content;
use mio::net::TcpStream;
use mio::{Interest, Registry};
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use socket2::SockRef;
use std::io::{self, Read, Write};
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
    flow: Flow,
    /// Of the bytes that arrived, if their checksum is compared.
    checksum: crc32fast::Hasher,
    /// Bytes moved so far.
    pub moved: u64,
    is_registered: bool,
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
    pub fn new(stream: TcpStream, flow: Flow) -> Self {
        Self {
            stream,
            flow,
            checksum: crc32fast::Hasher::new(),
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
                .map_err(Failure::of_data)?;
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
        if let Flow::Upload { size, .. } = self.flow
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
            let outcome = match self.flow {
                Flow::LeaveUnread => return Ok(DataProgress::WouldBlock),
                Flow::Upload { size, .. } if self.moved >= size => {
                    let ended = self.stream.shutdown(Shutdown::Write).map(|()| DataProgress::Ended);
                    return ended.map_err(Failure::of_data);
                }
                Flow::Upload { content, size } => self.send_some(content, size - self.moved, scratch),
                // The kernel drops the bytes without copying them here (`MSG_TRUNC`, tcp(7)).
                Flow::Discard | Flow::SameSize | Flow::ResetAfter(_) => {
                    let dropped = recv(&self.stream, &mut *scratch, RecvFlags::TRUNC);
                    dropped.map(|(_, count)| count).map_err(io::Error::from)
                }
                Flow::Compare { .. } | Flow::Checksum(_) => self.stream.read(scratch),
            };
            match outcome {
                Ok(0) => return self.check_end().map(|()| DataProgress::Ended),
                Ok(count) => {
                    self.check(scratch.get(..count).unwrap_or_default())?;
                    self.moved += count as u64;
                }
                Err(error) => match Errno::from_io_error(&error) {
                    Some(Errno::INTR) => {}
                    Some(Errno::AGAIN | Errno::NOTCONN) => return Ok(DataProgress::WouldBlock),
                    _ => return Err(Failure::of_data(error)),
                },
            }
            if let Flow::ResetAfter(bytes) = self.flow
                && self.moved >= bytes
            {
                self.reset_when_closed();
                return Ok(DataProgress::Reset);
            }
        }
        Ok(DataProgress::BudgetSpent)
    }

    fn send_some(&mut self, content: Content, left: u64, scratch: &mut [u8]) -> io::Result<usize> {
        let most = scratch.len().min(UPLOAD_CHUNK);
        let (bytes, _) = scratch.split_at_mut(usize::try_from(left).map_or(most, |left| left.min(most)));
        content.fill(self.moved, bytes);
        self.stream.write(bytes)
    }

    /// Bytes of the flow have arrived: checks that they are the right ones.
    fn check(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        match self.flow {
            Flow::Compare { content, .. } if content.first_difference(self.moved, bytes).is_some() => {
                return Err(Failure::WrongBytes);
            }
            Flow::Checksum(_) => self.checksum.update(bytes),
            _ => {}
        }
        Ok(())
    }

    /// All bytes have arrived: checks that they are as many as expected.
    fn check_end(&self) -> Result<(), Failure> {
        let is_right = match self.flow {
            Flow::Compare { size, .. } => self.moved == size,
            Flow::Checksum(expected) => self.checksum.clone().finalize() == expected,
            _ => true,
        };
        if is_right { Ok(()) } else { Err(Failure::WrongBytes) }
    }
}
