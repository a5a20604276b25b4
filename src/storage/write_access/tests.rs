//! The locks of files that are written in place, and a disk for other tests.

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
