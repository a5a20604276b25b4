//! STOR, APPE and STOU: from the data connection into a file, inside the kernel where nothing has to be translated.
//!
//! `splice` moves pages from the socket into the file without a copy through this process; where file or socket refuse it,
//! and where line ends are translated or the stream is inflated, bytes go through a buffer. The end of the data connection
//! is the end of the file (RFC 959 §3.4.1); whether all of it is kept is decided by
//! [`Upload::finish`](crate::storage::Upload::finish), not here.

use super::data_stream::ReceiveError;
use super::{Budget, DataStream, Progress, TransferError, connection_failure};
use crate::ftp::ascii::AsciiDecoder;
use crate::storage::{StorageError, Upload};

/// Bytes of the buffer that translated uploads pass through.
const BUFFER_BYTES: usize = 64 * 1024;

/// An upload.
#[derive(Debug)]
pub struct ReceiveFile {
    upload: Upload,
    way: Way,
}

#[derive(Debug)]
enum Way {
    InKernel,
    ThroughBuffer {
        buffer: Box<[u8]>,
        translation: Translation,
    },
}

/// What is done to the bytes on their way into the file.
#[derive(Debug)]
pub enum Translation {
    Nothing,
    /// TYPE A.
    LineEnds(AsciiDecoder),
}

impl ReceiveFile {
    /// Receives into `upload`.
    pub fn new(upload: Upload, translation: Translation) -> Self {
        let way = match translation {
            Translation::Nothing => Way::InKernel,
            translation @ Translation::LineEnds(_) => through_buffer(translation),
        };
        Self { upload, way }
    }

    /// Bytes written into the file so far.
    pub fn received(&self) -> u64 {
        self.upload.received()
    }

    /// The upload, once all has come.
    pub fn into_upload(self) -> Upload {
        self.upload
    }

    /// See [`Pump::pump`](super::Pump::pump). [`Progress::Complete`]: the client has closed, and all it sent is written.
    pub fn pump(&mut self, stream: &mut impl DataStream, budget: &mut Budget) -> Progress {
        while budget.bytes > 0 {
            let allowed = usize::try_from(self.upload.room())
                .unwrap_or(usize::MAX)
                .min(budget.bytes);
            let step = match &mut self.way {
                _ if allowed == 0 => expect_end(stream),
                Way::InKernel => self.splice(stream, allowed),
                Way::ThroughBuffer { buffer, translation } => {
                    copy(&mut self.upload, stream, buffer, translation, allowed)
                }
            };
            match step {
                Ok(0) => return Progress::Complete,
                Ok(count) => budget.bytes -= count,
                Err(None) => {}
                Err(Some(progress)) => return progress,
            }
        }
        Progress::BudgetSpent
    }

    /// `Err(None)`: try again, perhaps in another way.
    fn splice(&mut self, stream: &mut impl DataStream, count: usize) -> Result<usize, Option<Progress>> {
        let Some((file, offset)) = self.upload.descriptor().map_err(refused)? else {
            self.way = through_buffer(Translation::Nothing);
            return Err(None);
        };
        match stream.receive_into(file, offset, count) {
            Ok(count) => {
                self.upload.advance(count);
                Ok(count)
            }
            Err(ReceiveError::Unsupported) => {
                self.way = through_buffer(Translation::Nothing);
                Err(None)
            }
            Err(ReceiveError::File(errno)) => Err(refused(errno.into())),
            Err(ReceiveError::Connection(error)) => Err(connection_failure(&error)),
        }
    }
}

/// The quota is used up to the last byte: the client may only be finished now.
fn expect_end(stream: &mut impl DataStream) -> Result<usize, Option<Progress>> {
    match stream.receive(&mut [0]) {
        Ok(0) => Ok(0),
        Ok(_) => Err(refused(StorageError::TooLarge)),
        Err(error) => Err(connection_failure(&error)),
    }
}

fn through_buffer(translation: Translation) -> Way {
    Way::ThroughBuffer {
        buffer: vec![0; BUFFER_BYTES].into_boxed_slice(),
        translation,
    }
}

fn copy(
    upload: &mut Upload,
    stream: &mut impl DataStream,
    buffer: &mut [u8],
    translation: &mut Translation,
    count: usize,
) -> Result<usize, Option<Progress>> {
    let wanted = count.min(buffer.len());
    let window = buffer.get_mut(..wanted).unwrap_or_default();
    let received = stream.receive(window).map_err(|error| connection_failure(&error))?;
    let bytes = window.get(..received).unwrap_or_default();
    match translation {
        Translation::Nothing => upload.write(bytes),
        Translation::LineEnds(decoder) => {
            let mut text = Vec::with_capacity(bytes.len() + 1);
            if bytes.is_empty() {
                decoder.finish(&mut text);
            } else {
                decoder.decode(bytes, &mut text);
            }
            upload.write(&text)
        }
    }
    .map_err(refused)?;
    Ok(received)
}

fn refused(error: StorageError) -> Option<Progress> {
    Some(Progress::Failed(TransferError::NotStored(error)))
}
