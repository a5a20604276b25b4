//! The source of a listing's lines: a directory read in batches, or one prepared line.
//!
//! The same lines go to a data connection (LIST, NLST, MLSD) or, indented, to the control connection (STAT). Entries
//! whose attributes may not be read are listed by name; entries that vanished are left out.

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

/// What is left to be listed.
#[derive(Debug)]
pub enum ListingLines {
    /// Prepared lines: a listing of one file.
    Ready(Vec<u8>),
    Directory(DirectoryLines),
    Finished,
}

/// A directory whose entries become lines.
#[derive(Debug)]
pub struct DirectoryLines {
    pub directory: OpenDirectory,
    pub format: LineFormat,
    /// Only names that match are listed.
    pub pattern: Option<Glob>,
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

impl ListingLines {
    /// Whether all lines have been made.
    pub fn is_finished(&self) -> bool {
        matches!(self, ListingLines::Finished)
    }

    /// Appends the lines of the next batch to `lines`; takes the entries looked up off `entries`.
    pub fn next_batch(&mut self, lines: &mut Vec<u8>, entries: &mut usize) -> Result<(), StorageError> {
        match self {
            ListingLines::Ready(line) => {
                lines.append(line);
                *self = ListingLines::Finished;
            }
            ListingLines::Directory(listing) => {
                if listing.next_batch(lines, entries)? == Batch::End {
                    *self = ListingLines::Finished;
                }
            }
            ListingLines::Finished => {}
        }
        Ok(())
    }
}

impl DirectoryLines {
    fn next_batch(&mut self, lines: &mut Vec<u8>, entries: &mut usize) -> Result<Batch, StorageError> {
        let Self {
            directory,
            format,
            pattern,
        } = self;
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
            let matches = |pattern: &Glob| pattern.matches(name.to_bytes(), &mut steps);
            if pattern.as_ref().is_none_or(matches) {
                write_entry(lines, format, place, name, entry_type)
            } else {
                Ok(())
            }
        });
        *entries = entries.saturating_sub(steps / STEPS_PER_LOOKUP);
        batch
    }
}

fn write_entry(
    lines: &mut Vec<u8>,
    format: &LineFormat,
    place: &EntryLookup,
    name: &CStr,
    entry_type: EntryType,
) -> Result<(), StorageError> {
    let is_dots = name == c"." || name == c"..";
    match format {
        LineFormat::Columns { dots, .. } if is_dots && !dots => Ok(()),
        LineFormat::Columns { now, .. } => write_columns(lines, *now, place, name, entry_type),
        LineFormat::Names { .. } | LineFormat::Facts { .. } if is_dots => Ok(()),
        LineFormat::Names { prefix } => write_name(lines, prefix, place, name, entry_type),
        LineFormat::Facts { facts, permissions } => {
            write_entry_facts(lines, *facts, permissions, place, name, entry_type)
        }
    }
}

fn write_columns(
    lines: &mut Vec<u8>,
    now: Timestamp,
    place: &EntryLookup,
    name: &CStr,
    entry_type: EntryType,
) -> Result<(), StorageError> {
    let Some(mut entry) = look_at(place, name, entry_type)? else {
        return Ok(());
    };
    // The text of a link that leads out of the root is not shown, nor its length: both could reveal what is outside.
    let target = match entry.kind {
        EntryKind::SymbolicLink => place.followed(name).and_then(|_| place.link_text(name)),
        EntryKind::File | EntryKind::Directory => None,
    };
    if entry.kind == EntryKind::SymbolicLink && target.is_none() {
        entry.size = 0;
    }
    write_list_line(lines, &entry, name.to_bytes(), target.as_deref(), now);
    Ok(())
}

fn write_name(
    lines: &mut Vec<u8>,
    prefix: &[u8],
    place: &EntryLookup,
    name: &CStr,
    entry_type: EntryType,
) -> Result<(), StorageError> {
    let served = match entry_type {
        EntryType::File | EntryType::Directory | EntryType::SymbolicLink => true,
        EntryType::Special => false,
        EntryType::Unknown => look_at(place, name, entry_type)?.is_some(),
    };
    if served && is_printable_name(name.to_bytes()) {
        lines.extend_from_slice(prefix);
        write_name_line(lines, name.to_bytes());
    }
    Ok(())
}

fn write_entry_facts(
    lines: &mut Vec<u8>,
    facts: Facts,
    permissions: &Permissions,
    place: &EntryLookup,
    name: &CStr,
    entry_type: EntryType,
) -> Result<(), StorageError> {
    if !is_printable_name(name.to_bytes()) {
        return Ok(());
    }
    let Some(entry) = look_at(place, name, entry_type)? else {
        return Ok(());
    };
    let described = entry.described(|| place.followed(name));
    write_mlsd_line(lines, facts, permissions, &described, name.to_bytes());
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
