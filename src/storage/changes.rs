//! What changes names and attributes: remove, make, rename, times, modes.
//!
//! Each is one system call relative to the parent directory, which is resolved beneath the root first; the last
//! component is never followed, so a symbolic link is removed or renamed itself. Nothing here copies: what cannot be
//! renamed within its file system stays where it is (threat C06).

use super::beneath::{Parent, open_beneath, stat_of};
use super::disk_root::{attributes_beneath, attributes_from, refuse_reserved};
use super::{Audience, DiskRoot, Existing, StorageError};
use crate::ftp::listing::Attributes;
use crate::ftp::path::VirtualPath;
use crate::ftp::timestamp::Timestamp;
use rustix::fs::{self, AtFlags, FileType, Mode, OFlags, RenameFlags, Timespec, Timestamps, UTIME_OMIT};
use rustix::io::{Errno, retry_on_intr};
use std::os::fd::OwnedFd;

impl Audience {
    /// The permission bits of a new file, less what the process's mask takes away; never those of a program.
    pub(super) fn file_mode(self) -> Mode {
        Mode::from_raw_mode(match self {
            Audience::Everyone => 0o666,
            Audience::OwnerAndGroup => 0o640,
        })
    }

    /// The permission bits of a new directory.
    fn directory_mode(self) -> Mode {
        Mode::from_raw_mode(match self {
            Audience::Everyone => 0o777,
            Audience::OwnerAndGroup => 0o750,
        })
    }
}

pub(super) fn entry(disk: &DiskRoot, path: &VirtualPath) -> Result<Attributes, StorageError> {
    let _permit = disk.permit()?;
    if *path == VirtualPath::ROOT {
        return attributes_beneath(disk.descriptor(), path);
    }
    served(&Parent::of(disk.descriptor(), path)?)
}

pub(super) fn remove_file(disk: &DiskRoot, path: &VirtualPath) -> Result<(), StorageError> {
    disk.changes()?;
    let _permit = disk.permit()?;
    let parent = Parent::of(disk.descriptor(), path)?;
    served(&parent)?;
    Ok(retry_on_intr(|| fs::unlinkat(&parent, parent.name, AtFlags::empty()))?)
}

pub(super) fn make_directory(disk: &DiskRoot, path: &VirtualPath, audience: Audience) -> Result<(), StorageError> {
    disk.changes()?;
    let _permit = disk.permit()?;
    if *path == VirtualPath::ROOT {
        return Err(StorageError::Exists);
    }
    let parent = Parent::of(disk.descriptor(), path)?;
    retry_on_intr(|| fs::mkdirat(&parent, parent.name, audience.directory_mode())).map_err(while_naming)
}

pub(super) fn remove_directory(disk: &DiskRoot, path: &VirtualPath) -> Result<(), StorageError> {
    disk.changes()?;
    let _permit = disk.permit()?;
    let parent = Parent::of(disk.descriptor(), path)?;
    Ok(retry_on_intr(|| {
        fs::unlinkat(&parent, parent.name, AtFlags::REMOVEDIR)
    })?)
}

pub(super) fn rename(
    disk: &DiskRoot,
    from: &VirtualPath,
    to: &VirtualPath,
    existing: Existing,
) -> Result<(), StorageError> {
    disk.changes()?;
    let (_from_permit, _to_permit) = (disk.permit()?, disk.permit()?);
    let from = Parent::of(disk.descriptor(), from)?;
    served(&from)?;
    let to = Parent::of(disk.descriptor(), to)?;
    match to.stat() {
        // What does not exist for clients cannot make way for them either.
        Ok(stat) if attributes_from(&stat).is_none() => return Err(StorageError::NotFound),
        Ok(_) | Err(_) => {}
    }
    let flags = match existing {
        Existing::Replace => RenameFlags::empty(),
        Existing::Refuse => RenameFlags::NOREPLACE,
    };
    match retry_on_intr(|| fs::renameat_with(&from, from.name, &to, to.name, flags)) {
        Err(Errno::INVAL) => Err(StorageError::IntoItself),
        renamed => renamed.map_err(while_naming),
    }
}

pub(super) fn set_modified(disk: &DiskRoot, path: &VirtualPath, time: Timestamp) -> Result<(), StorageError> {
    disk.changes()?;
    refuse_reserved(path)?;
    let _permit = disk.permit()?;
    let found = open_beneath(disk.descriptor(), path.relative(), OFlags::PATH)?;
    must_be_served_itself(&found)?;
    let times = Timestamps {
        last_access: Timespec {
            tv_sec: 0,
            tv_nsec: UTIME_OMIT,
        },
        last_modification: Timespec {
            tv_sec: time.seconds(),
            tv_nsec: 0,
        },
    };
    Ok(retry_on_intr(|| {
        fs::utimensat(&found, "", &times, AtFlags::EMPTY_PATH)
    })?)
}

/// The mode that it has then. The server's user keeps what it takes to read and write a file, and to enter a directory,
/// so that no client can lock everybody out; the root keeps its mode. Set-id and sticky bits are never set, and a
/// directory keeps those that it has: they are how its owner shares it.
pub(super) fn set_mode(disk: &DiskRoot, path: &VirtualPath, mode: u32) -> Result<u32, StorageError> {
    disk.changes()?;
    let _permit = disk.permit()?;
    attributes_beneath(disk.descriptor(), path)?;
    // What nobody may read cannot be opened here, and so its mode stays: changing it by name would follow links.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
    let opened = open_beneath(disk.descriptor(), path.relative(), flags)?;
    let (found, root) = (stat_of(&opened)?, stat_of(disk.descriptor())?);
    if (found.st_dev, found.st_ino) == (root.st_dev, root.st_ino) {
        return Err(StorageError::PermissionDenied);
    }
    let kept = match FileType::from_raw_mode(found.st_mode) {
        FileType::Directory => 0o700 | found.st_mode & 0o7000,
        _ => 0o600,
    };
    let mode = mode & 0o777 | kept;
    retry_on_intr(|| fs::fchmod(&opened, Mode::from_raw_mode(mode)))?;
    Ok(mode)
}

pub(super) fn free_space(disk: &DiskRoot, path: &VirtualPath) -> Result<u64, StorageError> {
    refuse_reserved(path)?;
    let _permit = disk.permit()?;
    let found = open_beneath(disk.descriptor(), path.relative(), OFlags::PATH)?;
    let space = retry_on_intr(|| fs::fstatvfs(&found))?;
    Ok(space.f_bavail.saturating_mul(space.f_frsize))
}

/// Devices, sockets and FIFOs do not exist for clients, so they cannot be removed or renamed either.
fn served(parent: &Parent<'_>) -> Result<Attributes, StorageError> {
    attributes_from(&parent.stat()?).ok_or(StorageError::NotFound)
}

fn must_be_served_itself(found: &OwnedFd) -> Result<(), StorageError> {
    attributes_from(&stat_of(found)?)
        .map(drop)
        .ok_or(StorageError::NotFound)
}

/// Where a new name is given, it is the name that is wrong. Some file systems take fewer characters than others
/// (EINVAL, EILSEQ).
pub(super) fn while_naming(errno: Errno) -> StorageError {
    match errno {
        Errno::NAMETOOLONG => StorageError::NewNameTooLong,
        Errno::INVAL | Errno::ILSEQ => StorageError::NameRefused,
        other => other.into(),
    }
}
