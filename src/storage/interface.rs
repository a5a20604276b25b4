//! What a session may ask of the files it serves.

use super::{Audience, Existing, OpenDirectory, OpenFile, Quota, StorageError};
use super::{TreeWalk, Upload, UploadKind, WalkPurpose};
use crate::ftp::listing::Attributes;
use crate::ftp::path::VirtualPath;
use crate::ftp::timestamp::Timestamp;
use std::rc::Rc;

/// Files under one root, by virtual path.
pub trait Storage {
    /// The attributes of the file or directory `path`; links are followed as long as they stay under the root.
    fn attributes(&self, path: &VirtualPath) -> Result<Attributes, StorageError>;

    /// The attributes of `path` itself: a file, a directory, or a symbolic link, which is not followed.
    fn entry(&self, path: &VirtualPath) -> Result<Attributes, StorageError>;

    /// Whether the process may enter the directory `path`.
    fn check_directory(&self, path: &VirtualPath) -> Result<(), StorageError>;

    /// Opens a regular file for reading. Devices, sockets and FIFOs are [`StorageError::NotFound`] and are never
    /// opened.
    fn open_file(&self, path: &VirtualPath) -> Result<OpenFile, StorageError>;

    /// Opens a directory for reading its entries.
    fn open_directory(&self, path: &VirtualPath) -> Result<OpenDirectory, StorageError>;

    /// The same files with the directory `path` as their root: nothing above it can be reached.
    fn subtree(&self, path: &VirtualPath) -> Result<Rc<dyn Storage>, StorageError>;

    /// Begins to receive a file. A new one is invisible until [`Publication::run`](super::Publication::run).
    fn begin_upload(
        &self,
        path: &VirtualPath,
        kind: UploadKind,
        audience: Audience,
        quota: Option<Quota>,
    ) -> Result<Upload, StorageError>;

    /// Removes a file or a symbolic link.
    fn remove_file(&self, path: &VirtualPath) -> Result<(), StorageError>;

    /// Creates a directory.
    fn make_directory(&self, path: &VirtualPath, audience: Audience) -> Result<(), StorageError>;

    /// Removes an empty directory.
    fn remove_directory(&self, path: &VirtualPath) -> Result<(), StorageError>;

    /// Renames a file or directory within one file system.
    fn rename(&self, from: &VirtualPath, to: &VirtualPath, existing: Existing) -> Result<(), StorageError>;

    /// Sets the modification time.
    fn set_modified(&self, path: &VirtualPath, time: Timestamp) -> Result<(), StorageError>;

    /// Sets the permission bits, within limits; returns the resulting bits.
    fn set_mode(&self, path: &VirtualPath, mode: u32) -> Result<u32, StorageError>;

    /// A walk through everything under `start`, to be run on another thread.
    fn walk(&self, start: &VirtualPath, purpose: WalkPurpose) -> TreeWalk;

    /// Bytes that can still be written in the file system of `path`.
    fn free_space(&self, path: &VirtualPath) -> Result<u64, StorageError>;
}
