//! The system calls on files and pipes that clients cause. In unit tests each of them can be made to fail.

#[cfg(test)]
pub mod faults;

#[cfg(test)]
pub use faults::{
    fchmod, fdatasync, fstat, fstatvfs, fsync, ftruncate, linkat, mkdirat, openat, openat2, pipe_with, pread, pwrite,
    read, readlinkat, renameat_with, sendfile, splice, statat, unlinkat, utimensat,
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

/// The next entry of a directory, read in batches.
pub fn next_entry<'batch>(entries: &'batch mut RawDir<'_, impl AsFd>) -> Option<Result<RawDirEntry<'batch>, Errno>> {
    #[cfg(test)]
    if entries.is_buffer_empty()
        && let Err(errno) = faults::check("getdents64")
    {
        return Some(Err(errno));
    }
    entries.next()
}

/// Closes `file`, and returns the error that a drop would lose.
pub fn close(file: OwnedFd) -> Result<(), Errno> {
    #[cfg(test)]
    faults::check("close")?;
    nix::unistd::close(file).map_err(|errno| Errno::from_raw_os_error(errno as i32))
}
