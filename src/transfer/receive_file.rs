//! STOR, APPE and STOU: from the data connection into a file, inside the kernel where nothing has to be translated.
//!
//! `splice` moves pages from the socket into the file without a copy through this process. Where file or socket refuse
//! it, and where line ends are translated or the stream is inflated, bytes go through a buffer. The end of the data
//! connection is the end of the file (RFC 959 §3.4.1); whether it is kept is decided by
//! [`Upload::finish`](crate::storage::Upload::finish), not here.

use super::data_stream::{DataSource, KernelCopyError};
use super::halt::Halt;
use super::inflater::Inflater;
use super::progress::{Budget, Progress, TransferError};
use super::upload_writer::UploadWriter;
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
            (Transmission::Deflate, _) => ReceiveMethod::Inflate(Inflater::new()),
            (Transmission::Stream, Representation::Ascii) => ReceiveMethod::Copy,
            (Transmission::Stream, Representation::Image) => ReceiveMethod::Splice,
        };
        Self {
            writer: UploadWriter::new(upload, representation),
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
                Err(Halt::Retry) => {}
                Err(Halt::Stop(progress)) => return progress,
            }
        }
        Progress::BudgetSpent
    }

    /// One step of at most `count` bytes: what it costs of the budget, 0 at the end.
    fn receive(&mut self, source: &mut impl DataSource, buffer: &mut Vec<u8>, count: usize) -> Result<usize, Halt> {
        let writer = &mut self.writer;
        match &mut self.method {
            ReceiveMethod::Inflate(inflater) => inflate(inflater, source, writer, count),
            // Translating makes fewer bytes than were received, so the quota is checked when they are written.
            ReceiveMethod::Splice | ReceiveMethod::Copy if writer.is_translating() => {
                copy(source, writer, buffer, count)
            }
            ReceiveMethod::Splice | ReceiveMethod::Copy => {
                let room = usize::try_from(writer.upload.room()).unwrap_or(usize::MAX);
                match count.min(room) {
                    0 => expect_end(source),
                    // The file is cut between receiving and writing its first new byte; splicing does both in one.
                    count if writer.upload.is_to_be_cut() => copy(source, writer, buffer, count),
                    count => self.splice_or_copy(source, buffer, count),
                }
            }
        }
    }

    fn splice_or_copy(
        &mut self,
        source: &mut impl DataSource,
        buffer: &mut Vec<u8>,
        count: usize,
    ) -> Result<usize, Halt> {
        let writer = &mut self.writer;
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
                Err(KernelCopyError::Connection(error)) => return Err(Halt::on_connection(&error)),
            }
        }
        self.method = ReceiveMethod::Copy;
        copy(source, writer, buffer, count)
    }
}

/// The quota is used up to the last byte: only the end may follow.
fn expect_end(source: &mut impl DataSource) -> Result<usize, Halt> {
    match source.read(&mut [0]) {
        Ok(0) => Ok(0),
        Ok(_) => Err(TransferError::NotStored(StorageError::QuotaExceeded).into()),
        Err(error) => Err(Halt::on_connection(&error)),
    }
}

fn copy(
    source: &mut impl DataSource,
    writer: &mut UploadWriter,
    buffer: &mut Vec<u8>,
    count: usize,
) -> Result<usize, Halt> {
    buffer.resize(BUFFER_BYTES, 0);
    let (window, _) = buffer.split_at_mut(count.min(BUFFER_BYTES));
    let received = source.read(window).map_err(|error| Halt::on_connection(&error))?;
    match window.split_at(received) {
        ([], _) => writer.finish()?,
        (bytes, _) => writer.write(bytes)?,
    }
    Ok(received)
}

/// Receives, or inflates some of what was received. Inflating is a few times slower than copying, and much faster than
/// deflating, so its bytes count like others.
fn inflate(
    inflater: &mut Inflater,
    source: &mut impl DataSource,
    writer: &mut UploadWriter,
    count: usize,
) -> Result<usize, Halt> {
    if let Some(room) = inflater.room(count) {
        let received = source.read(room).map_err(|error| Halt::on_connection(&error))?;
        inflater.received(received).map_err(TransferError::from)?;
        if received == 0 {
            writer.finish()?;
        }
        return Ok(received);
    }
    let mut bytes = Vec::new();
    inflater
        .inflate(&mut bytes, count.min(BUFFER_BYTES))
        .map_err(TransferError::from)?;
    writer.write(&bytes)?;
    Ok(bytes.len().max(1))
}

#[cfg(test)]
mod tests;
