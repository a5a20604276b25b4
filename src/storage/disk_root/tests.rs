//! The served directory against a tree of traps, and changes of names and attributes in it.

use super::super::Batch;
use super::*;
use crate::ftp::listing::EntryKind;
use rustix::fs::{CWD, FileType};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::PathBuf;
use tempfile::TempDir;

/// A directory to serve, with room for secrets beside it.
pub(in super::super) struct ScratchDisk {
    outside: TempDir,
    pub disk: DiskRoot,
    pub descriptors: Descriptors,
}

impl ScratchDisk {
    fn read_only() -> Self {
        let outside = TempDir::new().expect("a temporary directory");
        fs::create_dir(outside.path().join("root")).expect("a directory");
        let descriptors = Descriptors::for_process(64);
        let disk = DiskRoot::open(&outside.path().join("root"), descriptors.clone()).expect("the root");
        Self {
            outside,
            disk,
            descriptors,
        }
    }

    pub(in super::super) fn writable(policy: UploadPolicy) -> Self {
        let scratch = Self::read_only();
        let disk = scratch.disk.writable(policy, Random::seeded(1));
        Self { disk, ..scratch }
    }

    pub(in super::super) fn path(&self, name: &str) -> PathBuf {
        self.outside.path().join("root").join(name)
    }

    /// Everything in the directory, sorted.
    pub(in super::super) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path("")).expect("the directory");
        let name = |entry: io::Result<fs::DirEntry>| entry.expect("an entry").file_name();
        let mut names: Vec<_> = entries
            .map(|entry| name(entry).to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    fn link(&self, target: impl AsRef<Path>, name: &str) {
        symlink(target, self.path(name)).expect("a link");
    }

    fn fifo(&self) {
        let mode = Mode::RUSR | Mode::WUSR;
        rustix::fs::mknodat(CWD, self.path("fifo"), FileType::Fifo, mode, 0).expect("a FIFO");
    }
}

/// A directory with a secret beside it.
fn served() -> ScratchDisk {
    let served = ScratchDisk::read_only();
    fs::create_dir_all(served.path("d/e")).expect("directories");
    fs::write(served.path("d/file"), b"inside").expect("a file");
    fs::write(served.outside.path().join("secret"), b"canary").expect("a secret");
    served
}

fn path(text: &str) -> VirtualPath {
    VirtualPath::ROOT.join(text.as_bytes()).expect("a short path")
}

#[test]
fn c03_links_that_lead_outside_look_missing() {
    let served = served();
    served.link("../secret", "relative");
    served.link(served.outside.path().join("secret"), "absolute");
    served.link("relative", "chain");
    served.link("..", "directory");
    served.link("nowhere", "dangling");
    served.link("loop", "loop");
    for name in [
        "relative",
        "absolute",
        "chain",
        "directory",
        "dangling",
        "loop",
        "directory/secret",
    ] {
        let path = path(name);
        // What leads outside is like what is missing, whether or not something is there.
        let expected = if name == "loop" {
            StorageError::LinkLoop
        } else {
            StorageError::NotFound
        };
        assert_eq!(served.disk.attributes(&path).err(), Some(expected), "{name}");
        assert!(served.disk.open_file(&path).is_err(), "{name}");
        assert!(served.disk.open_directory(&path).is_err(), "{name}");
        assert!(served.disk.check_directory(&path).is_err(), "{name}");
    }
}

#[test]
fn links_that_stay_inside_are_followed() {
    let served = served();
    served.link("d", "to_directory");
    served.link("d/../d/file", "to_file");
    let attributes = served.disk.attributes(&path("to_file")).expect("inside");
    assert_eq!((attributes.kind, attributes.size), (EntryKind::File, 6));
    assert!(served.disk.check_directory(&path("to_directory/e")).is_ok());
    let file = served.disk.open_file(&path("to_directory/file")).expect("inside");
    assert_eq!(file.size, 6);
}

#[test]
fn c08_fifos_and_devices_are_refused_without_being_opened() {
    let served = served();
    served.fifo();
    let socket = std::os::unix::net::UnixListener::bind(served.path("socket")).expect("a socket");
    for name in ["fifo", "socket"] {
        let path = path(name);
        assert_eq!(
            served.disk.open_file(&path).err(),
            Some(StorageError::NotFound),
            "{name}"
        );
        assert_eq!(
            served.disk.attributes(&path).err(),
            Some(StorageError::NotFound),
            "{name}"
        );
    }
    drop(socket);
}

#[test]
fn c10_a_directory_is_no_file_and_a_file_no_directory() {
    let served = served();
    assert_eq!(
        served.disk.open_file(&path("d")).err(),
        Some(StorageError::IsADirectory)
    );
    assert_eq!(
        served.disk.open_directory(&path("d/file")).err(),
        Some(StorageError::NotADirectory)
    );
    assert_eq!(
        served.disk.check_directory(&path("d/file")),
        Err(StorageError::NotADirectory)
    );
}

#[test]
fn c22_reserved_names_look_missing() {
    let served = served();
    fs::write(served.path("d/.loopftpd-1234"), b"part").expect("a file");
    assert!(served.disk.attributes(&path("d/.loopftpd-1234")).is_err());
    assert!(served.disk.open_file(&path("d/.loopftpd-1234")).is_err());
    assert!(!names(&served, "d").contains(&".loopftpd-1234".to_owned()));
}

#[test]
fn g03_without_a_descriptor_the_storage_is_busy_and_frees_what_it_took() {
    let served = served();
    let mut held = Vec::new();
    while let Some(permit) = served.descriptors.permit() {
        held.push(permit);
    }
    assert_eq!(served.disk.open_file(&path("d/file")).err(), Some(StorageError::Busy));
    assert_eq!(served.disk.open_directory(&path("d")).err(), Some(StorageError::Busy));
    drop(held);
    drop(served.disk.open_file(&path("d/file")).expect("room again"));
    assert_eq!(served.descriptors.used(), 0);
}

#[test]
fn a_directory_is_read_completely_in_batches() {
    let served = served();
    for number in 0..2_000 {
        fs::write(served.path(&format!("d/e/{number:05}")), b"").expect("a file");
    }
    let mut names = names(&served, "d/e");
    names.sort();
    let expected: Vec<String> = (0..2_000).map(|number| format!("{number:05}")).collect();
    assert_eq!(names, expected);
}

#[test]
fn the_parent_of_the_root_shows_the_root() {
    let served = served();
    let mut directory = served.disk.open_directory(&VirtualPath::ROOT).expect("the root");
    let mut seen = Vec::new();
    directory
        .next_batch(8192, |place, name, _| {
            if name == c"." || name == c".." {
                seen.push(place.attributes(name)?.map(|attributes| attributes.inode));
            }
            Ok::<(), StorageError>(())
        })
        .expect("readable");
    assert_eq!(seen.len(), 2);
    assert_eq!(seen.first(), seen.last());
}

fn names(served: &ScratchDisk, directory: &str) -> Vec<String> {
    let mut directory = served.disk.open_directory(&path(directory)).expect("a directory");
    let mut names = Vec::new();
    loop {
        let batch = directory
            .next_batch(8192, |_, name, _| {
                if name != c"." && name != c".." {
                    names.push(name.to_string_lossy().into_owned());
                }
                Ok::<(), StorageError>(())
            })
            .expect("readable");
        if batch == Batch::End {
            return names;
        }
    }
}

#[test]
fn a_read_only_root_refuses_every_change() {
    let served = served();
    let (file, free) = (path("d/file"), path("d/free"));
    let denied = Err(StorageError::PermissionDenied);
    let disk = &served.disk;
    assert_eq!(disk.remove_file(&file), denied);
    assert_eq!(disk.make_directory(&free, Audience::Everyone), denied);
    assert_eq!(disk.remove_directory(&path("d/e")), denied);
    assert_eq!(disk.rename(&file, &free, Existing::Refuse), denied);
    assert_eq!(disk.set_modified(&file, Timestamp::from_unix(0)), denied);
    assert_eq!(disk.set_mode(&file, 0o600).map(drop), denied);
    let upload = disk.begin_upload(&free, UploadKind::Append, Audience::Everyone, None);
    assert_eq!(upload.map(drop), denied);
    let account = disk.subtree(&path("d")).expect("a directory");
    assert_eq!(account.remove_file(&path("file")), denied);
    assert!(served.path("d/file").exists());
}

#[test]
fn f11_nothing_above_the_root_of_an_account_can_be_reached() {
    let served = served();
    served.link("../d/file", "d/e/up");
    fs::write(served.path("d/e/own"), b"own").expect("a file");
    let account = served.disk.subtree(&path("d/e")).expect("a directory");
    assert!(account.open_file(&path("own")).is_ok());
    assert_eq!(account.open_file(&path("up")).err(), Some(StorageError::NotFound));
    assert_eq!(account.open_file(&path("../file")).err(), Some(StorageError::NotFound));
    assert!(served.disk.subtree(&path("d/file")).is_err());
}

/// A directory that may be changed.
fn changeable() -> ScratchDisk {
    let disk = ScratchDisk::writable(UploadPolicy::default());
    fs::create_dir(disk.path("d")).expect("a directory");
    fs::write(disk.path("d/one"), b"1").expect("a file");
    fs::write(disk.path("two"), b"22").expect("a file");
    disk.fifo();
    disk
}

#[test]
fn files_and_links_can_be_removed_and_special_files_cannot() {
    let disk = changeable();
    symlink("d/one", disk.path("link")).expect("a link");
    let root = &disk.disk;
    assert_eq!(root.remove_file(&path("link")), Ok(()));
    assert!(disk.path("d/one").exists(), "the link itself is removed");
    assert_eq!(root.remove_file(&path("d/one")), Ok(()));
    assert_eq!(root.remove_file(&path("d/one")), Err(StorageError::NotFound));
    assert_eq!(root.remove_file(&path("fifo")), Err(StorageError::NotFound));
    assert_eq!(root.remove_file(&path("d")), Err(StorageError::IsADirectory));
    assert_eq!(root.remove_file(&path("/")), Err(StorageError::PermissionDenied));
    assert_eq!(disk.names(), ["d", "fifo", "two"]);
    assert_eq!(disk.descriptors.used(), 0);
}

#[test]
fn directories_are_created_and_removed_when_empty() {
    let disk = changeable();
    let root = &disk.disk;
    for (name, result) in [
        ("new", Ok(())),
        ("new", Err(StorageError::Exists)),
        ("two", Err(StorageError::Exists)),
        ("/", Err(StorageError::Exists)),
        ("missing/new", Err(StorageError::NotFound)),
        (".loopftpd-new", Err(StorageError::NotFound)),
    ] {
        assert_eq!(
            root.make_directory(&path(name), Audience::OwnerAndGroup),
            result,
            "{name}"
        );
    }
    assert_eq!(disk.path("new").metadata().expect("a directory").mode() & 0o007, 0);
    assert_eq!(root.remove_directory(&path("new")), Ok(()));
    assert_eq!(root.remove_directory(&path("d")), Err(StorageError::NotEmpty));
    assert_eq!(root.remove_directory(&path("two")), Err(StorageError::NotADirectory));
}

#[test]
fn renaming_replaces_only_where_that_is_allowed() {
    let disk = changeable();
    let root = &disk.disk;
    let rename = |from, to, existing| root.rename(&path(from), &path(to), existing);
    assert_eq!(rename("two", "d/one", Existing::Refuse), Err(StorageError::Exists));
    assert_eq!(rename("two", "d/one", Existing::Replace), Ok(()));
    assert_eq!(fs::read(disk.path("d/one")).expect("a file"), b"22");
    assert_eq!(rename("d/one", "free", Existing::Refuse), Ok(()));
    for (from, to, error) in [
        ("d", "d/inside", StorageError::IntoItself),
        ("missing", "new", StorageError::NotFound),
        ("fifo", "new", StorageError::NotFound),
        ("free", "fifo", StorageError::NotFound),
        ("free", ".loopftpd-free", StorageError::NotFound),
    ] {
        assert_eq!(rename(from, to, Existing::Replace), Err(error), "{from} to {to}");
    }
    assert_eq!(disk.names(), ["d", "fifo", "free"]);
}

#[test]
fn h19_a_mode_never_locks_out_the_server_and_never_sets_special_bits() {
    let disk = changeable();
    fs::set_permissions(disk.path("d"), fs::Permissions::from_mode(0o2755)).expect("ours");
    let root = &disk.disk;
    assert_eq!(root.set_mode(&path("two"), 0o4044), Ok(0o644));
    assert_eq!(root.set_mode(&path("d"), 0), Ok(0o2700), "the owner's bit stays");
    assert_eq!(disk.path("d").metadata().expect("there").mode() & 0o7777, 0o2700);
    assert_eq!(root.set_mode(&path("/"), 0o777), Err(StorageError::PermissionDenied));
    assert_eq!(root.set_mode(&path("fifo"), 0o777), Err(StorageError::NotFound));
}

#[test]
fn modification_times_are_set_and_access_times_stay() {
    let disk = changeable();
    let before = disk.path("two").metadata().expect("a file");
    let root = &disk.disk;
    assert_eq!(root.set_modified(&path("two"), Timestamp::from_unix(1_000)), Ok(()));
    let after = disk.path("two").metadata().expect("a file");
    assert_eq!((after.mtime(), after.atime()), (1_000, before.atime()));
    assert_eq!(
        root.set_modified(&path("fifo"), Timestamp::from_unix(1_000)),
        Err(StorageError::NotFound)
    );
}
