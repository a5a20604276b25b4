//! An open directory, read a batch of entries at a time, in the order that the file system gives.
//!
//! A batch is what one `getdents64` puts into a small buffer, so a directory of a million entries costs the memory of
//! one of ten. Nothing here may sort, recurse or keep names.

use super::StorageError;
use super::disk_root::{attributes_beneath, attributes_from, is_reserved};
use crate::descriptors::Permit;
use crate::ftp::listing::Attributes;
use crate::ftp::path::VirtualPath;
use rustix::fs::{self, AtFlags, FileType, RawDir};
use rustix::io::Errno;
use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;

/// A directory being read.
#[derive(Debug)]
pub struct OpenDirectory {
    place: Place,
    batch: Vec<u8>,
    _permit: Permit,
}

/// Where the directory stands: what its entries are looked up with.
#[derive(Debug)]
pub struct Place {
    root: Rc<OwnedFd>,
    path: VirtualPath,
    descriptor: OwnedFd,
}

/// What the directory itself tells of an entry's kind, without another system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryType {
    File,
    Directory,
    SymbolicLink,
    /// A device, socket or FIFO: not served.
    Special,
    /// The file system does not say here.
    Unknown,
}

/// Whether a directory has more entries to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Batch {
    More,
    End,
}

impl OpenDirectory {
    pub(super) fn new(root: Rc<OwnedFd>, path: VirtualPath, descriptor: OwnedFd, permit: Permit) -> Self {
        Self {
            place: Place { root, path, descriptor },
            batch: Vec::new(),
            _permit: permit,
        }
    }

    /// Calls `visit` for every entry of the next batch, `.` and `..` included, the server's own names left out. A batch is
    /// what fits into `batch_bytes` (of the first call): an entry with a name of usual length takes 32.
    pub fn next_batch<E: From<StorageError>>(
        &mut self,
        batch_bytes: usize,
        mut visit: impl FnMut(&Place, &CStr, EntryType) -> Result<(), E>,
    ) -> Result<Batch, E> {
        if self.batch.capacity() == 0 {
            self.batch.reserve_exact(batch_bytes);
        }
        let mut entries = RawDir::new(self.place.descriptor.as_fd(), self.batch.spare_capacity_mut());
        loop {
            match entries.next() {
                None => return Ok(Batch::End),
                Some(Err(Errno::INTR)) => {}
                // The directory was removed while it was read: it has no more entries.
                Some(Err(Errno::NOENT)) => return Ok(Batch::End),
                Some(Err(errno)) => return Err(StorageError::from(errno).into()),
                Some(Ok(entry)) => {
                    let name = entry.file_name();
                    if !is_reserved(name.to_bytes()) {
                        visit(&self.place, name, entry_type(entry.file_type()))?;
                    }
                }
            }
            if entries.is_buffer_empty() {
                return Ok(Batch::More);
            }
        }
    }
}

impl Place {
    /// What is known of the entry itself; a symbolic link is not followed. `Ok(None)`: not served, or gone meanwhile.
    pub fn attributes(&self, name: &CStr) -> Result<Option<Attributes>, StorageError> {
        // The parent of the root is outside: "..", listed there, shows the root itself.
        let name = if name == c".." && self.path == VirtualPath::ROOT {
            c"."
        } else {
            name
        };
        match fs::statat(&self.descriptor, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(attributes_from(&stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }

    /// What a symbolic link leads to, if it stays beneath the root and is not dangling.
    pub fn followed(&self, name: &CStr) -> Option<Attributes> {
        attributes_beneath(self.root.as_fd(), &self.path.child(name.to_bytes())).ok()
    }

    /// The text of a symbolic link.
    pub fn link_text(&self, name: &CStr) -> Option<Vec<u8>> {
        let text = fs::readlinkat(&self.descriptor, name, Vec::new()).ok()?;
        Some(text.into_bytes())
    }
}

fn entry_type(file_type: FileType) -> EntryType {
    match file_type {
        FileType::RegularFile => EntryType::File,
        FileType::Directory => EntryType::Directory,
        FileType::Symlink => EntryType::SymbolicLink,
        FileType::Fifo | FileType::Socket | FileType::CharacterDevice | FileType::BlockDevice => EntryType::Special,
        FileType::Unknown => EntryType::Unknown,
    }
}
