//! Why one step of a pump moved nothing: the steps' error type, so that `?` ends the turn in the right way.

use super::data_stream::DataSink;
use super::progress::{Progress, TransferError};
use std::io;

/// Why a step moved nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Halt {
    /// The next step may move bytes: a signal interrupted the call, or the pump now moves them in another way.
    Retry,
    /// The pump's turn is over.
    Stop(Progress),
}

impl Halt {
    /// What a failed call on the data connection means.
    pub(super) fn on_connection(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::Interrupted => Halt::Retry,
            io::ErrorKind::WouldBlock => Halt::Stop(Progress::WouldBlock),
            _ => TransferError::ConnectionLost.into(),
        }
    }
}

impl From<TransferError> for Halt {
    fn from(error: TransferError) -> Self {
        Halt::Stop(Progress::Failed(error))
    }
}

/// Writes some of `bytes`, of which there must be some: a sink that takes none without an error counts as closed, or it
/// would be asked for ever.
pub(super) fn write_some(sink: &mut impl DataSink, bytes: &[u8]) -> Result<usize, Halt> {
    match sink.write(bytes) {
        Ok(0) => Err(TransferError::ConnectionLost.into()),
        Ok(count) => Ok(count),
        Err(error) => Err(Halt::on_connection(&error)),
    }
}
