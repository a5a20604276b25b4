//! Transfers as replies and logs describe them, and how they end.

use super::refusal::reply_to_upload;
use crate::ftp::command::Representation;
use crate::ftp::path::VirtualPath;
use crate::ftp::reply::{self, Reply};
use crate::storage::StorageError;
use crate::transfer::ModeZPlace;
use std::time::Duration;

/// A running transfer.
#[derive(Debug)]
pub struct Transfer {
    pub verb: &'static str,
    pub path: VirtualPath,
    pub kind: TransferKind,
    pub representation: Representation,
    /// The 150 (RFC 959 §5.4).
    pub opening: Reply,
    /// Counts the transfer as one in MODE Z until it is dropped.
    pub mode_z_place: Option<ModeZPlace>,
}

/// What is transferred, and its direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferKind {
    Download,
    Upload,
    Listing,
}

/// How a transfer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Complete,
    /// No port or address was armed, the client did not connect in time, or its port could not be reached.
    NoDataConnection,
    /// No descriptor was free for the data connection.
    NoDescriptor,
    ConnectionLost,
    /// The TLS handshake of the data connection failed or took too long.
    HandshakeFailed,
    /// The data connection did not resume the TLS session of its control connection (threat E07).
    ForeignTlsSession,
    /// An upload over TLS ended without close_notify: its end may be missing (threat E05).
    Truncated,
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

    /// The word in logs and events.
    pub fn word(self) -> &'static str {
        self.word_and_reply().0
    }

    /// The transfer's last reply.
    pub fn reply(self) -> Reply {
        self.word_and_reply().1
    }

    /// The word, which does not change between versions, and the reply (RFC 959 §5.4).
    fn word_and_reply(self) -> (&'static str, Reply) {
        match self {
            Outcome::Complete => ("complete", reply::TRANSFER_COMPLETE),
            Outcome::NoDataConnection => ("no-data-connection", reply::NO_DATA_CONNECTION),
            Outcome::NoDescriptor => ("no-descriptor", reply::NO_DATA_CONNECTION),
            Outcome::ConnectionLost => ("data-connection-lost", reply::DATA_CONNECTION_LOST),
            Outcome::HandshakeFailed => ("tls-handshake-failed", reply::TLS_FAILED),
            Outcome::ForeignTlsSession => ("tls-session-mismatch", reply::TLS_SESSION_MISMATCH),
            Outcome::Truncated => ("truncated", reply::UPLOAD_TRUNCATED),
            Outcome::Stalled => ("stalled", reply::TRANSFER_STALLED),
            Outcome::Aborted => ("aborted", reply::TRANSFER_ABORTED),
            Outcome::SourceFailed => ("reading-failed", reply::READING_FAILED),
            Outcome::SourceShrank => ("file-shrank", reply::FILE_CHANGED),
            Outcome::BrokenStream => ("broken-stream", reply::BROKEN_STREAM),
            Outcome::NotStored(error) => (error.word(), reply_to_upload(error)),
            Outcome::StoredUnknown => ("sync-not-confirmed", reply::STORED_UNKNOWN),
            Outcome::Swallowed { bytes, crc32, took } => ("complete", Reply::swallowed(bytes, crc32, took)),
        }
    }
}
