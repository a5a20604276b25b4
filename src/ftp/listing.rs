//! The lines of LIST, NLST, MLSD and MLST, exactly as clients parse them (RFC 3659 §7; LIST by common practice).
//!
//! A listing has a line for every entry, so nothing here formats through a machinery: digits are pushed by hand, and a
//! line costs less than the system call that looked at the entry. Directories are not read here.

use super::timestamp::Timestamp;

/// What an entry is. Nothing else is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    File,
    Directory,
    SymbolicLink,
}

/// What is known of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attributes {
    pub kind: Kind,
    /// Permission bits, `0o7777` at the most.
    pub mode: u32,
    pub links: u64,
    /// Bytes.
    pub size: u64,
    pub modified: Timestamp,
    pub device: u64,
    pub inode: u64,
    /// Whether its attributes could be read; if not, only kind and name are true.
    pub readable: bool,
}

impl Attributes {
    /// What MLST and MLSD describe. A link to a file is that file: RETR fetches it, and DELE removes the link alone.
    /// Another link is itself: clients that remove a tree go into what is described as a directory, and would empty one
    /// elsewhere.
    pub fn described(self, follow: impl FnOnce() -> Option<Attributes>) -> Attributes {
        match self.kind {
            Kind::SymbolicLink => follow().filter(|found| found.kind == Kind::File).unwrap_or(self),
            Kind::File | Kind::Directory => self,
        }
    }
}

/// A fact of MLST and MLSD (RFC 3659 §7.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    Type,
    Size,
    Modify,
    Perm,
    Unique,
    UnixMode,
}

/// A set of facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts(u8);

impl Fact {
    /// All facts, in the order in which they are written.
    pub const ALL: [Fact; 6] = [
        Fact::Type,
        Fact::Size,
        Fact::Modify,
        Fact::Perm,
        Fact::Unique,
        Fact::UnixMode,
    ];

    /// The fact's name.
    pub fn name(self) -> &'static str {
        match self {
            Fact::Type => "type",
            Fact::Size => "size",
            Fact::Modify => "modify",
            Fact::Perm => "perm",
            Fact::Unique => "unique",
            Fact::UnixMode => "UNIX.mode",
        }
    }

    /// The fact called `name`, in any case.
    pub fn from_name(name: &[u8]) -> Option<Fact> {
        Fact::ALL
            .into_iter()
            .find(|fact| fact.name().as_bytes().eq_ignore_ascii_case(name))
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl Facts {
    /// Every fact: what is sent unless the client chooses (OPTS MLST).
    pub const ALL: Facts = Facts((1 << Fact::ALL.len()) - 1);

    /// The facts of a list.
    pub fn from_list(facts: &[Fact]) -> Self {
        Facts(facts.iter().fold(0, |bits, fact| bits | fact.bit()))
    }

    /// Whether `fact` is among them.
    pub fn contains(self, fact: Fact) -> bool {
        self.0 & fact.bit() != 0
    }
}

/// What a client may do with any entry of a kind, as the letters of the perm fact (RFC 3659 §7.5.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permissions {
    pub file: String,
    pub directory: String,
    /// A link that is described as one: it can be removed and renamed itself.
    pub link: String,
}

/// Appends a line as `ls -l` prints it. Owner and group are constant: no name is looked up, and none is given away.
/// Control bytes are shown as `?`, so that no name can command a terminal (threat I02).
pub fn write_list_line(out: &mut Vec<u8>, entry: &Attributes, name: &[u8], link_target: Option<&[u8]>, now: Timestamp) {
    write_mode(out, entry);
    out.push(b' ');
    // Clients take a link count of 0 for another vendor's format.
    push_number(out, entry.links.max(1), 3);
    out.extend_from_slice(b" ftp      ftp      ");
    push_number(out, entry.size, 8);
    out.push(b' ');
    entry.modified.write_ls(now, out);
    out.push(b' ');
    push_printable(out, name);
    if let Some(target) = link_target {
        out.extend_from_slice(b" -> ");
        push_printable(out, target);
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends a name of NLST: the bytes as they are.
pub fn write_name_line(out: &mut Vec<u8>, name: &[u8]) {
    out.extend_from_slice(name);
    out.extend_from_slice(b"\r\n");
}

/// Whether a name can stand in NLST and MLSD: one with control bytes could pretend to be other lines (threat I03).
pub fn is_printable_name(name: &[u8]) -> bool {
    !name.iter().any(u8::is_ascii_control)
}

/// Appends the facts of `entry`, each with its `;`.
pub fn write_facts(out: &mut Vec<u8>, facts: Facts, permissions: &Permissions, entry: &Attributes) {
    let (kind, letters) = match entry.kind {
        Kind::File => (&b"type=file;"[..], &permissions.file),
        Kind::Directory => (&b"type=dir;"[..], &permissions.directory),
        // The form of the RFC's erratum 1500: lftp knows only this one, and the target cannot break the line.
        Kind::SymbolicLink => (&b"type=OS.unix=symlink;"[..], &permissions.link),
    };
    if facts.contains(Fact::Type) {
        out.extend_from_slice(kind);
    }
    if !entry.readable {
        return;
    }
    if facts.contains(Fact::Size) && entry.kind == Kind::File {
        out.extend_from_slice(b"size=");
        push_number(out, entry.size, 0);
        out.push(b';');
    }
    if facts.contains(Fact::Modify) {
        out.extend_from_slice(b"modify=");
        entry.modified.write_compact(out);
        out.push(b';');
    }
    if facts.contains(Fact::Perm) {
        out.extend_from_slice(b"perm=");
        out.extend_from_slice(letters.as_bytes());
        out.push(b';');
    }
    if facts.contains(Fact::Unique) {
        out.extend_from_slice(b"unique=");
        push_hexadecimal(out, entry.device);
        out.push(b'g');
        push_hexadecimal(out, entry.inode);
        out.push(b';');
    }
    // The mode of a link means nothing.
    if facts.contains(Fact::UnixMode) && entry.kind != Kind::SymbolicLink {
        out.extend_from_slice(b"UNIX.mode=");
        for shift in [9, 6, 3, 0] {
            let digit = (entry.mode >> shift & 7) as u8;
            if shift < 9 || digit > 0 {
                out.push(b'0' + digit);
            }
        }
        out.push(b';');
    }
}

/// Appends a line of MLSD: facts, one space, name (RFC 3659 §7.2).
pub fn write_mlsd_line(out: &mut Vec<u8>, facts: Facts, permissions: &Permissions, entry: &Attributes, name: &[u8]) {
    write_facts(out, facts, permissions, entry);
    out.push(b' ');
    out.extend_from_slice(name);
    out.extend_from_slice(b"\r\n");
}

fn write_mode(out: &mut Vec<u8>, entry: &Attributes) {
    out.push(match entry.kind {
        Kind::File => b'-',
        Kind::Directory => b'd',
        Kind::SymbolicLink => b'l',
    });
    let mode = entry.mode;
    let bit = |mask: u32, letter: u8| if mode & mask == 0 { b'-' } else { letter };
    let execute = |mask: u32, special: u32, lower: u8, upper: u8| match (mode & mask != 0, mode & special != 0) {
        (true, true) => lower,
        (false, true) => upper,
        (true, false) => b'x',
        (false, false) => b'-',
    };
    out.extend_from_slice(&[
        bit(0o400, b'r'),
        bit(0o200, b'w'),
        execute(0o100, 0o4000, b's', b'S'),
        bit(0o040, b'r'),
        bit(0o020, b'w'),
        execute(0o010, 0o2000, b's', b'S'),
        bit(0o004, b'r'),
        bit(0o002, b'w'),
        execute(0o001, 0o1000, b't', b'T'),
    ]);
}

/// `number` in decimal, right-aligned in `width` columns.
fn push_number(out: &mut Vec<u8>, number: u64, width: usize) {
    let mut digits = [b' '; 20];
    let mut rest = number;
    let mut used = 0;
    for slot in digits.iter_mut().rev() {
        *slot = b'0' + (rest % 10) as u8;
        rest /= 10;
        used += 1;
        if rest == 0 {
            break;
        }
    }
    let from = digits.len().saturating_sub(used.max(width));
    out.extend_from_slice(digits.get(from..).unwrap_or_default());
}

fn push_hexadecimal(out: &mut Vec<u8>, number: u64) {
    let significant = (64 - number.leading_zeros()).div_ceil(4).max(1);
    for place in (0..significant).rev() {
        let digit = (number >> (place * 4) & 15) as u8;
        out.push(if digit < 10 { b'0' + digit } else { b'a' + digit - 10 });
    }
}

/// Appends text with everything that a terminal might obey replaced by `?`.
fn push_printable(out: &mut Vec<u8>, text: &[u8]) {
    if text.iter().all(|byte| matches!(byte, b' '..=b'~')) {
        out.extend_from_slice(text);
        return;
    }
    match std::str::from_utf8(text) {
        Ok(text) => {
            let mut buffer = [0; 4];
            for character in text.chars() {
                let shown = if character.is_control() { '?' } else { character };
                out.extend_from_slice(shown.encode_utf8(&mut buffer).as_bytes());
            }
        }
        // Not UTF-8: single bytes from 0x80 to 0x9f are the control characters of Latin-1.
        Err(_) => out.extend(text.iter().map(|byte| match byte {
            0..=0x1f | 0x7f..=0x9f => b'?',
            other => *other,
        })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_767_605_400; // 2026-01-05 09:30

    fn file() -> Attributes {
        Attributes {
            kind: Kind::File,
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
            kind: Kind::Directory,
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
            kind: Kind::SymbolicLink,
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
            mlsd(&file(), Facts::ALL),
            "type=file;size=4096;modify=20260105093000;perm=r;unique=803g1f4;UNIX.mode=644; name\r\n"
        );
        let directory = Attributes {
            kind: Kind::Directory,
            mode: 0o2750,
            ..file()
        };
        assert_eq!(
            mlsd(
                &directory,
                Facts::from_list(&[Fact::Type, Fact::Size, Fact::Perm, Fact::UnixMode])
            ),
            "type=dir;perm=el;UNIX.mode=2750; name\r\n"
        );
        assert_eq!(mlsd(&file(), Facts::from_list(&[])), " name\r\n");
        let link = Attributes {
            kind: Kind::SymbolicLink,
            mode: 0o777,
            ..file()
        };
        assert_eq!(
            mlsd(&link, Facts::ALL),
            "type=OS.unix=symlink;modify=20260105093000;perm=df;unique=803g1f4; name\r\n"
        );
    }

    #[test]
    fn a_link_is_described_as_a_file_if_it_leads_to_one_and_else_as_a_link() {
        let of_kind = |kind| Attributes { kind, ..file() };
        let link = of_kind(Kind::SymbolicLink);
        for (target, described) in [
            (Some(Kind::File), Kind::File),
            (Some(Kind::Directory), Kind::SymbolicLink),
            (None, Kind::SymbolicLink),
        ] {
            assert_eq!(link.described(|| target.map(of_kind)).kind, described, "{target:?}");
        }
        assert_eq!(file().described(|| unreachable!("no link")), file());
    }

    #[test]
    fn facts_are_named_in_any_case() {
        assert_eq!(Fact::from_name(b"unix.MODE"), Some(Fact::UnixMode));
        assert_eq!(Fact::from_name(b"colour"), None);
    }

    #[test]
    fn numbers_keep_every_digit() {
        let mut out = Vec::new();
        push_number(&mut out, 0, 3);
        push_number(&mut out, 12_345, 3);
        push_number(&mut out, 7, 0);
        push_hexadecimal(&mut out, 0);
        push_hexadecimal(&mut out, 0xab0);
        assert_eq!(out, b"  01234570ab0");
    }
}
