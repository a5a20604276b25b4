//! What a pump may use up in a turn, how far it has come at the end of it, and the two steps that pumps share.

use super::data_stream::DataSink;
use crate::storage::{OpenFile, StorageError};
use std::io;

/// What one slot may use up in one turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Bytes handed to the kernel, or taken from it. Deflating and translating cost more than their bytes.
    pub bytes: usize,
    /// Directory entries looked up. A batch that was begun is finished, and costs something itself.
    pub entries: usize,
}

/// How far a pump has come at the end of its turn. Its steps return it as their error, so that `?` ends the turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Everything has been handed to the kernel; or everything that the client sent has been taken from it.
    Complete,
    /// The socket takes or has no more for now; it has to become ready first.
    WouldBlock,
    /// The budget is spent, though there may be more to do.
    BudgetSpent,
    /// The transfer cannot go on.
    Failed(TransferError),
}

impl Progress {
    /// For the trace.
    pub fn word(self) -> &'static str {
        match self {
            Progress::Complete => "complete",
            Progress::WouldBlock => "would block",
            Progress::BudgetSpent => "budget spent",
            Progress::Failed(_) => "failed",
        }
    }
}

/// Why a transfer failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferError {
    /// The client closed or reset the data connection.
    ConnectionLost,
    /// The stream ended where its protocol does not allow it.
    Truncated,
    /// Reading the file or directory failed.
    SourceFailed,
    /// The file became shorter while it was sent.
    SourceShrank,
    /// What arrived in MODE Z is not a whole zlib stream.
    BrokenStream,
    NotStored(StorageError),
}

impl From<TransferError> for Progress {
    fn from(error: TransferError) -> Self {
        Progress::Failed(error)
    }
}

/// What a failed call on the data connection means.
impl From<io::Error> for Progress {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::WouldBlock => Progress::WouldBlock,
            // By a signal: the next turn tries again.
            io::ErrorKind::Interrupted => Progress::BudgetSpent,
            io::ErrorKind::UnexpectedEof => Progress::Failed(TransferError::Truncated),
            _ => Progress::Failed(TransferError::ConnectionLost),
        }
    }
}

/// Reads from `file`, which had bytes at `offset` when it was opened.
pub(super) fn read_some<'buffer>(
    file: &OpenFile,
    offset: u64,
    buffer: &'buffer mut [u8],
) -> Result<&'buffer [u8], TransferError> {
    match file.read_at(offset, buffer) {
        Ok(0) => Err(TransferError::SourceShrank),
        Ok(count) => Ok(buffer.split_at(count).0),
        Err(_) => Err(TransferError::SourceFailed),
    }
}

/// Writes some of `bytes`, which must not be empty. A sink that takes none without an error counts as closed: the pump
/// would never end.
pub(super) fn write_some(sink: &mut impl DataSink, bytes: &[u8]) -> Result<usize, Progress> {
    match sink.write(bytes)? {
        0 => Err(Progress::Failed(TransferError::ConnectionLost)),
        count => Ok(count),
    }
}
