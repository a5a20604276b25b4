//! A position in a directory tree that is read depth first, however deep the tree is.
//!
//! Directories are opened one inside the other, by descriptor and single name, so no path is ever too long. Only the
//! innermost [`OPEN_MAX`] stay open. Of those above, the inode and the position in the list are kept; they are opened
//! again through `..`, and used only if the inode is the same. It differs if a directory was moved meanwhile; then the
//! way back is lost, and the walk is incomplete.

use super::beneath::Root;
use crate::ftp::path::VirtualPath;
use rustix::fs::{self, Access, AtFlags, Dir, DirEntry, Mode, OFlags, Stat};
use rustix::io::Errno;
use std::collections::VecDeque;
use std::ffi::CStr;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

/// The deepest tree that is walked to the end. Each level costs about 40 bytes.
const DEPTH_MAX: usize = 100_000;
/// Directories that stay open.
const OPEN_MAX: usize = 4;
/// Most descriptors that are open at a time: there is one more while moving up or down.
pub(super) const DESCRIPTORS: usize = OPEN_MAX + 1;
/// Bytes of a path that are remembered, for messages.
const PATH_MAX: usize = 4096;

const READING: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::CLOEXEC);

/// A position in a tree. It can be sent to another thread.
#[derive(Debug)]
pub(super) struct Descent {
    /// The outer directories, from the top.
    closed: Vec<Level>,
    /// The inner directories; empty at the end.
    open: VecDeque<(Level, Dir)>,
    /// The innermost directory, relative to the top, shortened if it is very long.
    path: Vec<u8>,
}

/// One directory on the way down.
#[derive(Debug)]
struct Level {
    device: u64,
    inode: u64,
    /// Where reading continues.
    offset: i64,
    /// Length of the path without this directory.
    path_length: usize,
}

/// Why a walk could not see something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MissedReason {
    #[error("no such directory")]
    NotThere,
    #[error("{}", io::Error::from(*.0))]
    Unreadable(Errno),
    #[error("deeper than {DEPTH_MAX} directories")]
    TooDeep,
    #[error("a directory was moved meanwhile")]
    Moved,
}

impl Descent {
    /// At the first entry of the directory `start`; links in `start` are followed, as they are at login.
    pub(super) fn begin(root: &Root, start: &VirtualPath) -> Result<Self, MissedReason> {
        let begin = || {
            let top = root.open_path(start, READING - OFlags::NOFOLLOW)?;
            Ok((Level::of(&top, 0)?, Dir::new(top)?))
        };
        match begin() {
            Ok(top) => Ok(Self {
                closed: Vec::new(),
                open: VecDeque::from([top]),
                path: Vec::new(),
            }),
            Err(Errno::NOENT | Errno::NOTDIR) => Err(MissedReason::NotThere),
            Err(errno) => Err(MissedReason::Unreadable(errno)),
        }
    }

    /// The next entry, except `.` and `..`; `None` at the end of the tree. After an error, the next call continues with
    /// the directory above, or ends.
    pub(super) fn next(&mut self) -> Result<Option<DirEntry>, MissedReason> {
        while let Some((level, directory)) = self.open.back_mut() {
            match directory.read() {
                Some(Ok(entry)) => {
                    level.offset = entry.offset();
                    if entry.file_name() != c"." && entry.file_name() != c".." {
                        return Ok(Some(entry));
                    }
                }
                // After an error, `read` returns `None`, so the next call leaves the directory.
                Some(Err(errno)) => return Err(MissedReason::Unreadable(errno)),
                None => self.leave()?,
            }
        }
        Ok(None)
    }

    /// The innermost directory; `None` at the end.
    pub(super) fn directory(&self) -> Option<BorrowedFd<'_>> {
        self.open.back().and_then(|(_, directory)| directory.fd().ok())
    }

    /// The path of the innermost directory, relative to the top: empty for the top, shortened if it is very long.
    pub(super) fn path(&self) -> &[u8] {
        &self.path
    }

    /// The `stat` of an entry of the innermost directory; `None`: it was removed meanwhile.
    pub(super) fn stat(&self, name: &CStr) -> Result<Option<Stat>, MissedReason> {
        let Some(directory) = self.directory() else {
            return Ok(None);
        };
        match fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(MissedReason::Unreadable(errno)),
        }
    }

    /// Enters the directory `name` of the innermost directory. The position stays the same after an error, and where
    /// there is nothing to see.
    pub(super) fn enter(&mut self, name: &CStr) -> Result<(), MissedReason> {
        if self.closed.len() + self.open.len() >= DEPTH_MAX {
            return Err(MissedReason::TooDeep);
        }
        match self.descend(name) {
            // The directory was removed or replaced meanwhile.
            Ok(()) | Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(()),
            Err(Errno::ACCESS | Errno::PERM) if self.is_out_of_reach(name) => Ok(()),
            Err(errno) => Err(MissedReason::Unreadable(errno)),
        }
    }

    fn descend(&mut self, name: &CStr) -> Result<(), Errno> {
        let outer = self.directory().ok_or(Errno::NOENT)?;
        let inner = fs::openat(outer, name, READING, Mode::empty())?;
        let path_length = self.path.len();
        let level = Level::of(&inner, path_length)?;
        self.open.push_back((level, Dir::new(inner)?));
        if path_length + 1 + name.to_bytes().len() <= PATH_MAX {
            self.path.push(b'/');
            self.path.extend_from_slice(name.to_bytes());
        }
        if self.open.len() > OPEN_MAX
            && let Some((outermost, _)) = self.open.pop_front()
        {
            self.closed.push(outermost);
        }
        Ok(())
    }

    /// Whether clients cannot have stored anything in the directory: it belongs to another user, and the server may not
    /// even enter it, as with `lost+found`. A directory of the server's own user may have had another mode before.
    fn is_out_of_reach(&self, name: &CStr) -> bool {
        let Some(directory) = self.directory() else {
            return false;
        };
        let is_foreign = fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)
            .is_ok_and(|stat| stat.st_uid != rustix::process::geteuid().as_raw());
        is_foreign && fs::accessat(directory, name, Access::EXEC_OK, AtFlags::EACCESS) == Err(Errno::ACCESS)
    }

    fn leave(&mut self) -> Result<(), MissedReason> {
        let Some((level, inner)) = self.open.pop_back() else {
            return Ok(());
        };
        self.path.truncate(level.path_length);
        if self.open.is_empty()
            && let Some(above) = self.closed.pop()
        {
            match above.open_again(&inner) {
                Ok(directory) => self.open.push_back((above, directory)),
                Err(_) => {
                    self.closed.clear();
                    return Err(MissedReason::Moved);
                }
            }
        }
        Ok(())
    }
}

impl Level {
    fn of(directory: &OwnedFd, path_length: usize) -> Result<Self, Errno> {
        let stat = fs::fstat(directory)?;
        Ok(Self {
            device: stat.st_dev,
            inode: stat.st_ino,
            offset: 0,
            path_length,
        })
    }

    /// Opens this directory again from `inner`, which was in it, and continues where reading stopped.
    fn open_again(&self, inner: &Dir) -> Result<Dir, Errno> {
        let above = fs::openat(inner.fd()?, c"..", READING, Mode::empty())?;
        let stat = fs::fstat(&above)?;
        if (stat.st_dev, stat.st_ino) != (self.device, self.inode) {
            return Err(Errno::XDEV);
        }
        let mut directory = Dir::new(above)?;
        directory.seek(self.offset)?;
        Ok(directory)
    }
}
