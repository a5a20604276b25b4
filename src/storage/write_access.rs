//! What makes a root writable: the upload policy, the source of temporary names, and the locks of files that are
//! written in place. Also the choices that come with each change.

use super::StorageError;
use super::beneath::Root;
use crate::descriptors::{Descriptors, Permit};
use crate::random::Random;
use rustix::fs::{Mode, Stat};
use std::cell::RefCell;
use std::collections::HashSet;
use std::rc::Rc;

/// Which local users may read what a client creates, as far as the process's umask allows (threat H13).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    Everyone,
    /// For clients that may upload but not download: what they cannot read back, other users cannot read either.
    OwnerAndGroup,
}

/// What an upload writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UploadKind {
    /// A complete file that takes its name at the end (STOR, STOU).
    Whole(Existing),
    /// The end of an existing file, or a new file (APPE).
    Append,
    /// An existing file from this offset on; the rest of the old content is cut off (REST and STOR).
    From(u64),
}

/// What happens to a file that already has the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    Replace,
    Refuse,
}

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

impl Audience {
    /// Permission bits of a new file before the umask. Uploads are never executable.
    pub(super) fn file_mode(self) -> Mode {
        Mode::from_raw_mode(match self {
            Audience::Everyone => 0o666,
            Audience::OwnerAndGroup => 0o640,
        })
    }

    /// Permission bits of a new directory before the umask.
    pub(super) fn directory_mode(self) -> Mode {
        Mode::from_raw_mode(match self {
            Audience::Everyone => 0o777,
            Audience::OwnerAndGroup => 0o750,
        })
    }
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
mod tests {
    use super::super::beneath::stat_of;
    use super::*;

    #[test]
    fn h10_a_file_has_one_writer_at_a_time() {
        let access = Rc::new(WriteAccess::new(UploadPolicy::default(), Random::seeded(1)));
        let files = [(); 2].map(|()| tempfile::tempfile().expect("a file"));
        let [one, other] = files.each_ref().map(|file| stat_of(file).expect("open"));
        let lock = access.lock(&one).expect("free");
        assert_eq!(access.lock(&one).err(), Some(StorageError::Busy));
        drop(access.lock(&other).expect("another file"));
        drop(lock);
        assert!(access.lock(&one).is_ok());
    }
}
