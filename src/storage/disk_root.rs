//! A real directory as storage: the kernel resolves every path under the root's descriptor.

use super::beneath::Root;
use super::change_options::{Audience, Existing, UploadKind};
use super::directory::OpenDirectory;
use super::error::StorageError;
use super::file_status::file_size;
use super::interface::Storage;
use super::open_file::OpenFile;
use super::quota::Quota;
use super::tree_walk::{TreeWalk, WalkPurpose};
use super::upload::Upload;
use super::write_access::{UploadPolicy, WritableRoot, WriteAccess};
use crate::descriptors::{Descriptors, Permit};
use crate::ftp::listing::Attributes;
use crate::ftp::path::VirtualPath;
use crate::ftp::timestamp::Timestamp;
use crate::random::Random;
use rustix::fs::{self, OFlags};
use rustix::io::retry_on_intr;
use std::io;
use std::path::Path;
use std::rc::Rc;

/// The served directory, or the root of an account in it.
#[derive(Debug)]
pub struct DiskRoot {
    root: Root,
    descriptors: Descriptors,
    /// `None`: read-only.
    write_access: Option<Rc<WriteAccess>>,
    /// For the root's descriptor, if a session opened it.
    _permit: Option<Permit>,
}

impl DiskRoot {
    /// Opens `directory`, read-only. Opened files count against `descriptors`.
    pub fn open(directory: &Path, descriptors: Descriptors) -> io::Result<Self> {
        Ok(Self {
            root: Root::open(directory)?,
            descriptors,
            write_access: None,
            _permit: None,
        })
    }

    /// The same files, which may now be changed. `random` gives the names of temporary files.
    pub fn writable(self, policy: UploadPolicy, random: Random) -> Self {
        Self {
            write_access: Some(Rc::new(WriteAccess::new(policy, random))),
            ..self
        }
    }

    fn for_writing(&self) -> Result<WritableRoot<'_>, StorageError> {
        Ok(WritableRoot {
            root: &self.root,
            descriptors: &self.descriptors,
            access: self.write_access.as_ref().ok_or(StorageError::PermissionDenied)?,
        })
    }

    fn permit(&self) -> Result<Permit, StorageError> {
        self.descriptors.permit().ok_or(StorageError::Busy)
    }
}

impl Storage for DiskRoot {
    fn attributes(&self, path: &VirtualPath) -> Result<Attributes, StorageError> {
        let _permit = self.permit()?;
        self.root.attributes(path)
    }

    fn entry(&self, path: &VirtualPath) -> Result<Attributes, StorageError> {
        let _permit = self.permit()?;
        if *path == VirtualPath::ROOT {
            return self.root.attributes(path);
        }
        self.root.parent(path)?.attributes()
    }

    fn check_directory(&self, path: &VirtualPath) -> Result<(), StorageError> {
        let _permit = self.permit()?;
        self.root.check_directory(path)
    }

    fn open_file(&self, path: &VirtualPath) -> Result<OpenFile, StorageError> {
        let permit = self.permit()?;
        let (descriptor, stat) = self.root.open_regular(path, OFlags::RDONLY)?;
        Ok(OpenFile::on_disk(descriptor, file_size(&stat), permit))
    }

    fn open_directory(&self, path: &VirtualPath) -> Result<OpenDirectory, StorageError> {
        let permit = self.permit()?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NONBLOCK;
        let descriptor = self.root.open_path(path, flags)?;
        let root = self.root.clone();
        Ok(OpenDirectory::on_disk(root, path.clone(), descriptor, permit))
    }

    fn subtree(&self, path: &VirtualPath) -> Result<Rc<dyn Storage>, StorageError> {
        let permit = self.permit()?;
        Ok(Rc::new(DiskRoot {
            root: self.root.subdirectory(path)?,
            descriptors: self.descriptors.clone(),
            write_access: self.write_access.clone(),
            _permit: Some(permit),
        }))
    }

    fn begin_upload(
        &self,
        path: &VirtualPath,
        kind: UploadKind,
        audience: Audience,
        quota: Option<Quota>,
    ) -> Result<Upload, StorageError> {
        Upload::begin(&self.for_writing()?, path, kind, audience, quota)
    }

    fn remove_file(&self, path: &VirtualPath) -> Result<(), StorageError> {
        self.for_writing()?.remove_file(path)
    }

    fn make_directory(&self, path: &VirtualPath, audience: Audience) -> Result<(), StorageError> {
        self.for_writing()?.make_directory(path, audience)
    }

    fn remove_directory(&self, path: &VirtualPath) -> Result<(), StorageError> {
        self.for_writing()?.remove_directory(path)
    }

    fn rename(&self, from: &VirtualPath, to: &VirtualPath, existing: Existing) -> Result<(), StorageError> {
        self.for_writing()?.rename(from, to, existing)
    }

    fn set_modified(&self, path: &VirtualPath, time: Timestamp) -> Result<(), StorageError> {
        self.for_writing()?.set_modified(path, time)
    }

    fn set_mode(&self, path: &VirtualPath, mode: u32) -> Result<u32, StorageError> {
        self.for_writing()?.set_mode(path, mode)
    }

    fn walk(&self, start: &VirtualPath, purpose: WalkPurpose) -> TreeWalk {
        TreeWalk::new(self.root.clone(), start, purpose)
    }

    fn free_space(&self, path: &VirtualPath) -> Result<u64, StorageError> {
        let _permit = self.permit()?;
        let opened = self.root.open_path(path, OFlags::PATH)?;
        let space = retry_on_intr(|| fs::fstatvfs(&opened))?;
        Ok(space.f_bavail.saturating_mul(space.f_frsize))
    }
}

#[cfg(test)]
mod tests;
