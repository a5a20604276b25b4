//! Synthetic files beside the served directory, for stress tests: computed files in `/gen`, and `/null`, which discards
//! uploads.
//!
//! Every name such as `/gen/1G.zero` is a file of that size and content ([`ComputedFile`]); a listing shows examples.
//! Pumps treat a computed file as a file without a descriptor.

use super::directory::ComputedEntry;
use super::{Audience, DiskRoot, Existing, OpenDirectory, OpenFile, Quota, Storage, StorageError};
use super::{TreeWalk, Upload, UploadKind, WalkPurpose};
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
enum Destination {
    /// `/gen`
    Generated,
    /// `/null`
    Null,
    File(ComputedFile),
    /// A name in `/null`: it can be written, and never exists.
    Swallowed,
    /// Any other name in `/gen` or under `/null`.
    Missing,
    Disk,
}

impl Synthetic {
    /// Adds synthetic files to `disk`; `modified` is their modification time.
    pub fn new(disk: DiskRoot, modified: Timestamp) -> Self {
        let directory = |(name, inode)| ComputedEntry {
            name,
            attributes: directory_attributes(modified, inode),
        };
        let example = |(name, inode): (&'static CStr, u64)| {
            let size = ComputedFile::from_name(name.to_bytes())?.size;
            let attributes = file_attributes(size, modified, inode);
            Some(ComputedEntry { name, attributes })
        };
        Self {
            disk,
            modified,
            beside_root: [c"gen", c"null"].into_iter().zip(1..).map(directory).collect(),
            examples: EXAMPLES.into_iter().zip(3..).filter_map(example).collect(),
        }
    }

    /// The disk, if `path` leads there: computed files cannot be changed.
    fn on_disk(&self, path: &VirtualPath) -> Result<&DiskRoot, StorageError> {
        self.disk(path).ok_or(StorageError::PermissionDenied)
    }

    fn disk(&self, path: &VirtualPath) -> Option<&DiskRoot> {
        matches!(destination(path), Destination::Disk).then_some(&self.disk)
    }
}

fn destination(path: &VirtualPath) -> Destination {
    let mut components = path.components();
    match (components.next(), components.next(), components.next()) {
        (Some(b"gen"), None, _) => Destination::Generated,
        (Some(b"gen"), Some(name), None) => {
            ComputedFile::from_name(name).map_or(Destination::Missing, Destination::File)
        }
        (Some(b"null"), None, _) => Destination::Null,
        (Some(b"null"), Some(_), None) => Destination::Swallowed,
        (Some(b"gen" | b"null"), Some(_), Some(_)) => Destination::Missing,
        _ => Destination::Disk,
    }
}

impl Storage for Synthetic {
    fn attributes(&self, path: &VirtualPath) -> Result<Attributes, StorageError> {
        match destination(path) {
            Destination::Generated | Destination::Null => Ok(directory_attributes(self.modified, 1)),
            Destination::File(file) => Ok(file_attributes(file.size, self.modified, 0)),
            Destination::Swallowed | Destination::Missing => Err(StorageError::NotFound),
            Destination::Disk => self.disk.attributes(path),
        }
    }

    /// There are no computed links.
    fn entry(&self, path: &VirtualPath) -> Result<Attributes, StorageError> {
        self.disk(path)
            .map_or_else(|| self.attributes(path), |disk| disk.entry(path))
    }

    fn check_directory(&self, path: &VirtualPath) -> Result<(), StorageError> {
        match self.disk(path) {
            Some(disk) => disk.check_directory(path),
            None => self.open_directory(path).map(drop),
        }
    }

    fn open_file(&self, path: &VirtualPath) -> Result<OpenFile, StorageError> {
        match destination(path) {
            Destination::Generated | Destination::Null => Err(StorageError::IsADirectory),
            Destination::Swallowed | Destination::Missing => Err(StorageError::NotFound),
            Destination::File(file) => Ok(OpenFile::computed(file)),
            Destination::Disk => self.disk.open_file(path),
        }
    }

    fn open_directory(&self, path: &VirtualPath) -> Result<OpenDirectory, StorageError> {
        match destination(path) {
            Destination::Generated => Ok(OpenDirectory::computed(Rc::clone(&self.examples))),
            Destination::Null => Ok(OpenDirectory::computed(Rc::default())),
            Destination::File(_) => Err(StorageError::NotADirectory),
            Destination::Swallowed | Destination::Missing => Err(StorageError::NotFound),
            Destination::Disk if *path == VirtualPath::ROOT => {
                let directory = self.disk.open_directory(path)?;
                Ok(directory.with_computed(Rc::clone(&self.beside_root)))
            }
            Destination::Disk => self.disk.open_directory(path),
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
            Destination::Generated | Destination::Null | Destination::File(_) | Destination::Missing => {
                Err(StorageError::NameRefused)
            }
        }
    }

    fn remove_file(&self, path: &VirtualPath) -> Result<(), StorageError> {
        self.on_disk(path)?.remove_file(path)
    }

    fn make_directory(&self, path: &VirtualPath, audience: Audience) -> Result<(), StorageError> {
        match destination(path) {
            Destination::Generated | Destination::Null => Err(StorageError::Exists),
            Destination::Swallowed | Destination::File(_) | Destination::Missing => Err(StorageError::NameRefused),
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
            Destination::Generated | Destination::File(_) | Destination::Missing => Ok(0),
            Destination::Disk => self.disk.free_space(path),
        }
    }
}

fn directory_attributes(modified: Timestamp, inode: u64) -> Attributes {
    Attributes {
        kind: EntryKind::Directory,
        mode: 0o555,
        ..file_attributes(0, modified, inode)
    }
}

fn file_attributes(size: u64, modified: Timestamp, inode: u64) -> Attributes {
    Attributes {
        kind: EntryKind::File,
        mode: 0o444,
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
