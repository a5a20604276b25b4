//! A line into its verb's row and its command.

use super::arguments::{Parsed, split_word};
use super::verb::{Cost, Verb};
use super::{CommandError, TLS_VERBS, verbs};

/// A parsed line. What the server has to know before it answers the line is asked here.
pub struct CommandLine {
    /// The command, or why the line is refused.
    pub command: Parsed,
    /// The row of its verb; `None`: the verb is not served.
    verb: Option<&'static Verb>,
    /// Why the line is refused by a server that does not serve its verb.
    refusal_if_unserved: CommandError,
    /// Bytes, without the line end.
    length: usize,
}

impl CommandLine {
    /// Parses a line without its line end.
    pub fn parse(line: &[u8]) -> Self {
        let (name, argument) = split_word(line);
        let (verb, command) = match verbs::served(name).map(|verb| verb.parse(argument)) {
            Some((verb, command)) => (Some(verb), command),
            None if line.iter().all(|byte| *byte == b' ') => (None, Err(CommandError::Blank)),
            None => (None, Err(verbs::unserved(name, argument))),
        };
        Self {
            command,
            verb,
            refusal_if_unserved: verbs::not_implemented(argument),
            length: line.len(),
        }
    }

    /// Whether it is refused before login. Verbs that are not served keep their own replies, 500 and 502.
    pub fn needs_login(&self) -> bool {
        self.verb.is_some_and(|verb| verb.needs_login)
    }

    /// Why a server without TLS refuses it, if its verb has a meaning with TLS only.
    pub fn refusal_without_tls(&self) -> Option<CommandError> {
        self.verb
            .filter(|verb| TLS_VERBS.contains(&verb.name))
            .map(|_| self.refusal_if_unserved)
    }

    /// What answering it costs, in bytes of bulk data. `directory_bytes`: length of the working directory's path, which
    /// the file system may have to walk.
    pub fn cost(&self, directory_bytes: usize) -> usize {
        let cost = self.verb.map_or(Cost::Nothing, |verb| verb.cost);
        cost.in_bytes(directory_bytes + self.length)
    }
}
