//! A line into its verb's row and its command.

use super::arguments::split_word;
use super::cost::Cost;
use super::definition::Command;
use super::error::CommandError;
use super::verb::Verb;
use super::verbs;

/// A parsed line: the row of its verb, and the command or why there is none.
///
/// A line is parsed once; what the server has to know of it before it answers it is asked here.
#[derive(Debug)]
pub struct CommandLine {
    /// `None`: the verb is not served.
    verb: Option<&'static Verb>,
    command: Result<Command, CommandError>,
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
            verb,
            command,
            length: line.len(),
        }
    }

    /// The command, or why the line is refused.
    pub fn command(&self) -> Result<&Command, CommandError> {
        self.command.as_ref().map_err(|error| *error)
    }

    /// The command, or why the line is refused.
    pub fn into_command(self) -> Result<Command, CommandError> {
        self.command
    }

    /// Whether it is refused before login. Verbs that are not served keep their own replies, 500 and 502.
    pub fn needs_login(&self) -> bool {
        self.verb.is_some_and(|verb| verb.needs_login)
    }

    /// What answering it costs, in bytes of bulk data. `directory_bytes`: length of the working directory's path, which
    /// the file system may have to walk.
    pub fn cost(&self, directory_bytes: usize) -> usize {
        let cost = self.verb.map_or(Cost::Nothing, |verb| verb.cost);
        cost.in_bytes(directory_bytes + self.length)
    }

    /// The verb under which logs and events record how the command ended (`SITE CHMOD` is one); `None`: they do not.
    pub fn recorded_verb(&self) -> Option<&'static str> {
        self.verb.and_then(Verb::recorded_as)
    }
}

impl Command {
    /// Parses a line without its line end.
    pub fn parse(line: &[u8]) -> Result<Command, CommandError> {
        CommandLine::parse(line).into_command()
    }
}
