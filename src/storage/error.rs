//! Why the storage refused. The system's error numbers end here: each that a client can cause has a meaning of its own,
//! and one that is not expected keeps its name instead of being taken for another.

use rustix::io::Errno;

/// Why the storage refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StorageError {
    /// Missing; or not there for clients: outside the root, neither file nor directory, or one of the server's own
    /// names. What lies outside is the same as what is missing, so that no client can find out what is there.
    NotFound,
    PermissionDenied,
    ReadOnlyFileSystem,
    NotADirectory,
    IsADirectory,
    /// Nothing can have so long a name.
    NameTooLong,
    /// The same, of a name that is about to be given.
    NewNameTooLong,
    /// No file can have this name here.
    NameRefused,
    /// Symbolic links lead to each other.
    LinkLoop,
    /// A rename would have to copy.
    OtherFileSystem,
    /// A rename would put a directory into itself.
    IntoItself,
    /// The system itself uses it, as it does a mount point.
    InUse,
    /// Something is short for the moment (descriptors, memory, a rename race): the same request may succeed later.
    Busy,
    /// The storage itself failed.
    Failed,
    /// The disk is full.
    NoSpace,
    /// The account's quota, or that of the server's user, is used up.
    QuotaExceeded,
    /// The account has as many files and directories as it may.
    TooManyEntries,
    /// Larger than a file can be here.
    FileTooLarge,
    /// Something has the name already.
    Exists,
    /// A directory has the name that a file was to get.
    DirectoryExists,
    NotEmpty,
    /// An upload was to go on behind the end of what is there.
    BeyondEnd,
    /// Anything else that the system may say.
    Unexpected(Errno),
}

impl StorageError {
    /// The word in logs and events; it does not change between versions.
    pub fn word(self) -> &'static str {
        match self {
            StorageError::NotFound => "not-found",
            StorageError::PermissionDenied => "permission-denied",
            StorageError::ReadOnlyFileSystem => "read-only-file-system",
            StorageError::NotADirectory => "not-a-directory",
            StorageError::IsADirectory => "is-a-directory",
            StorageError::NameTooLong | StorageError::NewNameTooLong => "name-too-long",
            StorageError::NameRefused => "name-refused",
            StorageError::LinkLoop => "link-loop",
            StorageError::OtherFileSystem => "other-file-system",
            StorageError::IntoItself => "into-itself",
            StorageError::InUse => "in-use",
            StorageError::Busy => "busy",
            StorageError::Failed => "storage-failed",
            StorageError::NoSpace => "disk-full",
            StorageError::QuotaExceeded => "quota-exceeded",
            StorageError::TooManyEntries => "too-many-entries",
            StorageError::FileTooLarge => "file-too-large",
            StorageError::Exists => "exists",
            StorageError::DirectoryExists => "directory-exists",
            StorageError::NotEmpty => "not-empty",
            StorageError::BeyondEnd => "beyond-end",
            StorageError::Unexpected(_) => "unexpected-error",
        }
    }
}

impl From<Errno> for StorageError {
    fn from(errno: Errno) -> Self {
        match errno {
            // ENXIO: a FIFO, socket or device, which clients do not see.
            Errno::NOENT | Errno::NXIO => StorageError::NotFound,
            Errno::ACCESS | Errno::PERM => StorageError::PermissionDenied,
            Errno::ROFS => StorageError::ReadOnlyFileSystem,
            Errno::NOTDIR => StorageError::NotADirectory,
            Errno::ISDIR => StorageError::IsADirectory,
            Errno::NAMETOOLONG => StorageError::NameTooLong,
            Errno::LOOP => StorageError::LinkLoop,
            Errno::XDEV => StorageError::OtherFileSystem,
            Errno::BUSY => StorageError::InUse,
            Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::NOBUFS | Errno::AGAIN | Errno::INTR | Errno::TXTBSY => {
                StorageError::Busy
            }
            Errno::IO | Errno::REMOTEIO | Errno::STALE | Errno::NODEV | Errno::TIMEDOUT => StorageError::Failed,
            Errno::NOSPC => StorageError::NoSpace,
            Errno::DQUOT => StorageError::QuotaExceeded,
            Errno::FBIG => StorageError::FileTooLarge,
            Errno::EXIST => StorageError::Exists,
            Errno::NOTEMPTY => StorageError::NotEmpty,
            other => StorageError::Unexpected(other),
        }
    }
}

/// The name that the manual pages give an error number, as in `ENOTTY`.
pub fn errno_name(errno: Errno) -> String {
    match nix::errno::Errno::from_raw(errno.raw_os_error()) {
        nix::errno::Errno::UnknownErrno => format!("error {}", errno.raw_os_error()),
        known => format!("{known:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_expected_keeps_its_name() {
        assert_eq!(StorageError::from(Errno::NOTTY), StorageError::Unexpected(Errno::NOTTY));
        assert_eq!(errno_name(Errno::NOTTY), "ENOTTY");
        assert_eq!(errno_name(Errno::from_raw_os_error(4_000)), "error 4000");
    }

    #[test]
    fn only_what_is_missing_or_hidden_is_not_found() {
        let not_found =
            (1..200).filter(|raw| StorageError::from(Errno::from_raw_os_error(*raw)) == StorageError::NotFound);
        let expected = [Errno::NOENT, Errno::NXIO].map(Errno::raw_os_error);
        assert_eq!(not_found.collect::<Vec<_>>(), expected);
    }
}
