//! A walk through everything under a root, in slices: to measure it, or to remove the temporary files that killed
//! uploads have left behind.
//!
//! It waits for the disk, so it never runs on the event loop. Links are not followed. A walk knows whether it has seen
//! everything; an incomplete one is no measurement (threat H12).

use super::beneath::Root;
use super::descent::{self, Descent, MissedReason};
use super::file_status::{file_size, is_directory, is_temporary_name};
use crate::ftp::path::VirtualPath;
use crate::ftp::timestamp::Timestamp;
use crate::shown_name::Shown;
use rustix::fs::{self, AtFlags, DirEntry, FileType, Stat};
use std::time::Instant;

/// An upload that has received nothing for so long is abandoned.
const STALE_SECONDS: i64 = 24 * 60 * 60;

/// A walk in progress; it can be sent to another thread.
#[derive(Debug)]
pub struct TreeWalk {
    /// Shared with the storage, so a walk that has not begun has no descriptor of its own.
    root: Root,
    start: VirtualPath,
    purpose: WalkPurpose,
    position: Position,
    missed: Option<Missed>,
}

#[derive(Debug)]
enum Position {
    NotBegun,
    Within(Descent),
    Finished,
}

/// What a walk is for, with what it has found so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WalkPurpose {
    Sweep(StaleUploads),
    Measure(TreeSize),
}

/// Temporary files to remove. Only those that cannot belong to anything else: regular files whose name has the exact
/// form, owned by the server's user, and not modified for a day (threat H23).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StaleUploads {
    /// Files modified after this are kept.
    not_after: Timestamp,
    pub removed: u64,
}

/// How much a tree contains.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TreeSize {
    /// The sizes of all regular files.
    pub bytes: u64,
    /// Everything that has a name, except the top itself.
    pub entries: u64,
}

/// The first thing that a walk could not see. The path comes last, so that a shortened log line keeps the reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {}", Shown::whole(path))]
pub struct Missed {
    /// As in the served directory: `/a/b`.
    path: Vec<u8>,
    pub reason: MissedReason,
}

impl TreeWalk {
    /// Most descriptors that a walk has open at a time, once it has begun.
    pub const DESCRIPTORS: usize = descent::DESCRIPTORS;

    pub(super) fn new(root: Root, start: &VirtualPath, purpose: WalkPurpose) -> Self {
        Self {
            root,
            start: start.clone(),
            purpose,
            position: Position::NotBegun,
            missed: None,
        }
    }

    /// What the walk is for, with what it has found so far.
    pub fn purpose(&self) -> WalkPurpose {
        self.purpose
    }

    pub fn is_finished(&self) -> bool {
        matches!(self.position, Position::Finished)
    }

    /// The first thing that could not be seen; if there is one, the tree contains more than was found.
    pub fn missed(&self) -> Option<&Missed> {
        self.missed.as_ref()
    }

    /// Visits up to `entries` entries, fewer if it reaches the time `until`.
    pub fn advance(&mut self, entries: usize, until: Instant) {
        for _ in 0..entries {
            self.step();
            if self.is_finished() || Instant::now() >= until {
                return;
            }
        }
    }

    fn step(&mut self) {
        let missed = match &mut self.position {
            Position::NotBegun => match Descent::begin(&self.root, &self.start) {
                Ok(descent) => {
                    self.position = Position::Within(descent);
                    None
                }
                Err(reason) => {
                    self.position = Position::Finished;
                    Some(Missed::at(&self.start, b"", b"", reason))
                }
            },
            Position::Within(descent) => match descent.next() {
                Ok(Some(entry)) => self.purpose.visit(&entry, descent).err().map(|reason| {
                    let name = entry.file_name().to_bytes();
                    Missed::at(&self.start, descent.path(), name, reason)
                }),
                Ok(None) => {
                    self.position = Position::Finished;
                    None
                }
                Err(reason) => Some(Missed::at(&self.start, descent.path(), b"", reason)),
            },
            Position::Finished => None,
        };
        self.missed = self.missed.take().or(missed);
    }
}

impl WalkPurpose {
    /// Counts or removes an entry of the innermost directory, and enters it if it is a directory.
    fn visit(&mut self, entry: &DirEntry, descent: &mut Descent) -> Result<(), MissedReason> {
        let (name, kind) = (entry.file_name(), entry.file_type());
        let needs_status = match self {
            WalkPurpose::Sweep(_) => is_temporary_name(name.to_bytes()),
            WalkPurpose::Measure(size) => {
                size.entries += 1;
                kind == FileType::RegularFile
            }
        };
        if kind == FileType::Directory {
            return descent.enter(name);
        }
        if kind != FileType::Unknown && !needs_status {
            return Ok(());
        }
        let Some(stat) = descent.stat(name)? else {
            return Ok(());
        };
        if is_directory(&stat) {
            return descent.enter(name);
        }
        match self {
            WalkPurpose::Measure(size) => size.bytes = size.bytes.saturating_add(file_size(&stat)),
            WalkPurpose::Sweep(stale) => {
                if needs_status
                    && stale.includes(&stat)
                    && let Some(directory) = descent.directory()
                    && fs::unlinkat(directory, name, AtFlags::empty()).is_ok()
                {
                    stale.removed += 1;
                }
            }
        }
        Ok(())
    }
}

impl StaleUploads {
    /// Those that have not been modified for a day at the time `now`.
    pub fn at(now: Timestamp) -> Self {
        Self {
            not_after: Timestamp::from_unix(now.seconds() - STALE_SECONDS),
            removed: 0,
        }
    }

    fn includes(&self, stat: &Stat) -> bool {
        FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
            && stat.st_uid == rustix::process::geteuid().as_raw()
            && stat.st_mtime < self.not_after.seconds()
    }
}

impl Missed {
    /// The entry `name` of the directory `below`, which is relative to the start of the walk; both may be empty.
    fn at(start: &VirtualPath, below: &[u8], name: &[u8], reason: MissedReason) -> Self {
        let start = if *start == VirtualPath::ROOT {
            b""
        } else {
            start.as_bytes()
        };
        let mut path = [start, below].concat();
        if !name.is_empty() || path.is_empty() {
            path.push(b'/');
            path.extend_from_slice(name);
        }
        Self { path, reason }
    }
}

#[cfg(test)]
mod tests;
