//! Files beneath one root, reached by virtual path.
//!
//! [`Storage`] is the seam: sessions ask it questions and get open files and directories back; pumps read from those.
//! [`DiskRoot`] is the storage that serves a real directory. Nothing here may hand a path to the kernel without the
//! root's descriptor, and no error may carry a path or an errno text to a client.

mod directory;
mod disk_root;

pub use directory::{Batch, EntryType, OpenDirectory, Place};
pub use disk_root::DiskRoot;

use crate::descriptors::Permit;
use crate::ftp::listing::Attributes;
use crate::ftp::path::VirtualPath;
use rustix::io::Errno;
use std::os::fd::OwnedFd;

/// What a session may ask of the files it serves.
pub trait Storage {
    /// What is known of the file or directory at `path`; links are followed as far as they stay beneath the root.
    fn attributes(&self, path: &VirtualPath) -> Result<Attributes, StorageError>;

    /// Whether `path` is a directory that this process may enter.
    fn check_directory(&self, path: &VirtualPath) -> Result<(), StorageError>;

    /// Opens a regular file for reading; anything else is [`StorageError::NotFound`] and is never opened.
    fn open_file(&self, path: &VirtualPath) -> Result<OpenFile, StorageError>;

    /// Opens a directory for reading its entries.
    fn open_directory(&self, path: &VirtualPath) -> Result<OpenDirectory, StorageError>;
}

/// A regular file, open for reading, with its size at the moment it was opened: a download sends exactly that much.
#[derive(Debug)]
pub struct OpenFile {
    pub descriptor: OwnedFd,
    pub size: u64,
    pub permit: Permit,
}

impl OpenFile {
    /// Reads into `buffer` from `offset` on; fewer bytes than fit only at the end of the file, 0 beyond it.
    pub fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, StorageError> {
        loop {
            match rustix::io::pread(&self.descriptor, &mut *buffer, offset) {
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
                Ok(count) => return Ok(count),
            }
        }
    }
}

/// Why the storage refused. There is one answer for missing, forbidden, special and outside, so that a client cannot
/// tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StorageError {
    /// Missing, not allowed, of the wrong kind, or outside the root.
    NotFound,
    /// Something is short for the moment (descriptors, memory, a rename race): the same request may succeed later.
    Busy,
    /// The storage itself failed.
    Failed,
}

impl From<Errno> for StorageError {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::NOBUFS | Errno::AGAIN => StorageError::Busy,
            Errno::IO | Errno::STALE | Errno::NODEV | Errno::TIMEDOUT | Errno::NOSYS => StorageError::Failed,
            _ => StorageError::NotFound,
        }
    }
}

#[cfg(test)]
mod tests;
