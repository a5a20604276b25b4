//! The lines as clients parse them.

use super::*;

const NOW: i64 = 1_767_605_400; // 2026-01-05 09:30

fn file() -> Attributes {
    Attributes {
        kind: EntryKind::File,
        mode: 0o644,
        links: 1,
        size: 4096,
        modified: Timestamp::from_unix(NOW),
        device: 0x803,
        inode: 0x1f4,
        readable: true,
    }
}

fn list(entry: &Attributes, name: &[u8], target: Option<&[u8]>) -> String {
    let mut out = Vec::new();
    write_list_line(&mut out, entry, name, target, Timestamp::from_unix(NOW));
    String::from_utf8_lossy(&out).into_owned()
}

fn mlsd(entry: &Attributes, facts: Facts) -> String {
    let mut out = Vec::new();
    let permissions = Permissions {
        file: "r".to_owned(),
        directory: "el".to_owned(),
        link: "df".to_owned(),
    };
    write_mlsd_line(&mut out, facts, &permissions, entry, b"name");
    String::from_utf8(out).expect("ASCII")
}

#[test]
fn list_lines_have_the_columns_of_ls() {
    assert_eq!(
        list(&file(), b" leading and trailing ", None),
        "-rw-r--r--   1 ftp      ftp          4096 Jan  5 09:30  leading and trailing \r\n"
    );
    let directory = Attributes {
        kind: EntryKind::Directory,
        mode: 0o1755,
        links: 12,
        modified: Timestamp::from_unix(0),
        ..file()
    };
    assert_eq!(
        list(&directory, b"d", None),
        "drwxr-xr-t  12 ftp      ftp          4096 Jan  1  1970 d\r\n"
    );
    let link = Attributes {
        kind: EntryKind::SymbolicLink,
        mode: 0o777,
        links: 0,
        size: u64::MAX,
        ..file()
    };
    assert_eq!(
        list(&link, b"l", Some(b"d/e")),
        "lrwxrwxrwx   1 ftp      ftp      18446744073709551615 Jan  5 09:30 l -> d/e\r\n"
    );
}

#[test]
fn i02_control_characters_of_a_name_reach_no_terminal() {
    assert!(list(&file(), b"a\x1b[2Jb\r\nc\x7f", None).ends_with(" a?[2Jb??c?\r\n"));
    assert!(list(&file(), b"\x9b2J", None).ends_with(" ?2J\r\n"));
    assert!(
        list(&file(), "ž\u{9b}".as_bytes(), None).ends_with(" ž?\r\n"),
        "UTF-8 stays whole"
    );
}

#[test]
fn i03_names_that_could_be_other_lines_are_left_out() {
    assert!(!is_printable_name(b"x\r\ntype=dir; pwn"));
    assert!(!is_printable_name(b"\x1b"));
    assert!(is_printable_name("ü ' \" -\u{a0}".as_bytes()));
    assert!(is_printable_name(b"\xff\x80"));
}

#[test]
fn mlsd_lines_have_facts_one_space_and_the_name() {
    assert_eq!(
        mlsd(&file(), Facts::all()),
        "type=file;size=4096;modify=20260105093000;perm=r;unique=803g1f4;UNIX.mode=644; name\r\n"
    );
    let directory = Attributes {
        kind: EntryKind::Directory,
        mode: 0o2750,
        ..file()
    };
    assert_eq!(
        mlsd(&directory, Facts::TYPE | Facts::SIZE | Facts::PERM | Facts::UNIX_MODE),
        "type=dir;perm=el;UNIX.mode=2750; name\r\n"
    );
    assert_eq!(mlsd(&file(), Facts::empty()), " name\r\n");
    let link = Attributes {
        kind: EntryKind::SymbolicLink,
        mode: 0o777,
        ..file()
    };
    assert_eq!(
        mlsd(&link, Facts::all()),
        "type=OS.unix=symlink;modify=20260105093000;perm=df;unique=803g1f4; name\r\n"
    );
}

#[test]
fn a_link_to_a_file_is_listed_as_a_file_and_any_other_as_a_link() {
    let of_kind = |kind| Attributes { kind, ..file() };
    let link = of_kind(EntryKind::SymbolicLink);
    for (target, described) in [
        (Some(EntryKind::File), EntryKind::File),
        (Some(EntryKind::Directory), EntryKind::SymbolicLink),
        (None, EntryKind::SymbolicLink),
    ] {
        assert_eq!(link.described(|| target.map(of_kind)).kind, described, "{target:?}");
    }
    assert_eq!(file().described(|| unreachable!("no link")), file());
}

#[test]
fn every_fact_has_a_name_in_any_case() {
    let known = Facts::from_names(b"unix.MODE;colour;Type");
    assert_eq!(known, Facts::UNIX_MODE | Facts::TYPE);
    assert_eq!(Facts::from_names(b""), Facts::empty());
    let named = Facts::NAMES.map(|(fact, _)| fact).into_iter().collect::<Facts>();
    assert_eq!(named, Facts::all());
}

#[test]
fn numbers_keep_every_digit() {
    let mut out = Vec::new();
    push_number(&mut out, 0, 3);
    push_number(&mut out, 12_345, 3);
    push_number(&mut out, 7, 0);
    push_number(&mut out, u64::MAX, 0);
    push_hexadecimal(&mut out, 0);
    push_hexadecimal(&mut out, 0xab0);
    assert_eq!(out, b"  0123457184467440737095516150ab0");
}
