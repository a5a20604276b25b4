//! Files beneath one root, reached by virtual path.
//!
//! [`Storage`] is the seam: sessions ask it questions and get open files and directories back; pumps read from those.
//! [`DiskRoot`] serves a real directory; [`Synthetic`] adds files that are computed. Nothing here may hand a path to the
//! kernel without the root's descriptor, and no error may carry a path or an errno text to a client.

mod directory;
mod disk_root;
mod synthetic;

pub use directory::{Batch, EntryType, OpenDirectory, Place};
pub use disk_root::DiskRoot;
pub use synthetic::Synthetic;

use crate::descriptors::Permit;
use crate::ftp::listing::Attributes;
use crate::ftp::path::VirtualPath;
use crate::pattern::{ComputedFile, Content};
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
    source: Source,
    pub size: u64,
}

#[derive(Debug)]
enum Source {
    Disk { descriptor: OwnedFd, _permit: Permit },
    Computed(Content),
}

impl OpenFile {
    /// A file of the file system.
    pub fn on_disk(descriptor: OwnedFd, size: u64, permit: Permit) -> Self {
        Self {
            source: Source::Disk {
                descriptor,
                _permit: permit,
            },
            size,
        }
    }

    /// A file whose bytes are computed when they are read.
    pub fn computed(file: ComputedFile) -> Self {
        Self {
            source: Source::Computed(file.content),
            size: file.size,
        }
    }

    /// What the kernel can send from by itself, if there is such a thing.
    pub fn descriptor(&self) -> Option<&OwnedFd> {
        match &self.source {
            Source::Disk { descriptor, .. } => Some(descriptor),
            Source::Computed(_) => None,
        }
    }

    /// Reads into `buffer` from `offset` on; fewer bytes than fit only at the end of the file, 0 beyond it.
    pub fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, StorageError> {
        match &self.source {
            Source::Disk { descriptor, .. } => loop {
                match rustix::io::pread(descriptor, &mut *buffer, offset) {
                    Err(Errno::INTR) => {}
                    Err(errno) => return Err(errno.into()),
                    Ok(count) => return Ok(count),
                }
            },
            Source::Computed(content) => {
                let left = usize::try_from(self.size.saturating_sub(offset)).unwrap_or(usize::MAX);
                let count = left.min(buffer.len());
                content.fill(offset, buffer.get_mut(..count).unwrap_or_default());
                Ok(count)
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
