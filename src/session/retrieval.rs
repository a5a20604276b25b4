//! Downloads: RETR, and RETR after REST or RANG; SIZE, MDTM (RFC 959 §4.1.3, RFC 3659 §§3–5).

use super::effect::{Effect, answering};
use super::long_answer::LongAnswer;
use super::outcome::TransferKind;
use super::refusal::Refusal;
use super::state::{Part, Visit};
use super::step::Context;
use crate::accounts::Rights;
use crate::ftp::ascii::AsciiEncoder;
use crate::ftp::command::{PathArgument, Representation, Transmission};
use crate::ftp::listing::EntryKind;
use crate::ftp::reply::{self, Reply};
use crate::storage::{OpenFile, StorageError};
use crate::transfer::{Outgoing, SendFile, SendText};
use std::ops::Range;

/// The largest file that SIZE reads in TYPE A, in bytes: about what one turn of the loop may read.
const COUNTED_TEXT_MAX: u64 = 256 * 1024;

impl Visit {
    pub(super) fn retrieve(&self, argument: &PathArgument, context: &Context<'_>) -> Result<Effect, Refusal> {
        self.must_be_allowed(Rights::READ)?;
        let path = self.path(argument)?;
        let file = self.storage.open_file(&path)?;
        match self.representation {
            Representation::Image => {
                let part = self.part_to_send(file.size)?;
                let opening = self.opening(Reply::opening_binary(part.end - part.start));
                let transfer = self.transfer("RETR", path, TransferKind::Download, opening, context)?;
                Ok(self.send(transfer, Outgoing::File(SendFile::new(file, part))))
            }
            Representation::Ascii => {
                let skip = self.octets_to_skip(file.size)?;
                let opening = self.opening(reply::OPENING_ASCII);
                let transfer = self.transfer("RETR", path, TransferKind::Download, opening, context)?;
                let text = SendText::new(file, skip);
                if skip > 0 {
                    // The file has to be read up to the restart marker before the 150, to know that it is valid.
                    return Ok(answering(LongAnswer::Restart { text, transfer }));
                }
                Ok(self.send(transfer, Outgoing::Text(text)))
            }
        }
    }

    fn opening(&self, opening: Reply) -> Reply {
        match self.transmission {
            Transmission::Stream => opening,
            // The number of bytes is not known before they are deflated.
            Transmission::Deflate => reply::OPENING_DEFLATED,
        }
    }

    /// TYPE I: the range of bytes to send of a file of `size` bytes.
    fn part_to_send(&self, size: u64) -> Result<Range<u64>, Refusal> {
        match self.part {
            Part::Whole => Ok(0..size),
            Part::From(first) if first <= size => Ok(first..size),
            Part::From(_) => Err(reply::BAD_RESTART.into()),
            Part::Range { first, last } if first <= size => Ok(first..last.saturating_add(1).min(size)),
            Part::Range { .. } => Err(reply::BAD_RANGE.into()),
        }
    }

    /// TYPE A: the number of translated octets to skip. Here it is only checked against the largest possible size;
    /// [`SendText::seek`] reads the file and does the rest. RANG requires TYPE I (draft-bryan-ftp-range §5).
    fn octets_to_skip(&self, size: u64) -> Result<u64, Refusal> {
        match self.part {
            Part::Whole => Ok(0),
            // Translation at most doubles a file.
            Part::From(skip) if skip <= size.saturating_mul(2) => Ok(skip),
            Part::From(_) => Err(reply::BAD_RESTART.into()),
            Part::Range { .. } => Err(reply::RANGE_NEEDS_IMAGE.into()),
        }
    }

    /// The number of octets that RETR would send (RFC 3659 §4). In TYPE A the file has to be read, so this is done for
    /// small files only. Others get 504 rather than 550, which clients take for "missing".
    pub(super) fn size(&self, argument: &PathArgument) -> Result<Reply, Refusal> {
        self.must_be_allowed(Rights::LIST)?;
        let path = self.path(argument)?;
        let attributes = self.storage.attributes(&path)?;
        match (attributes.kind, self.representation) {
            (EntryKind::Directory, _) => Err(StorageError::IsADirectory.into()),
            // Links were followed, so this one leads nowhere.
            (EntryKind::SymbolicLink, _) => Err(StorageError::NotFound.into()),
            (EntryKind::File, Representation::Image) => Ok(Reply::size(attributes.size)),
            (EntryKind::File, Representation::Ascii) if attributes.size <= COUNTED_TEXT_MAX => {
                Ok(Reply::size(count_translated(&self.storage.open_file(&path)?)?))
            }
            (EntryKind::File, Representation::Ascii) => Err(reply::SIZE_NOT_COUNTED.into()),
        }
    }

    pub(super) fn modification_time(&self, argument: &PathArgument) -> Result<Reply, Refusal> {
        self.must_be_allowed(Rights::LIST)?;
        let path = self.path(argument)?;
        let attributes = self.storage.attributes(&path)?;
        Ok(Reply::modification_time(attributes.modified))
    }
}

fn count_translated(file: &OpenFile) -> Result<u64, StorageError> {
    let mut encoder = AsciiEncoder::default();
    let mut chunk = vec![0; 32 * 1024];
    let (mut offset, mut octets) = (0, 0);
    loop {
        let read = file.read_at(offset, &mut chunk)?;
        if read == 0 {
            return Ok(octets);
        }
        // `read_at` returns at most the length of the chunk.
        let (bytes, _) = chunk.split_at(read);
        octets += encoder.count(bytes);
        offset += read as u64;
    }
}
