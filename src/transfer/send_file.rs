//! RETR in TYPE I: a file to the data connection, inside the kernel where possible.
//!
//! `sendfile` moves pages of the cache to the socket without a copy through this process. Where a file system or socket
//! refuses it, or where there is no file behind the bytes, they go through a buffer. The pump sends exactly from its
//! offset to the size that the file had when it was opened: growth is not sent, shrinkage is an error (threats J03,
//! J04), and nothing is mapped.

use super::data_stream::{DataSink, KernelCopyError};
use super::progress::{Budget, Progress, TransferError, read_some, write_some};
use crate::storage::OpenFile;
use std::ops::Range;

/// Bytes of the buffer that the fallback copies through.
const COPY_BYTES: usize = 64 * 1024;

/// A download in TYPE I.
#[derive(Debug)]
pub struct SendFile {
    file: OpenFile,
    /// The offsets of the bytes that are not sent yet.
    left: Range<u64>,
    sent: u64,
    method: SendMethod,
}

#[derive(Debug)]
enum SendMethod {
    SendFile,
    /// Through a buffer of this process.
    Copy,
}

impl SendFile {
    /// Sends the bytes of `file` whose offsets are in `part` (RFC 3659 §5, REST; draft-bryan-ftp-range, RANG), as far
    /// as the size that it was opened with.
    pub fn new(file: OpenFile, part: Range<u64>) -> Self {
        Self {
            left: part.start..part.end.min(file.size),
            file,
            sent: 0,
            method: SendMethod::SendFile,
        }
    }

    /// Bytes handed to the kernel so far.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// See [`Pump::pump`](super::Pump::pump).
    pub fn pump(&mut self, sink: &mut impl DataSink, budget: &mut Budget) -> Progress {
        // Needed for this turn only: a transfer that waits for its client holds no buffer.
        let mut buffer = Vec::new();
        while !self.left.is_empty() {
            if budget.bytes == 0 {
                return Progress::BudgetSpent;
            }
            let left = self.left.end - self.left.start;
            let count = usize::try_from(left).unwrap_or(usize::MAX).min(budget.bytes);
            match self.send(sink, &mut buffer, count) {
                Ok(count) => {
                    self.left.start += count as u64;
                    self.sent += count as u64;
                    budget.bytes -= count;
                }
                Err(progress) => return progress,
            }
        }
        Progress::Complete
    }

    fn send(&mut self, sink: &mut impl DataSink, buffer: &mut Vec<u8>, count: usize) -> Result<usize, Progress> {
        if let SendMethod::SendFile = self.method
            && let Some(descriptor) = self.file.descriptor()
        {
            match sink.send_file(descriptor, self.left.start, count) {
                Ok(0) => return Err(TransferError::SourceShrank.into()),
                Ok(sent) => return Ok(sent),
                Err(KernelCopyError::Unsupported) => {}
                Err(KernelCopyError::File(_)) => return Err(TransferError::SourceFailed.into()),
                Err(KernelCopyError::Connection(error)) => return Err(error.into()),
            }
        }
        self.method = SendMethod::Copy;
        buffer.resize(count.min(COPY_BYTES), 0);
        // What the socket does not take is read again next time: slow, but it leaves nothing to remember.
        write_some(sink, read_some(&self.file, self.left.start, buffer)?)
    }
}
