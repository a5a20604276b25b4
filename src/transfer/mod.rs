//! The pumps: each moves the bytes of one transfer, a budget at a time.
//!
//! A [`Pump`] owns the open file or directory of its transfer from the moment the command was accepted, so that no
//! later command can change what is sent or where it is stored (threat B06). `pump` moves bytes until the socket would
//! block, the budget is spent, or the transfer is complete; it never waits, and never exceeds its budget.

mod adler32;
mod data_stream;
mod digest_file;
mod halt;
mod inflater;
mod listing_lines;
mod mode_z_places;
mod receive_file;
mod send_deflated;
mod send_file;
mod send_listing;
mod send_text;
mod socket_stream;
mod splice_pipe;
mod unsent;
mod upload_writer;

pub use data_stream::{DataSink, DataSource, KernelCopyError};
pub use digest_file::{DigestFile, DigestProgress};
pub use inflater::{BrokenStream, Inflater};
pub use listing_lines::{DirectoryLines, LineFormat, ListingLines};
pub use mode_z_places::{ModeZPlace, ModeZPlaces};
pub use receive_file::ReceiveFile;
pub use send_deflated::SendDeflated;
pub use send_file::SendFile;
pub use send_listing::SendListing;
pub use send_text::{SeekProgress, SendText};
pub use socket_stream::SocketStream;
pub use splice_pipe::SplicePipe;

use crate::storage::{StorageError, Upload};

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

/// Which way the bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    ToClient,
    FromClient,
}

/// One transfer's pump.
#[derive(Debug)]
pub enum Pump {
    Outgoing(Outgoing),
    Incoming(ReceiveFile),
}

/// A pump that sends.
#[derive(Debug)]
pub enum Outgoing {
    File(SendFile),
    Text(SendText),
    Listing(SendListing),
    /// What another pump would send, in MODE Z.
    Deflated(SendDeflated),
}

impl Pump {
    /// Moves bytes, as far as `budget` allows; and takes what was used off the budget.
    pub fn pump(&mut self, stream: &mut (impl DataSink + DataSource), budget: &mut Budget) -> Progress {
        match self {
            Pump::Outgoing(outgoing) => outgoing.pump(stream, budget),
            Pump::Incoming(file) => file.pump(stream, budget),
        }
    }

    /// Bytes moved so far: handed to the kernel, or written into the file.
    pub fn moved(&self) -> u64 {
        match self {
            Pump::Outgoing(outgoing) => outgoing.sent(),
            Pump::Incoming(file) => file.received(),
        }
    }

    /// Which way the bytes go.
    pub fn direction(&self) -> Direction {
        match self {
            Pump::Outgoing(_) => Direction::ToClient,
            Pump::Incoming(_) => Direction::FromClient,
        }
    }

    /// The upload, once the transfer is complete; `None` if it was a download.
    pub fn into_upload(self) -> Option<Upload> {
        match self {
            Pump::Outgoing(_) => None,
            Pump::Incoming(file) => Some(file.into_upload()),
        }
    }
}

impl Outgoing {
    /// See [`Pump::pump`].
    pub fn pump(&mut self, sink: &mut impl DataSink, budget: &mut Budget) -> Progress {
        match self {
            Outgoing::File(file) => file.pump(sink, budget),
            Outgoing::Text(text) => text.pump(sink, budget),
            Outgoing::Listing(listing) => listing.pump(sink, budget),
            Outgoing::Deflated(source) => source.pump(sink, budget),
        }
    }

    /// Bytes handed to the kernel so far.
    pub fn sent(&self) -> u64 {
        match self {
            Outgoing::File(file) => file.sent(),
            Outgoing::Text(text) => text.sent(),
            Outgoing::Listing(listing) => listing.sent(),
            Outgoing::Deflated(source) => source.sent(),
        }
    }
}

#[cfg(test)]
mod tests;
