//! Temporary files that killed uploads have left behind, removed entry by entry.
//!
//! Only files that cannot belong to anything else are removed: regular files whose name has the exact form, owned by
//! the server's user, and not modified for a day (threat H23).

use super::descent::Descent;
use super::file_status::is_directory;
use super::missed::MissedReason;
use super::reserved_name::is_temporary_name;
use crate::ftp::timestamp::Timestamp;
use rustix::fs::{self, AtFlags, FileType, Stat};
use std::ffi::CStr;

/// An upload that has received nothing for so long is abandoned.
const STALE_SECONDS: i64 = 24 * 60 * 60;

/// What has been removed so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StaleUploads {
    /// Files modified after this are kept.
    not_after: Timestamp,
    pub removed: u64,
}

impl StaleUploads {
    /// Those that have not been modified for a day at the time `now`.
    pub fn at(now: Timestamp) -> Self {
        Self {
            not_after: Timestamp::from_unix(now.seconds() - STALE_SECONDS),
            removed: 0,
        }
    }

    /// Removes an entry of the innermost directory if it is a stale temporary file. `kind` comes from the directory and
    /// may be unknown.
    pub(super) fn visit(&mut self, name: &CStr, kind: FileType, descent: &mut Descent) -> Result<(), MissedReason> {
        if kind == FileType::Directory {
            return descent.enter(name);
        }
        if kind != FileType::Unknown && !is_temporary_name(name.to_bytes()) {
            return Ok(());
        }
        let Some(stat) = descent.stat(name)? else {
            return Ok(());
        };
        if is_directory(&stat) {
            return descent.enter(name);
        }
        if self.is_stale(&stat)
            && is_temporary_name(name.to_bytes())
            && let Some(directory) = descent.directory()
            && fs::unlinkat(directory, name, AtFlags::empty()).is_ok()
        {
            self.removed += 1;
        }
        Ok(())
    }

    fn is_stale(&self, stat: &Stat) -> bool {
        FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
            && stat.st_uid == rustix::process::geteuid().as_raw()
            && stat.st_mtime < self.not_after.seconds()
    }
}
