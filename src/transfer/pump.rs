//! One transfer's pump, in either direction.

use super::data_stream::{DataSink, DataSource};
use super::outgoing::Outgoing;
use super::progress::{Budget, Progress};
use super::receive_file::ReceiveFile;
use super::send_deflated::SendDeflated;
use crate::storage::Upload;

/// Which way the bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub enum Direction {
    #[serde(rename = "out")]
    ToClient,
    #[serde(rename = "in")]
    FromClient,
}

/// One transfer's pump.
#[derive(Debug)]
pub enum Pump {
    Outgoing(Outgoing),
    /// What another pump would send, in MODE Z.
    Deflated(SendDeflated),
    Incoming(ReceiveFile),
}

impl Pump {
    /// Moves bytes, as far as `budget` allows, and takes what was used off the budget.
    pub fn pump(&mut self, stream: &mut (impl DataSink + DataSource), budget: &mut Budget) -> Progress {
        match self {
            Pump::Outgoing(outgoing) => outgoing.pump(stream, budget),
            Pump::Deflated(deflated) => deflated.pump(stream, budget),
            Pump::Incoming(file) => file.pump(stream, budget),
        }
    }

    /// Bytes moved so far: handed to the kernel, or written into the file.
    pub fn moved(&self) -> u64 {
        match self {
            Pump::Outgoing(outgoing) => outgoing.sent(),
            Pump::Deflated(deflated) => deflated.sent(),
            Pump::Incoming(file) => file.received(),
        }
    }

    /// Which way the bytes go.
    pub fn direction(&self) -> Direction {
        match self {
            Pump::Outgoing(_) | Pump::Deflated(_) => Direction::ToClient,
            Pump::Incoming(_) => Direction::FromClient,
        }
    }

    /// The upload, once the transfer is complete; `None` if it was a download.
    pub fn into_upload(self) -> Option<Upload> {
        match self {
            Pump::Outgoing(_) | Pump::Deflated(_) => None,
            Pump::Incoming(file) => Some(file.into_upload()),
        }
    }

    /// Ends the transfer early. What an upload has received is removed, or kept as a partial file.
    pub fn abort(self) {
        if let Some(upload) = self.into_upload() {
            upload.abort();
        }
    }
}
