//! Changes of names and attributes: remove, create, rename, times, modes.
//!
//! Each is one system call relative to the parent directory, which is resolved under the root first. The last
//! component is never followed: a symbolic link is removed or renamed itself. Nothing here copies; what cannot be
//! renamed within its file system stays where it is (threat C06).

use super::beneath::stat_of;
use super::change_options::{Audience, Existing};
use super::error::StorageError;
use super::file_status::{is_directory, is_same_file, served_attributes};
use super::write_access::WritableRoot;
use crate::ftp::path::VirtualPath;
use crate::ftp::timestamp::Timestamp;
use rustix::fs::{self, AtFlags, Mode, OFlags, RenameFlags, Timespec, Timestamps, UTIME_OMIT};
use rustix::io::{Errno, retry_on_intr};

impl WritableRoot<'_> {
    pub(super) fn remove_file(&self, path: &VirtualPath) -> Result<(), StorageError> {
        let _permit = self.permit()?;
        let parent = self.root.parent(path)?;
        // Devices, sockets and FIFOs do not exist for clients.
        parent.attributes()?;
        Ok(retry_on_intr(|| fs::unlinkat(&parent, parent.name, AtFlags::empty()))?)
    }

    pub(super) fn make_directory(&self, path: &VirtualPath, audience: Audience) -> Result<(), StorageError> {
        let _permit = self.permit()?;
        if *path == VirtualPath::ROOT {
            return Err(StorageError::Exists);
        }
        let parent = self.root.parent(path)?;
        retry_on_intr(|| fs::mkdirat(&parent, parent.name, audience.directory_mode()))
            .map_err(StorageError::of_new_name)
    }

    pub(super) fn remove_directory(&self, path: &VirtualPath) -> Result<(), StorageError> {
        let _permit = self.permit()?;
        let parent = self.root.parent(path)?;
        Ok(retry_on_intr(|| {
            fs::unlinkat(&parent, parent.name, AtFlags::REMOVEDIR)
        })?)
    }

    pub(super) fn rename(&self, from: &VirtualPath, to: &VirtualPath, existing: Existing) -> Result<(), StorageError> {
        let (_from_permit, _to_permit) = (self.permit()?, self.permit()?);
        let from = self.root.parent(from)?;
        from.attributes()?;
        let to = self.root.parent(to)?;
        // A file that does not exist for clients cannot be replaced by them.
        if to.stat().is_ok_and(|stat| served_attributes(&stat).is_none()) {
            return Err(StorageError::NotFound);
        }
        let flags = match existing {
            Existing::Replace => RenameFlags::empty(),
            Existing::Refuse => RenameFlags::NOREPLACE,
        };
        match retry_on_intr(|| fs::renameat_with(&from, from.name, &to, to.name, flags)) {
            Err(Errno::INVAL) => Err(StorageError::IntoItself),
            renamed => renamed.map_err(StorageError::of_new_name),
        }
    }

    pub(super) fn set_modified(&self, path: &VirtualPath, time: Timestamp) -> Result<(), StorageError> {
        let _permit = self.permit()?;
        let opened = self.root.open_path(path, OFlags::PATH)?;
        served_attributes(&stat_of(&opened)?).ok_or(StorageError::NotFound)?;
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
            fs::utimensat(&opened, "", &times, AtFlags::EMPTY_PATH)
        })?)
    }

    /// Returns the resulting mode. The server's user keeps read and write permission for files and full permission for
    /// directories, so that clients cannot lock everyone out. The mode of the root does not change. Set-id and sticky
    /// bits are never set, and directories keep theirs, because their owner uses them for sharing.
    pub(super) fn set_mode(&self, path: &VirtualPath, mode: u32) -> Result<u32, StorageError> {
        let _permit = self.permit()?;
        self.root.attributes(path)?;
        // `fchmod` needs a file opened for reading, so unreadable files keep their mode. Changing it by name would
        // follow links.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
        let opened = self.root.open_path(path, flags)?;
        let found = stat_of(&opened)?;
        if is_same_file(&found, &stat_of(self.root)?) {
            return Err(StorageError::PermissionDenied);
        }
        let kept = if is_directory(&found) {
            0o700 | found.st_mode & 0o7000
        } else {
            0o600
        };
        let mode = mode & 0o777 | kept;
        retry_on_intr(|| fs::fchmod(&opened, Mode::from_raw_mode(mode)))?;
        Ok(mode)
    }
}

#[cfg(test)]
mod tests;
