//! The users file: opening it, keeping clients away from it, and reading it again.
//!
//! It is read by its open descriptor or found again by its name, and accepted or refused as a whole.

mod content;
mod lines;
#[cfg(test)]
mod tests;

pub use content::Privacy;

use super::Accounts;
use crate::outside_file::OutsideFile;
use crate::served_tree::ServedTree;
use rustix::fs::{Mode, OFlags};
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// An open users file, which can be read repeatedly, also by another thread.
#[derive(Debug)]
pub struct UsersFile {
    place: OutsideFile,
    file: File,
    privacy: Privacy,
    /// What clients can reach, once it is known.
    served: Option<ServedTree>,
    reach: Reach,
}

/// How the file is found again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    ByPath,
    /// By its name in the directory that was opened at the start. After chroot, its path could name a client's file.
    ByDirectory,
}

/// Why the users file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{}: {reason}", .path.display(), .line.map_or_else(String::new, |line| format!(":{line}")))]
pub struct UsersFileError {
    pub path: PathBuf,
    /// Counted from 1; `None` if the error concerns the whole file.
    pub line: Option<usize>,
    pub reason: String,
}

impl UsersFile {
    /// Opens the file; its mode and content are checked by [`read`](Self::read).
    pub fn open(path: &Path, privacy: Privacy) -> Result<Self, UsersFileError> {
        let opened = OutsideFile::locate(path).and_then(|place| Ok((open(&place)?, place)));
        let (file, place) =
            opened.map_err(|error| UsersFileError::about(path, format!("cannot be opened: {error}")))?;
        Ok(Self {
            place,
            file,
            privacy,
            served: None,
            reach: Reach::ByPath,
        })
    }

    /// Refuses a file that clients can reach, now and each time it is read again: they could read the hashes or replace
    /// the file. This concerns both its name and, if that is a link, what it points to.
    pub fn outside(mut self, served: &ServedTree) -> Result<Self, UsersFileError> {
        match served.contains(self.place.path()) {
            Ok(false) => {
                self.served = Some(served.clone());
                Ok(self)
            }
            Ok(true) => Err(self.error(format!(
                "lies in the served directory {}, where clients can reach it; keep it elsewhere",
                served.directory().display()
            ))),
            Err(error) => Err(self.error(format!("cannot be compared with the served directory: {error}"))),
        }
    }

    /// Call this after the process has been confined: the path may now name another file, perhaps one that a client
    /// created. From now on only the directory opened before is used.
    pub fn forget_path(&mut self) {
        self.reach = Reach::ByDirectory;
    }

    /// Reads the open file.
    pub fn read(&mut self) -> Result<Accounts, UsersFileError> {
        let content = content::read(&mut self.file, self.privacy).map_err(|reason| self.error(reason))?;
        self.parse(&content)
    }

    /// Reads the file again, or the one that has replaced it. After an error the old file stays in use.
    pub fn reread(&mut self) -> Result<Accounts, UsersFileError> {
        match self.reach {
            Reach::ByPath => {
                let mut replacement = UsersFile::open(self.place.path(), self.privacy)?;
                if let Some(served) = &self.served {
                    replacement = replacement.outside(served)?;
                }
                let accounts = replacement.read()?;
                *self = replacement;
                Ok(accounts)
            }
            Reach::ByDirectory => {
                if self.is_still_named() {
                    return self.read();
                }
                let mut replacement = open(&self.place).map_err(|error| {
                    self.error(format!(
                        "has been replaced, and the user that the server runs as cannot open the new file: {error}"
                    ))
                })?;
                let content = content::read(&mut replacement, self.privacy).map_err(|reason| self.error(reason))?;
                let accounts = self.parse(&content)?;
                self.file = replacement;
                Ok(accounts)
            }
        }
    }

    /// Where the process may no longer look up the name, a file that has any name left counts as not replaced.
    fn is_still_named(&self) -> bool {
        self.place
            .is_still(&self.file)
            .unwrap_or_else(|_| self.file.metadata().is_ok_and(|metadata| metadata.nlink() > 0))
    }

    fn parse(&self, content: &[u8]) -> Result<Accounts, UsersFileError> {
        Accounts::parse(content).map_err(|error| UsersFileError {
            line: Some(error.line),
            ..self.error(error.reason)
        })
    }

    fn error(&self, reason: String) -> UsersFileError {
        UsersFileError::about(self.place.path(), reason)
    }
}

/// Does not wait for the writer of a FIFO; that it is a file is checked before it is read.
fn open(place: &OutsideFile) -> io::Result<File> {
    place.open(OFlags::RDONLY, Mode::empty())
}

impl UsersFileError {
    fn about(path: &Path, reason: String) -> Self {
        Self {
            path: path.to_path_buf(),
            line: None,
            reason,
        }
    }
}
