//! Tables of options: one row an option, from which grammar, help and defaults are made; for every program of this
//! crate.
//!
//! What is wrong is refused with the option's name, what was given and what was expected; nothing is guessed.

use getopts::{Matches, ParsingStyle};
use std::ffi::OsString;
use std::fmt;

/// What is wrong with the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionError(pub String);

impl fmt::Display for OptionError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} (see --help)", self.0)
    }
}

impl std::error::Error for OptionError {}

/// The group of options that `--help` does not show.
pub const HIDDEN: &str = "";

/// An option's row in its table.
#[derive(Debug)]
pub struct Row {
    pub group: &'static str,
    pub short: &'static str,
    pub long: &'static str,
    /// The value's name; empty for a switch.
    pub value: &'static str,
    pub default: &'static str,
    pub is_repeatable: bool,
    pub help: &'static str,
}

/// All options of one program.
#[derive(Debug)]
pub struct Table(pub &'static [Row]);

/// What was given on the command line, with the table's defaults for the rest.
#[derive(Debug)]
pub struct Given {
    matches: Matches,
    table: &'static Table,
}

impl Table {
    /// Reads the command line, without the program's name.
    pub fn read(&'static self, arguments: impl IntoIterator<Item = OsString>) -> Result<Given, OptionError> {
        let arguments: Vec<String> = arguments.into_iter().map(readable).collect::<Result<_, _>>()?;
        let matches = self
            .grammar()
            .parse(arguments)
            .map_err(|failure| OptionError(failure.to_string()))?;
        Ok(Given { matches, table: self })
    }

    fn grammar(&self) -> getopts::Options {
        let mut grammar = getopts::Options::new();
        grammar.parsing_style(ParsingStyle::FloatingFrees);
        for row in self.0 {
            match (row.value.is_empty(), row.is_repeatable) {
                (true, _) => grammar.optflag(row.short, row.long, row.help),
                (false, true) => grammar.optmulti(row.short, row.long, row.help, row.value),
                (false, false) => grammar.optopt(row.short, row.long, row.help, row.value),
            };
        }
        grammar
    }

    /// The rows, grouped, for `--help`; `introduction` stands before them.
    pub fn help(&self, introduction: &str) -> String {
        let mut text = String::from(introduction);
        let mut group = "";
        for row in self.0.iter().filter(|row| row.group != HIDDEN) {
            if row.group != group {
                group = row.group;
                text += &format!("\n{group}:\n");
            }
            let short = if row.short.is_empty() {
                "    ".to_owned()
            } else {
                format!("-{}, ", row.short)
            };
            let usage = format!("  {short}--{} {}", row.long, row.value);
            let default = if row.default.is_empty() {
                String::new()
            } else {
                format!(" [{}]", row.default)
            };
            text += &format!("{:<36} {}{default}\n", usage.trim_end(), row.help);
        }
        text
    }
}

impl Given {
    /// Whether the switch was given.
    pub fn is_present(&self, name: &str) -> bool {
        self.matches.opt_present(name)
    }

    /// Whether this switch is all that was given.
    pub fn is_alone(&self, name: &str) -> bool {
        let is_other_given = |row: &Row| row.long != name && self.is_present(row.long);
        self.operands().is_empty() && !self.table.0.iter().any(is_other_given)
    }

    /// The value as given, or the default of the table.
    pub fn value<T>(&self, name: &str, parse: impl Fn(&str) -> Result<T, String>) -> Result<T, OptionError> {
        let given = self.matches.opt_str(name);
        let text = given.as_deref().unwrap_or(self.default_of(name));
        parse(text).map_err(|expected| OptionError(format!("--{name} {text}: {expected}")))
    }

    /// The value, if one was given.
    pub fn optional_value<T>(
        &self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, OptionError> {
        self.text(name)
            .map(|text| parse(&text).map_err(|expected| OptionError(format!("--{name} {text}: {expected}"))))
            .transpose()
    }

    /// The value's text, if one was given.
    pub fn text(&self, name: &str) -> Option<String> {
        self.matches.opt_str(name)
    }

    /// Every value of a repeatable option; the default alone if none was given and there is one.
    pub fn texts(&self, name: &str) -> Vec<String> {
        let mut given = self.matches.opt_strs(name);
        let default = self.default_of(name);
        if given.is_empty() && !default.is_empty() {
            given.push(default.to_owned());
        }
        given
    }

    /// What stands on the command line beside the options.
    pub fn operands(&self) -> &[String] {
        &self.matches.free
    }

    fn default_of(&self, name: &str) -> &'static str {
        self.table
            .0
            .iter()
            .find(|row| row.long == name)
            .map_or("", |row| row.default)
    }
}

fn readable(argument: OsString) -> Result<String, OptionError> {
    argument
        .into_string()
        .map_err(|argument| OptionError(format!("{}: expected UTF-8", argument.display())))
}
