//! The served directory against a tree of traps.

use super::super::directory::Batch;
use super::*;
use crate::ftp::listing::EntryKind;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use tempfile::TempDir;

struct Served {
    outside: TempDir,
    storage: DiskRoot,
    descriptors: Descriptors,
}

/// A directory `root` with a secret beside it.
fn served() -> Served {
    let outside = TempDir::new().expect("a temporary directory");
    let root = outside.path().join("root");
    fs::create_dir_all(root.join("d/e")).expect("directories");
    fs::write(root.join("d/file"), b"inside").expect("a file");
    fs::write(outside.path().join("secret"), b"canary").expect("a secret");
    let descriptors = Descriptors::for_process(256);
    let storage = DiskRoot::open(&root, descriptors.clone()).expect("the root");
    Served {
        outside,
        storage,
        descriptors,
    }
}

impl Served {
    fn root(&self) -> std::path::PathBuf {
        self.outside.path().join("root")
    }

    fn link(&self, target: impl AsRef<Path>, name: &str) {
        symlink(target, self.root().join(name)).expect("a link");
    }
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
        assert_eq!(served.storage.attributes(&path).err(), Some(expected), "{name}");
        assert!(served.storage.open_file(&path).is_err(), "{name}");
        assert!(served.storage.open_directory(&path).is_err(), "{name}");
        assert!(served.storage.check_directory(&path).is_err(), "{name}");
    }
}

#[test]
fn links_that_stay_inside_are_followed() {
    let served = served();
    served.link("d", "to_directory");
    served.link("d/../d/file", "to_file");
    let attributes = served.storage.attributes(&path("to_file")).expect("inside");
    assert_eq!((attributes.kind, attributes.size), (EntryKind::File, 6));
    assert!(served.storage.check_directory(&path("to_directory/e")).is_ok());
    assert_eq!(
        served
            .storage
            .open_file(&path("to_directory/file"))
            .expect("inside")
            .size,
        6
    );
}

#[test]
fn c08_fifos_and_devices_are_refused_without_being_opened() {
    let served = served();
    let fifo = served.root().join("fifo");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &fifo,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o644),
        0,
    )
    .expect("a FIFO");
    let socket = std::os::unix::net::UnixListener::bind(served.root().join("socket")).expect("a socket");
    for name in ["fifo", "socket"] {
        assert_eq!(
            served.storage.open_file(&path(name)).err(),
            Some(StorageError::NotFound),
            "{name}"
        );
        assert_eq!(
            served.storage.attributes(&path(name)).err(),
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
        served.storage.open_file(&path("d")).err(),
        Some(StorageError::IsADirectory)
    );
    assert_eq!(
        served.storage.open_directory(&path("d/file")).err(),
        Some(StorageError::NotADirectory)
    );
    assert_eq!(
        served.storage.check_directory(&path("d/file")),
        Err(StorageError::NotADirectory)
    );
}

#[test]
fn c22_reserved_names_look_missing() {
    let served = served();
    fs::write(served.root().join("d/.loopftpd-1234"), b"part").expect("a file");
    assert!(served.storage.attributes(&path("d/.loopftpd-1234")).is_err());
    assert!(served.storage.open_file(&path("d/.loopftpd-1234")).is_err());
    assert!(!names(&served, "d").contains(&".loopftpd-1234".to_owned()));
}

#[test]
fn g03_without_a_descriptor_the_storage_is_busy_and_frees_what_it_took() {
    let served = served();
    let mut held = Vec::new();
    while let Some(permit) = served.descriptors.permit() {
        held.push(permit);
    }
    assert_eq!(
        served.storage.open_file(&path("d/file")).err(),
        Some(StorageError::Busy)
    );
    assert_eq!(
        served.storage.open_directory(&path("d")).err(),
        Some(StorageError::Busy)
    );
    drop(held);
    drop(served.storage.open_file(&path("d/file")).expect("room again"));
    assert_eq!(served.descriptors.used(), 0);
}

#[test]
fn a_directory_is_read_completely_in_batches() {
    let served = served();
    for number in 0..2_000 {
        fs::write(served.root().join(format!("d/e/{number:05}")), b"").expect("a file");
    }
    let mut names = names(&served, "d/e");
    names.sort();
    let expected: Vec<String> = (0..2_000).map(|number| format!("{number:05}")).collect();
    assert_eq!(names, expected);
}

#[test]
fn the_parent_of_the_root_shows_the_root() {
    let served = served();
    let mut directory = served.storage.open_directory(&VirtualPath::ROOT).expect("the root");
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

fn names(served: &Served, directory: &str) -> Vec<String> {
    let mut directory = served.storage.open_directory(&path(directory)).expect("a directory");
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
    let disk = &served.storage;
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
    assert!(served.root().join("d/file").exists());
}

#[test]
fn f11_nothing_above_the_root_of_an_account_can_be_reached() {
    let served = served();
    served.link("../d/file", "d/e/up");
    fs::write(served.root().join("d/e/own"), b"own").expect("a file");
    let account = served.storage.subtree(&path("d/e")).expect("a directory");
    assert!(account.open_file(&path("own")).is_ok());
    assert_eq!(account.open_file(&path("up")).err(), Some(StorageError::NotFound));
    assert_eq!(account.open_file(&path("../file")).err(), Some(StorageError::NotFound));
    assert!(served.storage.subtree(&path("d/file")).is_err());
}
