//! Computed files beside a real directory.

use super::super::{Batch, UploadPolicy};
use super::*;
use crate::descriptors::Descriptors;
use crate::random::Random;
use tempfile::TempDir;

fn storage() -> (TempDir, Synthetic) {
    let directory = TempDir::new().expect("a directory");
    for name in ["file", "gen"] {
        std::fs::write(directory.path().join(name), b"on disk").expect("a file");
    }
    let disk = DiskRoot::open(directory.path(), Descriptors::for_process(64)).expect("the root");
    let disk = disk.writable(UploadPolicy::default(), Random::seeded(1));
    (directory, Synthetic::new(disk, Timestamp::from_unix(1_000)))
}

fn path(text: &str) -> VirtualPath {
    VirtualPath::ROOT.join(text.as_bytes()).expect("short")
}

/// Names and kinds of all entries, sorted; without `.` and `..`.
fn entries(storage: &Synthetic, name: &str) -> Vec<(String, EntryKind)> {
    let mut directory = storage.open_directory(&path(name)).expect("a directory");
    let mut entries = Vec::new();
    let mut batch = Batch::More;
    while batch == Batch::More {
        batch = directory
            .next_batch(8192, |lookup, name, _| {
                if name != c"." && name != c".." {
                    let attributes = lookup.attributes(name)?.expect("served");
                    entries.push((name.to_string_lossy().into_owned(), attributes.kind));
                }
                Ok::<(), StorageError>(())
            })
            .expect("readable");
    }
    entries.sort_by(|one, other| one.0.cmp(&other.0));
    entries
}

#[test]
fn computed_entries_hide_those_of_the_same_name_on_disk() {
    let (_directory, storage) = storage();
    let expected = [
        ("file", EntryKind::File),
        ("gen", EntryKind::Directory),
        ("null", EntryKind::Directory),
    ];
    assert_eq!(
        entries(&storage, "/"),
        expected.map(|(name, kind)| (name.to_owned(), kind))
    );
    let attributes = storage.attributes(&path("gen")).expect("computed");
    assert_eq!(
        (attributes.kind, attributes.modified.seconds()),
        (EntryKind::Directory, 1_000)
    );
    assert_eq!(
        entries(&storage, "/gen").len(),
        EXAMPLES.len(),
        "every example is a valid name"
    );
    assert_eq!(entries(&storage, "/null"), []);
}

#[test]
fn every_name_of_the_form_is_a_file() {
    let (_directory, storage) = storage();
    let file = storage.open_file(&path("gen/1K.zero")).expect("computed");
    let mut buffer = [1; 10];
    assert_eq!((file.size, file.read_at(1_020, &mut buffer)), (1_024, Ok(4)));
    assert_eq!(buffer, [0, 0, 0, 0, 1, 1, 1, 1, 1, 1]);
    assert_eq!(
        storage.attributes(&path("gen/3M.pattern")).map(|found| found.size),
        Ok(3 << 20)
    );
    for (name, error) in [
        ("gen", StorageError::IsADirectory),
        ("gen/file", StorageError::NotFound),
        ("gen/1K.zero/inside", StorageError::NotFound),
        ("null/file", StorageError::NotFound),
    ] {
        assert_eq!(storage.open_file(&path(name)).err(), Some(error), "{name}");
    }
    assert_eq!(
        storage.check_directory(&path("gen/1K.zero")),
        Err(StorageError::NotADirectory)
    );
}

#[test]
fn computed_files_cannot_be_changed_and_null_takes_uploads() {
    let (_directory, storage) = storage();
    let begin = |name| storage.begin_upload(&path(name), UploadKind::Append, Audience::Everyone, None);
    assert!(begin("null/anything").is_ok() && begin("file").is_ok());
    for name in ["gen", "gen/1K.zero", "null", "null/a/b"] {
        assert_eq!(begin(name).err(), Some(StorageError::NameRefused), "{name}");
        assert_eq!(
            storage.remove_file(&path(name)),
            Err(StorageError::PermissionDenied),
            "{name}"
        );
    }
    let rename = |from, to| storage.rename(&path(from), &path(to), Existing::Replace);
    assert_eq!(rename("file", "null/file"), Err(StorageError::PermissionDenied));
    assert_eq!(rename("gen", "file"), Err(StorageError::PermissionDenied));
    assert_eq!(rename("file", "renamed"), Ok(()));
}
