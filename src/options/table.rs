//! Tables of options, for every program of this crate: grammar, help and defaults come from one row per option.
//!
//! Wrong values are refused with the option's name, the value and what was expected; nothing is guessed.

use getopts::{Matches, ParsingStyle};
use std::ffi::OsString;

/// What is wrong with the command line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} (see --help)")]
pub struct OptionError(pub String);

/// The group of options that `--help` does not show.
pub const HIDDEN: &str = "";

/// Width of `--help`, in characters.
const WIDTH: usize = 80;

/// Where the descriptions begin in it.
const TEXT_COLUMN: usize = 32;

/// An option's row in its table.
#[derive(Debug)]
pub struct Row {
    pub group: &'static str,
    pub short: &'static str,
    pub long: &'static str,
    /// The value's name; empty for a switch, in `[=…]` if the value may be left out.
    pub value: &'static str,
    pub default: &'static str,
    pub is_repeatable: bool,
    pub help: &'static str,
}

/// All options of one program.
#[derive(Debug)]
pub struct Table(pub &'static [Row]);

/// A parsed command line, with the table's defaults for what was not given.
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
                // The short form never has a value: in `-t DIR` the directory would be taken for one.
                _ if row.has_optional_value() => grammar
                    .optflagopt("", row.long, row.help, row.value)
                    .optflag(row.short, "", row.help),
                (false, true) => grammar.optmulti(row.short, row.long, row.help, row.value),
                (false, false) => grammar.optopt(row.short, row.long, row.help, row.value),
            };
        }
        grammar
    }

    /// The text of `--help`: `introduction`, then the rows by group, wrapped and aligned.
    pub fn help(&self, introduction: &str) -> String {
        let mut text = String::from(introduction);
        let mut group = "";
        for row in self.0.iter().filter(|row| row.group != HIDDEN) {
            if row.group != group {
                group = row.group;
                text += &format!("\n{group}:\n");
            }
            let mut usage = row.usage();
            if usage.chars().count() + 2 > TEXT_COLUMN {
                text += &format!("{usage}\n");
                usage.clear();
            }
            for line in row.description_lines() {
                text += &format!("{usage:<TEXT_COLUMN$}{line}\n");
                usage.clear();
            }
        }
        text
    }
}

impl Row {
    /// A row to be completed, so that tables need not spell out what an option does not have.
    pub const BLANK: Row = Row {
        group: HIDDEN,
        short: "",
        long: "",
        value: "",
        default: "",
        is_repeatable: false,
        help: "",
    };

    /// `  -s, --long VALUE`, as at the beginning of a line of `--help`.
    pub(super) fn usage(&self) -> String {
        let short = if self.short.is_empty() {
            "    ".to_owned()
        } else {
            format!("-{}, ", self.short)
        };
        format!("  {short}{}", self.long_usage())
    }

    /// `--long VALUE`
    pub(super) fn long_usage(&self) -> String {
        let blank = if self.value.is_empty() || self.has_optional_value() {
            ""
        } else {
            " "
        };
        format!("--{}{blank}{}", self.long, self.value)
    }

    fn has_optional_value(&self) -> bool {
        self.value.starts_with("[=")
    }

    /// Help and default, broken between words.
    fn description_lines(&self) -> Vec<String> {
        let default = format!("[default: {}]", self.default);
        let default = Some(default.as_str()).filter(|_| !self.default.is_empty());
        let mut lines = vec![String::new()];
        for word in self.help.split(' ').chain(default) {
            match lines.last_mut() {
                Some(line) if line.is_empty() => line.push_str(word),
                Some(line) if line.chars().count() + 1 + word.chars().count() <= WIDTH - TEXT_COLUMN => {
                    line.push(' ');
                    line.push_str(word);
                }
                _ => lines.push(word.to_owned()),
            }
        }
        lines
    }
}

impl Given {
    /// Whether the option was given.
    pub fn is_present(&self, name: &str) -> bool {
        let row = self.table.0.iter().find(|row| row.long == name);
        let short = row.filter(|row| row.has_optional_value()).map(|row| row.short);
        self.matches.opt_present(name) || short.is_some_and(|short| self.matches.opt_present(short))
    }

    /// Whether nothing but this switch was given.
    pub fn is_alone(&self, name: &str) -> bool {
        let is_other_given = |row: &Row| row.long != name && self.is_present(row.long);
        self.operands().is_empty() && !self.table.0.iter().any(is_other_given)
    }

    /// The value as given, or the default of the table.
    pub fn value<T>(&self, name: &str, parse: impl Fn(&str) -> Result<T, String>) -> Result<T, OptionError> {
        let text = self.text(name);
        parse_value(name, text.as_deref().unwrap_or(self.default_of(name)), parse)
    }

    /// The value, if one was given.
    pub fn optional_value<T>(
        &self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, OptionError> {
        let text = self.text(name);
        text.map(|text| parse_value(name, &text, parse)).transpose()
    }

    /// Every value of a repeatable option; the default alone if none was given and there is one.
    pub fn values<T>(&self, name: &str, parse: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, OptionError> {
        let mut texts = self.matches.opt_strs(name);
        let default = self.default_of(name);
        if texts.is_empty() && !default.is_empty() {
            texts.push(default.to_owned());
        }
        texts.iter().map(|text| parse_value(name, text, &parse)).collect()
    }

    /// The value's text, if one was given.
    pub fn text(&self, name: &str) -> Option<String> {
        self.matches.opt_str(name)
    }

    /// The arguments that are not options.
    pub fn operands(&self) -> &[String] {
        &self.matches.free
    }

    fn default_of(&self, name: &str) -> &'static str {
        let row = self.table.0.iter().find(|row| row.long == name);
        row.map_or("", |row| row.default)
    }
}

fn parse_value<T>(name: &str, text: &str, parse: impl Fn(&str) -> Result<T, String>) -> Result<T, OptionError> {
    parse(text).map_err(|expected| OptionError(format!("--{name} {text}: {expected}")))
}

fn readable(argument: OsString) -> Result<String, OptionError> {
    argument
        .into_string()
        .map_err(|argument| OptionError(format!("{}: expected UTF-8", argument.display())))
}
