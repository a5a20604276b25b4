//! Walks through trees of files, links and directories that move.

use super::*;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

const STALE: &str = ".loopftpd-0123456789abcdef0123456789abcdef";

fn walk(directory: &Path, start: &str, purpose: WalkPurpose) -> TreeWalk {
    let start = VirtualPath::ROOT.join(start.as_bytes()).expect("short");
    TreeWalk::new(Root::open(directory).expect("a directory"), &start, purpose)
}

fn size(bytes: u64, entries: u64) -> WalkPurpose {
    WalkPurpose::Measure(TreeSize { bytes, entries })
}

fn finished(mut walk: TreeWalk) -> WalkPurpose {
    while !walk.is_finished() {
        walk.advance(2, far_off());
    }
    assert_eq!(walk.missed(), None);
    walk.purpose()
}

/// Late enough that no slice ends because of the time.
fn far_off() -> Instant {
    Instant::now() + Duration::from_secs(3600)
}

fn measuring(directory: &Path) -> TreeWalk {
    walk(directory, "/", size(0, 0))
}

/// A chain of directories whose path is far longer than the system allows, with a file of three bytes in each. Returns
/// their number.
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
    for name in [STALE, "a/b/.loopftpd-ffffffffffffffffffffffffffffffff"] {
        std::fs::write(root.join(name), b"12345").expect("a file");
    }
    for similar in [
        ".loopftpd-notes",
        ".loopftpd-0123456789ABCDEF0123456789abcdef",
        "a/x.loopftpd-0123456789abcdef0123456789abcdef",
    ] {
        std::fs::write(root.join(similar), b"12345").expect("a file");
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
fn h23_only_stale_temporary_files_of_uploads_are_removed() {
    let directory = tree();
    let now = Timestamp::from_unix(crate::clock::wall_clock().seconds());
    let sweep = |seconds| {
        let stale = StaleUploads::at(Timestamp::from_unix(now.seconds() + seconds));
        match finished(walk(directory.path(), "/", WalkPurpose::Sweep(stale))) {
            WalkPurpose::Sweep(stale) => stale.removed,
            WalkPurpose::Measure(_) => panic!("it sweeps"),
        }
    };
    assert_eq!(sweep(0), 0, "not a day old");
    assert_eq!(sweep(STALE_SECONDS + 60), 2);
    assert!(!directory.path().join(STALE).exists());
    for kept in [".loopftpd-notes", ".loopftpd-00000000000000000000000000000000", "a/up"] {
        assert!(directory.path().join(kept).symlink_metadata().is_ok(), "{kept}");
    }
}

#[test]
fn h12_a_tree_is_measured_without_following_links() {
    let directory = tree();
    assert_eq!(finished(measuring(directory.path())), size(25, 9));
    assert_eq!(finished(walk(directory.path(), "a", size(0, 0))), size(10, 4));
}

#[test]
fn h12_a_large_directory_is_read_in_slices() {
    let directory = TempDir::new().expect("a directory");
    for number in 0..1_000 {
        std::fs::write(directory.path().join(number.to_string()), b"ab").expect("a file");
    }
    let mut walk = measuring(directory.path());
    let mut seen = 0;
    while !walk.is_finished() {
        walk.advance(10, far_off());
        let WalkPurpose::Measure(TreeSize { entries, .. }) = walk.purpose() else {
            panic!("it measures");
        };
        assert!(entries - seen <= 10, "a slice looked at {}", entries - seen);
        seen = entries;
    }
    let all = size(2_000, 1_000);
    assert_eq!(walk.purpose(), all);
    let mut late = measuring(directory.path());
    late.advance(1_000, Instant::now());
    late.advance(1_000, Instant::now());
    assert_eq!(late.purpose(), size(2, 1), "its time was up");
}

#[test]
fn h12_trees_deeper_than_any_path_are_measured() {
    let directory = TempDir::new().expect("a directory");
    let levels = very_deep(directory.path());
    let all = size(3 * levels, 2 * levels);
    assert_eq!(finished(measuring(directory.path())), all);
}

#[test]
fn h12_a_walk_is_incomplete_if_a_directory_is_moved_meanwhile() {
    let directory = TempDir::new().expect("a directory");
    let chain = "a/b/c/d/e/f/g/h";
    std::fs::create_dir_all(directory.path().join(chain)).expect("directories");
    std::fs::create_dir(directory.path().join("elsewhere")).expect("a directory");
    let mut walk = measuring(&directory.path().join("a"));
    // The first step only begins; each of the others enters a directory.
    walk.advance(8, far_off());
    assert_eq!(walk.purpose(), size(0, 7));
    let (from, to) = ("a/b/c", "elsewhere/c");
    std::fs::rename(directory.path().join(from), directory.path().join(to)).expect("renamed");
    walk.advance(1_000, far_off());
    assert!(walk.is_finished());
    let missed = walk.missed().expect("the directories above were not read to the end");
    assert_eq!(missed.reason, MissedReason::Moved);
}

#[test]
fn h12_a_missing_root_is_not_an_empty_one() {
    let directory = TempDir::new().expect("a directory");
    let mut walk = walk(directory.path(), "x/y", size(0, 0));
    walk.advance(10, far_off());
    assert!(walk.is_finished());
    assert_eq!(
        walk.missed().map(Missed::to_string).as_deref(),
        Some("no such directory: /x/y")
    );
}

#[test]
fn h12_a_root_that_is_a_link_is_measured() {
    let directory = tree();
    std::os::unix::fs::symlink("a", directory.path().join("link")).expect("a link");
    assert_eq!(finished(walk(directory.path(), "link", size(0, 0))), size(10, 4));
}

#[test]
fn i01_the_reason_comes_first_and_the_path_is_escaped() {
    let home = VirtualPath::ROOT.join(b"home").expect("short");
    for (start, below, name, shown) in [
        (&VirtualPath::ROOT, &b""[..], &b""[..], "/"),
        (&VirtualPath::ROOT, b"/d", b"f", "/d/f"),
        (&home, b"", b"", "/home"),
        (&home, b"/d", b"gr\xc3\xbc\xc3\x9fe\n", "/home/d/grüße\\x0a"),
    ] {
        let missed = Missed::at(start, below, name, MissedReason::Moved);
        assert_eq!(missed.to_string(), format!("a directory was moved meanwhile: {shown}"));
    }
    let unreadable = Missed::at(&home, b"", b"", MissedReason::Unreadable(Errno::ACCESS));
    assert_eq!(unreadable.to_string(), "Permission denied (os error 13): /home");
}
