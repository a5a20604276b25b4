//! What a `stat` says about a file, and which files exist for clients: regular files, directories and symbolic links
//! whose names are not reserved for the server. Devices, sockets and FIFOs do not (threat C08).

use super::StorageError;
use crate::ftp::listing::{Attributes, EntryKind};
use crate::ftp::timestamp::Timestamp;
use crate::random::Random;
use rustix::fs::{FileType, Stat};

/// Names that start with it are reserved: clients cannot see or use them (threat C22).
const PREFIX: &[u8] = b".loopftpd-";
/// Hexadecimal digits behind the prefix of a temporary file: 128 random bits.
const DIGITS: usize = 32;

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
    #[allow(
        clippy::useless_conversion,
        reason = "the type of the number depends on the architecture"
    )]
    let links = u64::from(stat.st_nlink);
    Some(Attributes {
        kind,
        mode: stat.st_mode & 0o7777,
        links,
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

/// Whether a name starts with the reserved prefix.
pub fn is_reserved(name: &[u8]) -> bool {
    name.starts_with(PREFIX)
}

/// A new name for the temporary file of an upload, which no other process can guess.
pub(super) fn temporary_name(random: &mut Random) -> Vec<u8> {
    let digits = format!("{:016x}{:016x}", random.number(), random.number());
    [PREFIX, digits.as_bytes()].concat()
}

/// Whether [`temporary_name`] makes names of this form.
pub(super) fn is_temporary_name(name: &[u8]) -> bool {
    name.strip_prefix(PREFIX)
        .is_some_and(|rest| rest.len() == DIGITS && rest.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_the_exact_form_are_temporary_files() {
        let mut random = Random::seeded(1);
        let (first, second) = (temporary_name(&mut random), temporary_name(&mut random));
        assert!(is_temporary_name(&first) && is_reserved(&first));
        assert_ne!(first, second);
        for similar in [
            &b".loopftpd-notes"[..],
            b".loopftpd-0123456789ABCDEF0123456789abcdef",
            b".loopftpd-0123456789abcdef0123456789abcde",
            b"x.loopftpd-0123456789abcdef0123456789abcdef",
        ] {
            assert!(!is_temporary_name(similar), "{}", similar.escape_ascii());
        }
        assert!(is_reserved(b".loopftpd-notes") && !is_reserved(b"loopftpd-notes"));
    }
}
