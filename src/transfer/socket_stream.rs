//! The data connection as the kernel knows it: `send`, `sendfile`, `recv`, `splice`.

use super::data_stream::{DataSink, DataSource, KernelCopyError};
use super::splice_pipe::{Filled, SplicePipe};
use crate::reactor::socket::TcpSocket;
use rustix::fs;
use rustix::io::Errno;
use rustix::net::{self, RecvFlags};
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

/// A plain, non-blocking TCP socket, lent for the call; `pipe` is lent for the call and is empty between calls.
#[derive(Debug)]
pub struct SocketStream<'call> {
    pub socket: &'call mut dyn TcpSocket,
    pub pipe: &'call mut Option<SplicePipe>,
}

impl DataSink for SocketStream<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.write(bytes)
    }

    fn send_file(&mut self, file: &OwnedFd, offset: u64, count: usize) -> Result<usize, KernelCopyError> {
        let socket = self.socket.descriptor().ok_or(KernelCopyError::Unsupported)?;
        let mut position = offset;
        fs::sendfile(socket, file, Some(&mut position), count).map_err(sendfile_error)
    }
}

impl DataSource for SocketStream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket.read(buffer)
    }

    fn splice(&mut self, file: &OwnedFd, offset: u64, count: usize) -> Result<usize, KernelCopyError> {
        let socket = self.socket.descriptor().ok_or(KernelCopyError::Unsupported)?;
        if self.pipe.is_none() {
            *self.pipe = Some(SplicePipe::open().map_err(|_| KernelCopyError::Unsupported)?);
        }
        let Some(pipe) = self.pipe else {
            return Err(KernelCopyError::Unsupported);
        };
        let filled = pipe.fill(socket, count).map_err(|errno| match errno {
            Errno::INVAL | Errno::NOSYS => KernelCopyError::Unsupported,
            other => KernelCopyError::Connection(other.into()),
        })?;
        match filled {
            Filled::End => confirm_end(socket),
            Filled::Bytes(count) => match pipe.empty_into(file, offset, count) {
                Ok(()) => Ok(count),
                Err(errno) => {
                    // What is left in it must not turn up in another transfer.
                    *self.pipe = None;
                    Err(KernelCopyError::File(errno))
                }
            },
        }
    }
}

/// The kernel splices only up to a byte that is marked urgent, and then reports the same as at the end. Without
/// this check the bytes behind it would be lost silently.
fn confirm_end(socket: BorrowedFd<'_>) -> Result<usize, KernelCopyError> {
    match net::recv(socket, &mut [0_u8; 1][..], RecvFlags::PEEK | RecvFlags::DONTWAIT) {
        Ok((0, _)) => Ok(0),
        Ok(_) => Err(KernelCopyError::Unsupported),
        Err(errno) => Err(KernelCopyError::Connection(errno.into())),
    }
}

/// `sendfile` reports errors of the file and of the socket alike.
pub(super) fn sendfile_error(errno: Errno) -> KernelCopyError {
    match errno {
        // Not every file system and not every offset can do it.
        Errno::INVAL | Errno::NOSYS | Errno::OVERFLOW | Errno::OPNOTSUPP => KernelCopyError::Unsupported,
        Errno::IO | Errno::STALE | Errno::NODEV | Errno::NXIO | Errno::NOMEM => KernelCopyError::File(errno),
        _ => KernelCopyError::Connection(errno.into()),
    }
}
