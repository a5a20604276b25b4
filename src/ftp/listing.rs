//! The lines of LIST, NLST, MLSD and MLST, exactly as clients parse them (RFC 3659 §7; LIST by common practice).
//!
//! A listing has a line for every entry, so nothing here uses `format!`: digits are pushed by hand, and a line costs
//! less than the system call that looked at the entry. Directories are not read here.

mod attributes;
mod columns;
mod facts;

pub use attributes::{Attributes, EntryKind};
pub use columns::write_list_line;
pub use facts::{Facts, Permissions, write_facts, write_mlsd_line};

/// Appends a line of NLST: the name's bytes, unchanged.
pub fn write_name_line(out: &mut Vec<u8>, name: &[u8]) {
    out.extend_from_slice(name);
    out.extend_from_slice(b"\r\n");
}

/// Whether a name is listed in NLST and MLSD: control bytes could pretend to be other lines (threat I03).
pub fn is_printable_name(name: &[u8]) -> bool {
    !name.iter().any(u8::is_ascii_control)
}

#[cfg(test)]
mod tests;
