//! A walk through everything under a root, in slices.
//!
//! It waits for the disk, so it never runs on the event loop. Links are not followed. A walk knows whether it has seen
//! everything; an incomplete one is no measurement (threat H12).

use super::beneath::Root;
use super::descent::{self, Descent};
use super::missed::{Missed, MissedReason};
use super::stale_uploads::StaleUploads;
use super::tree_size::TreeSize;
use crate::ftp::path::VirtualPath;
use rustix::fs::DirEntry;
use std::ffi::CStr;
use std::time::Instant;

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
        match &mut self.position {
            Position::NotBegun => match Descent::begin(&self.root, &self.start) {
                Ok(descent) => self.position = Position::Within(descent),
                Err(reason) => {
                    self.missed = Some(Missed::at(&self.start, b"", b"", reason));
                    self.position = Position::Finished;
                }
            },
            Position::Within(descent) => match descent.next() {
                Ok(Some(entry)) => {
                    if let Err((name, reason)) = self.purpose.visit(&entry, descent) {
                        let missed = || Missed::at(&self.start, descent.path(), name.to_bytes(), reason);
                        self.missed.get_or_insert_with(missed);
                    }
                }
                Ok(None) => self.position = Position::Finished,
                Err(reason) => {
                    let missed = || Missed::at(&self.start, descent.path(), b"", reason);
                    self.missed.get_or_insert_with(missed);
                }
            },
            Position::Finished => {}
        }
    }
}

impl WalkPurpose {
    /// Counts or removes an entry, and enters it if it is a directory. On error: its name, and why it was not seen.
    fn visit<'entry>(
        &mut self,
        entry: &'entry DirEntry,
        descent: &mut Descent,
    ) -> Result<(), (&'entry CStr, MissedReason)> {
        let (name, kind) = (entry.file_name(), entry.file_type());
        match self {
            WalkPurpose::Sweep(stale) => stale.visit(name, kind, descent),
            WalkPurpose::Measure(size) => size.visit(name, kind, descent),
        }
        .map_err(|reason| (name, reason))
    }
}

#[cfg(test)]
mod tests;
