//! The lines of LIST, in the columns of `ls -l` that clients parse.

use super::attributes::{Attributes, EntryKind};
use crate::ftp::timestamp::Timestamp;
use crate::shown_name::push_replacing;

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
pub(super) fn push_number(out: &mut Vec<u8>, number: u64, width: usize) {
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
