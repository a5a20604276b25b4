//! RETR in TYPE A: a file to the data connection with its line ends translated (RFC 959 §3.1.1.1).
//!
//! A restart marker counts translated octets (RFC 3659 §5.3), so a restart translates from the beginning and drops
//! what the client has, a budget at a time. Only that shows whether the file has that many, so it is done before the
//! transfer begins: [`SendText::seek`].

use super::data_stream::DataSink;
use super::progress::{Budget, Progress, TransferError};
use super::unsent::Unsent;
use crate::ftp::ascii::AsciiEncoder;
use crate::storage::OpenFile;

/// Bytes of file translated at once.
const CHUNK: usize = 32 * 1024;

/// A download in TYPE A.
#[derive(Debug)]
pub struct SendText {
    file: OpenFile,
    offset: u64,
    /// Translated octets that the client has already.
    skip: u64,
    encoder: AsciiEncoder,
    unsent: Unsent,
}

/// How far the search for the first octet to send has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeekProgress {
    BudgetSpent,
    Found,
    /// The translated file is shorter than that.
    BeyondEnd,
    SourceFailed,
    SourceShrank,
}

impl SendText {
    /// Sends `file` translated, without its first `skip` translated octets.
    pub fn new(file: OpenFile, skip: u64) -> Self {
        Self {
            file,
            offset: 0,
            skip,
            encoder: AsciiEncoder::new(),
            unsent: Unsent::default(),
        }
    }

    /// Bytes handed to the kernel so far.
    pub fn sent(&self) -> u64 {
        self.unsent.sent()
    }

    /// See [`Pump::pump`](super::Pump::pump).
    pub fn pump(&mut self, sink: &mut impl DataSink, budget: &mut Budget) -> Progress {
        let progress = self.move_on(sink, budget);
        self.unsent.settle();
        progress
    }

    fn move_on(&mut self, sink: &mut impl DataSink, budget: &mut Budget) -> Progress {
        // Needed for this turn only: a transfer that waits for its client holds no buffer.
        let mut chunk = Vec::new();
        loop {
            match self.unsent.flush(sink, budget) {
                Progress::Complete => {}
                other @ (Progress::WouldBlock | Progress::BudgetSpent | Progress::Failed(_)) => return other,
            }
            let left = self.file.size.saturating_sub(self.offset);
            if left == 0 {
                return Progress::Complete;
            }
            if budget.bytes == 0 {
                return Progress::BudgetSpent;
            }
            if let Err(error) = self.translate_chunk(&mut chunk, left, budget) {
                return Progress::Failed(error);
            }
        }
    }

    /// Translates and drops what the client has already, as far as `budget` allows. The transfer may begin when this
    /// returns [`SeekProgress::Found`]; if there is nothing to skip, at once.
    pub fn seek(&mut self, budget: &mut Budget) -> SeekProgress {
        let progress = self.seek_on(budget);
        self.unsent.settle();
        progress
    }

    fn seek_on(&mut self, budget: &mut Budget) -> SeekProgress {
        let mut chunk = Vec::new();
        while self.skip > 0 {
            let left = self.file.size.saturating_sub(self.offset);
            if left == 0 {
                return SeekProgress::BeyondEnd;
            }
            if budget.bytes == 0 {
                return SeekProgress::BudgetSpent;
            }
            match self.translate_chunk(&mut chunk, left, budget) {
                Ok(()) => {}
                Err(TransferError::SourceShrank) => return SeekProgress::SourceShrank,
                Err(_) => return SeekProgress::SourceFailed,
            }
        }
        SeekProgress::Found
    }

    fn translate_chunk(&mut self, chunk: &mut Vec<u8>, left: u64, budget: &mut Budget) -> Result<(), TransferError> {
        let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(CHUNK);
        chunk.resize(wanted, 0);
        let read = self
            .file
            .read_at(self.offset, chunk)
            .map_err(|_| TransferError::SourceFailed)?;
        let (bytes, _) = chunk.split_at(read);
        if bytes.is_empty() {
            return Err(TransferError::SourceShrank);
        }
        self.offset += bytes.len() as u64;
        let text = self.unsent.buffer();
        self.encoder.encode(bytes, text);
        let dropped = usize::try_from(self.skip).unwrap_or(usize::MAX).min(text.len());
        text.drain(..dropped);
        self.skip -= dropped as u64;
        // Dropping is charged too: a restart near the end of a large file must not monopolize the turn.
        budget.bytes = budget.bytes.saturating_sub(dropped);
        Ok(())
    }
}
