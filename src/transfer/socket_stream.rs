//! The data connection as the kernel knows it: `send`, `sendfile`, `recv`, `splice`.

use super::data_stream::{DataSink, DataSource, KernelCopyError};
use super::splice_pipe::{Filled, SplicePipe};
use rustix::fs;
use rustix::io::Errno;
use rustix::net::{self, RecvFlags, SendFlags};
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

/// A plain, non-blocking TCP socket; `pipe` is lent for the call and is empty between calls.
#[derive(Debug)]
pub struct SocketStream<'call> {
    pub socket: BorrowedFd<'call>,
    pub pipe: &'call mut Option<SplicePipe>,
}

impl DataSink for SocketStream<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(net::send(
            self.socket,
            bytes,
            SendFlags::NOSIGNAL | SendFlags::DONTWAIT,
        )?)
    }

    fn send_file(&mut self, file: &OwnedFd, offset: u64, count: usize) -> Result<usize, KernelCopyError> {
        let mut position = offset;
        fs::sendfile(self.socket, file, Some(&mut position), count).map_err(sendfile_error)
    }
}

impl DataSource for SocketStream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (count, _) = net::recv(self.socket, buffer, RecvFlags::DONTWAIT)?;
        Ok(count)
    }

    fn splice(&mut self, file: &OwnedFd, offset: u64, count: usize) -> Result<usize, KernelCopyError> {
        if self.pipe.is_none() {
            *self.pipe = Some(SplicePipe::open().map_err(|_| KernelCopyError::Unsupported)?);
        }
        let Some(pipe) = self.pipe else {
            return Err(KernelCopyError::Unsupported);
        };
        let filled = pipe.fill(self.socket, count).map_err(|errno| match errno {
            Errno::INVAL | Errno::NOSYS => KernelCopyError::Unsupported,
            other => KernelCopyError::Connection(other.into()),
        })?;
        match filled {
            Filled::End => self.confirm_end(),
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

impl SocketStream<'_> {
    /// The kernel splices only up to a byte that is marked urgent, and then reports the same as at the end. Without
    /// this check the bytes behind it would be lost silently.
    fn confirm_end(&self) -> Result<usize, KernelCopyError> {
        match net::recv(self.socket, &mut [0_u8; 1][..], RecvFlags::PEEK | RecvFlags::DONTWAIT) {
            Ok((0, _)) => Ok(0),
            Ok(_) => Err(KernelCopyError::Unsupported),
            Err(errno) => Err(KernelCopyError::Connection(errno.into())),
        }
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
