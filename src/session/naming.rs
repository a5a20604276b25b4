//! Path arguments: resolution, whether the path has to be a directory, and protected names.
//!
//! A name that ends in a slash, in `/.` or in `/..` is that of a directory, for every verb. This is checked here
//! because a canonical path no longer has its ending.

use super::refusal::Refusal;
use super::state::Visit;
use crate::ftp::command::PathArgument;
use crate::ftp::listing::EntryKind;
use crate::ftp::path::VirtualPath;
use crate::storage::{StorageError, is_reserved};

/// Files and directories by which other programs control access. No client may create, change or remove them or their
/// contents (threat H16). Compared without case, because some file systems ignore it.
const PROTECTED: [&str; 8] = [
    ".forward",
    ".ftpaccess",
    ".htaccess",
    ".htpasswd",
    ".netrc",
    ".rhosts",
    ".shosts",
    ".ssh",
];

impl Visit {
    /// The path of something to read; links are followed.
    pub(super) fn path(&self, argument: &PathArgument) -> Result<VirtualPath, Refusal> {
        let path = self.join(&argument.0)?;
        if argument.names_directory() {
            must_be_directory(self.storage.attributes(&path)?.kind)?;
        }
        Ok(path)
    }

    /// The path of something to change in place; links are followed.
    pub(super) fn path_to_change(&self, argument: &PathArgument) -> Result<VirtualPath, Refusal> {
        let path = self.path(argument)?;
        must_not_be_protected(&path, StorageError::PermissionDenied)?;
        Ok(path)
    }

    /// The path of an entry to remove or rename; a link at its end is not followed.
    pub(super) fn entry_to_change(&self, argument: &PathArgument) -> Result<VirtualPath, Refusal> {
        let path = self.join(&argument.0)?;
        must_not_be_protected(&path, StorageError::PermissionDenied)?;
        if argument.names_directory() {
            must_be_directory(self.storage.entry(&path)?.kind)?;
        }
        Ok(path)
    }

    /// The path of a file or directory to create, or the new path of one to rename.
    pub(super) fn path_to_make(&self, argument: &PathArgument) -> Result<VirtualPath, Refusal> {
        let path = self
            .working_directory
            .join(&argument.0)
            .ok_or(StorageError::NewNameTooLong)?;
        let name = path.components().last().ok_or(StorageError::Exists)?;
        must_not_be_protected(&path, StorageError::NameRefused)?;
        if is_reserved(name) {
            return Err(StorageError::NameRefused.into());
        }
        Ok(path)
    }

    /// The path of a file to store.
    pub(super) fn file_to_make(&self, argument: &PathArgument) -> Result<VirtualPath, Refusal> {
        let path = self.path_to_make(argument)?;
        if argument.names_directory() {
            return Err(match self.storage.entry(&path) {
                Ok(found) if found.kind == EntryKind::Directory => StorageError::DirectoryExists,
                Ok(_) => StorageError::NotADirectory,
                Err(StorageError::NotFound) => StorageError::NameRefused,
                Err(error) => error,
            }
            .into());
        }
        Ok(path)
    }

    /// The path of an optional argument: without one, the working directory.
    pub(super) fn path_or_working_directory(&self, argument: Option<&PathArgument>) -> Result<VirtualPath, Refusal> {
        argument.map_or_else(|| Ok(self.working_directory.clone()), |argument| self.path(argument))
    }

    /// The path `given`, relative to the working directory.
    pub(super) fn join(&self, given: &[u8]) -> Result<VirtualPath, Refusal> {
        self.working_directory
            .join(given)
            .ok_or(StorageError::NameTooLong.into())
    }
}

pub(super) fn must_be_directory(kind: EntryKind) -> Result<(), Refusal> {
    match kind {
        EntryKind::Directory => Ok(()),
        EntryKind::File | EntryKind::SymbolicLink => Err(StorageError::NotADirectory.into()),
    }
}

fn must_not_be_protected(path: &VirtualPath, refusal: StorageError) -> Result<(), Refusal> {
    let is_protected = |name: &[u8]| {
        PROTECTED
            .iter()
            .any(|protected| protected.as_bytes().eq_ignore_ascii_case(name))
    };
    if path.components().any(is_protected) {
        return Err(refusal.into());
    }
    Ok(())
}
