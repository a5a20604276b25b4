//! What a walk could not see.

use crate::ftp::path::VirtualPath;
use crate::shown_name::Shown;
use rustix::io::Errno;
use std::io;

/// The deepest tree that is walked to the end. Each level costs about 40 bytes.
pub(super) const DEPTH_MAX: usize = 100_000;

/// The first thing that a walk could not see. The path comes last, so that a shortened log line keeps the reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {}", Shown::whole(path))]
pub struct Missed {
    /// As in the served directory: `/a/b`.
    pub path: Vec<u8>,
    pub reason: MissedReason,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MissedReason {
    #[error("no such directory")]
    NotThere,
    #[error("{}", io::Error::from(*.0))]
    Unreadable(Errno),
    #[error("deeper than {DEPTH_MAX} directories")]
    TooDeep,
    /// A directory was moved while the walk was in it.
    #[error("a directory was moved meanwhile")]
    Moved,
}

impl Missed {
    /// The entry `name` of the directory `below`, which is relative to the start of the walk; both may be empty.
    pub(super) fn at(start: &VirtualPath, below: &[u8], name: &[u8], reason: MissedReason) -> Self {
        let mut path = if *start == VirtualPath::ROOT {
            Vec::new()
        } else {
            start.as_bytes().to_vec()
        };
        path.extend_from_slice(below);
        if !name.is_empty() || path.is_empty() {
            path.push(b'/');
            path.extend_from_slice(name);
        }
        Self { path, reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i01_the_reason_comes_first_and_the_path_is_escaped() {
        let home = VirtualPath::ROOT.join(b"home").expect("short");
        for (start, below, name, shown) in [
            (&VirtualPath::ROOT, &b""[..], &b""[..], "/"),
            (&VirtualPath::ROOT, b"/d", b"f", "/d/f"),
            (&home, b"", b"", "/home"),
            (&home, b"/d", b"gr\xc3\xbc\xc3\x9fe\n", "/home/d/grüße\\x0a"),
        ] {
            let missed = Missed::at(start, below, name, MissedReason::Moved);
            assert_eq!(missed.to_string(), format!("a directory was moved meanwhile: {shown}"));
        }
        let unreadable = Missed::at(&home, b"", b"", MissedReason::Unreadable(Errno::ACCESS));
        assert_eq!(unreadable.to_string(), "Permission denied (os error 13): /home");
    }
}
