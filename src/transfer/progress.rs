//! What a pump may use up in a turn, and how far it has come at the end of it.

use crate::storage::StorageError;

/// What one slot may use up in one turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Bytes handed to the kernel, or taken from it. Deflating and translating cost more than their bytes.
    pub bytes: usize,
    /// Directory entries looked up. A batch that was begun is finished, and costs something itself.
    pub entries: usize,
}

/// How far a pump has come at the end of its turn.
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

/// Why a transfer failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransferError {
    /// The client closed or reset the data connection.
    #[error("the data connection was lost")]
    ConnectionLost,
    #[error("reading the file or directory failed")]
    SourceFailed,
    #[error("the file became shorter while it was sent")]
    SourceShrank,
    /// What arrived in MODE Z.
    #[error("not a whole zlib stream")]
    BrokenStream,
    #[error("not stored: {}", .0.word())]
    NotStored(StorageError),
}
