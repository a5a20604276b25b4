//! The pipe that `splice` needs between a socket and a file: pages pass through it without being copied.
//!
//! One pipe serves all uploads in turn, because it is filled and emptied within one call.

use rustix::io::{Errno, retry_on_intr};
use rustix::pipe::{PipeFlags, SpliceFlags, fcntl_setpipe_size, pipe_with, splice};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// The largest pipe that an unprivileged process may have (`/proc/sys/fs/pipe-max-size`).
const PIPE_BYTES: usize = 1024 * 1024;

/// A pipe whose ends are both in this process.
#[derive(Debug)]
pub struct SplicePipe {
    reader: OwnedFd,
    writer: OwnedFd,
}

/// What the socket had.
pub(super) enum Filled {
    Bytes(usize),
    /// The client has closed its end.
    End,
}

impl SplicePipe {
    pub(super) fn open() -> io::Result<Self> {
        let (reader, writer) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        // A smaller pipe works too, in more calls.
        let _ = fcntl_setpipe_size(&writer, PIPE_BYTES);
        Ok(Self { reader, writer })
    }

    /// Takes up to `count` bytes from the socket.
    pub(super) fn fill(&self, socket: BorrowedFd<'_>, count: usize) -> Result<Filled, Errno> {
        let flags = SpliceFlags::MOVE | SpliceFlags::NONBLOCK;
        match splice(socket, None, self.writer.as_fd(), None, count, flags)? {
            0 => Ok(Filled::End),
            count => Ok(Filled::Bytes(count)),
        }
    }

    /// Writes the `count` bytes that are in the pipe to `file` at `offset`.
    pub(super) fn empty_into(&self, file: &OwnedFd, offset: u64, count: usize) -> Result<(), Errno> {
        let mut position = offset;
        let mut left = count;
        while left > 0 {
            match splice(
                self.reader.as_fd(),
                None,
                file.as_fd(),
                Some(&mut position),
                left,
                SpliceFlags::MOVE,
            ) {
                Ok(0) => return Err(Errno::IO),
                Ok(written) => left = left.saturating_sub(written),
                Err(Errno::INTR) => {}
                // A file system without splice: the bytes are copied out of the pipe.
                Err(Errno::INVAL | Errno::NOSYS) => return self.copy_into(file, position, left),
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }

    fn copy_into(&self, file: &OwnedFd, offset: u64, count: usize) -> Result<(), Errno> {
        let mut buffer = vec![0; count.min(64 * 1024)];
        let mut position = offset;
        let end = offset.saturating_add(count as u64);
        while position < end {
            let wanted = usize::try_from(end - position).unwrap_or(usize::MAX).min(buffer.len());
            let (window, _) = buffer.split_at_mut(wanted);
            let read = retry_on_intr(|| rustix::io::read(&self.reader, &mut *window))?;
            let (mut bytes, _) = window.split_at(read);
            if bytes.is_empty() {
                return Err(Errno::IO);
            }
            while !bytes.is_empty() {
                match rustix::io::pwrite(file, bytes, position) {
                    Ok(0) => return Err(Errno::IO),
                    Ok(written) => {
                        position += written as u64;
                        (_, bytes) = bytes.split_at(written);
                    }
                    Err(Errno::INTR) => {}
                    Err(errno) => return Err(errno),
                }
            }
        }
        Ok(())
    }
}
