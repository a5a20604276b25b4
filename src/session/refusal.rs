//! Refused commands, and the one table from storage errors to replies.

use crate::ftp::reply::{self, Reply};
use crate::storage::{StorageError, errno_name};

/// Why a command is refused.
#[derive(Debug)]
pub(super) enum Refusal {
    Reply(Reply),
    Storage(StorageError),
}

impl Refusal {
    pub(super) fn into_reply(self) -> Reply {
        match self {
            Refusal::Reply(reply) => reply,
            Refusal::Storage(error) => reply_to(error),
        }
    }
}

impl From<Reply> for Refusal {
    fn from(reply: Reply) -> Self {
        Refusal::Reply(reply)
    }
}

impl From<StorageError> for Refusal {
    fn from(error: StorageError) -> Self {
        Refusal::Storage(error)
    }
}

/// The reply to a command that the storage refused, before any 150.
fn reply_to(error: StorageError) -> Reply {
    match error {
        StorageError::NotFound => reply::FILE_NOT_FOUND,
        StorageError::PermissionDenied => reply::PERMISSION_DENIED,
        StorageError::ReadOnlyFileSystem => reply::READ_ONLY_FILE_SYSTEM,
        StorageError::NotADirectory => reply::NOT_A_DIRECTORY,
        StorageError::IsADirectory => reply::IS_A_DIRECTORY,
        StorageError::NameTooLong => reply::NAME_TOO_LONG,
        StorageError::NewNameTooLong => reply::NEW_NAME_TOO_LONG,
        StorageError::NameRefused => reply::NAME_REFUSED,
        StorageError::LinkLoop => reply::LINK_LOOP,
        StorageError::OtherFileSystem => reply::OTHER_FILE_SYSTEM,
        StorageError::IntoItself => reply::INTO_ITSELF,
        StorageError::InUse => reply::IN_USE,
        StorageError::Busy => reply::TRY_AGAIN,
        StorageError::Failed => reply::STORAGE_FAILED,
        StorageError::NoSpace => reply::DISK_FULL,
        StorageError::QuotaExceeded => reply::QUOTA_EXCEEDED,
        StorageError::TooManyEntries => reply::TOO_MANY_ENTRIES,
        StorageError::FileTooLarge => reply::FILE_TOO_LARGE,
        StorageError::Exists => reply::NAME_TAKEN,
        StorageError::DirectoryExists => reply::NAME_OF_DIRECTORY,
        StorageError::NotEmpty => reply::NOT_EMPTY,
        StorageError::BeyondEnd => reply::BAD_RESTART,
        StorageError::Unexpected(errno) => Reply::action_failed(&errno_name(errno)),
    }
}

/// The last reply of an upload that failed after its 150. There, RFC 959 §5.4 has no 550, so 451 replaces it.
pub(super) fn reply_to_upload(error: StorageError) -> Reply {
    match reply_to(error) {
        reply if reply.code() == 550 => reply.with_code(451),
        reply => reply,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::io::Errno;

    fn text(reply: &Reply) -> String {
        let mut out = Vec::new();
        reply.write_to(&mut out);
        String::from_utf8_lossy(&out).trim_end().to_owned()
    }

    #[test]
    fn every_error_of_the_system_has_its_own_reply() {
        for (errno, expected) in [
            (Errno::NOENT, "550 File not found"),
            (Errno::ACCESS, "550 Permission denied"),
            (Errno::PERM, "550 Permission denied"),
            (Errno::ROFS, "550 Read-only file system"),
            (Errno::NOTDIR, "550 Not a directory"),
            (Errno::ISDIR, "550 Is a directory"),
            (Errno::NAMETOOLONG, "550 File name too long"),
            (Errno::LOOP, "550 Symbolic link loop"),
            (Errno::XDEV, "550 Cannot be moved to another file system"),
            (Errno::BUSY, "550 Device or resource busy"),
            (Errno::MFILE, "450 Busy, try again"),
            (Errno::NFILE, "450 Busy, try again"),
            (Errno::NOMEM, "450 Busy, try again"),
            (Errno::TXTBSY, "450 Busy, try again"),
            (Errno::IO, "451 Input/output error on the server"),
            (Errno::STALE, "451 Input/output error on the server"),
            (Errno::NOSPC, "452 No space left on the server"),
            (Errno::DQUOT, "552 Quota exceeded"),
            (Errno::FBIG, "552 File too large"),
            (
                Errno::EXIST,
                "553 There is a file of that name, and it may not be replaced",
            ),
            (Errno::NOTEMPTY, "550 Directory is not empty"),
            (Errno::OPNOTSUPP, "550 Action failed (EOPNOTSUPP)"),
            (Errno::MLINK, "550 Action failed (EMLINK)"),
        ] {
            assert_eq!(text(&reply_to(errno.into())), expected, "{errno}");
        }
    }

    #[test]
    fn an_upload_that_fails_after_its_150_is_not_answered_550() {
        for (errno, expected) in [
            (Errno::ACCESS, "451 Permission denied"),
            (Errno::NOSPC, "452 No space left on the server"),
            (Errno::NOTTY, "451 Action failed (ENOTTY)"),
        ] {
            assert_eq!(text(&reply_to_upload(errno.into())), expected, "{errno}");
        }
    }
}
