//! Changes of names and attributes on a real disk.

use super::super::write_access::UploadPolicy;
use super::super::write_access::tests::ScratchDisk;
use super::*;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

fn disk() -> ScratchDisk {
    let disk = ScratchDisk::new(UploadPolicy::default());
    fs::create_dir(disk.path("d")).expect("a directory");
    fs::write(disk.path("d/one"), b"1").expect("a file");
    fs::write(disk.path("two"), b"22").expect("a file");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        disk.path("fifo"),
        rustix::fs::FileType::Fifo,
        Mode::RUSR | Mode::WUSR,
        0,
    )
    .expect("a FIFO");
    disk
}

fn path(text: &str) -> VirtualPath {
    VirtualPath::ROOT.join(text.as_bytes()).expect("short")
}

#[test]
fn files_and_links_can_be_removed_and_special_files_cannot() {
    let disk = disk();
    symlink("d/one", disk.path("link")).expect("a link");
    let root = disk.writable();
    assert_eq!(root.remove_file(&path("link")), Ok(()));
    assert!(disk.path("d/one").exists(), "the link itself is removed");
    assert_eq!(root.remove_file(&path("d/one")), Ok(()));
    assert_eq!(root.remove_file(&path("d/one")), Err(StorageError::NotFound));
    assert_eq!(root.remove_file(&path("fifo")), Err(StorageError::NotFound));
    assert_eq!(root.remove_file(&path("d")), Err(StorageError::IsADirectory));
    assert_eq!(root.remove_file(&path("/")), Err(StorageError::PermissionDenied));
    assert_eq!(disk.names(), ["d", "fifo", "two"]);
    assert_eq!(disk.descriptors_in_use(), 0);
}

#[test]
fn directories_are_created_and_removed_when_empty() {
    let disk = disk();
    let root = disk.writable();
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
    let disk = disk();
    let root = disk.writable();
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
    let disk = disk();
    fs::set_permissions(disk.path("d"), fs::Permissions::from_mode(0o2755)).expect("ours");
    let root = disk.writable();
    assert_eq!(root.set_mode(&path("two"), 0o4044), Ok(0o644));
    assert_eq!(root.set_mode(&path("d"), 0), Ok(0o2700), "the owner's bit stays");
    assert_eq!(disk.path("d").metadata().expect("there").mode() & 0o7777, 0o2700);
    assert_eq!(root.set_mode(&path("/"), 0o777), Err(StorageError::PermissionDenied));
    assert_eq!(root.set_mode(&path("fifo"), 0o777), Err(StorageError::NotFound));
}

#[test]
fn modification_times_are_set_and_access_times_stay() {
    let disk = disk();
    let before = disk.path("two").metadata().expect("a file");
    let root = disk.writable();
    assert_eq!(root.set_modified(&path("two"), Timestamp::from_unix(1_000)), Ok(()));
    let after = disk.path("two").metadata().expect("a file");
    assert_eq!((after.mtime(), after.atime()), (1_000, before.atime()));
    assert_eq!(
        root.set_modified(&path("fifo"), Timestamp::from_unix(1_000)),
        Err(StorageError::NotFound)
    );
}
