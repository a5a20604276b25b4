//! RETR in TYPE A: a file to the data connection with its line ends translated (RFC 959 §3.1.1.1).
//!
//! A restart marker counts translated octets (RFC 3659 §5.3), so a restart translates from the beginning and drops
//! what the client has, a budget at a time. Only that shows whether the file has that many, so it is done before the
//! transfer begins: [`SendText::seek`].

use super::data_stream::DataSink;
use super::progress::{Budget, Progress, TransferError, read_some};
use super::unsent::Unsent;
use crate::ftp::ascii::AsciiEncoder;
use crate::storage::OpenFile;

/// Bytes of file translated at once.
const CHUNK: usize = 32 * 1024;

/// A download in TYPE A.
#[derive(Debug)]
pub struct SendText {
    text: UntranslatedText,
    unsent: Unsent,
}

/// What is not translated yet.
#[derive(Debug)]
struct UntranslatedText {
    file: OpenFile,
    offset: u64,
    /// Translated octets that the client has already.
    skip: u64,
    encoder: AsciiEncoder,
}

/// How far the search for the first octet to send has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeekProgress {
    BudgetSpent,
    Found,
    /// The translated file is shorter than that.
    BeyondEnd,
}

impl SendText {
    /// Sends `file` translated, without its first `skip` translated octets.
    pub fn new(file: OpenFile, skip: u64) -> Self {
        let text = UntranslatedText {
            file,
            offset: 0,
            skip,
            encoder: AsciiEncoder::default(),
        };
        Self {
            text,
            unsent: Unsent::default(),
        }
    }

    /// Bytes handed to the kernel so far.
    pub fn sent(&self) -> u64 {
        self.unsent.sent()
    }

    /// See [`Pump::pump`](super::Pump::pump).
    pub fn pump(&mut self, sink: &mut impl DataSink, budget: &mut Budget) -> Progress {
        // Needed for this turn only: a transfer that waits for its client holds no buffer.
        let mut chunk = Vec::new();
        let translate = |out: &mut Vec<u8>, budget: &mut Budget| self.text.translate_chunk(&mut chunk, out, budget);
        self.unsent.pump(sink, budget, translate)
    }

    /// Translates and drops what the client has already, as far as `budget` allows. The transfer may begin when this
    /// returns [`SeekProgress::Found`]; if there is nothing to skip, at once.
    pub fn seek(&mut self, budget: &mut Budget) -> Result<SeekProgress, TransferError> {
        let mut chunk = Vec::new();
        let sought = loop {
            if self.text.skip == 0 {
                break Ok(SeekProgress::Found);
            }
            match self.text.translate_chunk(&mut chunk, self.unsent.buffer(), budget) {
                Ok(()) => {}
                Err(Progress::Complete) => break Ok(SeekProgress::BeyondEnd),
                Err(Progress::BudgetSpent | Progress::WouldBlock) => break Ok(SeekProgress::BudgetSpent),
                Err(Progress::Failed(error)) => break Err(error),
            }
        };
        self.unsent.settle();
        sought
    }
}

impl UntranslatedText {
    fn translate_chunk(&mut self, chunk: &mut Vec<u8>, out: &mut Vec<u8>, budget: &mut Budget) -> Result<(), Progress> {
        let left = self.file.size.saturating_sub(self.offset);
        if left == 0 {
            return Err(Progress::Complete);
        }
        if budget.bytes == 0 {
            return Err(Progress::BudgetSpent);
        }
        chunk.resize(usize::try_from(left).unwrap_or(usize::MAX).min(CHUNK), 0);
        let bytes = read_some(&self.file, self.offset, chunk)?;
        self.offset += bytes.len() as u64;
        self.encoder.encode(bytes, out);
        let dropped = usize::try_from(self.skip).unwrap_or(usize::MAX).min(out.len());
        out.drain(..dropped);
        self.skip -= dropped as u64;
        // Dropping is charged too: a restart near the end of a large file must not monopolize the turn.
        budget.bytes = budget.bytes.saturating_sub(dropped);
        Ok(())
    }
}
