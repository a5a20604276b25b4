//! Listings: LIST, NLST, MLSD, MLST and STAT with a path (RFC 959 §4.1.3, RFC 3659 §7).
//!
//! A path that does not exist is refused before the data connection is used; the listing of an empty directory is empty
//! and succeeds. `*` and `?` in the last component of LIST and NLST filter the directory's entries.

use super::effect::{Effect, answering};
use super::long_answer::LongAnswer;
use super::outcome::TransferKind;
use super::refusal::Refusal;
use super::state::Visit;
use super::step::Context;
use crate::accounts::Rights;
use crate::ftp::command::{ListArgument, PathArgument, names_directory};
use crate::ftp::glob::Glob;
use crate::ftp::listing::{EntryKind, write_facts, write_list_line, write_name_line};
use crate::ftp::path::VirtualPath;
use crate::ftp::reply::{self, Reply};
use crate::storage::{OpenDirectory, StorageError};
use crate::transfer::{LineFormat, ListingLines, Outgoing, SendListing};

/// The argument of LIST, NLST or STAT, resolved.
struct ListingTarget<'argument> {
    /// As the client wrote it.
    given: &'argument [u8],
    /// The path of a file, of a directory, or of the directory in which names have to match.
    path: VirtualPath,
    kind: ListingKind,
}

enum ListingKind {
    File,
    Directory(OpenDirectory, Option<Glob>),
}

impl Visit {
    pub(super) fn list(&self, argument: &ListArgument, context: &Context<'_>) -> Result<Effect, Refusal> {
        let (path, lines) = self.list_lines(argument, context)?;
        self.send_lines("LIST", path, lines, context)
    }

    /// STAT with a path.
    pub(super) fn list_on_control(&self, argument: &PathArgument, context: &Context<'_>) -> Result<Effect, Refusal> {
        let (_, lines) = self.list_lines(&ListArgument::of_path(argument.clone()), context)?;
        Ok(answering(LongAnswer::listing(lines)))
    }

    fn list_lines(
        &self,
        argument: &ListArgument,
        context: &Context<'_>,
    ) -> Result<(VirtualPath, ListingLines), Refusal> {
        self.must_be_allowed(Rights::LIST)?;
        let ListingTarget { given, path, kind } = self.target(argument)?;
        let now = context.wall;
        let lines = match kind {
            ListingKind::Directory(directory, pattern) => ListingLines::Directory {
                directory,
                format: LineFormat::Columns {
                    now,
                    dots: argument.all,
                },
                pattern,
            },
            ListingKind::File => {
                let mut line = Vec::new();
                write_list_line(&mut line, &self.storage.attributes(&path)?, given, None, now);
                ListingLines::Ready(line)
            }
        };
        Ok((path, lines))
    }

    pub(super) fn name_list(&self, argument: &ListArgument, context: &Context<'_>) -> Result<Effect, Refusal> {
        self.must_be_allowed(Rights::LIST)?;
        let ListingTarget { given, path, kind } = self.target(argument)?;
        let lines = match kind {
            ListingKind::Directory(directory, pattern) => {
                let prefix = match pattern {
                    Some(_) => without_leading_dots(split_last_component(given).0).to_vec(),
                    None => prefix_of_directory(given),
                };
                ListingLines::Directory {
                    directory,
                    format: LineFormat::Names { prefix },
                    pattern,
                }
            }
            ListingKind::File => {
                let mut line = Vec::new();
                write_name_line(&mut line, given);
                ListingLines::Ready(line)
            }
        };
        self.send_lines("NLST", path, lines, context)
    }

    /// MLSD.
    pub(super) fn facts_list(&self, argument: Option<&PathArgument>, context: &Context<'_>) -> Result<Effect, Refusal> {
        self.must_be_allowed(Rights::LIST)?;
        let path = self.path_or_working_directory(argument)?;
        let directory = match self.storage.open_directory(&path) {
            Err(StorageError::NotADirectory) if self.is_file(&path) => return Err(reply::MLSD_OF_A_FILE.into()),
            directory => directory?,
        };
        let lines = ListingLines::Directory {
            directory,
            format: LineFormat::Facts {
                facts: self.facts,
                permissions: self.rights.permissions(),
            },
            pattern: None,
        };
        self.send_lines("MLSD", path, lines, context)
    }

    fn send_lines(
        &self,
        verb: &'static str,
        path: VirtualPath,
        lines: ListingLines,
        context: &Context<'_>,
    ) -> Result<Effect, Refusal> {
        let transfer = self.transfer(verb, path, TransferKind::Listing, reply::OPENING_LISTING, context)?;
        Ok(self.send(transfer, Outgoing::Listing(SendListing::new(lines))))
    }

    /// MLST: the facts of one entry, on the control connection, in exactly three lines (RFC 3659 §7.2).
    pub(super) fn facts_of(&self, argument: Option<&PathArgument>) -> Result<Reply, Refusal> {
        self.must_be_allowed(Rights::LIST)?;
        let path = self.path_or_working_directory(argument)?;
        // With a slash after its name, a link is followed.
        let described = if argument.is_some_and(PathArgument::names_directory) {
            self.storage.attributes(&path)?
        } else {
            let entry = self.storage.entry(&path)?;
            entry.described(|| self.storage.attributes(&path).ok())
        };
        let mut line = Vec::new();
        write_facts(&mut line, self.facts, &self.rights.permissions(), &described);
        Ok(Reply::facts(&line, &path))
    }

    /// Resolves the argument. One that starts with `-` is taken for options, unless a file has that literal name.
    fn target<'argument>(&self, argument: &'argument ListArgument) -> Result<ListingTarget<'argument>, Refusal> {
        if let Some(literal) = &argument.literal
            && let Ok(target) = self.existing_target(&literal.0)
        {
            return Ok(target);
        }
        let given = argument.path.as_ref().map_or(&b""[..], |path| &path.0);
        match self.existing_target(given) {
            Err(Refusal::Storage(StorageError::NotFound)) if Glob::is_glob(given) => self.matching_target(given),
            target => target,
        }
    }

    fn existing_target<'argument>(&self, given: &'argument [u8]) -> Result<ListingTarget<'argument>, Refusal> {
        let path = self.join(given)?;
        let kind = match self.storage.open_directory(&path) {
            Err(StorageError::NotADirectory) if !names_directory(given) && self.is_file(&path) => ListingKind::File,
            directory => ListingKind::Directory(directory?, None),
        };
        Ok(ListingTarget { given, path, kind })
    }

    fn matching_target<'argument>(&self, given: &'argument [u8]) -> Result<ListingTarget<'argument>, Refusal> {
        let (prefix, last) = split_last_component(given);
        let pattern = Glob::new(last).ok_or(StorageError::NotFound)?;
        let path = self.join(prefix)?;
        let kind = ListingKind::Directory(self.storage.open_directory(&path)?, Some(pattern));
        Ok(ListingTarget { given, path, kind })
    }

    fn is_file(&self, path: &VirtualPath) -> bool {
        let found = self.storage.attributes(path);
        found.is_ok_and(|attributes| attributes.kind == EntryKind::File)
    }
}

/// The prefix that makes a name in the directory `given` a path for RETR. Without a leading `./`, which clients would
/// take for a part of the name.
fn prefix_of_directory(given: &[u8]) -> Vec<u8> {
    let mut prefix = without_leading_dots(given).to_vec();
    if !prefix.is_empty() && !prefix.ends_with(b"/") {
        prefix.push(b'/');
    }
    prefix
}

fn without_leading_dots(given: &[u8]) -> &[u8] {
    let mut path = given;
    while let Some(mut rest) = path.strip_prefix(b"./") {
        while let [b'/', after @ ..] = rest {
            rest = after;
        }
        path = rest;
    }
    if path == b"." { b"" } else { path }
}

/// Splits `a/b/c*` into `a/b/` and `c*`.
fn split_last_component(given: &[u8]) -> (&[u8], &[u8]) {
    match given.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => given.split_at(slash + 1),
        None => (b"", given),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_a_directory_get_its_path_as_prefix() {
        assert_eq!(prefix_of_directory(b""), b"");
        assert_eq!(prefix_of_directory(b"a/b"), b"a/b/");
        assert_eq!(prefix_of_directory(b"a/"), b"a/");
        for here in [".", "./", ".//", "././/."] {
            assert_eq!(prefix_of_directory(here.as_bytes()), b"", "{here}");
        }
        assert_eq!(prefix_of_directory(b".//./a"), b"a/");
        assert_eq!(prefix_of_directory(b".hidden"), b".hidden/");
        assert_eq!(prefix_of_directory(b"../a"), b"../a/");
    }

    #[test]
    fn a_pattern_is_the_last_component() {
        assert_eq!(split_last_component(b"a/b/*.txt"), (&b"a/b/"[..], &b"*.txt"[..]));
        assert_eq!(split_last_component(b"*.txt"), (&b""[..], &b"*.txt"[..]));
        assert_eq!(split_last_component(b"/x?"), (&b"/"[..], &b"x?"[..]));
    }
}
