//! What a pump writes into and reads from: the data connection, as far as a transfer needs to know it.
//!
//! The seam lets the pumps be tested against a stream that takes one byte at a time or refuses every third call, and
//! lets other kinds of connection stand beside the plain socket. Nothing here may wait.

use super::splice_pipe::{Filled, SplicePipe};
use rustix::fs;
use rustix::io::Errno;
use rustix::net::{self, RecvFlags, SendFlags};
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

/// A data connection.
pub trait DataStream {
    /// Writes some of `bytes`; the count may be short.
    fn send(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Writes up to `count` bytes of `file` from `offset` on, without copying them through this process.
    /// `Ok(0)`: the file ends before `offset`. Errors of the file and of the socket come the same way.
    fn send_file(&mut self, file: &OwnedFd, offset: u64, count: usize) -> io::Result<usize>;

    /// Reads what has come; `Ok(0)` at the end.
    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize>;

    /// Moves up to `count` bytes that have come into `file` at `offset`, without copying them through this process;
    /// `Ok(0)` at the end.
    fn receive_into(&mut self, file: &OwnedFd, offset: u64, count: usize) -> Result<usize, ReceiveError>;
}

/// Why bytes did not get from the connection into the file.
#[derive(Debug)]
pub enum ReceiveError {
    Connection(io::Error),
    /// The file did not take them; some may be lost, so the transfer cannot go on.
    File(Errno),
    /// This file or connection cannot do it; nothing was lost, a copy can.
    Unsupported,
}

/// A plain, non-blocking TCP socket; `pipe` is lent for the call and is empty between calls.
#[derive(Debug)]
pub struct SocketStream<'call> {
    pub socket: BorrowedFd<'call>,
    pub pipe: &'call mut Option<SplicePipe>,
}

impl SocketStream<'_> {
    /// The kernel moves bytes only up to one that is marked urgent, and then says the same as at the end; what is
    /// behind would be lost without a word.
    fn confirm_end(&self) -> Result<usize, ReceiveError> {
        match net::recv(self.socket, &mut [0_u8; 1][..], RecvFlags::PEEK | RecvFlags::DONTWAIT) {
            Ok((0, _)) => Ok(0),
            Ok(_) => Err(ReceiveError::Unsupported),
            Err(errno) => Err(ReceiveError::Connection(errno.into())),
        }
    }
}

impl DataStream for SocketStream<'_> {
    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(net::send(
            self.socket,
            bytes,
            SendFlags::NOSIGNAL | SendFlags::DONTWAIT,
        )?)
    }

    fn send_file(&mut self, file: &OwnedFd, offset: u64, count: usize) -> io::Result<usize> {
        let mut position = offset;
        Ok(fs::sendfile(self.socket, file, Some(&mut position), count)?)
    }

    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (count, _) = net::recv(self.socket, buffer, RecvFlags::DONTWAIT)?;
        Ok(count)
    }

    fn receive_into(&mut self, file: &OwnedFd, offset: u64, count: usize) -> Result<usize, ReceiveError> {
        if self.pipe.is_none() {
            *self.pipe = Some(SplicePipe::open().map_err(|_| ReceiveError::Unsupported)?);
        }
        let Some(pipe) = self.pipe else {
            return Err(ReceiveError::Unsupported);
        };
        let filled = pipe.fill(self.socket, count).map_err(|errno| match errno {
            Errno::INVAL | Errno::NOSYS => ReceiveError::Unsupported,
            other => ReceiveError::Connection(other.into()),
        })?;
        match filled {
            Filled::End => self.confirm_end(),
            Filled::Bytes(count) => match pipe.empty_into(file, offset, count) {
                Ok(()) => Ok(count),
                Err(errno) => {
                    // What is left in it must not turn up in another transfer.
                    *self.pipe = None;
                    Err(ReceiveError::File(errno))
                }
            },
        }
    }
}
