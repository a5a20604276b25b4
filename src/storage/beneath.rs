//! Finding things beneath the root, and nowhere else: everything that hands a client's path to the kernel does it here.
//!
//! `openat2(RESOLVE_BENEATH)` makes "outside" impossible rather than checked. What needs only the last component of a
//! path (a look at it, its removal) is a call relative to the open directory that it is in, and never follows a link.

use super::StorageError;
use super::disk_root::{must_be_regular, refuse_reserved};
use crate::ftp::path::VirtualPath;
use rustix::fs::{self, AtFlags, FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::{Errno, retry_on_intr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// How often a resolution that raced with a rename is tried again before the client is told to (threat C04).
const RESOLVE_ATTEMPTS: usize = 128;

/// The directory that a path is in, and the name that it has there.
#[derive(Debug)]
pub(super) struct Parent<'a> {
    directory: Directory<'a>,
    pub name: &'a [u8],
}

#[derive(Debug)]
enum Directory<'a> {
    Root(BorrowedFd<'a>),
    Opened(OwnedFd),
}

impl AsFd for Parent<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.directory {
            Directory::Root(root) => root.as_fd(),
            Directory::Opened(directory) => directory.as_fd(),
        }
    }
}

impl<'a> Parent<'a> {
    /// Of `path`; the root itself is in no directory that anybody may reach.
    pub(super) fn of(root: BorrowedFd<'a>, path: &'a VirtualPath) -> Result<Self, StorageError> {
        refuse_reserved(path)?;
        let (above, name) = path.split_last().ok_or(StorageError::PermissionDenied)?;
        let directory = if above.is_empty() {
            Directory::Root(root)
        } else {
            Directory::Opened(open_beneath(root, above, OFlags::PATH | OFlags::DIRECTORY)?)
        };
        Ok(Self { directory, name })
    }

    /// What has the name: a link itself, not what it leads to.
    pub(super) fn stat(&self) -> Result<Stat, StorageError> {
        Ok(retry_on_intr(|| {
            fs::statat(self, self.name, AtFlags::SYMLINK_NOFOLLOW)
        })?)
    }

    /// Opens what has the name; a link that has taken it meanwhile is not followed.
    fn open(&self, flags: OFlags) -> Result<OwnedFd, StorageError> {
        open_beneath(self.as_fd(), self.name, flags | OFlags::NOFOLLOW).map_err(|error| match error {
            StorageError::LinkLoop => StorageError::Busy,
            other => other,
        })
    }
}

/// What is called `path`, links followed as far as they stay beneath `root`.
pub(super) fn stat_beneath(root: BorrowedFd<'_>, path: &VirtualPath) -> Result<Stat, StorageError> {
    refuse_reserved(path)?;
    if *path == VirtualPath::ROOT {
        return stat_of(root);
    }
    let found = Parent::of(root, path)?.stat()?;
    if is_link(&found) {
        return follow_beneath(root, path);
    }
    Ok(found)
}

/// What the link `path` leads to.
pub(super) fn follow_beneath(root: BorrowedFd<'_>, path: &VirtualPath) -> Result<Stat, StorageError> {
    refuse_reserved(path)?;
    stat_of(open_beneath(root, path.relative(), OFlags::PATH)?)
}

/// Opens a regular file. It is looked at first, because opening a device or a FIFO can have effects of its own, even
/// when it does not block.
pub(super) fn open_regular(
    root: BorrowedFd<'_>,
    path: &VirtualPath,
    access: OFlags,
) -> Result<(OwnedFd, Stat), StorageError> {
    if *path == VirtualPath::ROOT {
        return Err(StorageError::IsADirectory);
    }
    let flags = access | OFlags::NONBLOCK | OFlags::NOCTTY;
    let parent = Parent::of(root, path)?;
    let found = parent.stat()?;
    let opened = if is_link(&found) {
        must_be_regular(&follow_beneath(root, path)?)?;
        open_beneath(root, path.relative(), flags)?
    } else {
        must_be_regular(&found)?;
        parent.open(flags)?
    };
    // Something else may have taken the name meanwhile.
    let stat = stat_of(&opened)?;
    must_be_regular(&stat)?;
    Ok((opened, stat))
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
            // It leads out of the root: it is not there, whatever there may be outside.
            Err(Errno::XDEV) => return Err(StorageError::NotFound),
            Err(errno) => return Err(errno.into()),
            Ok(descriptor) => return Ok(descriptor),
        }
    }
    Err(StorageError::Busy)
}

/// What is known of an open file or directory.
pub(super) fn stat_of(descriptor: impl AsFd) -> Result<Stat, StorageError> {
    Ok(retry_on_intr(|| fs::fstat(&descriptor))?)
}

fn is_link(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::Symlink
}
