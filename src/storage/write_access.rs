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
pub(super) mod tests {
    use super::super::beneath::stat_of;
    use super::*;
    use std::path::{Path, PathBuf};
    use tempfile::TempDir;

    /// An empty directory that may be changed.
    pub(in super::super) struct ScratchDisk {
        directory: TempDir,
        root: Root,
        descriptors: Descriptors,
        access: Rc<WriteAccess>,
    }

    impl ScratchDisk {
        pub(in super::super) fn new(policy: UploadPolicy) -> Self {
            let directory = TempDir::new().expect("a directory");
            Self {
                root: Root::open(directory.path()).expect("the root"),
                directory,
                descriptors: Descriptors::for_process(64),
                access: Rc::new(WriteAccess::new(policy, Random::seeded(1))),
            }
        }

        pub(in super::super) fn writable(&self) -> WritableRoot<'_> {
            WritableRoot {
                root: &self.root,
                descriptors: &self.descriptors,
                access: &self.access,
            }
        }

        pub(in super::super) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
            self.directory.path().join(name)
        }

        /// Everything in the directory, sorted.
        pub(in super::super) fn names(&self) -> Vec<String> {
            let entries = std::fs::read_dir(self.directory.path()).expect("the directory");
            let name = |entry: std::io::Result<std::fs::DirEntry>| entry.expect("an entry").file_name();
            let mut names: Vec<_> = entries
                .map(|entry| name(entry).to_string_lossy().into_owned())
                .collect();
            names.sort();
            names
        }

        pub(in super::super) fn descriptors_in_use(&self) -> usize {
            self.descriptors.used()
        }
    }

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
