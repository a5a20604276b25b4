//! The pumps: what moves the bytes of one transfer, a budget at a time.
//!
//! A [`Pump`] owns the open file or directory of its transfer from the moment the command was accepted, so that no
//! later command can change what is sent or where it is kept (threat B06). `pump` moves bytes until the socket would
//! block, the budget is spent, or everything is through; it never waits, and never does more than its budget.

mod data_stream;
mod digest_file;
mod inflater;
mod listing_lines;
mod mode_z_places;
mod receive_file;
mod send_deflated;
mod send_file;
mod send_listing;
mod send_text;
mod splice_pipe;
mod unsent;

pub use data_stream::{DataStream, ReceiveError, SocketStream};
pub use digest_file::{DigestFile, DigestProgress};
pub use inflater::{BrokenStream, Inflater};
pub use listing_lines::{DirectoryLines, LineFormat, ListingLines};
pub use mode_z_places::{ModeZPlace, ModeZPlaces};
pub use receive_file::ReceiveFile;
pub use send_deflated::SendDeflated;
pub use send_file::SendFile;
pub use send_listing::SendListing;
pub use send_text::{SeekProgress, SendText};
pub use splice_pipe::SplicePipe;

use crate::storage::{StorageError, Upload};
use std::io;

/// What one slot may use up in one turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Bytes handed to the kernel, or taken from it. What is harder work than that costs more of it.
    pub bytes: usize,
    /// Directory entries looked up; a batch that has been begun is finished, and costs something itself.
    pub entries: usize,
}

/// Where a pump stands after a turn.
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

/// Why a transfer broke off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferError {
    /// The client closed or reset the data connection.
    ConnectionLost,
    /// Reading the file or directory failed.
    SourceFailed,
    /// The file became shorter while it was sent.
    SourceShrank,
    /// What came in MODE Z is no zlib stream, or not all of one.
    BrokenStream,
    /// The storage would not take what came.
    NotStored(StorageError),
}

/// Which way the bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    ToClient,
    FromClient,
}

/// One transfer's pump.
#[derive(Debug)]
pub enum Pump {
    File(SendFile),
    Text(SendText),
    Listing(SendListing),
    /// What another pump would send, in MODE Z.
    Deflated(SendDeflated),
    Receive(ReceiveFile),
}

impl Pump {
    /// Moves on, at most `budget` far; what was used is taken off the budget.
    pub fn pump(&mut self, stream: &mut impl DataStream, budget: &mut Budget) -> Progress {
        match self {
            Pump::File(file) => file.pump(stream, budget),
            Pump::Text(text) => text.pump(stream, budget),
            Pump::Listing(listing) => listing.pump(stream, budget),
            Pump::Deflated(source) => source.pump(stream, budget),
            Pump::Receive(file) => file.pump(stream, budget),
        }
    }

    /// Bytes moved so far: handed to the kernel, or written into the file.
    pub fn moved(&self) -> u64 {
        match self {
            Pump::File(file) => file.sent(),
            Pump::Text(text) => text.sent(),
            Pump::Listing(listing) => listing.sent(),
            Pump::Deflated(source) => source.sent(),
            Pump::Receive(file) => file.received(),
        }
    }

    /// Which way the bytes go.
    pub fn direction(&self) -> Direction {
        match self {
            Pump::File(_) | Pump::Text(_) | Pump::Listing(_) | Pump::Deflated(_) => Direction::ToClient,
            Pump::Receive(_) => Direction::FromClient,
        }
    }

    /// What was received, once all has come; `None` if bytes went the other way.
    pub fn into_upload(self) -> Option<Upload> {
        match self {
            Pump::File(_) | Pump::Text(_) | Pump::Listing(_) | Pump::Deflated(_) => None,
            Pump::Receive(file) => Some(file.into_upload()),
        }
    }
}

/// What a failed call on the data connection means; `None`: try the call again.
fn connection_failure(error: &io::Error) -> Option<Progress> {
    match error.kind() {
        io::ErrorKind::Interrupted => None,
        io::ErrorKind::WouldBlock => Some(Progress::WouldBlock),
        _ => Some(Progress::Failed(TransferError::ConnectionLost)),
    }
}

#[cfg(test)]
mod tests;
