//! RETR in TYPE I: a file to the data connection, inside the kernel where possible.
//!
//! `sendfile` moves pages of the cache to the socket without a copy through this process. Where a file system or socket
//! refuses it, or where there is no file behind the bytes, they go through a buffer. The pump sends exactly from its
//! offset to the size that the file had when it was opened: growth is not sent, shrinkage is an error (threats J03,
//! J04), and nothing is mapped.

use super::data_stream::{DataSink, KernelCopyError};
use super::halt::{Halt, write_some};
use super::progress::{Budget, Progress, TransferError};
use crate::storage::OpenFile;
use std::mem;

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
    method: SendMethod,
}

#[derive(Debug)]
enum SendMethod {
    SendFile,
    /// Through a buffer of this process.
    Copy(Box<[u8]>),
}

impl SendFile {
    /// Sends `file` from `offset` (RFC 3659 §5, REST) to the size it was opened with.
    pub fn new(file: OpenFile, offset: u64) -> Self {
        Self {
            end: file.size,
            file,
            offset,
            sent: 0,
            method: SendMethod::SendFile,
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
    pub fn pump(&mut self, sink: &mut impl DataSink, budget: &mut Budget) -> Progress {
        loop {
            let left = self.end.saturating_sub(self.offset);
            if left == 0 {
                return Progress::Complete;
            }
            if budget.bytes == 0 {
                return Progress::BudgetSpent;
            }
            let count = usize::try_from(left).unwrap_or(usize::MAX).min(budget.bytes);
            match self.send(sink, count) {
                Ok(count) => {
                    self.offset += count as u64;
                    self.sent += count as u64;
                    budget.bytes -= count;
                }
                Err(Halt::Retry) => {}
                Err(Halt::Stop(progress)) => return progress,
            }
        }
    }

    fn send(&mut self, sink: &mut impl DataSink, count: usize) -> Result<usize, Halt> {
        match &mut self.method {
            SendMethod::SendFile => self.send_file(sink, count),
            SendMethod::Copy(buffer) => {
                let mut buffer = mem::take(buffer);
                let sent = self.send_copy(&mut buffer, sink, count);
                self.method = SendMethod::Copy(buffer);
                sent
            }
        }
    }

    fn send_file(&mut self, sink: &mut impl DataSink, count: usize) -> Result<usize, Halt> {
        let sent = match self.file.descriptor() {
            Some(descriptor) => sink.send_file(descriptor, self.offset, count),
            None => Err(KernelCopyError::Unsupported),
        };
        match sent {
            Ok(0) => Err(TransferError::SourceShrank.into()),
            Ok(sent) => Ok(sent),
            Err(KernelCopyError::Unsupported) => {
                self.method = SendMethod::Copy(vec![0; COPY_BYTES].into_boxed_slice());
                Err(Halt::Retry)
            }
            Err(KernelCopyError::File(_)) => Err(TransferError::SourceFailed.into()),
            Err(KernelCopyError::Connection(error)) => Err(Halt::on_connection(&error)),
        }
    }

    fn send_copy(&self, buffer: &mut [u8], sink: &mut impl DataSink, count: usize) -> Result<usize, Halt> {
        let (window, _) = buffer.split_at_mut(count.min(buffer.len()));
        let read = self
            .file
            .read_at(self.offset, window)
            .map_err(|_| TransferError::SourceFailed)?;
        let (bytes, _) = window.split_at(read);
        if bytes.is_empty() {
            return Err(TransferError::SourceShrank.into());
        }
        // What the socket does not take is read again next time: slow, but it leaves nothing to remember.
        write_some(sink, bytes)
    }
}
