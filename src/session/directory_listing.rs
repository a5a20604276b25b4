//! Listings: LIST, NLST, MLSD, MLST and STAT with a path (RFC 959 §4.1.3, RFC 3659 §7).
//!
//! A path that does not exist is refused before the data connection is used; the listing of an empty directory is empty
//! and succeeds. `*` and `?` in the last component of LIST and NLST filter the directory's entries.

use super::Context;
use super::effect::{Effect, answering, transferring};
use super::long_answer::LongAnswer;
use super::refusal::Refusal;
use super::state::Visit;
use super::transfer_record::TransferKind;
use crate::accounts::Rights;
use crate::ftp::command::{ListArgument, PathArgument, names_directory};
use crate::ftp::glob::Glob;
use crate::ftp::listing::{EntryKind, write_facts, write_list_line, write_name_line};
use crate::ftp::path::VirtualPath;
use crate::ftp::reply::{self, Reply};
use crate::storage::{OpenDirectory, Storage, StorageError};
use crate::transfer::{LineFormat, ListingLines, Outgoing, SendListing};

/// What a listing's argument names.
enum ListingKind {
    Directory(OpenDirectory),
    Matching(OpenDirectory, Glob),
    File,
}

struct ListingTarget<'argument> {
    /// As the client wrote it.
    given: &'argument [u8],
    path: VirtualPath,
    kind: ListingKind,
}

impl Visit {
    pub(super) fn list(&self, argument: &ListArgument, context: &Context<'_>) -> Result<Effect, Refusal> {
        let (path, lines) = self.list_lines(argument, context)?;
        self.send_lines("LIST", path, lines, context)
    }

    pub(super) fn name_list(&self, argument: &ListArgument, context: &Context<'_>) -> Result<Effect, Refusal> {
        let (path, lines) = self.name_lines(argument)?;
        self.send_lines("NLST", path, lines, context)
    }

    pub(super) fn facts_list(&self, argument: Option<&PathArgument>, context: &Context<'_>) -> Result<Effect, Refusal> {
        let (path, lines) = self.fact_lines(argument)?;
        self.send_lines("MLSD", path, lines, context)
    }

    /// STAT with a path.
    pub(super) fn list_on_control(&self, argument: &PathArgument, context: &Context<'_>) -> Result<Effect, Refusal> {
        let (_, lines) = self.list_lines(&ListArgument::of_path(argument.clone()), context)?;
        Ok(answering(LongAnswer::listing(lines)))
    }

    /// MLST: the facts of one entry, on the control connection, in exactly three lines (RFC 3659 §7.2).
    pub(super) fn facts_of(&self, argument: Option<&PathArgument>) -> Result<Reply, Refusal> {
        self.must_be_allowed(Rights::LIST)?;
        let path = match argument {
            Some(argument) => self.path(argument)?,
            None => self.working_directory.clone(),
        };
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

    fn send_lines(
        &self,
        verb: &'static str,
        path: VirtualPath,
        lines: ListingLines,
        context: &Context<'_>,
    ) -> Result<Effect, Refusal> {
        let transfer = self.transfer(verb, path, TransferKind::Listing, reply::OPENING_LISTING, context)?;
        let pump = Outgoing::Listing(SendListing::new(lines));
        Ok(transferring(transfer, self.in_current_mode(pump)))
    }

    fn list_lines(
        &self,
        argument: &ListArgument,
        context: &Context<'_>,
    ) -> Result<(VirtualPath, ListingLines), Refusal> {
        self.must_be_allowed(Rights::LIST)?;
        let target = self.target(argument)?;
        let now = context.wall;
        let format = LineFormat::Columns {
            now,
            dots: argument.all,
        };
        let lines = match target.kind {
            ListingKind::Directory(directory) => directory_lines(directory, format, None),
            ListingKind::Matching(directory, pattern) => directory_lines(directory, format, Some(pattern)),
            ListingKind::File => {
                let attributes = self.storage.attributes(&target.path)?;
                let mut line = Vec::new();
                write_list_line(&mut line, &attributes, target.given, None, now);
                ListingLines::Ready(line)
            }
        };
        Ok((target.path, lines))
    }

    fn name_lines(&self, argument: &ListArgument) -> Result<(VirtualPath, ListingLines), Refusal> {
        self.must_be_allowed(Rights::LIST)?;
        let target = self.target(argument)?;
        let lines = match target.kind {
            ListingKind::Directory(directory) => {
                let prefix = prefix_of_directory(target.given);
                directory_lines(directory, LineFormat::Names { prefix }, None)
            }
            ListingKind::Matching(directory, pattern) => {
                let prefix = without_leading_dots(split_last_component(target.given).0).to_vec();
                directory_lines(directory, LineFormat::Names { prefix }, Some(pattern))
            }
            ListingKind::File => {
                let mut line = Vec::new();
                write_name_line(&mut line, target.given);
                ListingLines::Ready(line)
            }
        };
        Ok((target.path, lines))
    }

    fn fact_lines(&self, argument: Option<&PathArgument>) -> Result<(VirtualPath, ListingLines), Refusal> {
        self.must_be_allowed(Rights::LIST)?;
        let path = match argument {
            Some(argument) => self.path(argument)?,
            None => self.working_directory.clone(),
        };
        match self.storage.open_directory(&path) {
            Ok(directory) => {
                let format = LineFormat::Facts {
                    facts: self.facts,
                    permissions: self.rights.permissions(),
                };
                Ok((path, directory_lines(directory, format, None)))
            }
            Err(StorageError::NotADirectory) if is_file(&path, &*self.storage) => Err(reply::MLSD_OF_A_FILE.into()),
            Err(error) => Err(error.into()),
        }
    }

    /// Resolves the argument to a directory, a file, or a pattern. An argument that starts with `-` is taken for
    /// options, unless a file has that literal name.
    fn target<'argument>(&self, argument: &'argument ListArgument) -> Result<ListingTarget<'argument>, Refusal> {
        if let Some(literal) = &argument.literal
            && let Ok(target) = self.existing_target(&literal.0)
        {
            return Ok(target);
        }
        let given = argument.path.as_ref().map_or(&b""[..], |path| &path.0);
        match self.existing_target(given) {
            Err(StorageError::NotFound) if Glob::is_glob(given) => self.matching_target(given),
            Err(error) => Err(error.into()),
            Ok(target) => Ok(target),
        }
    }

    fn existing_target<'argument>(&self, given: &'argument [u8]) -> Result<ListingTarget<'argument>, StorageError> {
        let path = self.working_directory.join(given).ok_or(StorageError::NameTooLong)?;
        let kind = match self.storage.open_directory(&path) {
            Ok(directory) => ListingKind::Directory(directory),
            Err(StorageError::NotADirectory) if !names_directory(given) && is_file(&path, &*self.storage) => {
                ListingKind::File
            }
            Err(error) => return Err(error),
        };
        Ok(ListingTarget { given, path, kind })
    }

    fn matching_target<'argument>(&self, given: &'argument [u8]) -> Result<ListingTarget<'argument>, Refusal> {
        let (prefix, last) = split_last_component(given);
        let pattern = Glob::new(last).ok_or(StorageError::NotFound)?;
        let path = self.working_directory.join(prefix).ok_or(StorageError::NameTooLong)?;
        let directory = self.storage.open_directory(&path)?;
        Ok(ListingTarget {
            given,
            path,
            kind: ListingKind::Matching(directory, pattern),
        })
    }
}

fn directory_lines(directory: OpenDirectory, format: LineFormat, pattern: Option<Glob>) -> ListingLines {
    ListingLines::Directory {
        directory,
        format,
        pattern,
    }
}

fn is_file(path: &VirtualPath, storage: &dyn Storage) -> bool {
    storage
        .attributes(path)
        .is_ok_and(|attributes| attributes.kind == EntryKind::File)
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
