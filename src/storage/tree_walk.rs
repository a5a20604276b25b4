//! A walk through everything beneath a root, in slices: to sweep up what killed uploads left, or to measure what lies there.
//!
//! It waits for the disk, so it never runs on the loop. Links are not followed and other kinds of entry not touched. Only
//! files that can be nobody else's are removed: the server's own prefix and form of name, its own user, older than a day
//! (threat H23).

use super::changes::while_naming;
use super::disk_root::RESERVED_PREFIX;
use super::{DiskRoot, StorageError};
use crate::ftp::path::VirtualPath;
use crate::ftp::timestamp::Timestamp;
use rustix::fs::{self, AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use std::ffi::CStr;
use std::os::fd::OwnedFd;

/// An upload that was not touched for so long is nobody's.
const STALE_SECONDS: i64 = 24 * 60 * 60;

/// A walk under way; it can be sent to another thread.
#[derive(Debug)]
pub struct TreeWalk {
    root: OwnedFd,
    purpose: Purpose,
    /// Directories that are still to be read.
    pending: Vec<VirtualPath>,
}

/// What a walk is for, and what it has found so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Sweep { untouched_since: Timestamp, removed: u64 },
    Measure { bytes: u64 },
}

impl Purpose {
    /// Removes what uploads left that were killed more than a day before `now`.
    pub fn sweep(now: Timestamp) -> Self {
        Purpose::Sweep {
            untouched_since: Timestamp::from_unix(now.seconds() - STALE_SECONDS),
            removed: 0,
        }
    }

    /// Adds up the sizes of all files.
    pub fn measure() -> Self {
        Purpose::Measure { bytes: 0 }
    }
}

impl TreeWalk {
    pub(super) fn new(disk: &DiskRoot, from: &VirtualPath, purpose: Purpose) -> Result<Self, StorageError> {
        let root = rustix::io::fcntl_dupfd_cloexec(disk.descriptor(), 3)?;
        Ok(Self {
            root,
            purpose,
            pending: vec![from.clone()],
        })
    }

    /// What has been found so far.
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// Whether everything has been seen.
    pub fn is_finished(&self) -> bool {
        self.pending.is_empty()
    }

    /// Reads directories until about `entries` entries have been looked at.
    pub fn advance(&mut self, entries: usize) {
        let mut seen = 0;
        while seen < entries
            && let Some(path) = self.pending.pop()
        {
            // What cannot be read is left alone: it may have gone meanwhile, or be somebody else's.
            seen += 1 + self.visit(&path).unwrap_or(0);
        }
    }

    fn visit(&mut self, path: &VirtualPath) -> Result<usize, StorageError> {
        let directory = fs::openat2(
            &self.root,
            path.relative(),
            OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NONBLOCK | OFlags::CLOEXEC,
            Mode::empty(),
            ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS,
        )
        .map_err(while_naming)?;
        let mut seen = 0;
        for entry in Dir::read_from(&directory)? {
            let entry = entry?;
            let name = entry.file_name();
            seen += 1;
            match entry.file_type() {
                FileType::Directory if name != c"." && name != c".." => self.pending.push(path.child(name.to_bytes())),
                FileType::Directory => {}
                FileType::RegularFile | FileType::Unknown => self.look_at(&directory, path, name)?,
                FileType::Symlink
                | FileType::Fifo
                | FileType::Socket
                | FileType::CharacterDevice
                | FileType::BlockDevice => {}
            }
        }
        Ok(seen)
    }

    fn look_at(&mut self, directory: &OwnedFd, path: &VirtualPath, name: &CStr) -> Result<(), StorageError> {
        if matches!(self.purpose, Purpose::Sweep { .. }) && !is_of_an_upload(name.to_bytes()) {
            return Ok(());
        }
        let stat = match fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => return Ok(()),
            found => found?,
        };
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory if name != c"." && name != c".." => self.pending.push(path.child(name.to_bytes())),
            FileType::RegularFile => match &mut self.purpose {
                Purpose::Measure { bytes } => {
                    *bytes = bytes.saturating_add(u64::try_from(stat.st_size).unwrap_or(0));
                }
                Purpose::Sweep {
                    untouched_since,
                    removed,
                } => {
                    let is_ours = stat.st_uid == rustix::process::geteuid().as_raw();
                    let is_stale = stat.st_mtime < untouched_since.seconds();
                    if is_ours && is_stale && fs::unlinkat(directory, name, AtFlags::empty()).is_ok() {
                        *removed += 1;
                    }
                }
            },
            FileType::Directory
            | FileType::Symlink
            | FileType::Fifo
            | FileType::Socket
            | FileType::CharacterDevice
            | FileType::BlockDevice
            | FileType::Unknown => {}
        }
        Ok(())
    }
}

/// The prefix and exactly 32 hexadecimal digits: what [`HiddenFile`](super::hidden_file::HiddenFile) makes.
fn is_of_an_upload(name: &[u8]) -> bool {
    name.strip_prefix(RESERVED_PREFIX)
        .is_some_and(|rest| rest.len() == 32 && rest.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::descriptors::Descriptors;
    use std::path::Path;
    use tempfile::TempDir;

    const LEFT_OVER: &str = ".loopftpd-0123456789abcdef0123456789abcdef";

    fn disk(directory: &Path) -> DiskRoot {
        DiskRoot::open(directory, Descriptors::for_process(256)).expect("a directory")
    }

    fn finished(mut walk: TreeWalk) -> Purpose {
        while !walk.is_finished() {
            walk.advance(2);
        }
        walk.purpose()
    }

    fn tree() -> TempDir {
        let directory = TempDir::new().expect("a directory");
        let root = directory.path();
        std::fs::create_dir_all(root.join("a/b")).expect("directories");
        for name in [LEFT_OVER, "a/b/.loopftpd-ffffffffffffffffffffffffffffffff"] {
            std::fs::write(root.join(name), b"12345").expect("a file");
        }
        for look_alike in [
            ".loopftpd-notes",
            ".loopftpd-0123456789ABCDEF0123456789abcdef",
            "a/x.loopftpd-0123456789abcdef0123456789abcdef",
        ] {
            std::fs::write(root.join(look_alike), b"12345").expect("a file");
        }
        std::os::unix::fs::symlink("/", root.join("a/up")).expect("a link");
        std::os::unix::fs::symlink(
            ".loopftpd-notes",
            root.join(".loopftpd-00000000000000000000000000000000"),
        )
        .expect("a link");
        directory
    }

    #[test]
    fn h02_h23_only_what_killed_uploads_left_is_swept_up() {
        let directory = tree();
        let now = Timestamp::from_unix(crate::event_loop::wall_clock().seconds());
        let fresh = TreeWalk::new(&disk(directory.path()), &VirtualPath::ROOT, Purpose::sweep(now)).expect("a walk");
        assert!(
            matches!(finished(fresh), Purpose::Sweep { removed: 0, .. }),
            "not a day old"
        );
        let tomorrow = Timestamp::from_unix(now.seconds() + STALE_SECONDS + 60);
        let later =
            TreeWalk::new(&disk(directory.path()), &VirtualPath::ROOT, Purpose::sweep(tomorrow)).expect("a walk");
        assert!(matches!(finished(later), Purpose::Sweep { removed: 2, .. }));
        assert!(!directory.path().join(LEFT_OVER).exists());
        for kept in [".loopftpd-notes", ".loopftpd-00000000000000000000000000000000", "a/up"] {
            assert!(directory.path().join(kept).symlink_metadata().is_ok(), "{kept}");
        }
    }

    #[test]
    fn h12_what_lies_there_is_added_up_without_following_links() {
        let directory = tree();
        let walk = TreeWalk::new(&disk(directory.path()), &VirtualPath::ROOT, Purpose::measure()).expect("a walk");
        assert_eq!(finished(walk), Purpose::Measure { bytes: 25 });
        let below = VirtualPath::ROOT.join(b"a").expect("short");
        let walk = TreeWalk::new(&disk(directory.path()), &below, Purpose::measure()).expect("a walk");
        assert_eq!(finished(walk), Purpose::Measure { bytes: 10 });
    }
}
