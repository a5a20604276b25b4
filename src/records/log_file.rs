//! The log files (`--transfer-log`, `--events`): lines are appended without waiting, and a file is opened again after
//! it was rotated.
//!
//! A line that cannot be written at once is dropped and counted: a slow reader or a full disk must not stop the loop.

use crate::outside_file::OutsideFile;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{self, Gid, Mode, OFlags, Uid};
use rustix::io::retry_on_intr;
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

/// Logs are for owner and group only.
const MODE: Mode = Mode::from_raw_mode(0o640);
/// A pipe takes lines up to this length completely or not at all (PIPE_BUF).
const PIPE_LINE_MAX: usize = 4096;

/// Which log it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogKind {
    /// `--transfer-log`: a file.
    Transfers,
    /// `--events`: a file, a FIFO, or `-` for standard output.
    Events,
}

/// An open log.
#[derive(Debug)]
pub struct LogFile {
    pub kind: LogKind,
    sink: Sink,
    /// The last line was written in part: the disk became full, or the file reached a limit.
    has_partial_line: bool,
    dropped: u64,
}

#[derive(Debug)]
enum Sink {
    StandardOutput,
    /// A device, or the pipe behind `/dev/stdout`: it cannot be rotated.
    Nameless(File),
    Named {
        file: File,
        place: OutsideFile,
    },
}

/// The result of opening a log again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reopened {
    /// The file was moved or replaced, and a new one is open.
    New,
    /// The file still has its name.
    Same,
}

impl LogFile {
    /// Opens or creates a log. A new file is given to `owner` (user and group), because a server that was started as
    /// root has another user when it opens the log again.
    pub fn open(path: &Path, kind: LogKind, owner: Option<(u32, u32)>) -> io::Result<Self> {
        let sink = if kind == LogKind::Events && path == Path::new("-") {
            Sink::StandardOutput
        } else if is_nameless(path) {
            let flags = OFlags::APPEND | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
            Sink::Nameless(fs::open(path, kind.access() | flags, MODE)?.into())
        } else {
            let place = OutsideFile::locate(path)?;
            let file = open_or_create(&place, kind.access(), owner)?;
            Sink::Named { file, place }
        };
        Ok(Self {
            kind,
            sink,
            has_partial_line: false,
            dropped: 0,
        })
    }

    /// How many lines could not be written.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Opens the file again if it was moved or replaced. On failure the old file stays in use.
    pub fn reopen(&mut self) -> io::Result<Reopened> {
        match &mut self.sink {
            Sink::Named { file, place } if !place.is_still(file)? => {
                *file = open_or_create(place, self.kind.access(), None)?;
                self.has_partial_line = false;
                Ok(Reopened::New)
            }
            Sink::Named { .. } | Sink::Nameless(_) | Sink::StandardOutput => Ok(Reopened::Same),
        }
    }

    /// The directory in which the file is opened again, if it has one.
    pub fn directory(&self) -> Option<BorrowedFd<'_>> {
        match &self.sink {
            Sink::Named { place, .. } => Some(place.directory()),
            Sink::Nameless(_) | Sink::StandardOutput => None,
        }
    }

    /// Whether the process could create the file again after it was moved.
    pub fn can_be_recreated(&self) -> bool {
        match &self.sink {
            Sink::Named { place, .. } => place.can_be_recreated(),
            Sink::Nameless(_) | Sink::StandardOutput => true,
        }
    }

    /// Appends a line, or drops and counts it.
    pub fn append(&mut self, line: &[u8]) {
        if self.try_append(line).is_err() {
            self.dropped += 1;
            if self.dropped.is_power_of_two() {
                log::warn!(
                    "{}: lines that could not be written: {}",
                    self.kind.option(),
                    self.dropped
                );
            }
        }
    }

    fn try_append(&mut self, line: &[u8]) -> io::Result<()> {
        if self.kind == LogKind::Events && line.len() > PIPE_LINE_MAX {
            return Err(ErrorKind::InvalidData.into());
        }
        match &mut self.sink {
            Sink::Named { file, .. } | Sink::Nameless(file) => {
                // The part that is there is ended first, so that it spoils no other line.
                if self.has_partial_line {
                    file.write_all(b"\n")?;
                    self.has_partial_line = false;
                }
                let written = retry_on_intr(|| rustix::io::write(&*file, line))?;
                self.has_partial_line = (1..line.len()).contains(&written);
                file.write_all(line.get(written..).unwrap_or_default())?;
                self.has_partial_line = false;
                Ok(())
            }
            Sink::StandardOutput => {
                // Standard output is shared with other programs, so it is not set to non-blocking mode.
                let mut stdout = io::stdout().lock();
                if !can_take_line(stdout.as_fd()) {
                    return Err(ErrorKind::WouldBlock.into());
                }
                stdout.write_all(line)?;
                stdout.flush()
            }
        }
    }
}

impl LogKind {
    /// The option that names such a log.
    pub fn option(self) -> &'static str {
        match self {
            LogKind::Transfers => "--transfer-log",
            LogKind::Events => "--events",
        }
    }

    /// A FIFO without a reader can only be opened for reading and writing, and never blocks then.
    fn access(self) -> OFlags {
        match self {
            LogKind::Transfers => OFlags::WRONLY,
            LogKind::Events => OFlags::RDWR,
        }
    }
}

/// Whether a descriptor takes a line without blocking: a pipe that is writable takes [`PIPE_LINE_MAX`] bytes.
pub(super) fn can_take_line(descriptor: BorrowedFd<'_>) -> bool {
    let mut watched = [PollFd::from_borrowed_fd(descriptor, PollFlags::OUT)];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    let ready = poll(&mut watched, Some(&at_once));
    let [watched] = watched;
    let events = watched.revents();
    ready.is_ok() && events.contains(PollFlags::OUT) && !events.intersects(PollFlags::ERR | PollFlags::NVAL)
}

/// Whether this is a device, or a pipe without a name in any directory.
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

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    #[test]
    fn a_rotated_log_is_opened_again_and_nothing_else_is() {
        let directory = TempDir::new().expect("a directory");
        let path = directory.path().join("log");
        let mut log = LogFile::open(&path, LogKind::Transfers, None).expect("created");
        log.append(b"one\n");
        assert_eq!(log.reopen().expect("still there"), Reopened::Same);
        std::fs::rename(&path, directory.path().join("log.1")).expect("rotated");
        log.append(b"two\n");
        assert_eq!(log.reopen().expect("created again"), Reopened::New);
        log.append(b"three\n");
        let read = |name| std::fs::read_to_string(directory.path().join(name)).expect("a file");
        assert_eq!(
            (read("log.1").as_str(), read("log").as_str()),
            ("one\ntwo\n", "three\n")
        );
        assert_eq!(log.dropped(), 0);
    }

    #[test]
    fn a_log_that_cannot_be_created_again_stays_open() {
        let directory = TempDir::new().expect("a directory");
        let [path, moved] = ["log", "moved"].map(|name| directory.path().join(name));
        let mut log = LogFile::open(&path, LogKind::Transfers, None).expect("created");
        std::fs::rename(&path, &moved).expect("moved");
        std::fs::create_dir(&path).expect("a directory of that name");
        log.reopen().expect_err("a directory is not a log");
        log.append(b"one\n");
        assert_eq!(std::fs::read(&moved).expect("the old file"), b"one\n");
    }

    #[test]
    fn a_new_log_is_for_owner_and_group_only() {
        use std::os::unix::fs::PermissionsExt;
        let directory = TempDir::new().expect("a directory");
        let path = directory.path().join("log");
        LogFile::open(&path, LogKind::Events, None).expect("created");
        let mode = path.metadata().expect("a file").permissions().mode();
        assert_eq!(mode & 0o137, 0, "{mode:o}");
    }

    #[test]
    fn a_device_is_never_opened_again() {
        let mut log = LogFile::open(Path::new("/dev/null"), LogKind::Transfers, None).expect("a device");
        log.append(b"one\n");
        assert_eq!(log.reopen().expect("nothing to do"), Reopened::Same);
        assert!(log.can_be_recreated());
        assert_eq!((log.kind.option(), log.dropped()), ("--transfer-log", 0));
    }

    #[test]
    fn g14_a_line_fits_unless_the_pipe_is_full_or_its_reader_has_gone() {
        let (reader, writer) = rustix::pipe::pipe().expect("a pipe");
        assert!(can_take_line(writer.as_fd()));
        fs::fcntl_setfl(&writer, OFlags::NONBLOCK).expect("non-blocking");
        while rustix::io::write(&writer, &[b'x'; PIPE_LINE_MAX]).is_ok() {}
        assert!(!can_take_line(writer.as_fd()), "the pipe is full");
        drop(reader);
        assert!(!can_take_line(writer.as_fd()), "the reader has gone");
    }

    #[test]
    fn g14_a_line_that_was_written_in_part_spoils_no_other() {
        let directory = TempDir::new().expect("a directory");
        let path = directory.path().join("fifo");
        fs::mknodat(fs::CWD, &path, fs::FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a FIFO");
        let reader = fs::open(&path, OFlags::RDWR | OFlags::NONBLOCK, Mode::empty()).expect("a FIFO");
        let mut log = LogFile::open(&path, LogKind::Transfers, None).expect("it has a reader");
        let Sink::Named { file, .. } = &log.sink else {
            panic!("it has a name");
        };
        // A pipe takes a part of a long line, as a disk does that becomes full.
        fs::fcntl_setfl(file, OFlags::NONBLOCK).expect("non-blocking");
        let long = [&[b'x'; 60_000][..], b"\n"].concat();
        let read = || {
            let mut text = vec![0; 100_000];
            let count = rustix::io::read(&reader, &mut text[..]).unwrap_or_default();
            text.truncate(count);
            text
        };
        log.append(&long);
        log.append(&long);
        log.append(b"lost\n");
        assert_eq!(log.dropped(), 2);
        let text = read();
        assert!(text.len() > long.len() && text.starts_with(&long) && text.ends_with(b"xx"));
        log.append(b"one\n");
        log.append(b"two\n");
        assert_eq!((read(), log.dropped()), (b"\none\ntwo\n".to_vec(), 2));
    }

    #[test]
    fn g14_lines_that_no_reader_takes_are_dropped_and_counted() {
        let directory = TempDir::new().expect("a directory");
        let path = directory.path().join("fifo");
        fs::mknodat(fs::CWD, &path, fs::FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a FIFO");
        let mut log = LogFile::open(&path, LogKind::Events, None).expect("opened without a reader");
        let line = [b'x'; 1024];
        for _ in 0..1_000 {
            log.append(&line);
        }
        assert!((1..1_000).contains(&log.dropped()), "{} dropped", log.dropped());
        let dropped = log.dropped();
        log.append(&[b'x'; PIPE_LINE_MAX + 1]);
        assert_eq!(log.dropped(), dropped + 1, "a pipe could take a part of it");
    }
}
