//! Files beneath one root, reached by virtual path.
//!
//! [`Storage`] is the seam: sessions ask it questions and get open files and directories back; pumps read from those.
//! [`DiskRoot`] serves a real directory; [`Synthetic`] adds files that are computed. Nothing here may hand a path to
//! the kernel without the root's descriptor, and no error may carry a path or an errno text to a client.

mod beneath;
mod changes;
mod descent;
mod directory;
mod disk_root;
mod error;
mod hidden_file;
mod in_place_lock;
mod publication;
mod quota;
mod synthetic;
mod tree_walk;
mod upload;

pub use directory::{Batch, EntryType, OpenDirectory, Place};
pub use disk_root::{DiskRoot, is_reserved};
pub use error::{StorageError, errno_name};
pub use publication::{Held, Publication, Published};
#[cfg(test)]
pub(crate) use quota::tests::quota;
pub use quota::{Found, Moment, Quota, QuotaLimits, Usage, Verdict};
pub use synthetic::Synthetic;
pub use tree_walk::{Missed, MissedReason, Purpose, TreeWalk};
pub use upload::{Upload, UploadPolicy};

use crate::computed_file::{ComputedFile, Content};
use crate::descriptors::Permit;
use crate::ftp::listing::Attributes;
use crate::ftp::path::VirtualPath;
use crate::ftp::timestamp::Timestamp;
use rustix::io::Errno;
use std::os::fd::OwnedFd;
use std::rc::Rc;

/// What a session may ask of the files it serves.
pub trait Storage {
    /// What is known of the file or directory at `path`; links are followed as far as they stay beneath the root.
    fn attributes(&self, path: &VirtualPath) -> Result<Attributes, StorageError>;

    /// What is called `path` itself: a file, a directory, or a symbolic link, wherever that may lead.
    fn entry(&self, path: &VirtualPath) -> Result<Attributes, StorageError>;

    /// Whether `path` is a directory that this process may enter.
    fn check_directory(&self, path: &VirtualPath) -> Result<(), StorageError>;

    /// Opens a regular file for reading; anything else is [`StorageError::NotFound`] and is never opened.
    fn open_file(&self, path: &VirtualPath) -> Result<OpenFile, StorageError>;

    /// Opens a directory for reading its entries.
    fn open_directory(&self, path: &VirtualPath) -> Result<OpenDirectory, StorageError>;

    /// The same files with the directory `path` as their root: nothing above it can be reached any more.
    fn beneath(&self, path: &VirtualPath) -> Result<Rc<dyn Storage>, StorageError>;

    /// Begins to receive a file; `audience`: of a new one. Nothing is seen of it under its name before
    /// [`Publication::run`].
    fn begin_upload(
        &self,
        path: &VirtualPath,
        kind: UploadKind,
        audience: Audience,
        quota: Option<Quota>,
    ) -> Result<Upload, StorageError>;

    /// Removes a file or a symbolic link.
    fn remove_file(&self, path: &VirtualPath) -> Result<(), StorageError>;

    /// Makes a directory.
    fn make_directory(&self, path: &VirtualPath, audience: Audience) -> Result<(), StorageError>;

    /// Removes an empty directory.
    fn remove_directory(&self, path: &VirtualPath) -> Result<(), StorageError>;

    /// Gives a file or directory another name, within one file system.
    fn rename(&self, from: &VirtualPath, to: &VirtualPath, existing: Existing) -> Result<(), StorageError>;

    /// Sets the time of the last modification.
    fn set_modified(&self, path: &VirtualPath, time: Timestamp) -> Result<(), StorageError>;

    /// Sets the permission bits, within bounds; returns those that are set then.
    fn set_mode(&self, path: &VirtualPath, mode: u32) -> Result<u32, StorageError>;

    /// A walk through everything from `from` down, to be taken elsewhere.
    fn walk(&self, from: &VirtualPath, purpose: Purpose) -> TreeWalk;

    /// Bytes that can still be written where `path` is.
    fn free_space(&self, path: &VirtualPath) -> Result<u64, StorageError>;
}

/// Who on this machine may read what a client makes, as far as the process's mask allows (threat H13).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    Everyone,
    /// What the client may not read back itself is not for others either.
    OwnerAndGroup,
}

/// What an upload does to its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UploadKind {
    /// A whole file that takes the name at the end (STOR, STOU).
    Whole(Existing),
    /// At the end of the file that is there, or a new one (APPE).
    Append,
    /// From that offset on, in the file that is there; what it had behind is cut off (REST and STOR).
    From(u64),
}

/// What is to become of a file that has the name already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    Replace,
    Refuse,
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

#[cfg(test)]
mod tests;
