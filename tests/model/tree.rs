//! The model's files: a tree in memory with directories, files and symbolic links, and how a path is resolved in it.

use std::collections::BTreeMap;

/// The components of an absolute path without `.`, `..` and empty ones.
pub type Path = Vec<Vec<u8>>;

/// Links that one path may lead through (path_resolution(7)).
const LINKS: usize = 40;
const LONGEST_NAME: usize = 255;
const LONGEST_PATH: usize = 4095;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    File {
        bytes: Vec<u8>,
        /// The modification time that a client has set, as fourteen digits.
        modified: Option<Vec<u8>>,
    },
    Directory(Entries),
    /// A symbolic link and its text.
    Link(Vec<u8>),
}

pub type Entries = BTreeMap<Vec<u8>, Node>;

impl Node {
    pub fn file(bytes: &[u8]) -> Self {
        let bytes = bytes.to_vec();
        Node::File { bytes, modified: None }
    }

    pub fn is_directory(&self) -> bool {
        matches!(self, Node::Directory(_))
    }
}

/// Why a path leads to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreachable;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree(pub Node);

impl Tree {
    /// The files that every session begins with.
    pub fn new() -> Self {
        let directory = |entries: &[(&str, Node)]| {
            let owned = |(name, node): &(&str, Node)| (name.as_bytes().to_vec(), node.clone());
            Node::Directory(entries.iter().map(owned).collect())
        };
        let link = |text: &str| Node::Link(text.as_bytes().to_vec());
        let pattern: Vec<u8> = (0..300_u32).map(|number| (number * 7 % 256) as u8).collect();
        let below = directory(&[
            ("inside", Node::file(b"x")),
            ("e", directory(&[])),
            ("back", link("../a.txt")),
            (
                "deep",
                directory(&[("x", Node::file(b"deep\n")), (".ssh", directory(&[]))]),
            ),
        ]);
        let Node::Directory(mut entries) = directory(&[
            ("a.txt", Node::file(b"alpha\nbeta\r\ngamma\n\rlast")),
            ("b.bin", Node::file(&pattern)),
            ("empty", Node::file(b"")),
            // Larger than the window of a data connection.
            ("big", Node::file(&vec![b'z'; 100_000])),
            ("q\"uote", Node::file(b"quoted")),
            ("\u{e9}", Node::file(b"accent")),
            (" lead", Node::file(b"blank")),
            (".htaccess", Node::file(b"deny")),
            ("d", below),
            (
                "full",
                directory(&[("one", Node::file(b"1\n")), (".two", Node::file(b"2\n"))]),
            ),
            ("lf", link("a.txt")),
            ("ld", link("d")),
            ("gone", link("nothing")),
            ("loop", link("loop")),
            ("out", link("../outside/secret")),
            ("up", link("..")),
            ("absolute", link("/etc/passwd")),
        ]) else {
            return Self(Node::Directory(Entries::new()));
        };
        entries.insert(b"\xff.bin".to_vec(), Node::file(b"iac"));
        Self(Node::Directory(entries))
    }

    /// The path that `argument` means in the directory `from`. `None`: a name or the path is too long.
    pub fn canonical(from: &Path, argument: &[u8]) -> Option<Path> {
        let mut path = if argument.starts_with(b"/") {
            Path::new()
        } else {
            from.clone()
        };
        for name in argument.split(|byte| *byte == b'/') {
            match name {
                b"" | b"." => {}
                b".." => drop(path.pop()),
                long if long.len() > LONGEST_NAME => return None,
                name => path.push(name.to_vec()),
            }
        }
        let length: usize = path.iter().map(|name| 1 + name.len()).sum();
        (length <= LONGEST_PATH).then_some(path)
    }

    /// `path` with every link in it followed, also the last one if `to_the_end`.
    fn real(&self, path: &[Vec<u8>], to_the_end: bool) -> Result<Path, Unreachable> {
        let mut left: Vec<Vec<u8>> = path.iter().rev().cloned().collect();
        let mut real = Path::new();
        let mut links = 0;
        while let Some(name) = left.pop() {
            match &name[..] {
                b"" | b"." => continue,
                b".." => {
                    real.pop().ok_or(Unreachable)?;
                    continue;
                }
                _ => real.push(name),
            }
            match self.at(&real) {
                Some(Node::Link(text)) if to_the_end || !left.is_empty() => {
                    links += 1;
                    if links > LINKS || text.starts_with(b"/") {
                        return Err(Unreachable);
                    }
                    real.pop();
                    left.extend(text.split(|byte| *byte == b'/').rev().map(<[u8]>::to_vec));
                }
                Some(node) if left.is_empty() || node.is_directory() => {}
                None if left.is_empty() => {}
                Some(_) | None => return Err(Unreachable),
            }
        }
        Ok(real)
    }

    /// The node at a path without links.
    fn at(&self, real: &[Vec<u8>]) -> Option<&Node> {
        real.iter().try_fold(&self.0, |node, name| match node {
            Node::Directory(entries) => entries.get(name),
            Node::File { .. } | Node::Link(_) => None,
        })
    }

    /// What has the name `path`; a link at its end is not followed.
    pub fn entry(&self, path: &[Vec<u8>]) -> Result<&Node, Unreachable> {
        self.at(&self.real(path, false)?).ok_or(Unreachable)
    }

    /// What `path` leads to: links are followed.
    pub fn target(&self, path: &[Vec<u8>]) -> Result<&Node, Unreachable> {
        self.at(&self.real(path, true)?).ok_or(Unreachable)
    }

    pub fn target_mut(&mut self, path: &[Vec<u8>]) -> Option<&mut Node> {
        let real = self.real(path, true).ok()?;
        real.iter().try_fold(&mut self.0, |node, name| match node {
            Node::Directory(entries) => entries.get_mut(name),
            Node::File { .. } | Node::Link(_) => None,
        })
    }

    pub fn directory(&self, path: &[Vec<u8>]) -> Result<&Entries, Unreachable> {
        match self.target(path)? {
            Node::Directory(entries) => Ok(entries),
            Node::File { .. } | Node::Link(_) => Err(Unreachable),
        }
    }

    fn directory_mut(&mut self, path: &[Vec<u8>]) -> Result<&mut Entries, Unreachable> {
        match self.target_mut(path) {
            Some(Node::Directory(entries)) => Ok(entries),
            _ => Err(Unreachable),
        }
    }

    /// Whether something can be created as `path`: its directory exists.
    pub fn has_directory_of(&self, path: &[Vec<u8>]) -> bool {
        path.split_last()
            .is_some_and(|(_, above)| self.directory(above).is_ok())
    }

    /// Gives `node` the name `path`, in place of what had it.
    pub fn put(&mut self, path: &[Vec<u8>], node: Node) -> Result<(), Unreachable> {
        let (name, above) = path.split_last().ok_or(Unreachable)?;
        self.directory_mut(above)?.insert(name.clone(), node);
        Ok(())
    }

    pub fn remove(&mut self, path: &[Vec<u8>]) -> Result<Node, Unreachable> {
        let (name, above) = path.split_last().ok_or(Unreachable)?;
        self.directory_mut(above)?.remove(name).ok_or(Unreachable)
    }

    /// Renames an entry; the directory of `to` exists. Returns why not.
    pub fn rename(&mut self, from: &[Vec<u8>], to: &[Vec<u8>]) -> Result<(), Unreachable> {
        let moved = self.entry(from)?.clone();
        let (real_from, real_to) = (self.real(from, false)?, self.real(to, false)?);
        if !self.has_directory_of(to) {
            return Err(Unreachable);
        }
        if real_from == real_to {
            return Ok(());
        }
        match (&moved, self.at(&real_to)) {
            // Into itself, or onto a directory that it is in.
            (Node::Directory(_), _) if real_to.starts_with(&real_from) => return Err(Unreachable),
            (_, Some(Node::Directory(_))) if real_from.starts_with(&real_to) => return Err(Unreachable),
            (_, None) => {}
            (Node::Directory(_), Some(Node::Directory(entries))) if entries.is_empty() => {}
            (Node::File { .. } | Node::Link(_), Some(Node::File { .. } | Node::Link(_))) => {}
            (_, Some(_)) => return Err(Unreachable),
        }
        self.remove(&real_from)?;
        self.put(&real_to, moved)
    }
}
