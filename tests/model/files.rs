//! Paths of arguments, and the commands that look at files or change them without a transfer.

use super::arguments::{is_time, names_directory, split_word};
use super::expected::Text;
use super::text::{doubled, joined, quoted, translated};
use super::tree::{Entries, Node, Path, Tree};
use super::{Access, Done, Model, Refused};

/// Names by which other programs control access (threat H16).
const PROTECTED: [&str; 8] = [
    ".forward",
    ".ftpaccess",
    ".htaccess",
    ".htpasswd",
    ".netrc",
    ".rhosts",
    ".shosts",
    ".ssh",
];

impl Model {
    pub(super) fn must(&self, right: &str) -> Done {
        let is_allowed = match self.access {
            Access::Read => matches!(right, "list" | "read"),
            Access::Upload => right == "create",
            Access::Write => true,
        };
        if is_allowed { Ok(()) } else { Err(Refused::No(550)) }
    }

    /// The path of something to read. A name that ends in a slash is a directory's.
    pub(super) fn path(&self, argument: &[u8]) -> Result<Path, Refused> {
        let path = Tree::canonical(&self.directory, argument).ok_or(Refused::No(550))?;
        let is_missing = |path: &Path| path.iter().any(|name| is_reserved(name));
        if is_missing(&path) || names_directory(argument) && self.tree.directory(&path).is_err() {
            return Err(Refused::No(550));
        }
        Ok(path)
    }

    /// The path of an entry to remove or rename; a link at its end is that entry.
    pub(super) fn path_of_entry(&self, argument: &[u8]) -> Result<Path, Refused> {
        let path = Tree::canonical(&self.directory, argument).ok_or(Refused::No(550))?;
        let is_refused = path.iter().any(|name| is_reserved(name) || is_protected(name));
        let is_directory = self.tree.entry(&path).is_ok_and(Node::is_directory);
        if is_refused || names_directory(argument) && !is_directory {
            return Err(Refused::No(550));
        }
        Ok(path)
    }

    /// The path of something to create (553: the name is not allowed).
    pub(super) fn path_to_make(&self, argument: &[u8]) -> Result<Path, Refused> {
        let path = Tree::canonical(&self.directory, argument).ok_or(Refused::No(553))?;
        let Some(name) = path.last() else {
            return Err(Refused::No(553));
        };
        if is_reserved(name) || path.iter().any(|name| is_protected(name)) {
            return Err(Refused::No(553));
        }
        if path.iter().any(|name| is_reserved(name)) {
            return Err(Refused::No(550));
        }
        Ok(path)
    }

    pub(super) fn change_directory(&mut self, argument: &[u8]) -> Done {
        if argument.is_empty() {
            self.directory = Path::new();
        } else {
            let path = self.path(argument)?;
            match self.tree.target(&path) {
                Ok(Node::Directory(_)) => self.directory = path,
                Err(_) if argument == b"~" && self.tree.entry(&path).is_err() => self.directory = Path::new(),
                _ => return Err(Refused::No(550)),
            }
        }
        self.reply(250);
        Ok(())
    }

    /// The file that `argument` leads to.
    pub(super) fn file(&self, argument: &[u8]) -> Result<&[u8], Refused> {
        match self.tree.target(&self.path(argument)?) {
            Ok(Node::File { bytes, .. }) => Ok(bytes),
            _ => Err(Refused::No(550)),
        }
    }

    pub(super) fn size(&mut self, argument: &[u8]) -> Done {
        self.must("list")?;
        let bytes = self.file(argument)?;
        let size = if self.is_ascii {
            translated(bytes).len()
        } else {
            bytes.len()
        };
        self.say(213, Text::Is(size.to_string().into_bytes()));
        Ok(())
    }

    /// MDTM, which can also set a time, and MFMT.
    pub(super) fn time(&mut self, verb: &str, argument: &[u8]) -> Done {
        let (time, rest) = split_word(argument);
        if verb == "MDTM" {
            let is_setting = time.len() == 14 && time.iter().all(u8::is_ascii_digit) && !rest.is_empty();
            let found = self.must("list").and_then(|()| {
                let path = self.path(argument)?;
                self.tree.target(&path).cloned().map_err(|_| Refused::No(550))
            });
            match found {
                Ok(Node::File {
                    modified: Some(digits), ..
                }) => {
                    self.say(213, Text::Is(digits));
                    return Ok(());
                }
                Ok(_) => {
                    self.say(213, Text::Time);
                    return Ok(());
                }
                Err(refused) if !is_setting => return Err(refused),
                Err(_) => {}
            }
        }
        self.must("overwrite")?;
        if !is_time(time) {
            return Err(Refused::No(501));
        }
        let path = self.path(rest)?;
        if path.iter().any(|name| is_protected(name)) {
            return Err(Refused::No(550));
        }
        match self.tree.target_mut(&path) {
            Some(Node::File { modified, .. }) => *modified = Some(time.to_vec()),
            Some(Node::Directory(_)) => {}
            Some(Node::Link(_)) | None => return Err(Refused::No(550)),
        }
        let text = match verb {
            "MDTM" => Text::Is(time.to_vec()),
            _ => Text::Is([b"Modify=", time, b"; ", &doubled(&joined(&path), 0xff)].concat()),
        };
        self.say(213, text);
        Ok(())
    }

    pub(super) fn remove(&mut self, verb: &str, argument: &[u8]) -> Done {
        self.must("delete")?;
        let path = self.path_of_entry(argument)?;
        let is_right = match self.tree.entry(&path) {
            Ok(Node::Directory(entries)) => verb != "DELE" && entries.is_empty() && !path.is_empty(),
            Ok(Node::File { .. } | Node::Link(_)) => verb == "DELE",
            Err(_) => false,
        };
        if !is_right || self.tree.remove(&path).is_err() {
            return Err(Refused::No(550));
        }
        self.reply(250);
        Ok(())
    }

    pub(super) fn make_directory(&mut self, argument: &[u8]) -> Done {
        self.must("mkdir")?;
        let path = match self.path_to_make(argument) {
            // The root exists.
            Err(Refused::No(553)) if Tree::canonical(&self.directory, argument).is_some_and(|path| path.is_empty()) => {
                return Err(Refused::No(550));
            }
            path => path?,
        };
        if self.tree.entry(&path).is_ok() || self.tree.put(&path, Node::Directory(Entries::new())).is_err() {
            return Err(Refused::No(550));
        }
        let text = [&quoted(&path)[..], b" created"].concat();
        self.say(257, Text::Is(text));
        Ok(())
    }

    pub(super) fn rename_from(&mut self, argument: &[u8]) -> Done {
        self.must("rename")?;
        let path = self.path_of_entry(argument)?;
        if path.is_empty() || self.tree.entry(&path).is_err() {
            return Err(Refused::No(550));
        }
        self.renaming = Some(path);
        self.reply(350);
        Ok(())
    }

    pub(super) fn rename_to(&mut self, from: Option<Path>, argument: &[u8]) -> Done {
        let from = from.ok_or(Refused::No(503))?;
        self.must("rename")?;
        let to = self.path_to_make(argument)?;
        let is_directory = self.tree.entry(&from).is_ok_and(Node::is_directory);
        if names_directory(argument) && !is_directory {
            return Err(Refused::No(550));
        }
        self.tree.rename(&from, &to).map_err(|_| Refused::No(550))?;
        self.reply(250);
        Ok(())
    }

    pub(super) fn site(&mut self, argument: &[u8]) -> Done {
        let (word, rest) = split_word(argument.trim_ascii_start());
        if word.eq_ignore_ascii_case(b"HELP") {
            self.reply(214);
            return Ok(());
        }
        self.must("overwrite")?;
        let (digits, argument) = split_word(rest);
        let path = self.path(argument)?;
        if path.is_empty() || path.iter().any(|name| is_protected(name)) {
            return Err(Refused::No(550));
        }
        // The owner keeps access.
        let kept = match self.tree.target(&path) {
            // A link may lead to the root.
            Ok(node) if *node == self.tree.0 => return Err(Refused::No(550)),
            Ok(Node::Directory(_)) => 0o700,
            Ok(Node::File { .. }) => 0o600,
            Ok(Node::Link(_)) | Err(_) => return Err(Refused::No(550)),
        };
        let mode = digits.iter().fold(0, |mode, digit| mode << 3 | u32::from(digit - b'0')) | kept;
        self.say(200, Text::Is(format!("Mode set to {mode:04o}").into_bytes()));
        Ok(())
    }
}

pub(super) fn is_reserved(name: &[u8]) -> bool {
    name.starts_with(b".loopftpd-")
}

pub(super) fn is_protected(name: &[u8]) -> bool {
    PROTECTED
        .iter()
        .any(|protected| protected.as_bytes().eq_ignore_ascii_case(name))
}
