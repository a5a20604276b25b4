//! Files that need no disk, beside those that do: `/gen/1G.zero` and its like, and the empty `/null`.
//!
//! For stress tests: any name of that form is a file of that size and content ([`ComputedFile`]), and a listing shows
//! examples. Everything else is the served directory's. Nothing here is special to the pumps: a computed file is a file
//! without a descriptor.

use super::directory::ComputedEntry;
use super::{
    Audience, DiskRoot, Existing, OpenDirectory, OpenFile, Purpose, Quota, Storage, StorageError, TreeWalk, Upload,
    UploadKind,
};
use crate::computed_file::ComputedFile;
use crate::ftp::listing::{Attributes, Kind};
use crate::ftp::path::VirtualPath;
use crate::ftp::timestamp::Timestamp;
use std::ffi::CString;
use std::rc::Rc;

/// What a listing of `/gen` shows; every other name of that form works as well.
const EXAMPLES: [&str; 6] = [
    "1K.rand",
    "1M.pattern",
    "10M.pattern",
    "100M.rand?seed=7",
    "1G.zero",
    "10G.pattern",
];

/// The served directory with the virtual ones added.
#[derive(Debug)]
pub struct Synthetic {
    disk: DiskRoot,
    /// What the root shows besides the disk's entries.
    beside_root: Rc<[ComputedEntry]>,
    examples: Rc<[ComputedEntry]>,
}

/// Where a path leads.
enum Destination<'path> {
    Generated,
    Null,
    File(&'path [u8]),
    /// Something in `/null`: it can be written and is never there.
    Swallowed,
    Disk,
}

impl Synthetic {
    /// Adds to `disk`; computed files carry the time `made`.
    pub fn new(disk: DiskRoot, made: Timestamp) -> Self {
        let directory = |name: &str, inode| entry(name, attributes(Kind::Directory, 0o555, 0, made, inode));
        let beside_root = ["gen", "null"]
            .iter()
            .zip(1..)
            .filter_map(|(name, inode)| directory(name, inode));
        let examples = EXAMPLES.iter().zip(3..).filter_map(|(name, inode)| {
            let size = ComputedFile::from_name(name.as_bytes())?.size;
            entry(name, attributes(Kind::File, 0o444, size, made, inode))
        });
        Self {
            disk,
            beside_root: beside_root.collect(),
            examples: examples.collect(),
        }
    }

    fn file(&self, name: &[u8]) -> Result<ComputedFile, StorageError> {
        ComputedFile::from_name(name).ok_or(StorageError::NotFound)
    }

    /// The disk, if that is where `path` leads: what is computed cannot be changed.
    fn on_disk(&self, path: &VirtualPath) -> Result<&DiskRoot, StorageError> {
        match destination(path) {
            Destination::Disk => Ok(&self.disk),
            Destination::Generated | Destination::Null | Destination::File(_) | Destination::Swallowed => {
                Err(StorageError::PermissionDenied)
            }
        }
    }

    fn directory_attributes(&self) -> Result<Attributes, StorageError> {
        let first = self.beside_root.first().ok_or(StorageError::Failed)?;
        Ok(first.attributes)
    }
}

fn destination(path: &VirtualPath) -> Destination<'_> {
    let mut components = path.components();
    match (components.next(), components.next(), components.next()) {
        (Some(b"gen"), None, None) => Destination::Generated,
        (Some(b"gen"), Some(name), None) => Destination::File(name),
        (Some(b"null"), None, None) => Destination::Null,
        (Some(b"null"), Some(_), None) => Destination::Swallowed,
        (Some(b"gen" | b"null"), Some(_), _) => Destination::File(b""),
        _ => Destination::Disk,
    }
}

impl Storage for Synthetic {
    fn attributes(&self, path: &VirtualPath) -> Result<Attributes, StorageError> {
        match destination(path) {
            Destination::Generated | Destination::Null => self.directory_attributes(),
            Destination::File(name) => {
                let size = self.file(name)?.size;
                let made = self.directory_attributes()?.modified;
                Ok(attributes(Kind::File, 0o444, size, made, 0))
            }
            Destination::Swallowed => Err(StorageError::NotFound),
            Destination::Disk => self.disk.attributes(path),
        }
    }

    fn check_directory(&self, path: &VirtualPath) -> Result<(), StorageError> {
        match destination(path) {
            Destination::Generated | Destination::Null => Ok(()),
            Destination::File(name) => Err(self
                .file(name)
                .map_or_else(|missing| missing, |_| StorageError::NotADirectory)),
            Destination::Swallowed => Err(StorageError::NotFound),
            Destination::Disk => self.disk.check_directory(path),
        }
    }

    fn open_file(&self, path: &VirtualPath) -> Result<OpenFile, StorageError> {
        match destination(path) {
            Destination::Generated | Destination::Null => Err(StorageError::IsADirectory),
            Destination::Swallowed => Err(StorageError::NotFound),
            Destination::File(name) => self.file(name).map(OpenFile::computed),
            Destination::Disk => self.disk.open_file(path),
        }
    }

    fn open_directory(&self, path: &VirtualPath) -> Result<OpenDirectory, StorageError> {
        match destination(path) {
            Destination::Generated => Ok(OpenDirectory::computed(Rc::clone(&self.examples))),
            Destination::Null => Ok(OpenDirectory::computed(Rc::default())),
            Destination::File(name) => Err(self
                .file(name)
                .map_or_else(|missing| missing, |_| StorageError::NotADirectory)),
            Destination::Swallowed => Err(StorageError::NotFound),
            Destination::Disk if *path == VirtualPath::ROOT => {
                let directory = self.disk.open_directory(path)?;
                Ok(directory.with_computed(Rc::clone(&self.beside_root)))
            }
            Destination::Disk => self.disk.open_directory(path),
        }
    }

    fn entry(&self, path: &VirtualPath) -> Result<Attributes, StorageError> {
        match destination(path) {
            Destination::Disk => self.disk.entry(path),
            // What is computed has no links.
            Destination::Generated | Destination::Null | Destination::File(_) | Destination::Swallowed => {
                self.attributes(path)
            }
        }
    }

    /// An account's own root is a real directory.
    fn beneath(&self, path: &VirtualPath) -> Result<Rc<dyn Storage>, StorageError> {
        self.on_disk(path)?.beneath(path)
    }

    fn begin_upload(
        &self,
        path: &VirtualPath,
        kind: UploadKind,
        audience: Audience,
        quota: Option<Quota>,
    ) -> Result<Upload, StorageError> {
        match destination(path) {
            Destination::Swallowed => Ok(Upload::swallow()),
            Destination::Disk => self.disk.begin_upload(path, kind, audience, quota),
            Destination::Generated | Destination::Null | Destination::File(_) => Err(StorageError::NameRefused),
        }
    }

    fn remove_file(&self, path: &VirtualPath) -> Result<(), StorageError> {
        self.on_disk(path)?.remove_file(path)
    }

    fn make_directory(&self, path: &VirtualPath, audience: Audience) -> Result<(), StorageError> {
        match destination(path) {
            Destination::Generated | Destination::Null => Err(StorageError::Exists),
            Destination::Swallowed | Destination::File(_) => Err(StorageError::NameRefused),
            Destination::Disk => self.disk.make_directory(path, audience),
        }
    }

    fn remove_directory(&self, path: &VirtualPath) -> Result<(), StorageError> {
        self.on_disk(path)?.remove_directory(path)
    }

    fn rename(&self, from: &VirtualPath, to: &VirtualPath, existing: Existing) -> Result<(), StorageError> {
        self.on_disk(to)?;
        self.on_disk(from)?.rename(from, to, existing)
    }

    fn set_modified(&self, path: &VirtualPath, time: Timestamp) -> Result<(), StorageError> {
        self.on_disk(path)?.set_modified(path, time)
    }

    fn set_mode(&self, path: &VirtualPath, mode: u32) -> Result<u32, StorageError> {
        self.on_disk(path)?.set_mode(path, mode)
    }

    fn walk(&self, from: &VirtualPath, purpose: Purpose) -> TreeWalk {
        self.disk.walk(from, purpose)
    }

    fn free_space(&self, path: &VirtualPath) -> Result<u64, StorageError> {
        match destination(path) {
            Destination::Null | Destination::Swallowed => Ok(i64::MAX.unsigned_abs()),
            Destination::Generated | Destination::File(_) => Ok(0),
            Destination::Disk => self.disk.free_space(path),
        }
    }
}

/// `None` never happens: the names are constants without NUL.
fn entry(name: &str, attributes: Attributes) -> Option<ComputedEntry> {
    let name = CString::new(name).ok()?;
    Some(ComputedEntry { name, attributes })
}

fn attributes(kind: Kind, mode: u32, size: u64, modified: Timestamp, inode: u64) -> Attributes {
    Attributes {
        kind,
        mode,
        links: 1,
        size,
        modified,
        device: 0,
        inode,
        readable: true,
    }
}
