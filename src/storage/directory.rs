//! An open directory, read one batch of entries at a time, in the order of the file system.
//!
//! A batch is what one `getdents64` puts into a small buffer, so a directory of a million entries needs no more memory
//! than one of ten. Nothing here sorts, recurses or keeps names.

use super::StorageError;
use super::beneath::Root;
use super::file_status::{is_reserved, served_attributes};
use crate::descriptors::Permit;
use crate::ftp::listing::{Attributes, EntryKind};
use crate::ftp::path::VirtualPath;
use crate::kernel;
use crate::trace::call::closing;
use rustix::fs::{AtFlags, FileType, RawDir};
use rustix::io::{Errno, retry_on_intr};
use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;

/// A directory that is being read.
#[derive(Debug)]
pub struct OpenDirectory {
    lookup: EntryLookup,
    /// Whether the computed entries have been visited; those on disk follow.
    is_past_computed: bool,
}

/// Looks up the entries of one directory.
#[derive(Debug)]
pub struct EntryLookup {
    disk: Option<DiskDirectory>,
    /// Entries that are not on disk.
    computed: Rc<[ComputedEntry]>,
}

#[derive(Debug)]
struct DiskDirectory {
    root: Root,
    path: VirtualPath,
    descriptor: OwnedFd,
    _permit: Permit,
}

impl Drop for DiskDirectory {
    fn drop(&mut self) {
        closing(&self.descriptor);
    }
}

/// An entry that is computed, not stored.
#[derive(Clone, Debug)]
pub(super) struct ComputedEntry {
    pub name: &'static CStr,
    pub attributes: Attributes,
}

/// The kind of an entry as the directory gives it, without another system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryType {
    File,
    Directory,
    SymbolicLink,
    /// A device, socket or FIFO: not served.
    Special,
    /// The file system does not provide it here.
    Unknown,
}

/// Whether a directory has more entries to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Batch {
    More,
    End,
}

impl OpenDirectory {
    pub(super) fn on_disk(root: Root, path: VirtualPath, descriptor: OwnedFd, permit: Permit) -> Self {
        let disk = DiskDirectory {
            root,
            path,
            descriptor,
            _permit: permit,
        };
        Self {
            lookup: EntryLookup {
                disk: Some(disk),
                computed: Rc::default(),
            },
            is_past_computed: true,
        }
    }

    /// A directory of computed entries only.
    pub(super) fn computed(entries: Rc<[ComputedEntry]>) -> Self {
        Self {
            lookup: EntryLookup {
                disk: None,
                computed: entries,
            },
            is_past_computed: false,
        }
    }

    /// The same directory with computed entries before its own; they hide those of the same name.
    pub(super) fn with_computed(mut self, entries: Rc<[ComputedEntry]>) -> Self {
        self.lookup.computed = entries;
        self.is_past_computed = false;
        self
    }

    /// Calls `visit` for every entry of the next batch, including `.` and `..` but no reserved names. A batch is what
    /// fits into `batch_bytes`; an entry with a name of usual length takes 32.
    pub fn next_batch<E: From<StorageError>>(
        &mut self,
        batch_bytes: usize,
        mut visit: impl FnMut(&EntryLookup, &CStr, EntryType) -> Result<(), E>,
    ) -> Result<Batch, E> {
        if !self.is_past_computed {
            self.is_past_computed = true;
            for entry in self.lookup.computed.iter() {
                visit(&self.lookup, entry.name, entry.entry_type())?;
            }
            return Ok(Batch::More);
        }
        let Some(disk) = &self.lookup.disk else {
            return Ok(Batch::End);
        };
        // Dropped before the call returns, so a listing that waits for its client holds no buffer.
        let mut batch: Vec<u8> = Vec::with_capacity(batch_bytes);
        let mut entries = RawDir::new(disk.descriptor.as_fd(), batch.spare_capacity_mut());
        loop {
            match kernel::next_entry(&mut entries) {
                None => return Ok(Batch::End),
                Some(Err(Errno::INTR)) => {}
                // The directory was removed meanwhile.
                Some(Err(Errno::NOENT)) => return Ok(Batch::End),
                Some(Err(errno)) => return Err(StorageError::from(errno).into()),
                Some(Ok(entry)) => {
                    let name = entry.file_name();
                    if !is_reserved(name.to_bytes()) && !self.lookup.is_computed(name) {
                        visit(&self.lookup, name, entry_type(entry.file_type()))?;
                    }
                }
            }
            if entries.is_buffer_empty() {
                return Ok(Batch::More);
            }
        }
    }
}

impl EntryLookup {
    /// The attributes of the entry itself; a symbolic link is not followed. `Ok(None)`: not served, or removed
    /// meanwhile.
    pub fn attributes(&self, name: &CStr) -> Result<Option<Attributes>, StorageError> {
        if let Some(entry) = self.computed_entry(name) {
            return Ok(Some(entry.attributes));
        }
        let Some(disk) = &self.disk else {
            return Ok(None);
        };
        // The parent of the root is outside the root, so ".." is the root itself.
        let name = if name == c".." && disk.path == VirtualPath::ROOT {
            c"."
        } else {
            name
        };
        match retry_on_intr(|| kernel::statat(&disk.descriptor, name, AtFlags::SYMLINK_NOFOLLOW)) {
            Ok(stat) => Ok(served_attributes(&stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }

    /// The attributes of the target of a symbolic link, if it exists under the root and is served.
    pub fn followed(&self, name: &CStr) -> Option<Attributes> {
        let disk = self.disk.as_ref()?;
        let path = disk.path.child(name.to_bytes());
        served_attributes(&disk.root.follow(&path).ok()?)
    }

    /// The target of a symbolic link, as written in the link.
    pub fn link_text(&self, name: &CStr) -> Option<Vec<u8>> {
        let disk = self.disk.as_ref()?;
        let text = retry_on_intr(|| kernel::readlinkat(&disk.descriptor, name, Vec::new())).ok()?;
        Some(text.into_bytes())
    }

    fn computed_entry(&self, name: &CStr) -> Option<&ComputedEntry> {
        self.computed.iter().find(|entry| entry.name == name)
    }

    fn is_computed(&self, name: &CStr) -> bool {
        self.computed_entry(name).is_some()
    }
}

impl ComputedEntry {
    fn entry_type(&self) -> EntryType {
        match self.attributes.kind {
            EntryKind::File => EntryType::File,
            EntryKind::Directory => EntryType::Directory,
            EntryKind::SymbolicLink => EntryType::SymbolicLink,
        }
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
