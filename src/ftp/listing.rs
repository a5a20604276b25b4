//! The lines of LIST, NLST, MLSD and MLST, exactly as clients parse them (RFC 3659 §7; LIST by common practice).
//!
//! A listing has a line for every entry, so nothing here uses `format!`: digits are pushed by hand, and a line costs
//! less than the system call that looked at the entry. Directories are not read here.

use super::timestamp::Timestamp;
use crate::shown_name::push_replacing;
use bitflags::bitflags;

/// What an entry is. Nothing else is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    File,
    Directory,
    SymbolicLink,
}

/// What is known of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attributes {
    pub kind: EntryKind,
    /// Permission bits, `0o7777` at the most.
    pub mode: u32,
    pub links: u64,
    /// Bytes.
    pub size: u64,
    pub modified: Timestamp,
    pub device: u64,
    pub inode: u64,
    /// Whether its attributes could be read; if not, only kind and name are valid.
    pub readable: bool,
}

impl Attributes {
    /// What MLST and MLSD describe. A link to a file is described as that file: RETR fetches it, and DELE removes only
    /// the link.
    /// Any other link is described as a link: clients that remove a tree descend into directories, and would empty one
    /// elsewhere.
    pub fn described(self, follow: impl FnOnce() -> Option<Attributes>) -> Attributes {
        match self.kind {
            EntryKind::SymbolicLink => follow().filter(|found| found.kind == EntryKind::File).unwrap_or(self),
            EntryKind::File | EntryKind::Directory => self,
        }
    }
}

/// Appends a line as `ls -l` prints it. Owner and group are constant: no name is looked up, and none is revealed.
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
    push_replacing(out, name, b'?', char::is_control);
    if let Some(target) = link_target {
        out.extend_from_slice(b" -> ");
        push_replacing(out, target, b'?', char::is_control);
    }
    out.extend_from_slice(b"\r\n");
}

fn write_mode(out: &mut Vec<u8>, entry: &Attributes) {
    out.push(match entry.kind {
        EntryKind::File => b'-',
        EntryKind::Directory => b'd',
        EntryKind::SymbolicLink => b'l',
    });
    for (shift, special, letter) in [(6, 0o4000, b's'), (3, 0o2000, b's'), (0, 0o1000, b't')] {
        let is_set = |bit: u32| entry.mode >> shift & bit != 0;
        out.push(if is_set(0o4) { b'r' } else { b'-' });
        out.push(if is_set(0o2) { b'w' } else { b'-' });
        out.push(match (is_set(0o1), entry.mode & special != 0) {
            (true, true) => letter,
            (false, true) => letter.to_ascii_uppercase(),
            (true, false) => b'x',
            (false, false) => b'-',
        });
    }
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
    // Twenty digits hold every u64, and no column is wider.
    let start = digits.len().saturating_sub(used.max(width));
    out.extend_from_slice(digits.split_at(start).1);
}

/// Appends a line of NLST: the name's bytes, unchanged.
pub fn write_name_line(out: &mut Vec<u8>, name: &[u8]) {
    out.extend_from_slice(name);
    out.extend_from_slice(b"\r\n");
}

/// Whether a name is listed in NLST and MLSD: control bytes could pretend to be other lines (threat I03).
pub fn is_printable_name(name: &[u8]) -> bool {
    !name.iter().any(u8::is_ascii_control)
}

bitflags! {
    /// A set of facts (RFC 3659 §7.5).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Facts: u8 {
        const TYPE = 1;
        const SIZE = 1 << 1;
        const MODIFY = 1 << 2;
        const PERM = 1 << 3;
        const UNIQUE = 1 << 4;
        const UNIX_MODE = 1 << 5;
    }
}

impl Facts {
    /// Each fact and its name, in the order in which they are written.
    pub const NAMES: [(Facts, &str); 6] = [
        (Facts::TYPE, "type"),
        (Facts::SIZE, "size"),
        (Facts::MODIFY, "modify"),
        (Facts::PERM, "perm"),
        (Facts::UNIQUE, "unique"),
        (Facts::UNIX_MODE, "UNIX.mode"),
    ];

    /// The facts of a list that are known, in any case: `Size;modify;` (RFC 3659 §7.9).
    pub fn from_names(list: &[u8]) -> Self {
        list.split(|byte| *byte == b';')
            .flat_map(|one| {
                Facts::NAMES
                    .into_iter()
                    .find(|(_, name)| name.as_bytes().eq_ignore_ascii_case(one))
            })
            .map(|(fact, _)| fact)
            .collect()
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

/// Appends the facts of `entry`, each with its `;`.
pub fn write_facts(out: &mut Vec<u8>, facts: Facts, permissions: &Permissions, entry: &Attributes) {
    let (kind, letters) = match entry.kind {
        EntryKind::File => (&b"type=file;"[..], &permissions.file),
        EntryKind::Directory => (&b"type=dir;"[..], &permissions.directory),
        // The form of the RFC's erratum 1500: lftp knows only this one, and the target cannot break the line.
        EntryKind::SymbolicLink => (&b"type=OS.unix=symlink;"[..], &permissions.link),
    };
    if facts.contains(Facts::TYPE) {
        out.extend_from_slice(kind);
    }
    if !entry.readable {
        return;
    }
    if facts.contains(Facts::SIZE) && entry.kind == EntryKind::File {
        out.extend_from_slice(b"size=");
        push_number(out, entry.size, 0);
        out.push(b';');
    }
    if facts.contains(Facts::MODIFY) {
        out.extend_from_slice(b"modify=");
        entry.modified.write_compact(out);
        out.push(b';');
    }
    if facts.contains(Facts::PERM) {
        out.extend_from_slice(b"perm=");
        out.extend_from_slice(letters.as_bytes());
        out.push(b';');
    }
    if facts.contains(Facts::UNIQUE) {
        out.extend_from_slice(b"unique=");
        push_hexadecimal(out, entry.device);
        out.push(b'g');
        push_hexadecimal(out, entry.inode);
        out.push(b';');
    }
    // A link's mode has no meaning.
    if facts.contains(Facts::UNIX_MODE) && entry.kind != EntryKind::SymbolicLink {
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

fn push_hexadecimal(out: &mut Vec<u8>, number: u64) {
    let significant = (64 - number.leading_zeros()).div_ceil(4).max(1);
    for place in (0..significant).rev() {
        let digit = (number >> (place * 4) & 15) as u8;
        out.push(if digit < 10 { b'0' + digit } else { b'a' + digit - 10 });
    }
}

#[cfg(test)]
mod tests;
