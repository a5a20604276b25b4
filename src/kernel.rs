//! The system calls that clients cause, so that unit tests can make each of them fail.
//!
//! Calls on files and pipes go through this module. Those on sockets are made by other crates: [`may_fail`] or
//! [`may_cut`] stands before them.

#[cfg(test)]
pub mod faults;

#[cfg(test)]
pub use faults::{
    fchmod, fdatasync, fstat, fstatvfs, fsync, ftruncate, linkat, may_cut, may_fail, mkdirat, openat, openat2,
    pipe_with, pread, pwrite, read, readlinkat, renameat_with, sendfile, splice, statat, unlinkat, utimensat,
};
#[cfg(not(test))]
pub use rustix::{
    fs::{
        fchmod, fdatasync, fstat, fstatvfs, fsync, ftruncate, linkat, mkdirat, openat, openat2, readlinkat,
        renameat_with, sendfile, statat, unlinkat, utimensat,
    },
    io::{pread, pwrite, read},
    pipe::{pipe_with, splice},
};

use rustix::fs::{RawDir, RawDirEntry};
use rustix::io::Errno;
use std::os::fd::{AsFd, OwnedFd};

/// The error that a unit test wants `call` to have; the server itself always gets `Ok`.
#[cfg(not(test))]
#[inline]
pub fn may_fail(_call: &'static str) -> Result<(), Errno> {
    Ok(())
}

/// How many of `count` bytes a unit test lets `call` move; the server itself always gets all.
#[cfg(not(test))]
#[inline]
pub fn may_cut(_call: &'static str, count: usize) -> Result<usize, Errno> {
    Ok(count)
}

/// The next entry of a directory, read in batches.
pub fn next_entry<'batch>(entries: &'batch mut RawDir<'_, impl AsFd>) -> Option<Result<RawDirEntry<'batch>, Errno>> {
    if entries.is_buffer_empty()
        && let Err(errno) = may_fail("getdents64")
    {
        return Some(Err(errno));
    }
    entries.next()
}

/// Closes `file`, and returns the error that a drop would lose.
pub fn close(file: OwnedFd) -> Result<(), Errno> {
    may_fail("close")?;
    nix::unistd::close(file).map_err(|errno| Errno::from_raw_os_error(errno as i32))
}
