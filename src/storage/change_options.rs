//! The choices that come with a change: who may read a new file, what happens to an existing one, where bytes go.

use rustix::fs::Mode;

/// Which local users may read what a client creates, as far as the process's umask allows (threat H13).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    Everyone,
    /// For clients that may upload but not download: what they cannot read back, other users cannot read either.
    OwnerAndGroup,
}

/// What an upload writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UploadKind {
    /// A complete file that takes its name at the end (STOR, STOU).
    Whole(Existing),
    /// The end of an existing file, or a new file (APPE).
    Append,
    /// An existing file from this offset on; the rest of the old content is cut off (REST and STOR).
    From(u64),
}

/// What happens to a file that already has the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    Replace,
    Refuse,
}

impl Audience {
    /// Permission bits of a new file before the umask. Uploads are never executable.
    pub(super) fn file_mode(self) -> Mode {
        Mode::from_raw_mode(match self {
            Audience::Everyone => 0o666,
            Audience::OwnerAndGroup => 0o640,
        })
    }

    /// Permission bits of a new directory before the umask.
    pub(super) fn directory_mode(self) -> Mode {
        Mode::from_raw_mode(match self {
            Audience::Everyone => 0o777,
            Audience::OwnerAndGroup => 0o750,
        })
    }
}
