//! The users file: opening it, keeping clients away from it, and reading it again.
//!
//! It is read by its open descriptor or found again by its name, and accepted or refused as a whole. Each line is an
//! account; `#` begins a comment, blank lines are ignored.

#[cfg(test)]
mod tests;

use super::{Account, Accounts};
use crate::outside_file::OutsideFile;
use crate::served_tree::ServedTree;
use crate::shown_name::Shown;
use rustix::fs::{Mode, OFlags};
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::fd::BorrowedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Largest file in bytes: some twenty thousand accounts.
const SIZE_MAX: u64 = 4 << 20;
/// Mode bits that let others than the owner read or write.
const OTHERS: u32 = 0o066;

/// Whether a file that others than its owner can read or write is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privacy {
    Required,
    /// `--insecure-users-file`
    Waived,
}

/// An open users file, which can be read repeatedly, also by another thread.
#[derive(Debug)]
pub struct UsersFile {
    place: OutsideFile,
    file: File,
    privacy: Privacy,
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
        Ok(Self { place, file, privacy })
    }

    /// Refuses a file that clients can reach: they could read the hashes or replace the file. This concerns both its
    /// name and, if that is a link, what it points to.
    pub fn outside(self, served: &ServedTree) -> Result<Self, UsersFileError> {
        match served.contains(self.place.path()) {
            Ok(false) => Ok(self),
            Ok(true) => Err(self.error(format!(
                "lies in the served directory {}, where clients can reach it; keep it elsewhere",
                served.directory().display()
            ))),
            Err(error) => Err(self.error(format!("cannot be compared with the served directory: {error}"))),
        }
    }

    /// The directory in which the file is opened again.
    pub fn directory(&self) -> BorrowedFd<'_> {
        self.place.directory()
    }

    /// Reads the open file.
    pub fn read(&self) -> Result<Accounts, UsersFileError> {
        self.accounts_in(&self.file)
    }

    /// Reads the file again, or the one that has its name now in the directory that was opened at the start. After an
    /// error the old file stays in use.
    pub fn reread(&mut self) -> Result<Accounts, UsersFileError> {
        if self.is_still_named() {
            return self.read();
        }
        let replacement = open(&self.place).map_err(|error| {
            self.error(format!(
                "has been replaced, and the user that the server runs as cannot open the new file: {error}"
            ))
        })?;
        let accounts = self.accounts_in(&replacement)?;
        self.file = replacement;
        Ok(accounts)
    }

    /// Where the process may no longer look up the name, a file that has any name left counts as not replaced.
    fn is_still_named(&self) -> bool {
        self.place
            .is_still(&self.file)
            .unwrap_or_else(|_| self.file.metadata().is_ok_and(|metadata| metadata.nlink() > 0))
    }

    fn accounts_in(&self, file: &File) -> Result<Accounts, UsersFileError> {
        let content = private_content(file, self.privacy).map_err(|reason| self.error(reason))?;
        Accounts::parse(&content).map_err(|(line, reason)| UsersFileError {
            line: Some(line),
            ..self.error(reason)
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

/// Kind, mode and size are those of the open descriptor, so nothing can change between check and use.
fn private_content(mut file: &File, privacy: Privacy) -> Result<Vec<u8>, String> {
    let unreadable = |error: io::Error| format!("cannot be read: {error}");
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err("is not a file".to_owned());
    }
    let mode = metadata.mode();
    if privacy == Privacy::Required && mode & OTHERS != 0 {
        return Err(format!(
            "others than its owner can read or write it (mode {:04o}); chmod 600 it, or give --insecure-users-file",
            mode & 0o7777
        ));
    }
    file.rewind().map_err(unreadable)?;
    let mut content = Vec::new();
    file.take(SIZE_MAX + 1).read_to_end(&mut content).map_err(unreadable)?;
    if content.len() as u64 > SIZE_MAX {
        return Err(format!("is larger than {SIZE_MAX} bytes"));
    }
    Ok(content)
}

impl Accounts {
    /// Parses all lines; the first bad one makes the whole content invalid. The error is the number of that line,
    /// counted from 1, and the reason.
    pub fn parse(content: &[u8]) -> Result<Self, (usize, String)> {
        let mut lines_by_name = HashMap::new();
        let mut accounts = Vec::new();
        for (text, line) in content.split(|byte| *byte == b'\n').zip(1..) {
            if text.trim_ascii().is_empty() || text.starts_with(b"#") {
                continue;
            }
            let account = Account::parse(text).map_err(|reason| (line, reason))?;
            if let Some(first) = lines_by_name.insert(account.name.clone(), line) {
                let name = Shown::whole(&account.name);
                return Err((line, format!("duplicate account {name}, already in line {first}")));
            }
            accounts.push(Arc::new(account));
        }
        Ok(Accounts::of(accounts))
    }
}
