//! A row of the table of commands: a verb, and everything that the verb alone decides.

use super::CommandError;
use super::arguments::{Parsed, split_word};

/// A row of the table.
pub(super) struct Verb {
    /// As clients send it, in upper case.
    pub(super) name: &'static str,
    sort_key: u64,
    pub(super) cost: Cost,
    pub(super) needs_login: bool,
    /// Why an argument with control bytes is refused.
    bad_argument: CommandError,
    argument: Argument,
}

/// How much work a command is, beyond being read and replied to, in lookups.
///
/// File system calls cost something, and a client can ask for a thousand of them in one segment. So these commands are
/// charged to the turn's budget like bytes of bulk data, and wait for a later turn when it is spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cost {
    /// No system call.
    Nothing = 0,
    /// One or two names are looked up, or a passive port is drawn and looked at.
    Lookup = 1,
    /// Something is opened; its transfer or answer is charged as it proceeds.
    Opening = 2,
    /// A directory is changed, or an inode.
    Change = 4,
}

/// How a verb's argument is read.
enum Argument {
    /// Everything after the verb and one space.
    Whole(fn(&[u8]) -> Parsed),
    /// The first word selects one of the rows `words`; other words are refused with `other`.
    Word {
        words: &'static [Verb],
        other: CommandError,
    },
}

impl Verb {
    pub(super) const fn new(name: &'static str, cost: Cost, parse: fn(&[u8]) -> Parsed) -> Self {
        Self {
            name,
            sort_key: sort_key(name.as_bytes()),
            cost,
            needs_login: true,
            bad_argument: CommandError::BadArgument,
            argument: Argument::Whole(parse),
        }
    }

    pub(super) const fn with_words(name: &'static str, words: &'static [Verb], other: CommandError) -> Self {
        Self {
            argument: Argument::Word { words, other },
            ..Self::new(name, Cost::Nothing, |_| Err(CommandError::BadArgument))
        }
    }

    pub(super) const fn before_login(self) -> Self {
        Self {
            needs_login: false,
            ..self
        }
    }

    /// An unreadable address must not leave an older one armed (threat B10).
    pub(super) const fn disarming(self) -> Self {
        Self {
            bad_argument: CommandError::BadAddress,
            ..self
        }
    }

    /// The same command under another name (RFC 1123 §4.1.3.1 keeps the X forms).
    pub(super) const fn also(self, name: &'static str) -> Self {
        Self {
            name,
            sort_key: sort_key(name.as_bytes()),
            ..self
        }
    }

    /// Parses its argument. Also returns the row that holds for the line: OPTS and SITE have one for each word.
    pub(super) fn parse(&'static self, argument: &[u8]) -> (&'static Verb, Parsed) {
        if argument.iter().any(u8::is_ascii_control) {
            return (self, Err(self.bad_argument));
        }
        match &self.argument {
            Argument::Whole(parse) => (self, parse(argument)),
            Argument::Word { words, other } => {
                let (word, rest) = split_word(argument.trim_ascii_start());
                match Self::find(words, word) {
                    Some(verb) => verb.parse(rest),
                    None if word.is_empty() => (self, Err(CommandError::BadArgument)),
                    None => (self, Err(*other)),
                }
            }
        }
    }

    /// The row called `name`, in any case, in a sorted table.
    pub(super) fn find(table: &'static [Verb], name: &[u8]) -> Option<&'static Verb> {
        if name.len() > LONGEST {
            return None;
        }
        let wanted = sort_key(name);
        let found = table.binary_search_by_key(&wanted, |verb| verb.sort_key).ok()?;
        // A NUL at the end of `name` does not change the key.
        table.get(found).filter(|verb| verb.name.len() == name.len())
    }
}

/// Bytes of bulk data that a lookup counts as.
const LOOKUP: usize = 4 * 1024;
/// Walking a path of so many bytes takes about as long as a lookup.
const PATH_BYTES: usize = 512;

impl Cost {
    /// Bytes of bulk data that it counts as, for paths of `path_bytes` in all.
    pub(super) fn in_bytes(self, path_bytes: usize) -> usize {
        self as usize * LOOKUP * (1 + path_bytes / PATH_BYTES)
    }
}

/// Bytes of the longest name in the tables.
const LONGEST: usize = 7;

/// A number that sorts like `name` in upper case, which has at most [`LONGEST`] bytes. A line's verb is looked up by
/// it: comparing strings takes several times as long.
const fn sort_key(name: &[u8]) -> u64 {
    let (mut key, mut rest) = (0, name);
    while let [byte, after @ ..] = rest {
        key = key << 8 | byte.to_ascii_uppercase() as u64;
        rest = after;
    }
    key << (8 * (LONGEST - name.len()))
}
