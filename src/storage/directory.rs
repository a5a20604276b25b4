//! An open directory, read a batch of entries at a time, in the order that the file system gives.
//!
//! A batch is what one `getdents64` puts into a small buffer, so a directory of a million entries costs the memory of
//! one of ten. Nothing here may sort, recurse or keep names.

use super::StorageError;
use super::beneath::follow_beneath;
use super::disk_root::{attributes_from, is_reserved};
use crate::descriptors::Permit;
use crate::ftp::listing::{Attributes, Kind};
use crate::ftp::path::VirtualPath;
use rustix::fs::{self, AtFlags, FileType, RawDir};
use rustix::io::{Errno, retry_on_intr};
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::sync::Arc;

/// A directory being read.
#[derive(Debug)]
pub struct OpenDirectory {
    place: Place,
    /// The computed entries have been given out; those of the disk follow.
    is_past_computed: bool,
}

/// Where the directory stands: what its entries are looked up with.
#[derive(Debug)]
pub struct Place {
    disk: Option<DiskPlace>,
    /// Entries that no disk knows of.
    computed: Rc<[ComputedEntry]>,
}

#[derive(Debug)]
struct DiskPlace {
    root: Arc<OwnedFd>,
    path: VirtualPath,
    descriptor: OwnedFd,
    _permit: Permit,
}

/// An entry that is computed, not stored.
#[derive(Clone, Debug)]
pub(super) struct ComputedEntry {
    pub name: CString,
    pub attributes: Attributes,
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
    pub(super) fn on_disk(root: Arc<OwnedFd>, path: VirtualPath, descriptor: OwnedFd, permit: Permit) -> Self {
        let disk = DiskPlace {
            root,
            path,
            descriptor,
            _permit: permit,
        };
        Self {
            place: Place {
                disk: Some(disk),
                computed: Rc::default(),
            },
            is_past_computed: true,
        }
    }

    /// A directory of computed entries only.
    pub(super) fn computed(entries: Rc<[ComputedEntry]>) -> Self {
        Self {
            place: Place {
                disk: None,
                computed: entries,
            },
            is_past_computed: false,
        }
    }

    /// The same directory with computed entries before its own.
    pub(super) fn with_computed(mut self, entries: Rc<[ComputedEntry]>) -> Self {
        self.place.computed = entries;
        self.is_past_computed = false;
        self
    }

    /// Calls `visit` for every entry of the next batch, `.` and `..` included, the server's own names left out. A batch
    /// is what fits into `batch_bytes`: an entry with a name of usual length takes 32.
    pub fn next_batch<E: From<StorageError>>(
        &mut self,
        batch_bytes: usize,
        mut visit: impl FnMut(&Place, &CStr, EntryType) -> Result<(), E>,
    ) -> Result<Batch, E> {
        if !self.is_past_computed {
            self.is_past_computed = true;
            for entry in self.place.computed.iter() {
                visit(&self.place, &entry.name, entry.entry_type())?;
            }
            return Ok(Batch::More);
        }
        let Some(disk) = &self.place.disk else {
            return Ok(Batch::End);
        };
        // Used up before the call returns, so a listing that waits for its client does not hold it.
        let mut batch: Vec<u8> = Vec::with_capacity(batch_bytes);
        let mut entries = RawDir::new(disk.descriptor.as_fd(), batch.spare_capacity_mut());
        loop {
            match entries.next() {
                None => return Ok(Batch::End),
                Some(Err(Errno::INTR)) => {}
                // The directory was removed while it was read: it has no more entries.
                Some(Err(Errno::NOENT)) => return Ok(Batch::End),
                Some(Err(errno)) => return Err(StorageError::from(errno).into()),
                Some(Ok(entry)) => {
                    let name = entry.file_name();
                    if !is_reserved(name.to_bytes()) && !self.place.is_computed(name) {
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
        if let Some(entry) = self.computed_entry(name) {
            return Ok(Some(entry.attributes));
        }
        let Some(disk) = &self.disk else {
            return Ok(None);
        };
        // The parent of the root is outside: "..", listed there, shows the root itself.
        let name = if name == c".." && disk.path == VirtualPath::ROOT {
            c"."
        } else {
            name
        };
        match retry_on_intr(|| fs::statat(&disk.descriptor, name, AtFlags::SYMLINK_NOFOLLOW)) {
            Ok(stat) => Ok(attributes_from(&stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }

    /// What a symbolic link leads to, if that is there, beneath the root, and served.
    pub fn followed(&self, name: &CStr) -> Option<Attributes> {
        let disk = self.disk.as_ref()?;
        let path = disk.path.child(name.to_bytes());
        attributes_from(&follow_beneath(disk.root.as_fd(), &path).ok()?)
    }

    /// The text of a symbolic link.
    pub fn link_text(&self, name: &CStr) -> Option<Vec<u8>> {
        let disk = self.disk.as_ref()?;
        let text = retry_on_intr(|| fs::readlinkat(&disk.descriptor, name, Vec::new())).ok()?;
        Some(text.into_bytes())
    }

    fn computed_entry(&self, name: &CStr) -> Option<&ComputedEntry> {
        self.computed.iter().find(|entry| entry.name.as_c_str() == name)
    }

    fn is_computed(&self, name: &CStr) -> bool {
        self.computed_entry(name).is_some()
    }
}

impl ComputedEntry {
    fn entry_type(&self) -> EntryType {
        match self.attributes.kind {
            Kind::File => EntryType::File,
            Kind::Directory => EntryType::Directory,
            Kind::SymbolicLink => EntryType::SymbolicLink,
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
