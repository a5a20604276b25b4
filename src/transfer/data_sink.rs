//! What a pump writes into: the two ways of handing bytes to a data connection.
//!
//! The seam lets the pumps be tested against a sink that takes one byte at a time or refuses every third call, and lets
//! other kinds of connection stand beside the plain socket. Nothing here may wait.

use rustix::fs;
use rustix::net::{self, SendFlags};
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

/// The writing end of a data connection.
pub trait DataSink {
    /// Writes some of `bytes`; the count may be short.
    fn send(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Writes up to `count` bytes of `file` from `offset` on, without copying them through this process.
    /// `Ok(0)`: the file ends before `offset`. Errors of the file and of the socket come the same way.
    fn send_file(&mut self, file: &OwnedFd, offset: u64, count: usize) -> io::Result<usize>;
}

/// A plain, non-blocking TCP socket.
#[derive(Debug)]
pub struct DataSocketSink<'socket>(pub BorrowedFd<'socket>);

impl DataSink for DataSocketSink<'_> {
    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(net::send(self.0, bytes, SendFlags::NOSIGNAL | SendFlags::DONTWAIT)?)
    }

    fn send_file(&mut self, file: &OwnedFd, offset: u64, count: usize) -> io::Result<usize> {
        let mut position = offset;
        Ok(fs::sendfile(self.0, file, Some(&mut position), count)?)
    }
}
