//! A position in a directory tree that is read depth first, however deep the tree is.
//!
//! Directories are opened one inside the other, by descriptor and single name, so no path is ever too long. Only the
//! innermost [`OPEN_MAX`] stay open. Of those above, the identity and the place in their list are kept; they are opened
//! again through `..`, and only used if they are the directory that the descent came through. A rename on the way makes
//! the two differ, and the way back is then lost: the caller is told, and must not take the tree for read.

use rustix::fs::{self, Dir, DirEntry, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use std::collections::VecDeque;
use std::ffi::CStr;
use std::os::fd::{BorrowedFd, OwnedFd};

/// Directories that stay open.
const OPEN_MAX: usize = 4;
/// Descriptors that a descent has open at any time: on the way up and down there is one more.
pub(super) const DESCRIPTORS: usize = OPEN_MAX + 1;
/// Deeper trees are not read to the end. Each level above the open ones costs some 40 bytes.
pub(super) const DEPTH_MAX: usize = 100_000;
/// Bytes of a path that are remembered, for messages.
const PATH_MAX: usize = 4096;

const READING: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::CLOEXEC);

/// Where a reading of a tree stands. It can be sent to another thread.
#[derive(Debug)]
pub(super) struct Descent {
    /// The outer directories, from the top.
    closed: Vec<Level>,
    /// The inner ones; empty at the end.
    open: VecDeque<(Level, Dir)>,
    /// Of the innermost directory, beneath the top, as far as it is remembered.
    path: Vec<u8>,
}

/// One directory on the way down.
#[derive(Debug)]
struct Level {
    device: u64,
    inode: u64,
    /// Where its list goes on.
    offset: i64,
    /// Bytes of the path that lead here.
    path_length: usize,
}

/// Why a directory cannot be entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    TooDeep,
    Errno(Errno),
}

/// Why entries were missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gap {
    /// The rest of the innermost directory cannot be read.
    Unreadable(Errno),
    /// The directory above is not the one that the descent came through; the descent has ended.
    WayBackLost,
}

impl Descent {
    /// At the first entry of the directory `relative` beneath `root`, links followed as a login follows them.
    pub(super) fn begin(root: BorrowedFd<'_>, relative: &[u8]) -> Result<Self, Errno> {
        let within = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        let top = fs::openat2(root, relative, READING - OFlags::NOFOLLOW, Mode::empty(), within)?;
        let level = Level::of(&top, 0)?;
        Ok(Self {
            closed: Vec::new(),
            open: VecDeque::from([(level, Dir::new(top)?)]),
            path: Vec::new(),
        })
    }

    /// The next entry of the innermost directory that has one, `.` and `..` left out; `None` at the end of the tree.
    pub(super) fn next(&mut self) -> Result<Option<DirEntry>, Gap> {
        while let Some((level, directory)) = self.open.back_mut() {
            match directory.read() {
                Some(Ok(entry)) => {
                    level.offset = entry.offset();
                    if entry.file_name() != c"." && entry.file_name() != c".." {
                        return Ok(Some(entry));
                    }
                }
                // The list gives nothing more after an error, so the next call goes up.
                Some(Err(errno)) => return Err(Gap::Unreadable(errno)),
                None => self.leave()?,
            }
        }
        Ok(None)
    }

    /// The innermost directory; `None` at the end.
    pub(super) fn directory(&self) -> Option<BorrowedFd<'_>> {
        self.open.back().and_then(|(_, directory)| directory.fd().ok())
    }

    /// Its path beneath the top; empty for the top itself, cut off where it is very long.
    pub(super) fn path(&self) -> &[u8] {
        &self.path
    }

    /// Makes the directory `name` of the innermost one the innermost. After an error the position is as before.
    pub(super) fn enter(&mut self, name: &CStr) -> Result<(), Refusal> {
        if self.closed.len() + self.open.len() >= DEPTH_MAX {
            return Err(Refusal::TooDeep);
        }
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

    fn leave(&mut self) -> Result<(), Gap> {
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
                    return Err(Gap::WayBackLost);
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

    /// Opens this directory, which was above `inner`, and goes on in its list where it was left.
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

impl From<Errno> for Refusal {
    fn from(errno: Errno) -> Self {
        Refusal::Errno(errno)
    }
}
