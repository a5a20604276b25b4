//! The bytes of the users file, read only from a private file of sensible size.
//!
//! Kind, mode and size are those of the open descriptor, so nothing can change between check and use.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::unix::fs::MetadataExt;

/// Largest file in bytes: some twenty thousand accounts.
const SIZE_MAX: u64 = 4 << 20;
/// Mode bits that let others than the owner read or write.
const OTHERS: u32 = 0o066;

/// Whether a file that others than its owner can read or write is refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Privacy {
    #[default]
    Required,
    /// `--insecure-users-file`
    Waived,
}

pub(super) fn read(file: &mut File, privacy: Privacy) -> Result<Vec<u8>, String> {
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
