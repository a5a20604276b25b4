//! What a command may cost, so that the event loop can charge it to its turn's budget.
//!
//! Parsing and replying costs next to nothing. File system calls do cost, and a client can ask for a thousand of them
//! in one segment; so each of these commands is charged like bytes of bulk data, and waits for a later turn when the
//! budget is spent. A NOOP is never charged and never waits.

/// How much work a command is, beyond being read and replied to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cost {
    /// No system call.
    Nothing,
    /// One or two names are looked up, or a passive port is drawn and looked at.
    Lookup,
    /// Something is opened; its transfer or answer is charged as it proceeds.
    Opening,
    /// A directory is changed, or an inode.
    Change,
}

/// Bytes of bulk data that a lookup counts as.
const LOOKUP: usize = 4 * 1024;
/// Walking a path of so many bytes takes about as long as a lookup.
const PATH_BYTES: usize = 512;

impl Cost {
    /// Bytes of bulk data that it counts as, for paths of `path_bytes` in all.
    pub(super) fn in_bytes(self, path_bytes: usize) -> usize {
        let lookups = match self {
            Cost::Nothing => return 0,
            Cost::Lookup => 1,
            Cost::Opening => 2,
            Cost::Change => 4,
        };
        lookups * LOOKUP * (1 + path_bytes / PATH_BYTES)
    }
}
