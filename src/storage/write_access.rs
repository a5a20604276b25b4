//! What makes a root writable: the upload policy, the source of temporary names, and the locks of files that are
//! written in place.

use super::beneath::Root;
use super::error::StorageError;
use crate::descriptors::{Descriptors, Permit};
use crate::random::Random;
use rustix::fs::Stat;
use std::cell::RefCell;
use std::collections::HashSet;
use std::rc::Rc;

/// What is promised about uploads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UploadPolicy {
    /// Files are synchronised to the disk before success is reported (`--durable`).
    pub durable: bool,
    /// An aborted upload keeps the received part if the name is free (`--partial keep`).
    pub keeps_part: bool,
}

/// Shared by everything that changes one disk.
#[derive(Debug)]
pub(super) struct WriteAccess {
    pub policy: UploadPolicy,
    pub random: RefCell<Random>,
    /// Device and inode of each file that is being written in place.
    locked: RefCell<HashSet<(u64, u64)>>,
}

/// A root that may be changed. Every change needs one.
#[derive(Debug)]
pub(super) struct WritableRoot<'disk> {
    pub root: &'disk Root,
    pub descriptors: &'disk Descriptors,
    pub access: &'disk Rc<WriteAccess>,
}

/// The exclusive right to write a file in place: one writer at a time (threat H10).
#[derive(Debug)]
pub(super) struct InPlaceLock {
    access: Rc<WriteAccess>,
    file: (u64, u64),
}

impl WriteAccess {
    pub(super) fn new(policy: UploadPolicy, random: Random) -> Self {
        Self {
            policy,
            random: RefCell::new(random),
            locked: RefCell::default(),
        }
    }

    /// [`StorageError::Busy`] while another upload writes to the file.
    pub(super) fn lock(self: &Rc<Self>, stat: &Stat) -> Result<InPlaceLock, StorageError> {
        let file = (stat.st_dev, stat.st_ino);
        if !self.locked.borrow_mut().insert(file) {
            return Err(StorageError::Busy);
        }
        let access = Rc::clone(self);
        Ok(InPlaceLock { access, file })
    }
}

impl WritableRoot<'_> {
    /// The right to open one more descriptor.
    pub(super) fn permit(&self) -> Result<Permit, StorageError> {
        self.descriptors.permit().ok_or(StorageError::Busy)
    }
}

impl Drop for InPlaceLock {
    fn drop(&mut self) {
        self.access.locked.borrow_mut().remove(&self.file);
    }
}

#[cfg(test)]
pub(super) mod tests;
