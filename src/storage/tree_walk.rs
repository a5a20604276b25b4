//! A walk through everything beneath a root, in slices: to remove what killed uploads left, or to measure what lies
//! there.
//!
//! It waits for the disk, so it never runs on the loop. Links are not followed and other kinds of entry not touched.
//! Only files that can belong to nobody else are removed: the server's own prefix and form of name, its own user, older
//! than a day (threat H23).
//!
//! A walk knows whether it has seen everything. What it could not read or find again makes it incomplete, and an
//! incomplete walk is no measurement (threat H12).

use super::DiskRoot;
use super::descent::{self, Descent, Gap, Refusal};
use super::disk_root::RESERVED_PREFIX;
use crate::ftp::path::VirtualPath;
use crate::ftp::timestamp::Timestamp;
use rustix::fs::{self, Access, AtFlags, DirEntry, FileType};
use rustix::io::Errno;
use std::ffi::CStr;
use std::fmt;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Instant;

/// An upload that was not touched for so long has been abandoned.
const STALE_SECONDS: i64 = 24 * 60 * 60;

/// A walk under way; it can be sent to another thread.
#[derive(Debug)]
pub struct TreeWalk {
    /// Shared with the storage, so a walk that waits has no descriptor of its own.
    root: Arc<OwnedFd>,
    from: VirtualPath,
    purpose: Purpose,
    progress: Progress,
    missed: Option<Missed>,
}

#[derive(Debug)]
enum Progress {
    NotBegun,
    Within(Descent),
    Finished,
}

/// What a walk is for, and what it has found so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Sweep { untouched_since: Timestamp, removed: u64 },
    Measure { bytes: u64, entries: u64 },
}

/// The first thing that a walk could not see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missed {
    /// As clients of the whole server would name it.
    pub path: Vec<u8>,
    pub reason: MissedReason,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissedReason {
    NotThere,
    Unreadable(Errno),
    TooDeep,
    /// A directory was moved while the walk was in it.
    Moved,
}

impl Purpose {
    /// Removes what uploads left that were killed more than a day before `now`.
    pub fn sweep(now: Timestamp) -> Self {
        Purpose::Sweep {
            untouched_since: Timestamp::from_unix(now.seconds() - STALE_SECONDS),
            removed: 0,
        }
    }

    /// Adds up the sizes of all files, and counts everything that has a name.
    pub fn measure() -> Self {
        Purpose::Measure { bytes: 0, entries: 0 }
    }
}

impl TreeWalk {
    /// Descriptors that a walk has open at most, once it has begun.
    pub const DESCRIPTORS: usize = descent::DESCRIPTORS;

    pub(super) fn new(disk: &DiskRoot, from: &VirtualPath, purpose: Purpose) -> Self {
        Self {
            root: disk.shared_descriptor(),
            from: from.clone(),
            purpose,
            progress: Progress::NotBegun,
            missed: None,
        }
    }

    /// What has been found so far.
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// Whether there is nothing more to look at.
    pub fn is_finished(&self) -> bool {
        matches!(self.progress, Progress::Finished)
    }

    /// What could not be seen, if anything: then what was found is less than what is there.
    pub fn missed(&self) -> Option<&Missed> {
        self.missed.as_ref()
    }

    /// Looks at up to `entries` entries, and stops earlier once it is `until`.
    pub fn advance(&mut self, entries: usize, until: Instant) {
        for _ in 0..entries {
            self.step();
            if self.is_finished() || Instant::now() >= until {
                return;
            }
        }
    }

    fn step(&mut self) {
        match &mut self.progress {
            Progress::NotBegun => match Descent::begin(self.root.as_fd(), self.from.relative()) {
                Ok(descent) => self.progress = Progress::Within(descent),
                Err(errno) => {
                    let reason = match errno {
                        Errno::NOENT | Errno::NOTDIR => MissedReason::NotThere,
                        errno => MissedReason::Unreadable(errno),
                    };
                    self.missed = Some(Missed::at(&self.from, b"", b"", reason));
                    self.progress = Progress::Finished;
                }
            },
            Progress::Within(descent) => match descent.next() {
                Ok(Some(entry)) => {
                    if let Err((name, reason)) = look_at(&entry, descent, &mut self.purpose) {
                        let missed = || Missed::at(&self.from, descent.path(), name.to_bytes(), reason);
                        self.missed.get_or_insert_with(missed);
                    }
                }
                Ok(None) => self.progress = Progress::Finished,
                Err(gap) => {
                    let reason = match gap {
                        Gap::Unreadable(errno) => MissedReason::Unreadable(errno),
                        Gap::WayBackLost => MissedReason::Moved,
                    };
                    let missed = || Missed::at(&self.from, descent.path(), b"", reason);
                    self.missed.get_or_insert_with(missed);
                }
            },
            Progress::Finished => {}
        }
    }
}

/// Counts or removes an entry, and enters it if it is a directory. `Err`: what could not be seen, and why.
fn look_at<'entry>(
    entry: &'entry DirEntry,
    descent: &mut Descent,
    purpose: &mut Purpose,
) -> Result<(), (&'entry CStr, MissedReason)> {
    let name = entry.file_name();
    let looked = match purpose {
        Purpose::Measure { bytes, entries } => {
            *entries += 1;
            measure(name, entry.file_type(), descent, bytes)
        }
        Purpose::Sweep {
            untouched_since,
            removed,
        } => sweep(name, entry.file_type(), descent, *untouched_since, removed),
    };
    looked.map_err(|reason| (name, reason))
}

fn measure(name: &CStr, kind: FileType, descent: &mut Descent, bytes: &mut u64) -> Result<(), MissedReason> {
    match kind {
        FileType::Directory => enter(name, descent),
        FileType::RegularFile | FileType::Unknown => {
            let Some(stat) = stat_of(name, descent)? else {
                return Ok(());
            };
            match FileType::from_raw_mode(stat.st_mode) {
                FileType::Directory => enter(name, descent)?,
                FileType::RegularFile => *bytes = bytes.saturating_add(u64::try_from(stat.st_size).unwrap_or(0)),
                FileType::Symlink
                | FileType::Fifo
                | FileType::Socket
                | FileType::CharacterDevice
                | FileType::BlockDevice
                | FileType::Unknown => {}
            }
            Ok(())
        }
        FileType::Symlink | FileType::Fifo | FileType::Socket | FileType::CharacterDevice | FileType::BlockDevice => {
            Ok(())
        }
    }
}

fn sweep(
    name: &CStr,
    kind: FileType,
    descent: &mut Descent,
    untouched_since: Timestamp,
    removed: &mut u64,
) -> Result<(), MissedReason> {
    if kind == FileType::Directory {
        return enter(name, descent);
    }
    if kind != FileType::Unknown && !is_of_an_upload(name.to_bytes()) {
        return Ok(());
    }
    let Some(stat) = stat_of(name, descent)? else {
        return Ok(());
    };
    let is_file = match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => return enter(name, descent),
        FileType::RegularFile => true,
        FileType::Symlink
        | FileType::Fifo
        | FileType::Socket
        | FileType::CharacterDevice
        | FileType::BlockDevice
        | FileType::Unknown => false,
    };
    let is_ours = stat.st_uid == rustix::process::geteuid().as_raw();
    let is_stale = stat.st_mtime < untouched_since.seconds();
    if is_file
        && is_ours
        && is_stale
        && is_of_an_upload(name.to_bytes())
        && let Some(directory) = descent.directory()
        && fs::unlinkat(directory, name, AtFlags::empty()).is_ok()
    {
        *removed += 1;
    }
    Ok(())
}

/// `None`: it has gone meanwhile.
fn stat_of(name: &CStr, descent: &Descent) -> Result<Option<fs::Stat>, MissedReason> {
    let Some(directory) = descent.directory() else {
        return Ok(None);
    };
    match fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(stat)),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(MissedReason::Unreadable(errno)),
    }
}

fn enter(name: &CStr, descent: &mut Descent) -> Result<(), MissedReason> {
    match descent.enter(name) {
        Ok(()) => Ok(()),
        // It has gone, or something else has its name.
        Err(Refusal::Errno(Errno::NOENT | Errno::NOTDIR | Errno::LOOP)) => Ok(()),
        Err(Refusal::Errno(Errno::ACCESS | Errno::PERM)) if is_out_of_reach(name, descent) => Ok(()),
        Err(Refusal::Errno(errno)) => Err(MissedReason::Unreadable(errno)),
        Err(Refusal::TooDeep) => Err(MissedReason::TooDeep),
    }
}

/// Whether clients can have put nothing into the directory and cannot do so: it belongs to another user, and the server
/// may not even enter it, as with `lost+found`. A directory of the server's own user may have had another mode before.
fn is_out_of_reach(name: &CStr, descent: &Descent) -> bool {
    let Some(directory) = descent.directory() else {
        return false;
    };
    let is_foreign = fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)
        .is_ok_and(|stat| stat.st_uid != rustix::process::geteuid().as_raw());
    is_foreign && fs::accessat(directory, name, Access::EXEC_OK, AtFlags::EACCESS) == Err(Errno::ACCESS)
}

impl Missed {
    fn at(from: &VirtualPath, beneath: &[u8], name: &[u8], reason: MissedReason) -> Self {
        let mut path = if *from == VirtualPath::ROOT {
            Vec::new()
        } else {
            from.as_bytes().to_vec()
        };
        path.extend_from_slice(beneath);
        if !name.is_empty() || path.is_empty() {
            path.push(b'/');
            path.extend_from_slice(name);
        }
        Self { path, reason }
    }
}

impl fmt::Display for Missed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The path may be long and comes last, so that a shortened line still says what was the matter.
        match self.reason {
            MissedReason::NotThere => write!(formatter, "no such directory")?,
            MissedReason::Unreadable(errno) => write!(formatter, "{}", std::io::Error::from(errno))?,
            MissedReason::TooDeep => write!(formatter, "deeper than {} directories", descent::DEPTH_MAX)?,
            MissedReason::Moved => write!(formatter, "a directory was moved meanwhile")?,
        }
        write!(formatter, ": {}", String::from_utf8_lossy(&self.path).escape_debug())
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
    use rustix::fs::{Mode, OFlags};
    use std::path::Path;
    use std::time::Duration;
    use tempfile::TempDir;

    const LEFT_OVER: &str = ".loopftpd-0123456789abcdef0123456789abcdef";

    fn disk(directory: &Path) -> DiskRoot {
        DiskRoot::open(directory, Descriptors::for_process(256)).expect("a directory")
    }

    fn finished(mut walk: TreeWalk) -> Purpose {
        while !walk.is_finished() {
            walk.advance(2, far_off());
        }
        assert_eq!(walk.missed(), None);
        walk.purpose()
    }

    /// No slice ends because of the time.
    fn far_off() -> Instant {
        Instant::now() + Duration::from_secs(3600)
    }

    fn measuring(directory: &Path) -> TreeWalk {
        TreeWalk::new(&disk(directory), &VirtualPath::ROOT, Purpose::measure())
    }

    /// A chain of directories whose path is far longer than the system takes, with a file of three bytes in each beside
    /// the next one. Returns how many.
    fn very_deep(directory: &Path) -> u64 {
        const LEVELS: u64 = 60;
        let name = [b'd'; 200];
        let mut place = fs::open(directory, OFlags::DIRECTORY, Mode::empty()).expect("a directory");
        for _ in 0..LEVELS {
            let flags = OFlags::CREATE | OFlags::WRONLY;
            let file = fs::openat(&place, "file", flags, Mode::RWXU).expect("a file");
            rustix::io::write(&file, b"abc").expect("room");
            fs::mkdirat(&place, &name[..], Mode::RWXU).expect("a directory");
            place = fs::openat(&place, &name[..], OFlags::DIRECTORY, Mode::empty()).expect("a directory");
        }
        LEVELS
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
        let now = Timestamp::from_unix(crate::clock::wall_clock().seconds());
        let fresh = TreeWalk::new(&disk(directory.path()), &VirtualPath::ROOT, Purpose::sweep(now));
        assert!(
            matches!(finished(fresh), Purpose::Sweep { removed: 0, .. }),
            "not a day old"
        );
        let tomorrow = Timestamp::from_unix(now.seconds() + STALE_SECONDS + 60);
        let later = TreeWalk::new(&disk(directory.path()), &VirtualPath::ROOT, Purpose::sweep(tomorrow));
        assert!(matches!(finished(later), Purpose::Sweep { removed: 2, .. }));
        assert!(!directory.path().join(LEFT_OVER).exists());
        for kept in [".loopftpd-notes", ".loopftpd-00000000000000000000000000000000", "a/up"] {
            assert!(directory.path().join(kept).symlink_metadata().is_ok(), "{kept}");
        }
    }

    #[test]
    fn h12_what_lies_there_is_added_up_without_following_links() {
        let directory = tree();
        let walk = TreeWalk::new(&disk(directory.path()), &VirtualPath::ROOT, Purpose::measure());
        assert_eq!(finished(walk), Purpose::Measure { bytes: 25, entries: 9 });
        let below = VirtualPath::ROOT.join(b"a").expect("short");
        let walk = TreeWalk::new(&disk(directory.path()), &below, Purpose::measure());
        assert_eq!(finished(walk), Purpose::Measure { bytes: 10, entries: 4 });
    }

    #[test]
    fn h12_one_large_directory_is_read_in_slices() {
        let directory = TempDir::new().expect("a directory");
        for number in 0..1_000 {
            std::fs::write(directory.path().join(number.to_string()), b"ab").expect("a file");
        }
        let mut walk = measuring(directory.path());
        let mut seen = 0;
        while !walk.is_finished() {
            walk.advance(10, far_off());
            let Purpose::Measure { entries, .. } = walk.purpose() else {
                panic!("it measures");
            };
            assert!(entries - seen <= 10, "a slice looked at {}", entries - seen);
            seen = entries;
        }
        let all = Purpose::Measure {
            bytes: 2_000,
            entries: 1_000,
        };
        assert_eq!(walk.purpose(), all);
        let mut late = measuring(directory.path());
        late.advance(1_000, Instant::now());
        late.advance(1_000, Instant::now());
        assert_eq!(
            late.purpose(),
            Purpose::Measure { bytes: 2, entries: 1 },
            "its time was up"
        );
    }

    #[test]
    fn h12_trees_deeper_than_any_path_are_measured() {
        let directory = TempDir::new().expect("a directory");
        let levels = very_deep(directory.path());
        let all = Purpose::Measure {
            bytes: 3 * levels,
            entries: 2 * levels,
        };
        assert_eq!(finished(measuring(directory.path())), all);
    }

    #[test]
    fn h12_a_walk_whose_way_back_is_lost_says_so() {
        let directory = TempDir::new().expect("a directory");
        let chain = "a/b/c/d/e/f/g/h";
        std::fs::create_dir_all(directory.path().join(chain)).expect("directories");
        std::fs::create_dir(directory.path().join("elsewhere")).expect("a directory");
        let mut walk = measuring(&directory.path().join("a"));
        // The first step only begins; each other one goes down.
        walk.advance(8, far_off());
        assert_eq!(walk.purpose(), Purpose::Measure { bytes: 0, entries: 7 });
        let (from, to) = ("a/b/c", "elsewhere/c");
        std::fs::rename(directory.path().join(from), directory.path().join(to)).expect("renamed");
        walk.advance(1_000, far_off());
        assert!(walk.is_finished());
        let missed = walk.missed().expect("the directories above were not read to the end");
        assert_eq!(missed.reason, MissedReason::Moved);
    }

    #[test]
    fn h12_a_root_that_is_not_there_is_no_empty_one() {
        let directory = TempDir::new().expect("a directory");
        let absent = VirtualPath::ROOT.join(b"x/y").expect("short");
        let mut walk = TreeWalk::new(&disk(directory.path()), &absent, Purpose::measure());
        walk.advance(10, far_off());
        assert!(walk.is_finished());
        assert_eq!(
            walk.missed().map(Missed::to_string).as_deref(),
            Some("no such directory: /x/y")
        );
    }

    #[test]
    fn h12_a_root_that_a_link_leads_to_is_measured() {
        let directory = tree();
        std::os::unix::fs::symlink("a", directory.path().join("link")).expect("a link");
        let linked = VirtualPath::ROOT.join(b"link").expect("short");
        let walk = TreeWalk::new(&disk(directory.path()), &linked, Purpose::measure());
        assert_eq!(finished(walk), Purpose::Measure { bytes: 10, entries: 4 });
    }
}
