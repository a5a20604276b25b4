//! Files to the client: RETR, REST, SIZE, MDTM (RFC 959 §4.1.3, RFC 3659 §§3–5).

use super::Context;
use super::begun::{Begun, answering, transferring};
use super::long_answer::LongAnswer;
use super::refusal::Refusal;
use super::state::{Part, Visit};
use super::transfer_record::{Transfer, TransferKind};
use crate::accounts::Rights;
use crate::ftp::ascii::AsciiEncoder;
use crate::ftp::command::{PathArgument, Representation, Transmission};
use crate::ftp::listing::{Attributes, Kind};
use crate::ftp::path::VirtualPath;
use crate::ftp::reply::{self, Reply};
use crate::storage::{OpenFile, StorageError};
use crate::transfer::{Outgoing, SendFile, SendText};
use std::ops::Range;

/// The largest file whose translated size is counted when asked for: about what one turn of the loop may read.
const COUNTED_TEXT: u64 = 256 * 1024;

impl Visit {
    pub(super) fn retrieve(&self, argument: &PathArgument, context: &Context<'_>) -> Result<Begun, Refusal> {
        self.must_be_allowed(Rights::READ)?;
        let path = self.path(argument)?;
        let file = self.storage.open_file(&path)?;
        match self.representation {
            Representation::Image => {
                let part = self.part_to_send(file.size)?;
                let opening = self.opening(Reply::opening_binary(part.end - part.start));
                let transfer = self.transfer("RETR", path, TransferKind::Download, opening, context)?;
                let pump = Outgoing::File(SendFile::new(file, part.start).until(part.end));
                Ok(transferring(transfer, self.in_transmission(pump)))
            }
            Representation::Ascii => {
                let skip = self.octets_to_skip(file.size)?;
                let text = SendText::new(file, skip);
                let opening = self.opening(reply::OPENING_ASCII);
                let transfer = self.transfer("RETR", path, TransferKind::Download, opening, context)?;
                if skip > 0 {
                    // Whether there are so many takes reading the file, and has to be known before the 150.
                    return Ok(answering(LongAnswer::restart(text, transfer)));
                }
                Ok(self.send_text(transfer, text))
            }
        }
    }

    /// A text whose first octet to be sent is known.
    pub(super) fn send_text(&self, transfer: Transfer, text: SendText) -> Begun {
        transferring(transfer, self.in_transmission(Outgoing::Text(text)))
    }

    fn opening(&self, opening: Reply) -> Reply {
        match self.transmission {
            Transmission::Stream => opening,
            // How many bytes it will be is not known before it has been deflated.
            Transmission::Deflate => reply::OPENING_DEFLATED,
        }
    }

    /// TYPE I: the offsets of the bytes that are wanted of a file of `size` bytes.
    fn part_to_send(&self, size: u64) -> Result<Range<u64>, Refusal> {
        match self.part {
            Part::Whole => Ok(0..size),
            Part::From(first) if first <= size => Ok(first..size),
            Part::From(_) => Err(reply::BAD_RESTART.into()),
            Part::Range { first, last } if first <= size => Ok(first..last.saturating_add(1).min(size)),
            Part::Range { .. } => Err(reply::BAD_RANGE.into()),
        }
    }

    /// TYPE A: the translated octets that the client has already. Where they lie in the file is not known before it is
    /// read, so only that there cannot be so many is seen here (the rest is seen by [`SendText::seek`]); a range is
    /// for TYPE I (draft-bryan-ftp-range §5).
    fn octets_to_skip(&self, size: u64) -> Result<u64, Refusal> {
        match self.part {
            Part::Whole => Ok(0),
            // Translation can at most double a file.
            Part::From(skip) if skip <= size.saturating_mul(2) => Ok(skip),
            Part::From(_) => Err(reply::BAD_RESTART.into()),
            Part::Range { .. } => Err(reply::RANGE_NEEDS_IMAGE.into()),
        }
    }

    pub(super) fn restart_at(&mut self, offset: u64) -> Reply {
        self.part = match offset {
            0 => Part::Whole,
            offset => Part::From(offset),
        };
        Reply::restarting_at(offset)
    }

    /// The octets that RETR would send now (RFC 3659 §4). In TYPE A that takes reading the file, so it is counted for
    /// small files only; 504 rather than 550 for others, because clients take 550 for "missing".
    pub(super) fn size(&self, argument: &PathArgument) -> Result<Reply, Refusal> {
        self.must_be_allowed(Rights::LIST)?;
        let path = self.path(argument)?;
        let attributes = self.attributes_of_file(&path)?;
        match self.representation {
            Representation::Image => Ok(Reply::size(attributes.size)),
            Representation::Ascii if attributes.size <= COUNTED_TEXT => {
                let file = self.storage.open_file(&path)?;
                Ok(Reply::size(count_translated(&file)?))
            }
            Representation::Ascii => Err(reply::SIZE_NOT_COUNTED.into()),
        }
    }

    pub(super) fn modification_time(&self, argument: &PathArgument) -> Result<Reply, Refusal> {
        self.must_be_allowed(Rights::LIST)?;
        let path = self.path(argument)?;
        let attributes = self.storage.attributes(&path)?;
        Ok(Reply::modification_time(attributes.modified))
    }

    fn attributes_of_file(&self, path: &VirtualPath) -> Result<Attributes, Refusal> {
        let attributes = self.storage.attributes(path)?;
        match attributes.kind {
            Kind::File => Ok(attributes),
            Kind::Directory => Err(StorageError::IsADirectory.into()),
            // Links were followed.
            Kind::SymbolicLink => Err(StorageError::NotFound.into()),
        }
    }
}

fn count_translated(file: &OpenFile) -> Result<u64, StorageError> {
    let mut encoder = AsciiEncoder::new();
    let mut chunk = vec![0; 32 * 1024];
    let (mut offset, mut octets) = (0, 0);
    loop {
        let read = file.read_at(offset, &mut chunk)?;
        let Some(bytes) = chunk.get(..read).filter(|bytes| !bytes.is_empty()) else {
            return Ok(octets);
        };
        octets += encoder.count(bytes);
        offset += bytes.len() as u64;
    }
}
