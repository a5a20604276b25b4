//! The pumps that send, as they are in MODE S.

use super::data_stream::DataSink;
use super::listing_lines::SendListing;
use super::progress::{Budget, Progress};
use super::send_file::SendFile;
use super::send_text::SendText;

/// A pump that sends.
#[derive(Debug)]
pub enum Outgoing {
    File(SendFile),
    Text(SendText),
    Listing(SendListing),
}

impl Outgoing {
    /// See [`Pump::pump`](super::Pump::pump).
    pub fn pump(&mut self, sink: &mut impl DataSink, budget: &mut Budget) -> Progress {
        match self {
            Outgoing::File(file) => file.pump(sink, budget),
            Outgoing::Text(text) => text.pump(sink, budget),
            Outgoing::Listing(listing) => listing.pump(sink, budget),
        }
    }

    /// Bytes handed to the kernel so far.
    pub fn sent(&self) -> u64 {
        match self {
            Outgoing::File(file) => file.sent(),
            Outgoing::Text(text) => text.sent(),
            Outgoing::Listing(listing) => listing.sent(),
        }
    }
}
