//! LIST, NLST, MLSD, MLST and STAT with a path.

use super::arguments::{names_directory, split_word};
use super::expected::{Content, Row, Text};
use super::files::is_reserved;
use super::text::{below, has_pattern, joined, matches_pattern, prefix_of, without_dots};
use super::tree::{Entries, Node, Path, Tree};
use super::{Done, Model, Refused};

impl Model {
    /// An entry as listings show it. `name`: what stands in the line.
    pub(super) fn row(&self, name: &[u8], path: &Path, follows: bool) -> Option<Row> {
        let node = if follows {
            self.tree.target(path)
        } else {
            self.tree.entry(path)
        };
        let (kind, size) = match node.ok()? {
            Node::File { bytes, .. } => (b'-', Some(bytes.len() as u64)),
            Node::Directory(_) => (b'd', None),
            Node::Link(text) => (b'l', Some(text.len() as u64)),
        };
        let target = match node.ok()? {
            Node::Link(text) if self.tree.target(path).is_ok() => Some(text.clone()),
            _ => None,
        };
        // Nothing is shown of a link that leads nowhere.
        let size = if kind == b'l' && target.is_none() {
            Some(0)
        } else {
            size
        };
        let facts = ["type", "size"].map(|fact| self.facts.contains(&fact));
        let name = name.to_vec();
        Some(Row {
            name,
            kind,
            size,
            target,
            facts,
        })
    }

    /// For MLST and MLSD a link to a file is that file.
    pub(super) fn described(&self, name: &[u8], path: &Path) -> Option<Row> {
        let leads_to_file = matches!(self.tree.target(path), Ok(Node::File { .. }));
        self.row(name, path, leads_to_file)
    }

    pub(super) fn facts_of(&mut self, argument: &[u8]) -> Done {
        self.must("list")?;
        let path = match argument {
            b"" => self.directory.clone(),
            _ => self.path(argument)?,
        };
        let row = if names_directory(argument) {
            self.row(b"", &path, true)
        } else {
            self.described(b"", &path)
        };
        let row = row.ok_or(Refused::No(550))?;
        self.say(250, Text::Facts(row, joined(&path)));
        Ok(())
    }

    pub(super) fn listing(&self, verb: &str, argument: &[u8]) -> Result<Content, Refused> {
        self.must("list")?;
        if verb == "MLSD" {
            let path = match argument {
                b"" => self.directory.clone(),
                _ => self.path(argument)?,
            };
            return match self.tree.target(&path) {
                Ok(Node::Directory(entries)) => {
                    let rows = entries
                        .keys()
                        .filter_map(|name| self.described(name, &below(&path, name)));
                    Ok(Content::Facts(rows.collect()))
                }
                Ok(_) => Err(Refused::No(501)),
                Err(_) => Err(Refused::No(550)),
            };
        }
        let mut shows_dots = false;
        let mut rest = argument;
        while let Some(after) = rest.strip_prefix(b"-") {
            let (letters, next) = split_word(after);
            if !letters
                .iter()
                .all(|letter| letter.is_ascii_alphanumeric() || *letter == b'-')
            {
                break;
            }
            shows_dots |= letters.to_ascii_lowercase().contains(&b'a');
            rest = next;
        }
        let dots: &[&[u8]] = if shows_dots && verb == "LIST" {
            &[b".", b".."]
        } else {
            &[]
        };
        // A file that is called like the options comes first.
        let literal = argument
            .starts_with(b"-")
            .then(|| self.rows(argument, verb == "NLST", dots));
        match literal {
            Some(Ok(content)) if !has_pattern(argument) => Ok(content),
            _ => self.rows(rest, verb == "NLST", dots),
        }
    }

    /// The lines of LIST (or NLST) of a file, a directory, or a pattern in a directory.
    pub(super) fn rows(&self, given: &[u8], only_names: bool, dots: &[&[u8]]) -> Result<Content, Refused> {
        self.must("list")?;
        let path = Tree::canonical(&self.directory, given).ok_or(Refused::No(550))?;
        let is_missing = path.iter().any(|name| is_reserved(name));
        let found = if is_missing { None } else { self.tree.target(&path).ok() };
        let (directory, prefix, pattern) = match found {
            Some(Node::Directory(_)) => (path, prefix_of(given), None),
            Some(Node::File { .. } | Node::Link(_)) if names_directory(given) => return Err(Refused::No(550)),
            Some(Node::File { .. } | Node::Link(_)) if only_names => return Ok(Content::Names(vec![given.to_vec()])),
            Some(Node::File { .. } | Node::Link(_)) => {
                return Ok(Content::Rows(self.row(given, &path, true).into_iter().collect()));
            }
            None if has_pattern(given) => {
                let slash = given
                    .iter()
                    .rposition(|byte| *byte == b'/')
                    .map_or(0, |slash| slash + 1);
                let (above, pattern) = given.split_at(slash);
                if pattern.len() > 255 {
                    return Err(Refused::No(550));
                }
                let above_path = Tree::canonical(&self.directory, above).ok_or(Refused::No(550))?;
                (above_path, without_dots(above).to_vec(), Some(pattern))
            }
            None => return Err(Refused::No(550)),
        };
        let entries: &Entries = self.tree.directory(&directory).map_err(|_| Refused::No(550))?;
        let is_listed = |name: &&Vec<u8>| pattern.is_none_or(|pattern| matches_pattern(pattern, name));
        let names = entries.keys().filter(is_listed);
        if only_names {
            return Ok(Content::Names(names.map(|name| [&prefix[..], name].concat()).collect()));
        }
        let mut rows: Vec<Row> = names
            .filter_map(|name| self.row(name, &below(&directory, name), false))
            .collect();
        for dots in dots
            .iter()
            .filter(|dots| pattern.is_none_or(|pattern| matches_pattern(pattern, dots)))
        {
            rows.extend(self.row(dots, &Path::new(), true));
        }
        Ok(Content::Rows(rows))
    }
}
