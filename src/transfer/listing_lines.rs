//! The lines of a listing: made from a directory in batches, or one that is prepared; and the pump that sends them.
//!
//! The same lines go to a data connection (LIST, NLST, MLSD) or, indented, to the control connection (STAT). They are
//! made a batch of entries at a time and sent before the next batch is read, so the memory of a listing is one batch,
//! however large the directory. Entries whose attributes may not be read are listed by name; entries that vanished are
//! left out.

use super::data_stream::DataSink;
use super::progress::{Budget, Progress, TransferError};
use super::unsent::Unsent;
use crate::ftp::glob::Glob;
use crate::ftp::listing::{
    Attributes, EntryKind, Facts, Permissions, is_printable_name, write_list_line, write_mlsd_line, write_name_line,
};
use crate::ftp::timestamp::Timestamp;
use crate::storage::{Batch, EntryLookup, EntryType, OpenDirectory, StorageError};
use std::ffi::CStr;

/// Bytes of directory read at once when each entry has to be looked up: about 256, a turn's budget.
const LOOKUPS_BATCH_BYTES: usize = 8 * 1024;
/// Bytes of directory read at once when only names are needed: about 1,000 entries, which cost less than 256 lookups.
const NAMES_BATCH_BYTES: usize = 32 * 1024;
/// There has to be room for an entry with the longest name.
const SMALLEST_BATCH_BYTES: usize = 1024;
/// Steps of a pattern that take as long as a lookup.
const STEPS_PER_LOOKUP: usize = 512;
/// What reading a batch costs, in lookups.
const BATCH_COST: usize = 32;

/// Lines are sent when so many bytes are made. A listing that waits for its client holds at most that and a batch.
const SEND_FROM: usize = 16 * 1024;

/// LIST, NLST or MLSD on its way.
#[derive(Debug)]
pub struct SendListing {
    lines: ListingLines,
    unsent: Unsent,
}

/// What is left to be listed.
#[derive(Debug)]
pub enum ListingLines {
    /// Prepared lines: a listing of one file.
    Ready(Vec<u8>),
    /// The entries of a directory; with a pattern, those whose names match.
    Directory {
        directory: OpenDirectory,
        format: LineFormat,
        pattern: Option<Glob>,
    },
    Finished,
}

/// The form of a line.
#[derive(Clone, Debug)]
pub enum LineFormat {
    /// LIST: as `ls -l` prints it; dates against `now`; `.` and `..` with `dots`.
    Columns { now: Timestamp, dots: bool },
    /// NLST: names, each with the prefix that makes it a path for RETR (RFC 1123 §4.1.2.7).
    Names { prefix: Vec<u8> },
    /// MLSD: facts (RFC 3659 §7).
    Facts { facts: Facts, permissions: Permissions },
}

impl SendListing {
    /// Sends everything that `lines` makes.
    pub fn new(lines: ListingLines) -> Self {
        Self {
            lines,
            unsent: Unsent::default(),
        }
    }

    /// Bytes handed to the kernel so far.
    pub fn sent(&self) -> u64 {
        self.unsent.sent()
    }

    /// See [`Pump::pump`](super::Pump::pump).
    pub fn pump(&mut self, sink: &mut impl DataSink, budget: &mut Budget) -> Progress {
        self.unsent.pump(sink, budget, |unsent, budget| {
            if self.lines.is_finished() {
                return Err(Progress::Complete);
            }
            if budget.entries == 0 {
                return Err(Progress::BudgetSpent);
            }
            while unsent.len() < SEND_FROM && !self.lines.is_finished() && budget.entries > 0 {
                let made = self.lines.next_batch(unsent, &mut budget.entries);
                made.map_err(|_| TransferError::SourceFailed)?;
            }
            Ok(())
        })
    }
}

impl ListingLines {
    /// Whether all lines have been made.
    pub fn is_finished(&self) -> bool {
        matches!(self, ListingLines::Finished)
    }

    /// Appends the lines of the next batch to `lines`; takes the entries looked up off `entries`.
    pub fn next_batch(&mut self, lines: &mut Vec<u8>, entries: &mut usize) -> Result<(), StorageError> {
        let batch = match self {
            ListingLines::Ready(line) => {
                lines.append(line);
                Batch::End
            }
            ListingLines::Directory {
                directory,
                format,
                pattern,
            } => next_entries(directory, format, pattern.as_ref(), lines, entries)?,
            ListingLines::Finished => Batch::End,
        };
        if batch == Batch::End {
            *self = ListingLines::Finished;
        }
        Ok(())
    }
}

fn next_entries(
    directory: &mut OpenDirectory,
    format: &LineFormat,
    pattern: Option<&Glob>,
    lines: &mut Vec<u8>,
    entries: &mut usize,
) -> Result<Batch, StorageError> {
    *entries = entries.saturating_sub(BATCH_COST);
    let (batch_bytes, entry_cost) = match format {
        // A stalled listing holds one batch, and a long prefix makes long lines.
        LineFormat::Names { prefix } => {
            let batch_bytes = NAMES_BATCH_BYTES / (1 + prefix.len() / 32);
            (batch_bytes.max(SMALLEST_BATCH_BYTES), 0)
        }
        LineFormat::Columns { .. } | LineFormat::Facts { .. } => (LOOKUPS_BATCH_BYTES, 1),
    };
    // A batch is always finished, so batches that are matched against a pattern are small.
    let batch_bytes = match pattern {
        Some(_) => batch_bytes.min(LOOKUPS_BATCH_BYTES),
        None => batch_bytes,
    };
    let mut steps = 0;
    let batch = directory.next_batch(batch_bytes, |place, name, entry_type| {
        *entries = entries.saturating_sub(entry_cost);
        if pattern.is_none_or(|pattern| pattern.matches(name.to_bytes(), &mut steps)) {
            write_entry(lines, format, place, name, entry_type)?;
        }
        Ok(())
    });
    *entries = entries.saturating_sub(steps / STEPS_PER_LOOKUP);
    batch
}

fn write_entry(
    lines: &mut Vec<u8>,
    format: &LineFormat,
    place: &EntryLookup,
    name: &CStr,
    entry_type: EntryType,
) -> Result<(), StorageError> {
    let bytes = name.to_bytes();
    let is_dots = bytes == b"." || bytes == b"..";
    match format {
        LineFormat::Columns { dots, .. } if is_dots && !dots => {}
        LineFormat::Columns { now, .. } => {
            let Some(mut entry) = look_at(place, name, entry_type)? else {
                return Ok(());
            };
            let mut target = None;
            if entry.kind == EntryKind::SymbolicLink {
                // The text of a link that leads out of the root is not shown, nor its length: both could reveal what is
                // outside.
                target = place.followed(name).and_then(|_| place.link_text(name));
                if target.is_none() {
                    entry.size = 0;
                }
            }
            write_list_line(lines, &entry, bytes, target.as_deref(), *now);
        }
        LineFormat::Names { .. } | LineFormat::Facts { .. } if is_dots || !is_printable_name(bytes) => {}
        LineFormat::Names { prefix } => {
            let is_served = match entry_type {
                EntryType::File | EntryType::Directory | EntryType::SymbolicLink => true,
                EntryType::Special => false,
                EntryType::Unknown => look_at(place, name, entry_type)?.is_some(),
            };
            if is_served {
                lines.extend_from_slice(prefix);
                write_name_line(lines, bytes);
            }
        }
        LineFormat::Facts { facts, permissions } => {
            if let Some(entry) = look_at(place, name, entry_type)? {
                let described = entry.described(|| place.followed(name));
                write_mlsd_line(lines, *facts, permissions, &described, bytes);
            }
        }
    }
    Ok(())
}

/// `Ok(None)`: not served, or gone. An entry whose attributes may not be read has only its kind.
fn look_at(place: &EntryLookup, name: &CStr, entry_type: EntryType) -> Result<Option<Attributes>, StorageError> {
    let found = place.attributes(name);
    // The listing fails with the storage: a client that mirrors would delete what is left out.
    if let Err(error @ (StorageError::Failed | StorageError::Busy)) = found {
        return Err(error);
    }
    Ok(found.unwrap_or_else(|_| without_attributes(entry_type)))
}

fn without_attributes(entry_type: EntryType) -> Option<Attributes> {
    let kind = match entry_type {
        EntryType::File | EntryType::Unknown => EntryKind::File,
        EntryType::Directory => EntryKind::Directory,
        EntryType::SymbolicLink => EntryKind::SymbolicLink,
        EntryType::Special => return None,
    };
    Some(Attributes {
        kind,
        mode: 0,
        links: 1,
        size: 0,
        modified: Timestamp::from_unix(0),
        device: 0,
        inode: 0,
        readable: false,
    })
}

#[cfg(test)]
mod tests;
