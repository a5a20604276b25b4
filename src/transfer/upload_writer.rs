//! Received bytes into an upload, with the line ends of TYPE A translated (RFC 959 §3.1.1.1).

use super::progress::TransferError;
use crate::ftp::ascii::AsciiDecoder;
use crate::ftp::command::Representation;
use crate::storage::Upload;

/// An upload, and what translates its line ends.
#[derive(Debug)]
pub(super) struct UploadWriter {
    pub(super) upload: Upload,
    line_ends: Option<AsciiDecoder>,
}

impl UploadWriter {
    pub(super) fn new(upload: Upload, representation: Representation) -> Self {
        let line_ends = match representation {
            Representation::Ascii => Some(AsciiDecoder::new()),
            Representation::Image => None,
        };
        Self { upload, line_ends }
    }

    /// Whether what is stored differs from what is received.
    pub(super) fn is_translating(&self) -> bool {
        self.line_ends.is_some()
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), TransferError> {
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
    pub(super) fn finish(&mut self) -> Result<(), TransferError> {
        let mut text = Vec::new();
        if let Some(decoder) = &mut self.line_ends {
            decoder.finish(&mut text);
        }
        self.upload.write(&text).map_err(TransferError::NotStored)
    }
}
