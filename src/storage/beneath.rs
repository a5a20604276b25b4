//! The root: its descriptor, and the only code that passes a client's path to the kernel.
//!
//! `openat2(RESOLVE_BENEATH)` makes leaving the root impossible, rather than checked for (threats C01 to C03). Calls
//! that concern the last component of a path (`stat`, `unlink`, `rename`) are made relative to the opened parent
//! directory and never follow a link.

use super::StorageError;
use super::file_status::{is_link, is_reserved, must_be_regular, served_attributes};
use crate::ftp::listing::Attributes;
use crate::ftp::path::VirtualPath;
use crate::kernel;
use rustix::fs::{self, AtFlags, CWD, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::{Errno, retry_on_intr};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

/// How often a resolution that raced with a rename is tried again (threat C04).
const RESOLVE_ATTEMPTS: usize = 128;

/// A directory that paths are resolved under. Clones share the descriptor; one can be sent to another thread.
#[derive(Clone, Debug)]
pub(super) struct Root(Arc<OwnedFd>);

/// The directory that a path is in, and the path's last component.
#[derive(Debug)]
pub(super) struct Parent<'path> {
    directory: ParentDirectory<'path>,
    pub name: &'path [u8],
}

#[derive(Debug)]
enum ParentDirectory<'root> {
    Root(BorrowedFd<'root>),
    Opened(OwnedFd),
}

impl Root {
    /// The served directory, given by the operator.
    pub(super) fn open(directory: &Path) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self(Arc::new(fs::openat(CWD, directory, flags, Mode::empty())?)))
    }

    /// The directory `path` as a root: nothing above it can be reached.
    pub(super) fn subdirectory(&self, path: &VirtualPath) -> Result<Self, StorageError> {
        let directory = self.open_path(path, OFlags::PATH | OFlags::DIRECTORY)?;
        Ok(Self(Arc::new(directory)))
    }

    /// Opens `path`; links are followed as long as they stay under the root. What leads out of it is missing
    /// (`ENOENT`), and so are reserved names.
    pub(super) fn open_path(&self, path: &VirtualPath, flags: OFlags) -> Result<OwnedFd, Errno> {
        refuse_reserved(path)?;
        open_beneath(self.0.as_fd(), path.relative(), flags)
    }

    /// Whether the process may enter the directory `path`.
    pub(super) fn check_directory(&self, path: &VirtualPath) -> Result<(), StorageError> {
        refuse_reserved(path)?;
        // Resolving "." requires search permission for the directory itself; opening it with O_PATH does not.
        let inside = [path.relative(), b"/."].concat();
        open_beneath(self.0.as_fd(), &inside, OFlags::PATH | OFlags::DIRECTORY)?;
        Ok(())
    }

    /// The `stat` of `path`; links are followed as long as they stay under the root.
    pub(super) fn stat(&self, path: &VirtualPath) -> Result<Stat, StorageError> {
        if *path == VirtualPath::ROOT {
            return stat_of(&self.0);
        }
        let found = self.parent(path)?.stat()?;
        if is_link(&found) { self.follow(path) } else { Ok(found) }
    }

    /// The `stat` of the target of the link `path`.
    pub(super) fn follow(&self, path: &VirtualPath) -> Result<Stat, StorageError> {
        stat_of(self.open_path(path, OFlags::PATH)?)
    }

    /// The attributes of `path`; links are followed.
    pub(super) fn attributes(&self, path: &VirtualPath) -> Result<Attributes, StorageError> {
        served_attributes(&self.stat(path)?).ok_or(StorageError::NotFound)
    }

    /// Opens a regular file. `stat` comes first, because opening a device or FIFO can have side effects even when it
    /// does not block.
    pub(super) fn open_regular(&self, path: &VirtualPath, access: OFlags) -> Result<(OwnedFd, Stat), StorageError> {
        if *path == VirtualPath::ROOT {
            return Err(StorageError::IsADirectory);
        }
        let flags = access | OFlags::NONBLOCK | OFlags::NOCTTY;
        let parent = self.parent(path)?;
        let found = parent.stat()?;
        let opened = if is_link(&found) {
            must_be_regular(&self.follow(path)?)?;
            self.open_path(path, flags)?
        } else {
            must_be_regular(&found)?;
            parent.open(flags)?
        };
        // Another file may have taken the name since.
        let stat = stat_of(&opened)?;
        must_be_regular(&stat)?;
        Ok((opened, stat))
    }

    /// The parent of `path`, opened with `O_PATH` unless it is the root.
    pub(super) fn parent<'path>(&'path self, path: &'path VirtualPath) -> Result<Parent<'path>, StorageError> {
        let (above, name) = split_last(path)?;
        let directory = if above.is_empty() {
            ParentDirectory::Root(self.0.as_fd())
        } else {
            let flags = OFlags::PATH | OFlags::DIRECTORY;
            ParentDirectory::Opened(open_beneath(self.0.as_fd(), above, flags)?)
        };
        Ok(Parent { directory, name })
    }

    /// The parent of `path`, always opened, with `flags`; and the last component of `path`.
    pub(super) fn open_parent<'path>(
        &self,
        path: &'path VirtualPath,
        flags: OFlags,
    ) -> Result<(OwnedFd, &'path [u8]), StorageError> {
        let (above, name) = split_last(path)?;
        let above = if above.is_empty() { b"." } else { above };
        Ok((open_beneath(self.0.as_fd(), above, flags | OFlags::DIRECTORY)?, name))
    }
}

impl AsFd for Root {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Parent<'_> {
    /// The `stat` of the name itself; a link is not followed.
    pub(super) fn stat(&self) -> Result<Stat, StorageError> {
        Ok(retry_on_intr(|| {
            kernel::statat(self, self.name, AtFlags::SYMLINK_NOFOLLOW)
        })?)
    }

    /// The attributes of the name itself; kinds that are not served do not exist.
    pub(super) fn attributes(&self) -> Result<Attributes, StorageError> {
        served_attributes(&self.stat()?).ok_or(StorageError::NotFound)
    }

    /// Opens the name. A link that has taken it since is not followed.
    fn open(&self, flags: OFlags) -> Result<OwnedFd, StorageError> {
        match open_beneath(self.as_fd(), self.name, flags | OFlags::NOFOLLOW) {
            Err(Errno::LOOP) => Err(StorageError::Busy),
            opened => Ok(opened?),
        }
    }
}

impl AsFd for Parent<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.directory {
            ParentDirectory::Root(root) => root.as_fd(),
            ParentDirectory::Opened(directory) => directory.as_fd(),
        }
    }
}

fn open_beneath(directory: BorrowedFd<'_>, relative: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
    for _ in 0..RESOLVE_ATTEMPTS {
        let opened = kernel::openat2(
            directory,
            relative,
            flags | OFlags::CLOEXEC,
            Mode::empty(),
            ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS,
        );
        match opened {
            // The kernel returns EAGAIN when a concurrent rename might have let a ".." escape.
            Err(Errno::AGAIN | Errno::INTR) => {}
            // The path leads out of the root. Clients must not learn what exists there.
            Err(Errno::XDEV) => return Err(Errno::NOENT),
            opened => return opened,
        }
    }
    Err(Errno::AGAIN)
}

/// The path of the parent and the last component. Clients cannot reach the parent of the root.
fn split_last(path: &VirtualPath) -> Result<(&[u8], &[u8]), StorageError> {
    refuse_reserved(path)?;
    path.split_last().ok_or(StorageError::PermissionDenied)
}

fn refuse_reserved(path: &VirtualPath) -> Result<(), Errno> {
    if path.components().any(is_reserved) {
        Err(Errno::NOENT)
    } else {
        Ok(())
    }
}

/// The `stat` of an open file or directory.
pub(super) fn stat_of(descriptor: impl AsFd) -> Result<Stat, StorageError> {
    Ok(retry_on_intr(|| kernel::fstat(&descriptor))?)
}
