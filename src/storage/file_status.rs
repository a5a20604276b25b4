//! What a `stat` says about a file, and which kinds of files are served: regular files, directories and symbolic links.
//! Devices, sockets and FIFOs do not exist for clients (threat C08).

use super::error::StorageError;
use crate::ftp::listing::{Attributes, EntryKind};
use crate::ftp::timestamp::Timestamp;
use rustix::fs::{FileType, Stat};

/// The attributes of a file, or `None` if its kind is not served.
pub(super) fn served_attributes(stat: &Stat) -> Option<Attributes> {
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => EntryKind::File,
        FileType::Directory => EntryKind::Directory,
        FileType::Symlink => EntryKind::SymbolicLink,
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

/// Refuses everything but regular files.
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

/// Bytes of a regular file; 0 for every other kind.
pub(super) fn file_size(stat: &Stat) -> u64 {
    if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile {
        u64::try_from(stat.st_size).unwrap_or(0)
    } else {
        0
    }
}

pub(super) fn is_directory(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::Directory
}

pub(super) fn is_link(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::Symlink
}

/// Whether both are the same file.
pub(super) fn is_same_file(one: &Stat, other: &Stat) -> bool {
    (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)
}
