//! A file outside the served directory that is opened again while the server runs: a rotated log, a replaced users
//! file.
//!
//! After chroot the path of such a file would name a file in the served directory, perhaps one that a client uploaded.
//! So its directory is opened at the start, and later the file is opened by its last name relative to that descriptor,
//! with or without chroot. The sandbox permits what that needs in this directory.
//!
//! For code that takes over the process, a descriptor of an outside directory is a way out of the chroot: `fchdir`,
//! then `..` (threat L04). Therefore the directory is opened as a mount of its own where the kernel allows it
//! (`open_tree(2)` needs CAP_SYS_ADMIN): `..` of a mount's root is that root itself. Elsewhere it is an ordinary
//! descriptor, which gives no more access than the server's user has.

use rustix::fs::{self, Access, AtFlags, CWD, Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{OpenTreeFlags, open_tree};
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

/// The directory and name of a file. It can be sent to another thread.
#[derive(Debug)]
pub struct OutsideFile {
    directory: OwnedFd,
    name: OsString,
    path: PathBuf,
}

impl OutsideFile {
    /// Opens the directory of `path`. Links in `path` are followed now and never again. The file need not exist.
    pub fn locate(path: &Path) -> io::Result<Self> {
        let resolved = resolve(path)?;
        let (Some(parent), Some(name)) = (resolved.parent(), resolved.file_name()) else {
            return Err(ErrorKind::IsADirectory.into());
        };
        Ok(Self {
            directory: open_directory(parent)?,
            name: name.to_owned(),
            path: path.to_path_buf(),
        })
    }

    /// The path as given, for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The directory, which the sandbox has to permit.
    pub fn directory(&self) -> BorrowedFd<'_> {
        self.directory.as_fd()
    }

    /// Opens the file that has the name now: not through a link, without blocking, and not as a controlling terminal.
    pub fn open(&self, flags: OFlags, mode: Mode) -> io::Result<File> {
        let always = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        Ok(fs::openat(&self.directory, &self.name, flags | always, mode)?.into())
    }

    /// Whether the name still belongs to the open `file`, which was neither moved nor replaced.
    pub fn is_still(&self, file: &File) -> io::Result<bool> {
        let named = match fs::statat(&self.directory, &self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return Ok(false),
            Err(errno) => return Err(errno.into()),
        };
        let open = fs::fstat(file)?;
        Ok((named.st_dev, named.st_ino) == (open.st_dev, open.st_ino))
    }

    /// Whether the process, with its current user, may create a file in the directory.
    pub fn can_be_recreated(&self) -> bool {
        let access = Access::WRITE_OK | Access::EXEC_OK;
        fs::accessat(&self.directory, ".", access, AtFlags::EACCESS).is_ok()
    }
}

/// The path without links; the file need not exist.
fn resolve(path: &Path) -> io::Result<PathBuf> {
    match path.canonicalize() {
        Err(error) if error.kind() == ErrorKind::NotFound && path.symlink_metadata().is_err() => {
            let name = path.file_name().ok_or(ErrorKind::InvalidFilename)?;
            Ok(directory_of(path).canonicalize()?.join(name))
        }
        resolved => resolved,
    }
}

/// The directory of the last name of `path`.
pub(crate) fn directory_of(path: &Path) -> &Path {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

fn open_directory(path: &Path) -> io::Result<OwnedFd> {
    let clone = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    if let Ok(directory) = open_tree(CWD, path, clone) {
        return Ok(directory);
    }
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(fs::openat(CWD, path, flags, Mode::empty())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::fs::symlink;
    use tempfile::TempDir;

    const APPEND: OFlags = OFlags::WRONLY.union(OFlags::CREATE).union(OFlags::APPEND);

    fn private() -> Mode {
        Mode::from_raw_mode(0o600)
    }

    #[test]
    fn a_file_that_was_moved_is_created_again_in_its_place() {
        let directory = TempDir::new().expect("a directory");
        let path = directory.path().join("log");
        let place = OutsideFile::locate(&path).expect("its directory exists");
        let mut first = place.open(APPEND, private()).expect("created");
        assert!(place.is_still(&first).expect("there"));
        std::fs::rename(&path, directory.path().join("log.1")).expect("rotated");
        assert!(!place.is_still(&first).expect("missing"));
        let second = place.open(APPEND, private()).expect("created");
        assert!(place.is_still(&second).expect("there"));
        first.write_all(b"old").expect("still open");
        assert_eq!(std::fs::read(directory.path().join("log.1")).expect("a file"), b"old");
        assert_eq!(std::fs::read(&path).expect("a file"), b"");
    }

    #[test]
    fn links_are_followed_when_the_file_is_located_and_never_again() {
        let directory = TempDir::new().expect("a directory");
        let (real, link) = (directory.path().join("real"), directory.path().join("link"));
        std::fs::create_dir(&real).expect("a directory");
        std::fs::write(real.join("log"), "").expect("a file");
        symlink(real.join("log"), &link).expect("a link");
        let place = OutsideFile::locate(&link).expect("the target exists");
        std::fs::remove_file(real.join("log")).expect("moved away");
        drop(place.open(APPEND, private()).expect("created"));
        assert!(
            real.join("log").exists() && link.is_symlink(),
            "created at the target of the link"
        );
        std::fs::remove_file(real.join("log")).expect("ours");
        symlink(directory.path().join("elsewhere"), real.join("log")).expect("a link");
        assert!(place.open(APPEND, private()).is_err());
        assert!(!directory.path().join("elsewhere").exists());
        let dangling = OutsideFile::locate(&real.join("log"));
        assert!(dangling.is_err(), "a dangling link names no file");
    }

    /// Only with CAP_SYS_ADMIN; without it the descriptor is an ordinary one.
    #[test]
    fn l04_the_open_directory_has_no_way_up() {
        let directory = TempDir::new().expect("a directory");
        let inner = directory.path().join("inner");
        std::fs::create_dir(&inner).expect("a directory");
        let place = OutsideFile::locate(&inner.join("log")).expect("its directory exists");
        let clone = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
        if open_tree(CWD, &inner, clone).is_err() {
            println!("skipped: this process may not clone a mount");
            return;
        }
        let here = fs::statat(&place.directory, ".", AtFlags::empty()).expect("there");
        for up in ["..", "../..", "../../../../.."] {
            let above = fs::statat(&place.directory, up, AtFlags::empty()).expect("there");
            assert_eq!((above.st_dev, above.st_ino), (here.st_dev, here.st_ino), "{up}");
        }
    }
}
