//! A log that lines are appended to, and that is opened anew after something has rotated it.

use crate::outside_file::OutsideFile;
use rustix::fs::{self, Gid, Mode, OFlags, Uid};
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

/// Others than owner and group have no business in a log.
const MODE: Mode = Mode::from_raw_mode(0o640);
/// What every log is opened with.
const FOR_LOGS: OFlags = OFlags::APPEND
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

/// How a log is written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogKind {
    /// A file, written to only.
    Plain,
    /// A file or a FIFO. One without a reader can be opened for both ways only, and never blocks then.
    MayBeFifo,
}

/// An open log.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    kind: LogKind,
    file: File,
    /// `None`: a device, or the pipe behind `/dev/stdout`; nobody rotates one.
    place: Option<OutsideFile>,
}

/// What became of a request to open the log anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reopened {
    /// The file was moved away or replaced, and another has been opened.
    Anew,
    /// The file still has its name.
    Same,
}

impl LogFile {
    /// Opens or creates the file for appending; writing to it never waits. `owner`: whom a file is given to that did
    /// not exist, since a server that was started as root is somebody else when it opens its log again.
    pub fn open(path: &Path, kind: LogKind, owner: Option<(u32, u32)>) -> io::Result<Self> {
        let access = kind.access();
        let (file, place) = if is_nameless(path) {
            (fs::open(path, access | FOR_LOGS, MODE)?.into(), None)
        } else {
            let place = OutsideFile::locate(path)?;
            (open_or_create(&place, access, owner)?, Some(place))
        };
        Ok(Self {
            path: path.to_path_buf(),
            kind,
            file,
            place,
        })
    }

    /// The path as it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the file anew if something has moved or replaced it; on failure the old one stays in use.
    pub fn reopen(&mut self) -> io::Result<Reopened> {
        match &self.place {
            Some(place) if !place.is_still(&self.file)? => {
                self.file = open_or_create(place, self.kind.access(), None)?;
                Ok(Reopened::Anew)
            }
            Some(_) | None => Ok(Reopened::Same),
        }
    }

    /// Whether the process could make the file anew after it was moved away.
    pub fn can_be_made_anew(&self) -> bool {
        self.place.as_ref().is_none_or(OutsideFile::can_be_recreated)
    }

    /// Appends a line, whole or not at all as far as the file allows.
    pub fn append(&mut self, line: &[u8]) -> io::Result<()> {
        self.file.write_all(line)
    }
}

impl LogKind {
    fn access(self) -> OFlags {
        match self {
            LogKind::Plain => OFlags::WRONLY,
            LogKind::MayBeFifo => OFlags::RDWR,
        }
    }
}

/// Whether this is a device, or a pipe that has no name in any directory.
fn is_nameless(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| {
        let kind = metadata.file_type();
        kind.is_char_device() || kind.is_block_device() || (kind.is_fifo() && path.canonicalize().is_err())
    })
}

fn open_or_create(place: &OutsideFile, access: OFlags, owner: Option<(u32, u32)>) -> io::Result<File> {
    match place.open(access | OFlags::APPEND, MODE) {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        opened => return opened,
    }
    let file = place.open(access | OFlags::APPEND | OFlags::CREATE | OFlags::EXCL, MODE)?;
    if let Some((user, group)) = owner {
        fs::fchown(&file, Some(Uid::from_raw(user)), Some(Gid::from_raw(group)))?;
    }
    Ok(file)
}
