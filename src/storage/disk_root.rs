//! A real directory as storage: the kernel resolves every path under the root's descriptor.
//!
//! A change of a name is one system call relative to the parent directory, which is resolved first. The last component
//! is never followed: a symbolic link is removed or renamed itself. Nothing here copies; what cannot be renamed within
//! its file system stays where it is (threat C06).

use super::beneath::{Root, stat_of};
use super::file_status::{file_size, is_directory, is_same_file, served_attributes};
use super::write_access::{WritableRoot, WriteAccess};
use super::{Audience, Existing, OpenDirectory, OpenFile, Quota, Storage, StorageError};
use super::{TreeWalk, Upload, UploadKind, UploadPolicy, WalkPurpose};
use crate::descriptors::{Descriptors, Permit};
use crate::ftp::listing::Attributes;
use crate::ftp::path::VirtualPath;
use crate::ftp::timestamp::Timestamp;
use crate::kernel;
use crate::random::Random;
use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags, Timespec, Timestamps, UTIME_OMIT};
use rustix::io::{Errno, retry_on_intr};
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
        let (root, _permit) = (self.for_writing()?.root, self.permit()?);
        let parent = root.parent(path)?;
        // Devices, sockets and FIFOs do not exist for clients.
        parent.attributes()?;
        Ok(retry_on_intr(|| {
            kernel::unlinkat(&parent, parent.name, AtFlags::empty())
        })?)
    }

    fn make_directory(&self, path: &VirtualPath, audience: Audience) -> Result<(), StorageError> {
        let (root, _permit) = (self.for_writing()?.root, self.permit()?);
        if *path == VirtualPath::ROOT {
            return Err(StorageError::Exists);
        }
        let parent = root.parent(path)?;
        retry_on_intr(|| kernel::mkdirat(&parent, parent.name, audience.directory_mode()))
            .map_err(StorageError::of_new_name)
    }

    fn remove_directory(&self, path: &VirtualPath) -> Result<(), StorageError> {
        let (root, _permit) = (self.for_writing()?.root, self.permit()?);
        let parent = root.parent(path)?;
        Ok(retry_on_intr(|| {
            kernel::unlinkat(&parent, parent.name, AtFlags::REMOVEDIR)
        })?)
    }

    fn rename(&self, from: &VirtualPath, to: &VirtualPath, existing: Existing) -> Result<(), StorageError> {
        let root = self.for_writing()?.root;
        let (_from_permit, _to_permit) = (self.permit()?, self.permit()?);
        let from = root.parent(from)?;
        from.attributes()?;
        let to = root.parent(to)?;
        // A file that does not exist for clients cannot be replaced by them.
        if to.stat().is_ok_and(|stat| served_attributes(&stat).is_none()) {
            return Err(StorageError::NotFound);
        }
        let flags = match existing {
            Existing::Replace => RenameFlags::empty(),
            Existing::Refuse => RenameFlags::NOREPLACE,
        };
        match retry_on_intr(|| kernel::renameat_with(&from, from.name, &to, to.name, flags)) {
            Err(Errno::INVAL) => Err(StorageError::IntoItself),
            renamed => renamed.map_err(StorageError::of_new_name),
        }
    }

    fn set_modified(&self, path: &VirtualPath, time: Timestamp) -> Result<(), StorageError> {
        let (root, _permit) = (self.for_writing()?.root, self.permit()?);
        let opened = root.open_path(path, OFlags::PATH)?;
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
            kernel::utimensat(&opened, "", &times, AtFlags::EMPTY_PATH)
        })?)
    }

    /// Returns the resulting mode. The server's user keeps read and write permission for files and full permission for
    /// directories, so that clients cannot lock everyone out. The mode of the root does not change. Set-id and sticky
    /// bits are never set, and directories keep theirs, because their owner uses them for sharing.
    fn set_mode(&self, path: &VirtualPath, mode: u32) -> Result<u32, StorageError> {
        let (root, _permit) = (self.for_writing()?.root, self.permit()?);
        root.attributes(path)?;
        // `fchmod` needs a file opened for reading, so unreadable files keep their mode. Changing it by name would
        // follow links.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
        let opened = root.open_path(path, flags)?;
        let found = stat_of(&opened)?;
        if is_same_file(&found, &stat_of(root)?) {
            return Err(StorageError::PermissionDenied);
        }
        let kept = if is_directory(&found) {
            0o700 | found.st_mode & 0o7000
        } else {
            0o600
        };
        let mode = mode & 0o777 | kept;
        retry_on_intr(|| kernel::fchmod(&opened, Mode::from_raw_mode(mode)))?;
        Ok(mode)
    }

    fn walk(&self, start: &VirtualPath, purpose: WalkPurpose) -> TreeWalk {
        TreeWalk::new(self.root.clone(), start, purpose)
    }

    fn free_space(&self, path: &VirtualPath) -> Result<u64, StorageError> {
        let _permit = self.permit()?;
        let opened = self.root.open_path(path, OFlags::PATH)?;
        let space = retry_on_intr(|| kernel::fstatvfs(&opened))?;
        Ok(space.f_bavail.saturating_mul(space.f_frsize))
    }
}

#[cfg(test)]
pub(super) mod tests;
