//! What is known of a directory entry.

use crate::ftp::timestamp::Timestamp;

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
    /// Whether its attributes could be read; if not, only kind and name are true.
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
