//! How a transfer ended, with its last reply and the word used in logs and events.

use super::refusal::reply_to_upload;
use crate::ftp::reply::{self, Reply};
use crate::storage::StorageError;
use std::time::Duration;

/// How a transfer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Complete,
    /// No port or address was armed, the client did not connect in time, or its port could not be reached.
    NoDataConnection,
    /// No descriptor was free for the data connection.
    NoDescriptor,
    ConnectionLost,
    /// No bytes moved for the stall timeout.
    Stalled,
    /// The client sent ABOR.
    Aborted,
    SourceFailed,
    SourceShrank,
    /// The data of an upload in MODE Z is not a complete zlib stream.
    BrokenStream,
    /// The upload could not be stored.
    NotStored(StorageError),
    /// The disk did not confirm in time, or not for certain, that the file is stored under its name.
    StoredUnknown,
    /// A complete upload to `/null`: counted and discarded.
    Swallowed {
        bytes: u64,
        crc32: u32,
        took: Duration,
    },
}

impl Outcome {
    /// Whether the last reply is a positive one.
    pub fn is_success(self) -> bool {
        self.reply().code() < 400
    }

    /// The word in logs and events; it does not change between versions.
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Complete | Outcome::Swallowed { .. } => "complete",
            Outcome::NoDataConnection => "no-data-connection",
            Outcome::NoDescriptor => "no-descriptor",
            Outcome::ConnectionLost => "data-connection-lost",
            Outcome::Stalled => "stalled",
            Outcome::Aborted => "aborted",
            Outcome::SourceFailed => "reading-failed",
            Outcome::SourceShrank => "file-shrank",
            Outcome::BrokenStream => "broken-stream",
            Outcome::NotStored(error) => error.word(),
            Outcome::StoredUnknown => "sync-not-confirmed",
        }
    }

    /// The transfer's last reply (RFC 959 §5.4).
    pub fn reply(self) -> Reply {
        match self {
            Outcome::Complete => reply::TRANSFER_COMPLETE,
            Outcome::NoDataConnection | Outcome::NoDescriptor => reply::NO_DATA_CONNECTION,
            Outcome::ConnectionLost => reply::DATA_CONNECTION_LOST,
            Outcome::Stalled => reply::TRANSFER_STALLED,
            Outcome::Aborted => reply::TRANSFER_ABORTED,
            Outcome::SourceFailed => reply::READING_FAILED,
            Outcome::SourceShrank => reply::FILE_CHANGED,
            Outcome::BrokenStream => reply::BROKEN_STREAM,
            Outcome::NotStored(error) => reply_to_upload(error),
            Outcome::StoredUnknown => reply::STORED_UNKNOWN,
            Outcome::Swallowed { bytes, crc32, took } => Reply::swallowed(bytes, crc32, took),
        }
    }
}
