//! The lines of real directories, and what they cost.

use super::super::tests::IrregularSink;
use super::*;
use crate::descriptors::Descriptors;
use crate::ftp::path::VirtualPath;
use crate::storage::{DiskRoot, Storage};
use tempfile::TempDir;

/// The lines of a directory with two files, a directory and a hidden file, in alphabetical order, and the budget of
/// entries that they cost.
fn lines_of(format: LineFormat, glob: Option<&str>) -> (Vec<String>, usize) {
    let temporary = TempDir::new().expect("a directory");
    for name in ["a.txt", "b.log", ".hidden"] {
        std::fs::write(temporary.path().join(name), b"12345").expect("a file");
    }
    std::fs::create_dir(temporary.path().join("d")).expect("a directory");
    let root = DiskRoot::open(temporary.path(), Descriptors::for_process(64)).expect("the root");
    let mut lines = ListingLines::Directory {
        directory: root.open_directory(&VirtualPath::ROOT).expect("it can be read"),
        format,
        pattern: glob.map(|glob| Glob::new(glob.as_bytes()).expect("short")),
    };
    let (mut text, mut entries) = (Vec::new(), 1_000);
    while !lines.is_finished() {
        lines.next_batch(&mut text, &mut entries).expect("it can be read");
    }
    let text = String::from_utf8(text).expect("ASCII");
    let mut lines: Vec<String> = text.split_terminator("\r\n").map(str::to_owned).collect();
    lines.sort();
    (lines, 1_000 - entries)
}

fn names(prefix: &str) -> LineFormat {
    LineFormat::Names {
        prefix: prefix.as_bytes().to_vec(),
    }
}

fn columns(dots: bool) -> LineFormat {
    let now = Timestamp::from_unix(0);
    LineFormat::Columns { now, dots }
}

#[test]
fn names_have_their_prefix_match_the_pattern_and_are_never_dot_or_dot_dot() {
    let (lines, _) = lines_of(names("x/"), None);
    assert_eq!(lines, ["x/.hidden", "x/a.txt", "x/b.log", "x/d"]);
    assert_eq!(lines_of(names(""), Some("*.txt")).0, ["a.txt"]);
}

#[test]
fn columns_show_dot_and_dot_dot_when_asked_to() {
    for (dots, expected) in [(true, 6), (false, 4)] {
        let (lines, _) = lines_of(columns(dots), None);
        assert_eq!(lines.len(), expected, "{lines:?}");
        assert!(lines.iter().any(|line| line.starts_with('d') && line.ends_with(" d")));
        assert_eq!(lines.iter().any(|line| line.ends_with(" ..")), dots);
    }
}

#[test]
fn facts_describe_each_entry() {
    let lines = |glob| {
        let permissions = Permissions {
            file: "r".to_owned(),
            directory: "el".to_owned(),
            link: String::new(),
        };
        let facts = Facts::TYPE | Facts::SIZE | Facts::PERM;
        lines_of(LineFormat::Facts { facts, permissions }, Some(glob)).0
    };
    assert!(lines("[a-d]*").is_empty(), "brackets have no meaning");
    assert_eq!(
        lines("*"),
        [
            "type=dir;perm=el; d",
            "type=file;size=5;perm=r; a.txt",
            "type=file;size=5;perm=r; b.log"
        ],
        "a star does not match a leading dot"
    );
}

#[test]
fn entries_that_are_looked_up_use_more_budget_than_names() {
    let (_, cost_of_names) = lines_of(names(""), None);
    let (_, cost_of_columns) = lines_of(columns(false), None);
    assert!(cost_of_names > 0, "a batch costs something itself");
    assert_eq!(cost_of_columns, cost_of_names + 6, "four entries, and both dots");
}

fn pump(listing: &mut SendListing, sink: &mut IrregularSink, entries: usize) -> Progress {
    listing.pump(sink, &mut Budget { bytes: 1_000, entries })
}

#[test]
fn no_batch_is_read_without_a_budget_for_entries() {
    let mut listing = SendListing::new(ListingLines::Ready(b"line\r\n".to_vec()));
    let mut sink = IrregularSink::new(1_000, 0);
    assert_eq!(pump(&mut listing, &mut sink, 0), Progress::BudgetSpent);
    assert_eq!(sink.taken, b"");
    assert_eq!(pump(&mut listing, &mut sink, 1), Progress::Complete);
    assert_eq!((sink.taken.as_slice(), listing.sent()), (&b"line\r\n"[..], 6));
}

#[test]
fn lines_wait_while_the_client_does_not_read() {
    let mut listing = SendListing::new(ListingLines::Ready(b"0123456789".to_vec()));
    let mut sink = IrregularSink::new(4, 2);
    assert_eq!(pump(&mut listing, &mut sink, 1), Progress::WouldBlock);
    assert_eq!(sink.taken, b"0123");
    while pump(&mut listing, &mut sink, 1) != Progress::Complete {}
    assert_eq!(sink.taken, b"0123456789");
}
