//! STOR, APPE and STOU: from the data connection into a file, inside the kernel where nothing has to be translated.
//!
//! `splice` moves pages from the socket into the file without a copy through this process. Where file or socket refuse
//! it, and where line ends are translated or the stream is inflated, bytes go through a buffer. The end of the data
//! connection is the end of the file (RFC 959 §3.4.1); whether it is kept is decided by
//! [`Upload::finish`](crate::storage::Upload::finish), not here.

use super::data_stream::{DataSource, KernelCopyError};
use super::inflater::Inflater;
use super::progress::{Budget, Progress, TransferError};
use crate::ftp::ascii::AsciiDecoder;
use crate::ftp::command::{Representation, Transmission};
use crate::storage::{StorageError, Upload};

/// Bytes of the buffer for uploads that are not spliced.
const BUFFER_BYTES: usize = 64 * 1024;

/// An upload.
#[derive(Debug)]
pub struct ReceiveFile {
    writer: UploadWriter,
    method: ReceiveMethod,
}

#[derive(Debug)]
enum ReceiveMethod {
    Splice,
    /// Through a buffer of this process.
    Copy,
    /// MODE Z.
    Inflate(Inflater),
}

impl ReceiveFile {
    /// Receives into `upload` what is sent in this TYPE and MODE.
    pub fn new(upload: Upload, representation: Representation, transmission: Transmission) -> Self {
        let method = match (transmission, representation) {
            (Transmission::Deflate, _) => ReceiveMethod::Inflate(Inflater::default()),
            (Transmission::Stream, Representation::Ascii) => ReceiveMethod::Copy,
            (Transmission::Stream, Representation::Image) => ReceiveMethod::Splice,
        };
        let line_ends = match representation {
            Representation::Ascii => Some(AsciiDecoder::default()),
            Representation::Image => None,
        };
        Self {
            writer: UploadWriter { upload, line_ends },
            method,
        }
    }

    /// Bytes written into the file so far.
    pub fn received(&self) -> u64 {
        self.writer.upload.received()
    }

    /// The upload, once the transfer is complete.
    pub fn into_upload(self) -> Upload {
        self.writer.upload
    }

    /// See [`Pump::pump`](super::Pump::pump). [`Progress::Complete`]: the client has closed, and all it sent is
    /// written.
    pub fn pump(&mut self, source: &mut impl DataSource, budget: &mut Budget) -> Progress {
        // Needed for this turn only: an upload that waits for its client holds no buffer.
        let mut buffer = Vec::new();
        while budget.bytes > 0 {
            match self.receive(source, &mut buffer, budget.bytes) {
                Ok(0) => return Progress::Complete,
                Ok(cost) => budget.bytes -= cost,
                Err(progress) => return progress,
            }
        }
        Progress::BudgetSpent
    }

    /// One step of at most `count` bytes: what it costs of the budget, 0 at the end.
    fn receive(&mut self, source: &mut impl DataSource, buffer: &mut Vec<u8>, count: usize) -> Result<usize, Progress> {
        let writer = &mut self.writer;
        match &mut self.method {
            ReceiveMethod::Inflate(inflater) => return writer.inflate(inflater, source, count),
            // Translating makes fewer bytes than were received, so the quota is checked when they are written.
            ReceiveMethod::Splice | ReceiveMethod::Copy if writer.line_ends.is_some() => {
                return writer.copy(source, buffer, count);
            }
            ReceiveMethod::Splice | ReceiveMethod::Copy => {}
        }
        let room = usize::try_from(writer.upload.room()).unwrap_or(usize::MAX);
        let count = count.min(room);
        if count == 0 {
            return expect_end(source);
        }
        // The file is cut between receiving and writing its first new byte; splicing does both in one.
        if writer.upload.is_to_be_cut() {
            return writer.copy(source, buffer, count);
        }
        if let ReceiveMethod::Splice = self.method
            && let Some((file, offset)) = writer.upload.descriptor().map_err(TransferError::NotStored)?
        {
            match source.splice(file, offset, count) {
                Ok(count) => {
                    writer.upload.advance(count);
                    return Ok(count);
                }
                Err(KernelCopyError::Unsupported) => {}
                Err(KernelCopyError::File(errno)) => return Err(TransferError::NotStored(errno.into()).into()),
                Err(KernelCopyError::Connection(error)) => return Err(error.into()),
            }
        }
        self.method = ReceiveMethod::Copy;
        writer.copy(source, buffer, count)
    }
}

/// The quota is used up to the last byte: only the end may follow.
fn expect_end(source: &mut impl DataSource) -> Result<usize, Progress> {
    match source.read(&mut [0])? {
        0 => Ok(0),
        _ => Err(TransferError::NotStored(StorageError::QuotaExceeded).into()),
    }
}

/// An upload, and what translates its line ends.
#[derive(Debug)]
struct UploadWriter {
    upload: Upload,
    /// TYPE A (RFC 959 §3.1.1.1).
    line_ends: Option<AsciiDecoder>,
}

impl UploadWriter {
    fn copy(&mut self, source: &mut impl DataSource, buffer: &mut Vec<u8>, count: usize) -> Result<usize, Progress> {
        buffer.resize(BUFFER_BYTES, 0);
        let (window, _) = buffer.split_at_mut(count.min(BUFFER_BYTES));
        let received = source.read(window)?;
        match window.split_at(received) {
            ([], _) => self.finish()?,
            (bytes, _) => self.write(bytes)?,
        }
        Ok(received)
    }

    /// Receives, or inflates some of what was received. Inflating is a few times slower than copying, and much faster
    /// than deflating, so its bytes count like others.
    fn inflate(
        &mut self,
        inflater: &mut Inflater,
        source: &mut impl DataSource,
        count: usize,
    ) -> Result<usize, Progress> {
        if let Some(room) = inflater.room(count) {
            let received = source.read(room)?;
            inflater.received(received)?;
            if received == 0 {
                self.finish()?;
            }
            return Ok(received);
        }
        let bytes = inflater.inflate(count.min(BUFFER_BYTES))?;
        self.write(&bytes)?;
        Ok(bytes.len().max(1))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), TransferError> {
        match &mut self.line_ends {
            None => self.upload.write(bytes),
            Some(decoder) => {
                let mut text = Vec::with_capacity(bytes.len() + 1);
                decoder.decode(bytes, &mut text);
                self.upload.write(&text)
            }
        }
        .map_err(TransferError::NotStored)
    }

    /// At the end: writes a CR that was held because a LF might have followed.
    fn finish(&mut self) -> Result<(), TransferError> {
        let mut text = Vec::new();
        if let Some(decoder) = &mut self.line_ends {
            decoder.finish(&mut text);
        }
        self.upload.write(&text).map_err(TransferError::NotStored)
    }
}

#[cfg(test)]
mod tests;
