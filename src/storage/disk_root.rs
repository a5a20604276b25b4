//! A real directory as storage: every path is resolved by the kernel beneath the root's descriptor.
//!
//! `openat2(RESOLVE_BENEATH)` makes "outside" impossible rather than checked: no string comparison decides anything.
//! Nothing here may block on what it opens: a FIFO or device is looked at, refused, and never opened.

use super::upload::{Changes, UploadPolicy};
use super::{
    Existing, OpenDirectory, OpenFile, Purpose, Quota, Storage, StorageError, TreeWalk, Upload, UploadKind, changes,
};
use crate::descriptors::{Descriptors, Permit};
use crate::ftp::listing::{Attributes, Kind};
use crate::ftp::path::VirtualPath;
use crate::ftp::timestamp::Timestamp;
use crate::random::Random;
use rustix::fs::{self, AtFlags, FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::rc::Rc;

/// Names that start with this are the server's own and do not exist for clients.
pub(super) const RESERVED_PREFIX: &[u8] = b".loopftpd-";

/// How often a resolution that raced with a rename is tried again before the client is told to (threat C04).
const RESOLVE_ATTEMPTS: usize = 128;

/// The served directory.
#[derive(Debug)]
pub struct DiskRoot {
    root: Rc<OwnedFd>,
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
            root: Rc::new(root),
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

    /// How files are changed; the whole storage is read-only without it.
    pub(super) fn changes(&self) -> Result<&Rc<Changes>, StorageError> {
        self.changes.as_ref().ok_or(StorageError::NotFound)
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
        refuse_reserved(path)?;
        let permit = self.permit()?;
        // Looked at first: opening a device or a FIFO can have effects of its own, even when it does not block. This look
        // may follow a link to the outside; it only ever refuses, with the answer that the opening beneath would give.
        if let Ok(stat) = fs::statat(&self.root, path.relative(), AtFlags::empty()) {
            must_be_regular(&stat)?;
        }
        let descriptor = open_beneath(
            self.root.as_fd(),
            path.relative(),
            OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY,
        )?;
        let stat = fs::fstat(&descriptor)?;
        must_be_regular(&stat)?;
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
            Rc::clone(&self.root),
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
            root: Rc::new(root),
            descriptors: self.descriptors.clone(),
            changes: self.changes.clone(),
            _permit: Some(permit),
        }))
    }

    fn begin_upload(
        &self,
        path: &VirtualPath,
        kind: UploadKind,
        quota: Option<Rc<Quota>>,
    ) -> Result<Upload, StorageError> {
        Upload::begin(self, path, kind, quota)
    }

    fn remove_file(&self, path: &VirtualPath) -> Result<(), StorageError> {
        changes::remove_file(self, path)
    }

    fn make_directory(&self, path: &VirtualPath) -> Result<(), StorageError> {
        changes::make_directory(self, path)
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

    fn set_mode(&self, path: &VirtualPath, mode: u32) -> Result<(), StorageError> {
        changes::set_mode(self, path, mode)
    }

    fn walk(&self, from: &VirtualPath, purpose: Purpose) -> Result<TreeWalk, StorageError> {
        TreeWalk::new(self, from, purpose)
    }

    fn free_space(&self, path: &VirtualPath) -> Result<u64, StorageError> {
        changes::free_space(self, path)
    }
}

/// What is known of `path`, links followed beneath `root`; files that are neither regular nor directories do not exist.
pub(super) fn attributes_beneath(root: BorrowedFd<'_>, path: &VirtualPath) -> Result<Attributes, StorageError> {
    refuse_reserved(path)?;
    let descriptor = open_beneath(root, path.relative(), OFlags::PATH)?;
    attributes_from(&fs::fstat(&descriptor)?).ok_or(StorageError::NotFound)
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

/// Opens what `relative` leads to, if that is beneath `root`.
pub(super) fn open_beneath(root: BorrowedFd<'_>, relative: &[u8], flags: OFlags) -> Result<OwnedFd, StorageError> {
    for _ in 0..RESOLVE_ATTEMPTS {
        let opened = fs::openat2(
            root,
            relative,
            flags | OFlags::CLOEXEC,
            Mode::empty(),
            ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS,
        );
        match opened {
            // The kernel says AGAIN when a rename anywhere might have let a ".." escape, INTR when a signal came.
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
            Ok(descriptor) => return Ok(descriptor),
        }
    }
    Err(StorageError::Busy)
}

pub(super) fn must_be_regular(stat: &Stat) -> Result<(), StorageError> {
    if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile {
        Ok(())
    } else {
        Err(StorageError::NotFound)
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
