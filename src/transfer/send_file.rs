//! RETR in TYPE I: a file to the data connection, inside the kernel where it can.
//!
//! `sendfile` moves pages of the cache to the socket without a copy through this process. Where a file system or socket
//! refuses it, or where there is no file behind the bytes, they go through a buffer. The pump sends exactly from its
//! offset to the size that the file had when it was opened: growth is not sent, shrinkage is an error (threats J03,
//! J04), and nothing is ever mapped.

use super::{Budget, DataStream, Progress, TransferError, connection_failure};
use crate::storage::OpenFile;
use rustix::io::Errno;

/// Bytes of the buffer that the fallback copies through.
const COPY_BYTES: usize = 64 * 1024;

/// A download in TYPE I.
#[derive(Debug)]
pub struct SendFile {
    file: OpenFile,
    offset: u64,
    /// The offset of the first byte that is not sent.
    end: u64,
    sent: u64,
    way: Way,
}

#[derive(Debug)]
enum Way {
    InKernel,
    ThroughBuffer(Box<[u8]>),
}

impl SendFile {
    /// Sends `file` from `offset` (RFC 3659 §5, REST) to the size it was opened with.
    pub fn new(file: OpenFile, offset: u64) -> Self {
        Self {
            end: file.size,
            file,
            offset,
            sent: 0,
            way: Way::InKernel,
        }
    }

    /// Sends nothing from offset `end` on (RANG).
    pub fn until(self, end: u64) -> Self {
        Self {
            end: self.end.min(end),
            ..self
        }
    }

    /// Bytes handed to the kernel so far.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// See [`Pump::pump`](super::Pump::pump).
    pub fn pump(&mut self, stream: &mut impl DataStream, budget: &mut Budget) -> Progress {
        loop {
            let left = self.end.saturating_sub(self.offset);
            if left == 0 {
                return Progress::Complete;
            }
            if budget.bytes == 0 {
                return Progress::BudgetSpent;
            }
            let count = usize::try_from(left).unwrap_or(usize::MAX).min(budget.bytes);
            let outcome = match &mut self.way {
                Way::InKernel => self.send_in_kernel(stream, count),
                Way::ThroughBuffer(buffer) => {
                    let mut buffer = std::mem::take(buffer);
                    let outcome = self.send_through(&mut buffer, stream, count);
                    self.way = Way::ThroughBuffer(buffer);
                    outcome
                }
            };
            match outcome {
                Ok(0) => return Progress::Failed(TransferError::SourceShrank),
                Ok(count) => {
                    self.offset += count as u64;
                    self.sent += count as u64;
                    budget.bytes -= count;
                }
                Err(None) => {}
                Err(Some(progress)) => return progress,
            }
        }
    }

    /// `Err(None)`: try again.
    fn send_in_kernel(&mut self, stream: &mut impl DataStream, count: usize) -> Result<usize, Option<Progress>> {
        let Some(descriptor) = self.file.descriptor() else {
            self.way = Way::ThroughBuffer(vec![0; COPY_BYTES].into_boxed_slice());
            return Err(None);
        };
        stream
            .send_file(descriptor, self.offset, count)
            .map_err(|error| match Errno::from_io_error(&error) {
                // Not every file system and not every offset can do it; a copy can.
                Some(Errno::INVAL | Errno::NOSYS | Errno::OVERFLOW | Errno::OPNOTSUPP) => {
                    self.way = Way::ThroughBuffer(vec![0; COPY_BYTES].into_boxed_slice());
                    None
                }
                Some(Errno::IO | Errno::STALE | Errno::NODEV | Errno::NXIO | Errno::NOMEM) => {
                    Some(Progress::Failed(TransferError::SourceFailed))
                }
                Some(_) | None => connection_failure(&error),
            })
    }

    fn send_through(
        &mut self,
        buffer: &mut [u8],
        stream: &mut impl DataStream,
        count: usize,
    ) -> Result<usize, Option<Progress>> {
        let wanted = count.min(buffer.len());
        let window = buffer.get_mut(..wanted).unwrap_or_default();
        let read = self
            .file
            .read_at(self.offset, window)
            .map_err(|_| Some(Progress::Failed(TransferError::SourceFailed)))?;
        let bytes = window.get(..read).unwrap_or_default();
        if bytes.is_empty() {
            return Ok(0);
        }
        // What the socket does not take is read again next time: slow, but it leaves nothing to remember.
        stream.send(bytes).map_err(|error| connection_failure(&error))
    }
}
