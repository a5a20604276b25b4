//! Synthetic files beside the served directory, for stress tests: computed files in `/gen`, and `/null`, which discards
//! uploads.
//!
//! Every name such as `/gen/1G.zero` is a file of that size and content ([`ComputedFile`]); a listing shows examples.
//! Pumps treat a computed file as a file without a descriptor.

use super::change_options::{Audience, Existing, UploadKind};
use super::directory::{ComputedEntry, OpenDirectory};
use super::disk_root::DiskRoot;
use super::error::StorageError;
use super::interface::Storage;
use super::open_file::OpenFile;
use super::quota::Quota;
use super::tree_walk::{TreeWalk, WalkPurpose};
use super::upload::Upload;
use crate::computed_file::ComputedFile;
use crate::ftp::listing::{Attributes, EntryKind};
use crate::ftp::path::VirtualPath;
use crate::ftp::timestamp::Timestamp;
use std::ffi::CStr;
use std::rc::Rc;

/// What a listing of `/gen` shows; every other name of this form works as well.
const EXAMPLES: [&CStr; 6] = [
    c"1K.rand",
    c"1M.pattern",
    c"10M.pattern",
    c"100M.rand?seed=7",
    c"1G.zero",
    c"10G.pattern",
];

/// The served directory with synthetic files.
#[derive(Debug)]
pub struct Synthetic {
    disk: DiskRoot,
    modified: Timestamp,
    /// What the root shows besides the entries on disk.
    beside_root: Rc<[ComputedEntry]>,
    examples: Rc<[ComputedEntry]>,
}

/// Where a path leads.
enum Destination<'path> {
    /// `/gen`
    Generated,
    /// `/null`
    Null,
    /// A name in `/gen`, or `""` for everything deeper.
    File(&'path [u8]),
    /// A name in `/null`: it can be written, and never exists.
    Swallowed,
    Disk,
}

impl Synthetic {
    /// Adds synthetic files to `disk`; `modified` is their modification time.
    pub fn new(disk: DiskRoot, modified: Timestamp) -> Self {
        let directory = |(name, inode)| ComputedEntry {
            name,
            attributes: attributes(EntryKind::Directory, 0o555, 0, modified, inode),
        };
        let example = |(name, inode): (&'static CStr, u64)| {
            let size = ComputedFile::from_name(name.to_bytes())?.size;
            let attributes = attributes(EntryKind::File, 0o444, size, modified, inode);
            Some(ComputedEntry { name, attributes })
        };
        Self {
            disk,
            modified,
            beside_root: [c"gen", c"null"].into_iter().zip(1..).map(directory).collect(),
            examples: EXAMPLES.into_iter().zip(3..).filter_map(example).collect(),
        }
    }

    fn file(&self, name: &[u8]) -> Result<ComputedFile, StorageError> {
        ComputedFile::from_name(name).ok_or(StorageError::NotFound)
    }

    /// The disk, if `path` leads there: computed files cannot be changed.
    fn on_disk(&self, path: &VirtualPath) -> Result<&DiskRoot, StorageError> {
        match destination(path) {
            Destination::Disk => Ok(&self.disk),
            Destination::Generated | Destination::Null | Destination::File(_) | Destination::Swallowed => {
                Err(StorageError::PermissionDenied)
            }
        }
    }

    fn directory_attributes(&self) -> Attributes {
        attributes(EntryKind::Directory, 0o555, 0, self.modified, 1)
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
            Destination::Generated | Destination::Null => Ok(self.directory_attributes()),
            Destination::File(name) => {
                let size = self.file(name)?.size;
                Ok(attributes(EntryKind::File, 0o444, size, self.modified, 0))
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
            // There are no computed links.
            Destination::Generated | Destination::Null | Destination::File(_) | Destination::Swallowed => {
                self.attributes(path)
            }
        }
    }

    /// The root of an account is a real directory.
    fn subtree(&self, path: &VirtualPath) -> Result<Rc<dyn Storage>, StorageError> {
        self.on_disk(path)?.subtree(path)
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

    fn walk(&self, start: &VirtualPath, purpose: WalkPurpose) -> TreeWalk {
        self.disk.walk(start, purpose)
    }

    fn free_space(&self, path: &VirtualPath) -> Result<u64, StorageError> {
        match destination(path) {
            Destination::Null | Destination::Swallowed => Ok(i64::MAX.unsigned_abs()),
            Destination::Generated | Destination::File(_) => Ok(0),
            Destination::Disk => self.disk.free_space(path),
        }
    }
}

fn attributes(kind: EntryKind, mode: u32, size: u64, modified: Timestamp, inode: u64) -> Attributes {
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

#[cfg(test)]
mod tests;
