//! Where the bytes of an upload go (a hidden file, an existing file, or nowhere), and what it holds until published.

use super::beneath::stat_of;
use super::file_status::{file_size, must_be_regular};
use super::hidden_file::HiddenFile;
use super::quota::Charge;
use super::write_access::{InPlaceLock, WritableRoot};
use super::{Audience, Existing, Quota, StorageError};
use crate::descriptors::Permit;
use crate::ftp::path::VirtualPath;
use crate::kernel;
use rustix::fs::{AtFlags, OFlags};
use rustix::io::{Errno, retry_on_intr};
use std::os::fd::OwnedFd;

#[derive(Debug)]
pub(super) enum UploadTarget {
    Hidden {
        file: OwnedFd,
        hidden: HiddenFile,
    },
    InPlace {
        file: OwnedFd,
        /// The old content from this offset on is cut off before the first byte is written.
        cut: Option<u64>,
    },
    /// `/null` of the synthetic files.
    Nowhere(crc32fast::Hasher),
}

/// What an upload keeps until its publication has run.
#[derive(Debug, Default)]
pub struct Held {
    _permits: Vec<Permit>,
    _lock: Option<InPlaceLock>,
    pub(super) charge: Option<Charge>,
    /// CRC-32 of the received bytes, if they were discarded (`/null`).
    pub swallowed: Option<u32>,
}

impl UploadTarget {
    /// A new file that will take the name `path`.
    pub(super) fn hidden(
        root: &WritableRoot<'_>,
        path: &VirtualPath,
        existing: Existing,
        audience: Audience,
        quota: Option<&Quota>,
    ) -> Result<(Self, Held), StorageError> {
        if *path == VirtualPath::ROOT {
            return Err(StorageError::DirectoryExists);
        }
        let held = Held {
            _permits: vec![root.permit()?, root.permit()?],
            ..Held::default()
        };
        // Only a directory that was opened for reading can be synchronised.
        let flags = if root.access.policy.durable {
            OFlags::RDONLY
        } else {
            OFlags::PATH
        };
        let (directory, name) = root.root.open_parent(path, flags)?;
        match retry_on_intr(|| kernel::statat(&directory, name, AtFlags::SYMLINK_NOFOLLOW)) {
            Err(Errno::NOENT) => {}
            Err(errno) => return Err(StorageError::of_new_name(errno)),
            Ok(_) => {
                // A link is followed: if it leads out of the root, or to something that is no file, it is not replaced.
                must_be_regular(&root.root.stat(path)?).map_err(StorageError::of_upload)?;
                if existing == Existing::Refuse {
                    return Err(StorageError::Exists);
                }
            }
        }
        // The temporary file is an additional entry, even if it will replace another file.
        if quota.is_some_and(|quota| !quota.has_room_for_entry()) {
            return Err(StorageError::TooManyEntries);
        }
        let (hidden, file) = HiddenFile::create(
            directory,
            name,
            existing,
            audience.file_mode(),
            &mut root.access.random.borrow_mut(),
        )?;
        Ok((Self::Hidden { file, hidden }, held))
    }

    /// The existing file `path`, and the offset of the first byte: `restart`, or the end of the file.
    pub(super) fn in_place(
        root: &WritableRoot<'_>,
        path: &VirtualPath,
        restart: Option<u64>,
    ) -> Result<(Self, Held, u64), StorageError> {
        let permit = root.permit()?;
        let opened = root.root.open_regular(path, OFlags::WRONLY);
        let (file, stat) = opened.map_err(StorageError::of_upload)?;
        let size = file_size(&stat);
        let offset = restart.unwrap_or(size);
        if offset > size {
            return Err(StorageError::BeyondEnd);
        }
        let held = Held {
            _permits: vec![permit],
            _lock: Some(root.access.lock(&stat)?),
            ..Held::default()
        };
        Ok((Self::InPlace { file, cut: restart }, held, offset))
    }

    pub(super) fn file(&self) -> Option<&OwnedFd> {
        match self {
            Self::Hidden { file, .. } | Self::InPlace { file, .. } => Some(file),
            Self::Nowhere(_) => None,
        }
    }

    /// Writes at least one of `bytes`, which are not empty, and returns how many.
    pub(super) fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<usize, Errno> {
        match self {
            Self::Hidden { file, .. } | Self::InPlace { file, .. } => kernel::pwrite(&*file, bytes, offset),
            Self::Nowhere(hasher) => {
                hasher.update(bytes);
                Ok(bytes.len())
            }
        }
    }

    pub(super) fn is_to_be_cut(&self) -> bool {
        matches!(self, Self::InPlace { cut: Some(_), .. })
    }

    /// Bytes that [`cut`](Self::cut) would remove; 0 if the file was deleted, because its bytes were given back then.
    pub(super) fn bytes_to_cut(&self) -> u64 {
        match self {
            Self::InPlace {
                file, cut: Some(from), ..
            } => match stat_of(file) {
                Ok(stat) if stat.st_nlink > 0 => file_size(&stat).saturating_sub(*from),
                Ok(_) | Err(_) => 0,
            },
            Self::InPlace { cut: None, .. } | Self::Hidden { .. } | Self::Nowhere(_) => 0,
        }
    }

    /// Cuts off the old content behind the restart offset, if that has not been done.
    pub(super) fn cut(&mut self) -> Result<(), StorageError> {
        if let Self::InPlace { file, cut, .. } = self
            && let Some(length) = cut.take()
        {
            retry_on_intr(|| kernel::ftruncate(&*file, length))?;
        }
        Ok(())
    }
}
