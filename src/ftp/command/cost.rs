//! What answering each command may cost: the one table, from which the loop charges its turn's budget.
//!
//! Parsing and replying costs next to nothing. What a file system is asked for does not, and a client can ask for it a
//! thousand times in one segment; so each of these commands is charged like so many bytes of bulk data, and waits for a
//! later turn when the budget is spent. A NOOP is never charged and never waits.

/// How much work a command is, beyond being read and replied to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cost {
    /// No system call.
    Nothing,
    /// One or two names are looked up, or a passive port is drawn and looked at.
    Lookup,
    /// Something is opened; what its transfer or answer costs is charged as it proceeds.
    Opening,
    /// A directory is changed, or an inode.
    Change,
}

/// Bytes of bulk data that a lookup counts as.
const LOOKUP: usize = 4 * 1024;
/// A path of so many bytes takes about as long as a lookup of its own.
const PATH_BYTES: usize = 512;

const LOOKUP_VERBS: [&str; 11] = [
    "CWD", "XCWD", "CDUP", "XCUP", "MLST", "SIZE", "MDTM", "RNFR", "AVBL", "PASV", "EPSV",
];
const OPENING_VERBS: [&str; 12] = [
    "LIST", "NLST", "MLSD", "STAT", "RETR", "HASH", "XCRC", "XMD5", "XSHA", "XSHA1", "XSHA256", "XSHA512",
];
const CHANGE_VERBS: [&str; 12] = [
    "STOR", "APPE", "STOU", "DELE", "MKD", "XMKD", "RMD", "XRMD", "RNTO", "MFMT", "MFF", "SITE",
];

impl Cost {
    /// Of the command with this verb, in any case. An unknown one costs nothing. It is asked for each command, so it
    /// copies nothing.
    pub fn of_verb(verb: &[u8]) -> Self {
        let is_in = |verbs: &[&str]| verbs.iter().any(|one| verb.eq_ignore_ascii_case(one.as_bytes()));
        if is_in(&LOOKUP_VERBS) {
            Cost::Lookup
        } else if is_in(&OPENING_VERBS) {
            Cost::Opening
        } else if is_in(&CHANGE_VERBS) {
            Cost::Change
        } else {
            Cost::Nothing
        }
    }

    /// Bytes of bulk data that it counts as, where `path_bytes` have to be walked through.
    pub fn in_bytes(self, path_bytes: usize) -> usize {
        let lookups = match self {
            Cost::Nothing => return 0,
            Cost::Lookup => 1,
            Cost::Opening => 2,
            Cost::Change => 4,
        };
        lookups * LOOKUP * (1 + path_bytes / PATH_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::super::SERVED_VERBS;
    use super::*;

    /// Verbs that are answered from memory.
    const FREE_VERBS: [&str; 24] = [
        "ABOR", "ACCT", "ALLO", "CLNT", "EPRT", "FEAT", "HELP", "HOST", "MODE", "NOOP", "OPTS", "PASS", "PORT", "PRET",
        "PWD", "QUIT", "RANG", "REIN", "REST", "STRU", "SYST", "TYPE", "USER", "XPWD",
    ];

    #[test]
    fn g16_every_verb_that_is_served_is_either_free_or_charged() {
        for verb in SERVED_VERBS {
            let is_charged = Cost::of_verb(verb.as_bytes()) > Cost::Nothing;
            assert_ne!(is_charged, FREE_VERBS.contains(&verb), "{verb}");
            assert_eq!(
                Cost::of_verb(verb.to_ascii_lowercase().as_bytes()),
                Cost::of_verb(verb.as_bytes())
            );
        }
    }

    /// 256 KiB a turn: no more than so many of each.
    #[test]
    fn g16_a_turn_holds_a_bounded_number_of_each() {
        let a_turn = |verb: &str, path| 256 * 1024 / Cost::of_verb(verb.as_bytes()).in_bytes(path);
        assert_eq!(a_turn("MLST", 10), 64);
        assert_eq!(a_turn("PASV", 10), 64);
        assert_eq!(a_turn("MKD", 10), 16);
        assert_eq!(a_turn("MFF", 4_000), 2, "a path through two thousand directories");
        assert_eq!(Cost::of_verb(b"NOOP").in_bytes(4_000), 0);
    }
}
