//! A real directory as storage: every path is resolved by the kernel beneath the root's descriptor.
//!
//! Nothing here may block on what it opens: a FIFO or device is looked at, refused, and never opened.

use super::beneath::{open_beneath, open_regular, stat_beneath};
use super::upload::{Changes, UploadPolicy};
use super::{
    Audience, Existing, OpenDirectory, OpenFile, Purpose, Quota, Storage, StorageError, TreeWalk, Upload, UploadKind,
    changes,
};
use crate::descriptors::{Descriptors, Permit};
use crate::ftp::listing::{Attributes, Kind};
use crate::ftp::path::VirtualPath;
use crate::ftp::timestamp::Timestamp;
use crate::random::Random;
use rustix::fs::{self, FileType, Mode, OFlags, Stat};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

/// Names that start with this are the server's own and do not exist for clients.
pub(super) const RESERVED_PREFIX: &[u8] = b".loopftpd-";

/// The served directory.
#[derive(Debug)]
pub struct DiskRoot {
    root: Arc<OwnedFd>,
    descriptors: Descriptors,
    /// `None`: nothing can be changed, whatever a session asks for.
    changes: Option<Rc<Changes>>,
    /// Of the root's descriptor, where a session opened it.
    _permit: Option<Permit>,
}

impl DiskRoot {
    /// Opens `directory` as the root that everything is resolved beneath; opened files count against `descriptors`.
    pub fn open(directory: &Path, descriptors: Descriptors) -> io::Result<Self> {
        let root = fs::open(
            directory,
            OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        Ok(Self {
            root: Arc::new(root),
            descriptors,
            changes: None,
            _permit: None,
        })
    }

    /// The same files, which can now be changed. `random` names what is being received.
    pub fn writable(self, policy: UploadPolicy, random: Random) -> Self {
        Self {
            changes: Some(Rc::new(Changes::new(policy, random))),
            ..self
        }
    }

    /// The root's descriptor.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }

    /// The root's descriptor, for somebody who may outlive this value.
    pub(super) fn shared_descriptor(&self) -> Arc<OwnedFd> {
        Arc::clone(&self.root)
    }

    /// How files are changed; the whole storage is read-only without it.
    pub(super) fn changes(&self) -> Result<&Rc<Changes>, StorageError> {
        self.changes.as_ref().ok_or(StorageError::PermissionDenied)
    }

    pub(super) fn permit(&self) -> Result<Permit, StorageError> {
        self.descriptors.permit().ok_or(StorageError::Busy)
    }
}

impl Storage for DiskRoot {
    fn attributes(&self, path: &VirtualPath) -> Result<Attributes, StorageError> {
        let _permit = self.permit()?;
        attributes_beneath(self.root.as_fd(), path)
    }

    fn entry(&self, path: &VirtualPath) -> Result<Attributes, StorageError> {
        changes::entry(self, path)
    }

    fn check_directory(&self, path: &VirtualPath) -> Result<(), StorageError> {
        refuse_reserved(path)?;
        let _permit = self.permit()?;
        // Looking up "." needs the right to search the directory itself, which opening it by path alone would not ask.
        let mut inside = path.relative().to_vec();
        inside.extend_from_slice(b"/.");
        open_beneath(self.root.as_fd(), &inside, OFlags::PATH | OFlags::DIRECTORY)?;
        Ok(())
    }

    fn open_file(&self, path: &VirtualPath) -> Result<OpenFile, StorageError> {
        let permit = self.permit()?;
        let (descriptor, stat) = open_regular(self.root.as_fd(), path, OFlags::RDONLY)?;
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        Ok(OpenFile::on_disk(descriptor, size, permit))
    }

    fn open_directory(&self, path: &VirtualPath) -> Result<OpenDirectory, StorageError> {
        refuse_reserved(path)?;
        let permit = self.permit()?;
        let descriptor = open_beneath(
            self.root.as_fd(),
            path.relative(),
            OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NONBLOCK,
        )?;
        Ok(OpenDirectory::on_disk(
            Arc::clone(&self.root),
            path.clone(),
            descriptor,
            permit,
        ))
    }

    fn beneath(&self, path: &VirtualPath) -> Result<Rc<dyn Storage>, StorageError> {
        refuse_reserved(path)?;
        let permit = self.permit()?;
        let root = open_beneath(self.root.as_fd(), path.relative(), OFlags::PATH | OFlags::DIRECTORY)?;
        Ok(Rc::new(DiskRoot {
            root: Arc::new(root),
            descriptors: self.descriptors.clone(),
            changes: self.changes.clone(),
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
        Upload::begin(self, path, kind, audience, quota)
    }

    fn remove_file(&self, path: &VirtualPath) -> Result<(), StorageError> {
        changes::remove_file(self, path)
    }

    fn make_directory(&self, path: &VirtualPath, audience: Audience) -> Result<(), StorageError> {
        changes::make_directory(self, path, audience)
    }

    fn remove_directory(&self, path: &VirtualPath) -> Result<(), StorageError> {
        changes::remove_directory(self, path)
    }

    fn rename(&self, from: &VirtualPath, to: &VirtualPath, existing: Existing) -> Result<(), StorageError> {
        changes::rename(self, from, to, existing)
    }

    fn set_modified(&self, path: &VirtualPath, time: Timestamp) -> Result<(), StorageError> {
        changes::set_modified(self, path, time)
    }

    fn set_mode(&self, path: &VirtualPath, mode: u32) -> Result<u32, StorageError> {
        changes::set_mode(self, path, mode)
    }

    fn walk(&self, from: &VirtualPath, purpose: Purpose) -> TreeWalk {
        TreeWalk::new(self, from, purpose)
    }

    fn free_space(&self, path: &VirtualPath) -> Result<u64, StorageError> {
        changes::free_space(self, path)
    }
}

/// What is known of `path`, links followed beneath `root`; files that are neither regular nor directories do not exist.
pub(super) fn attributes_beneath(root: BorrowedFd<'_>, path: &VirtualPath) -> Result<Attributes, StorageError> {
    attributes_from(&stat_beneath(root, path)?).ok_or(StorageError::NotFound)
}

/// The listing's view of a `stat`, or `None` for kinds that are not served (devices, sockets, FIFOs).
pub(super) fn attributes_from(stat: &Stat) -> Option<Attributes> {
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Kind::File,
        FileType::Directory => Kind::Directory,
        FileType::Symlink => Kind::SymbolicLink,
        FileType::Fifo | FileType::Socket | FileType::CharacterDevice | FileType::BlockDevice | FileType::Unknown => {
            return None;
        }
    };
    Some(Attributes {
        kind,
        mode: stat.st_mode & 0o7777,
        links: stat.st_nlink,
        size: u64::try_from(stat.st_size).unwrap_or(0),
        modified: Timestamp::from_unix(stat.st_mtime),
        device: stat.st_dev,
        inode: stat.st_ino,
        readable: true,
    })
}

/// Devices, sockets and FIFOs do not exist for clients.
pub(super) fn must_be_regular(stat: &Stat) -> Result<(), StorageError> {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Ok(()),
        FileType::Directory => Err(StorageError::IsADirectory),
        FileType::Symlink
        | FileType::Fifo
        | FileType::Socket
        | FileType::CharacterDevice
        | FileType::BlockDevice
        | FileType::Unknown => Err(StorageError::NotFound),
    }
}

pub(super) fn refuse_reserved(path: &VirtualPath) -> Result<(), StorageError> {
    if path.components().any(is_reserved) {
        Err(StorageError::NotFound)
    } else {
        Ok(())
    }
}

/// Whether a name is one of the server's own temporary names.
pub fn is_reserved(name: &[u8]) -> bool {
    name.starts_with(RESERVED_PREFIX)
}
