//! The facts of MLST and MLSD (RFC 3659 §7).

use super::attributes::{Attributes, EntryKind};
use super::columns::push_number;
use bitflags::bitflags;

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
        let is_listed = |name: &str| {
            list.split(|byte| *byte == b';')
                .any(|one| name.as_bytes().eq_ignore_ascii_case(one))
        };
        let known = Facts::NAMES.into_iter();
        known
            .filter(|(_, name)| is_listed(name))
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

pub(super) fn push_hexadecimal(out: &mut Vec<u8>, number: u64) {
    let significant = (64 - number.leading_zeros()).div_ceil(4).max(1);
    for place in (0..significant).rev() {
        let digit = (number >> (place * 4) & 15) as u8;
        out.push(if digit < 10 { b'0' + digit } else { b'a' + digit - 10 });
    }
}
