//! What clients can reach: the served directory and the roots of the accounts.
//!
//! A log or a users file among it could be read, removed or replaced by a client, so the server refuses to start with
//! one.

use crate::outside_file::directory_of;
use std::collections::HashSet;
use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The directories beneath which clients can reach files, by what they are and not by how they are spelled.
#[derive(Clone, Debug)]
pub struct ServedTree {
    directory: PathBuf,
    roots: HashSet<(u64, u64)>,
}

impl ServedTree {
    /// The served directory alone.
    pub fn of(directory: &Path) -> io::Result<Self> {
        Ok(Self {
            directory: directory.to_path_buf(),
            roots: HashSet::from([identity(directory)?]),
        })
    }

    /// The served directory as it was given, for messages.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Adds the root of an account, which can be a mount of its own and lie elsewhere too. Whether there is such a
    /// directory.
    pub fn add_account_root(&mut self, root: &[u8]) -> io::Result<bool> {
        let relative = root.strip_prefix(b"/").unwrap_or(root);
        let path = self.directory.join(OsStr::from_bytes(relative));
        match path.metadata() {
            Ok(metadata) if metadata.is_dir() => {
                self.roots.insert((metadata.dev(), metadata.ino()));
                Ok(true)
            }
            Ok(_) => Ok(false),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether clients could reach `path`: its name, or what a link of that name leads to. It may be missing.
    pub fn contains(&self, path: &Path) -> io::Result<bool> {
        let mut places = vec![directory_of(path).canonicalize()?];
        match path.canonicalize() {
            Ok(resolved) => places.push(resolved),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        for place in places {
            for directory in place.ancestors() {
                if self.roots.contains(&identity(directory)?) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}

fn identity(place: &Path) -> io::Result<(u64, u64)> {
    place.metadata().map(|metadata| (metadata.dev(), metadata.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;
    use tempfile::TempDir;

    #[test]
    fn what_lies_in_the_served_directory_is_found_however_it_is_spelled() {
        let directory = TempDir::new().expect("a directory");
        let served = directory.path().join("served");
        fs::create_dir_all(served.join("deep")).expect("directories");
        fs::write(served.join("deep/log"), "").expect("a file");
        fs::write(directory.path().join("log"), "").expect("a file");
        symlink(directory.path().join("log"), served.join("link-out")).expect("a link");
        symlink(served.join("deep/log"), directory.path().join("link-in")).expect("a link");
        symlink(&served, directory.path().join("other-name")).expect("a link");
        let tree = ServedTree::of(&served).expect("a directory");
        for inside in [
            "served/log",
            "served/deep/log",
            "served/deep/missing",
            "served/deep/../../served/deep/log",
            "served/link-out",
            "link-in",
            "other-name/deep/log",
        ] {
            assert!(
                tree.contains(&directory.path().join(inside)).expect("found"),
                "{inside}"
            );
        }
        for outside in ["log", "missing", "served/../log"] {
            assert!(
                !tree.contains(&directory.path().join(outside)).expect("found"),
                "{outside}"
            );
        }
        assert!(tree.contains(&directory.path().join("no-such-directory/log")).is_err());
    }

    /// As with a bind mount, which only root could make here: the same directory by another path.
    #[test]
    fn the_roots_of_accounts_count_wherever_they_lie() {
        let directory = TempDir::new().expect("a directory");
        let [served, home] = ["served", "home"].map(|name| directory.path().join(name));
        for path in [&served, &home] {
            fs::create_dir(path).expect("a directory");
        }
        fs::write(served.join("file"), "").expect("a file");
        symlink(&home, served.join("alice")).expect("a link");
        let mut tree = ServedTree::of(&served).expect("a directory");
        assert!(!tree.contains(&home.join("log")).expect("found"));
        assert!(tree.add_account_root(b"/alice").expect("looked at"));
        assert!(tree.contains(&home.join("log")).expect("found"));
        assert!(tree.add_account_root(b"/").expect("looked at"));
        assert!(!tree.add_account_root(b"/bob").expect("looked at"), "missing");
        assert!(!tree.add_account_root(b"/file").expect("looked at"), "no directory");
    }
}
