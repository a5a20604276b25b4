//! What clients can reach: the served directory and the roots of the accounts.
//!
//! Clients could read, remove or replace a log or users file in it, so the server refuses to start with one.

use crate::outside_file::directory_of;
use std::collections::HashSet;
use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The directories that clients can reach, by device and inode, so that no other spelling of a path hides one.
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

    /// Adds the root of an account, which may be a mount point. Returns whether that directory exists.
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

    /// Whether clients could reach `path`: the name itself, or the target if it is a link. The file need not exist.
    pub fn contains(&self, path: &Path) -> io::Result<bool> {
        let mut paths = vec![directory_of(path).canonicalize()?];
        match path.canonicalize() {
            Ok(resolved) => paths.push(resolved),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        for path in paths {
            for directory in path.ancestors() {
                if self.roots.contains(&identity(directory)?) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}

/// Device and inode.
fn identity(path: &Path) -> io::Result<(u64, u64)> {
    path.metadata().map(|metadata| (metadata.dev(), metadata.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;
    use tempfile::TempDir;

    #[test]
    fn a_path_in_the_served_directory_is_found_however_it_is_spelled() {
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

    /// A link stands for a bind mount, which only root could create: the same directory by another path.
    #[test]
    fn the_roots_of_accounts_count_wherever_they_are() {
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
