//! What a pump needs of a data connection: a sink for downloads, a source for uploads.
//!
//! Two traits, so that a download cannot read and an upload cannot write. They are also the seam for tests: a stream
//! that takes one byte at a time, refuses every third call, or has no descriptor at all. Nothing here may block.

use rustix::io::Errno;
use std::io;
use std::os::fd::OwnedFd;

/// Where a download's bytes go.
pub trait DataSink {
    /// Writes some of `bytes`; the count may be short.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Writes up to `count` bytes of `file` from `offset` on, without copying them through this process.
    /// `Ok(0)`: the file ends before `offset`.
    fn send_file(&mut self, file: &OwnedFd, offset: u64, count: usize) -> Result<usize, KernelCopyError>;
}

/// Where an upload's bytes come from.
pub trait DataSource {
    /// Reads what has arrived; `Ok(0)` at the end.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize>;

    /// Moves up to `count` bytes that have arrived into `file` at `offset`, without copying them through this process;
    /// `Ok(0)` at the end.
    fn splice(&mut self, file: &OwnedFd, offset: u64, count: usize) -> Result<usize, KernelCopyError>;
}

/// Why the kernel moved no bytes between a file and a data connection.
#[derive(Debug)]
pub enum KernelCopyError {
    /// Of the data connection.
    Connection(io::Error),
    /// Of the file. Bytes may be lost, so the transfer cannot go on.
    File(Errno),
    /// This file or connection cannot do it. Nothing was lost; a copy can.
    Unsupported,
}
