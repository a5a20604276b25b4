//! The pipe that `splice` needs between a socket and a file: pages pass through it without being copied.
//!
//! One pipe serves all uploads in turn, because it is filled and emptied within one call.

use crate::kernel;
use rustix::io::{Errno, retry_on_intr};
use rustix::pipe::{PipeFlags, SpliceFlags, fcntl_setpipe_size};
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

impl SplicePipe {
    pub(super) fn open() -> io::Result<Self> {
        let (reader, writer) = kernel::pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        // A smaller pipe works too, in more calls.
        let _ = fcntl_setpipe_size(&writer, PIPE_BYTES);
        Ok(Self { reader, writer })
    }

    /// Takes up to `count` bytes from the socket; 0: the client has closed its end.
    pub(super) fn fill(&self, socket: BorrowedFd<'_>, count: usize) -> Result<usize, Errno> {
        let flags = SpliceFlags::MOVE | SpliceFlags::NONBLOCK;
        kernel::splice(socket, None, self.writer.as_fd(), None, count, flags)
    }

    /// Writes the `count` bytes that are in the pipe to `file` at `offset`.
    pub(super) fn empty_into(&self, file: &OwnedFd, offset: u64, count: usize) -> Result<(), Errno> {
        let mut position = offset;
        let mut left = count;
        while left > 0 {
            let (from, to) = (self.reader.as_fd(), file.as_fd());
            match kernel::splice(from, None, to, Some(&mut position), left, SpliceFlags::MOVE) {
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
            let read = retry_on_intr(|| kernel::read(&self.reader, &mut *window))?;
            let (mut bytes, _) = window.split_at(read);
            if bytes.is_empty() {
                return Err(Errno::IO);
            }
            while !bytes.is_empty() {
                match kernel::pwrite(file, bytes, position) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::fd::AsFd;
    use std::os::unix::fs::FileExt;
    use std::os::unix::net::UnixStream;

    fn content(file: &OwnedFd) -> Vec<u8> {
        let file = std::fs::File::from(file.try_clone().expect("a second handle"));
        let mut bytes = vec![0; file.metadata().expect("ours").len() as usize];
        file.read_exact_at(&mut bytes, 0).expect("its size");
        bytes
    }

    #[test]
    fn bytes_pass_from_a_socket_to_their_offset_in_a_file() {
        let (mut client, socket) = UnixStream::pair().expect("a pair");
        let pipe = SplicePipe::open().expect("a pipe");
        let file = OwnedFd::from(tempfile::tempfile().expect("a temporary file"));
        client.write_all(b"0123456789").expect("room");
        let mut offset = 2;
        for count in [4, 4, 2] {
            assert_eq!(pipe.fill(socket.as_fd(), 4), Ok(count));
            pipe.empty_into(&file, offset, count).expect("written");
            offset += count as u64;
        }
        assert_eq!(content(&file), b"\0\x000123456789");
        drop(client);
        assert_eq!(pipe.fill(socket.as_fd(), 4), Ok(0));
    }

    #[test]
    fn bytes_are_copied_where_a_file_does_not_allow_splice() {
        let pipe = SplicePipe::open().expect("a pipe");
        let bytes: Vec<u8> = (0..200_000_u32).map(|number| (number % 251) as u8).collect();
        assert_eq!(rustix::io::write(&pipe.writer, &bytes), Ok(bytes.len()));
        let file = OwnedFd::from(tempfile::tempfile().expect("a temporary file"));
        pipe.copy_into(&file, 0, bytes.len()).expect("copied");
        assert_eq!(content(&file), bytes);
        assert_eq!(pipe.copy_into(&file, 0, 1), Err(Errno::AGAIN), "the pipe is empty");
    }
}
