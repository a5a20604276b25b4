//! How much a tree contains, added up entry by entry.

use super::descent::Descent;
use super::file_status::{file_size, is_directory};
use super::missed::MissedReason;
use rustix::fs::FileType;
use std::ffi::CStr;

/// What has been found so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TreeSize {
    /// The sizes of all regular files.
    pub bytes: u64,
    /// Everything that has a name, except the top itself.
    pub entries: u64,
}

impl TreeSize {
    /// Adds an entry of the innermost directory. `kind` comes from the directory and may be unknown.
    pub(super) fn visit(&mut self, name: &CStr, kind: FileType, descent: &mut Descent) -> Result<(), MissedReason> {
        self.entries += 1;
        match kind {
            FileType::Directory => descent.enter(name),
            FileType::RegularFile | FileType::Unknown => match descent.stat(name)? {
                Some(stat) if is_directory(&stat) => descent.enter(name),
                Some(stat) => {
                    self.bytes = self.bytes.saturating_add(file_size(&stat));
                    Ok(())
                }
                None => Ok(()),
            },
            FileType::Symlink
            | FileType::Fifo
            | FileType::Socket
            | FileType::CharacterDevice
            | FileType::BlockDevice => Ok(()),
        }
    }
}
