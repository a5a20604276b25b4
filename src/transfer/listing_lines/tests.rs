//! The lines of real directories, and what they cost.

use super::*;
use crate::descriptors::Descriptors;
use crate::ftp::path::VirtualPath;
use crate::storage::{DiskRoot, Storage};
use tempfile::TempDir;

/// A directory with two files, a directory and a hidden file.
fn directory() -> (TempDir, OpenDirectory) {
    let temporary = TempDir::new().expect("a directory");
    for name in ["a.txt", "b.log", ".hidden"] {
        std::fs::write(temporary.path().join(name), b"12345").expect("a file");
    }
    std::fs::create_dir(temporary.path().join("d")).expect("a directory");
    let root = DiskRoot::open(temporary.path(), Descriptors::for_process(64)).expect("the root");
    let open = root.open_directory(&VirtualPath::ROOT).expect("it can be read");
    (temporary, open)
}

/// All lines in alphabetical order, and the budget of entries that they cost.
fn lines_of(directory: OpenDirectory, format: LineFormat, glob: Option<&str>) -> (Vec<String>, usize) {
    let mut lines = ListingLines::Directory(DirectoryLines {
        directory,
        format,
        pattern: glob.map(|glob| Glob::new(glob.as_bytes()).expect("short")),
    });
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

#[test]
fn names_have_their_prefix_and_never_dot_or_dot_dot() {
    let (_temporary, open) = directory();
    let (lines, _) = lines_of(open, names("x/"), None);
    assert_eq!(lines, ["x/.hidden", "x/a.txt", "x/b.log", "x/d"]);
}

#[test]
fn a_glob_selects_names() {
    let (_temporary, open) = directory();
    assert_eq!(lines_of(open, names(""), Some("*.txt")).0, ["a.txt"]);
}

#[test]
fn columns_show_dot_and_dot_dot_when_asked_to() {
    for (dots, expected) in [(true, 6), (false, 4)] {
        let (_temporary, open) = directory();
        let now = Timestamp::from_unix(0);
        let (lines, _) = lines_of(open, LineFormat::Columns { now, dots }, None);
        assert_eq!(lines.len(), expected, "{lines:?}");
        assert!(lines.iter().any(|line| line.starts_with('d') && line.ends_with(" d")));
        assert_eq!(lines.iter().any(|line| line.ends_with(" ..")), dots);
    }
}

#[test]
fn facts_describe_each_entry() {
    let (_temporary, open) = directory();
    let permissions = Permissions {
        file: "r".to_owned(),
        directory: "el".to_owned(),
        link: String::new(),
    };
    let facts = Facts::TYPE | Facts::SIZE | Facts::PERM;
    let (lines, _) = lines_of(open, LineFormat::Facts { facts, permissions }, Some("[a-d]*"));
    assert!(lines.is_empty(), "brackets have no meaning");
    let (_temporary, open) = directory();
    let permissions = Permissions {
        file: "r".to_owned(),
        directory: "el".to_owned(),
        link: String::new(),
    };
    let (lines, _) = lines_of(open, LineFormat::Facts { facts, permissions }, Some("*"));
    assert_eq!(
        lines,
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
    let (_temporary, open) = directory();
    let (_, cost_of_names) = lines_of(open, names(""), None);
    let (_temporary, open) = directory();
    let now = Timestamp::from_unix(0);
    let (_, cost_of_columns) = lines_of(open, LineFormat::Columns { now, dots: false }, None);
    assert!(cost_of_names > 0, "a batch costs something itself");
    assert_eq!(cost_of_columns, cost_of_names + 6, "four entries, and both dots");
}
