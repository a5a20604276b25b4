//! Why the storage refused. The system's error numbers end here: each that a client can cause has a meaning of its own,
//! and an unexpected one keeps its name.

use rustix::io::Errno;
use std::sync::atomic::{AtomicU64, Ordering};

/// Why the storage refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.word())]
pub enum StorageError {
    /// Missing, or hidden from clients: outside the root, neither file nor directory, or a reserved name. All are the
    /// same error, so that no client can find out what exists outside the root.
    NotFound,
    PermissionDenied,
    ReadOnlyFileSystem,
    NotADirectory,
    IsADirectory,
    /// The name of an existing file cannot be this long.
    NameTooLong,
    /// The name of a new file cannot be this long.
    NewNameTooLong,
    /// The file system does not allow this name.
    NameRefused,
    /// Symbolic links form a loop.
    LinkLoop,
    /// A rename would have to copy.
    OtherFileSystem,
    /// A rename would move a directory into itself.
    IntoItself,
    /// The system uses it, for example as a mount point.
    InUse,
    /// A temporary shortage (descriptors, memory) or a race with a rename: the same request may succeed later.
    Busy,
    /// An I/O error.
    Failed,
    /// The disk is full.
    NoSpace,
    /// The quota of the account, or the disk quota of the server's user, is used up.
    QuotaExceeded,
    /// The account has reached its limit of files and directories.
    TooManyEntries,
    /// Larger than this file system or the process's limits allow.
    FileTooLarge,
    /// The name is taken.
    Exists,
    /// A directory has the name of the file to be created.
    DirectoryExists,
    NotEmpty,
    /// The restart offset of an upload is behind the end of the file.
    BeyondEnd,
    /// Any other error of the system.
    Unexpected(Errno),
}

impl StorageError {
    /// The word in logs and events; it stays the same between versions.
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

    /// The error of a system call that gives a file a name: the new name is the problem, not an existing one. Some file
    /// systems refuse characters that others accept (EINVAL, EILSEQ).
    pub(super) fn of_new_name(errno: Errno) -> Self {
        match errno {
            Errno::NAMETOOLONG => StorageError::NewNameTooLong,
            Errno::INVAL | Errno::ILSEQ => StorageError::NameRefused,
            other => other.into(),
        }
    }

    /// The same error where a file is to be written: a directory has its name.
    pub(super) fn of_upload(self) -> Self {
        match self {
            StorageError::IsADirectory => StorageError::DirectoryExists,
            other => other,
        }
    }
}

impl From<Errno> for StorageError {
    fn from(errno: Errno) -> Self {
        match errno {
            // ENXIO: a FIFO, socket or device; these are hidden from clients.
            Errno::NOENT | Errno::NXIO => StorageError::NotFound,
            Errno::ACCESS => StorageError::PermissionDenied,
            Errno::PERM => {
                log_not_permitted();
                StorageError::PermissionDenied
            }
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

/// Of the calls that fail with EPERM, the log counts those that the sandbox refuses, too: the system gives no other
/// sign of them. The first is logged, the second, the fourth, and so on.
fn log_not_permitted() {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    let calls = CALLS.fetch_add(1, Ordering::Relaxed) + 1;
    if calls.is_power_of_two() {
        log::warn!(
            "system calls that failed with EPERM: {calls}; the file has another owner or cannot be changed, or the \
             sandbox forbids the call"
        );
    }
}

/// The symbolic name of an error number, such as `ENOTTY`.
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
    fn an_unexpected_error_keeps_its_name() {
        assert_eq!(StorageError::from(Errno::NOTTY), StorageError::Unexpected(Errno::NOTTY));
        assert_eq!(errno_name(Errno::NOTTY), "ENOTTY");
        assert_eq!(errno_name(Errno::from_raw_os_error(4_000)), "error 4000");
    }

    #[test]
    fn errors_of_new_names_blame_the_new_name() {
        for (errno, expected) in [
            (Errno::NAMETOOLONG, StorageError::NewNameTooLong),
            (Errno::ILSEQ, StorageError::NameRefused),
            (Errno::INVAL, StorageError::NameRefused),
            (Errno::NOSPC, StorageError::NoSpace),
        ] {
            assert_eq!(StorageError::of_new_name(errno), expected, "{errno}");
        }
    }

    #[test]
    fn only_missing_and_hidden_files_are_not_found() {
        let not_found =
            (1..200).filter(|raw| StorageError::from(Errno::from_raw_os_error(*raw)) == StorageError::NotFound);
        let expected = [Errno::NOENT, Errno::NXIO].map(Errno::raw_os_error);
        assert_eq!(not_found.collect::<Vec<_>>(), expected);
    }
}
