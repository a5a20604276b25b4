//! The pumps: what moves the bytes of one transfer, a budget at a time.
//!
//! A [`Pump`] owns the open file or directory of its transfer from the moment the command was accepted, so that no later
//! command can change what is sent (threat B06). `pump` writes until the socket would block, the budget is spent, or
//! everything is out; it never waits, and never does more than its budget.

mod data_sink;
mod listing_lines;
mod send_file;
mod send_listing;
mod send_text;
mod unsent;

pub use data_sink::{DataSink, DataSocketSink};
pub use listing_lines::{DirectoryLines, LineFormat, ListingLines};
pub use send_file::SendFile;
pub use send_listing::SendListing;
pub use send_text::SendText;

use std::io;

/// What one slot may use up in one turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Bytes handed to the kernel.
    pub bytes: usize,
    /// Directory entries looked up; a batch that has been begun is finished, and costs something itself.
    pub entries: usize,
}

/// Where a pump stands after a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Everything has been handed to the kernel.
    Complete,
    /// The socket takes no more for now; it has to become writable first.
    WouldBlock,
    /// The budget is spent, though the socket would take more.
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
}

/// One transfer's pump.
#[derive(Debug)]
pub enum Pump {
    File(SendFile),
    Text(SendText),
    Listing(SendListing),
}

impl Pump {
    /// Moves on, at most `budget` far; what was used is taken off the budget.
    pub fn pump(&mut self, sink: &mut impl DataSink, budget: &mut Budget) -> Progress {
        match self {
            Pump::File(file) => file.pump(sink, budget),
            Pump::Text(text) => text.pump(sink, budget),
            Pump::Listing(listing) => listing.pump(sink, budget),
        }
    }

    /// Bytes handed to the kernel so far.
    pub fn sent(&self) -> u64 {
        match self {
            Pump::File(file) => file.sent(),
            Pump::Text(text) => text.sent(),
            Pump::Listing(listing) => listing.sent(),
        }
    }
}

/// What a failed write to the data connection means; `None`: try the call again.
fn write_failure(error: &io::Error) -> Option<Progress> {
    match error.kind() {
        io::ErrorKind::Interrupted => None,
        io::ErrorKind::WouldBlock => Some(Progress::WouldBlock),
        _ => Some(Progress::Failed(TransferError::ConnectionLost)),
    }
}

#[cfg(test)]
mod tests;
