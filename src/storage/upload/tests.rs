//! Uploads from the first byte to the published or aborted file.

use super::super::disk_root::tests::ScratchDisk;
use super::super::{Published, Storage, quota};
use super::*;
use std::fs;
use std::os::unix::fs::symlink;

const NEW: UploadKind = UploadKind::Whole(Existing::Replace);
const ONLY_NEW: UploadKind = UploadKind::Whole(Existing::Refuse);

fn begin(disk: &ScratchDisk, name: &str, kind: UploadKind, quota: Option<&Quota>) -> Result<Upload, StorageError> {
    let path = VirtualPath::ROOT.join(name.as_bytes()).expect("short");
    disk.disk.begin_upload(&path, kind, Audience::Everyone, quota.cloned())
}

fn publish(upload: Upload) -> Result<Published, StorageError> {
    let (publication, held) = upload.finish()?;
    let published = publication.run()?;
    held.settle(published);
    Ok(published)
}

#[test]
fn a_new_file_appears_complete_under_its_name() {
    for durable in [false, true] {
        let disk = ScratchDisk::writable(UploadPolicy {
            durable,
            keeps_part: false,
        });
        let mut upload = begin(&disk, "file", NEW, None).expect("begun");
        upload.write(b"one ").expect("room");
        upload.write(b"two").expect("room");
        assert_eq!((upload.received(), disk.path("file").exists()), (7, false));
        let (publication, held) = upload.finish().expect("complete");
        assert_eq!(publication.waits(), durable);
        assert_eq!(
            publication.run(),
            Ok(Published {
                replaced: None,
                is_confirmed: true
            })
        );
        drop(held);
        assert_eq!(fs::read(disk.path("file")).expect("a file"), b"one two");
        assert_eq!(disk.names(), ["file"], "no temporary file is left");
        assert_eq!(disk.descriptors.used(), 0);
    }
}

#[test]
fn h01_an_upload_that_is_not_published_leaves_nothing() {
    let (disk, quota) = (ScratchDisk::writable(UploadPolicy::default()), quota(100, 10));
    fs::write(disk.path("file"), b"old").expect("a file");
    let mut upload = begin(&disk, "file", NEW, Some(&quota)).expect("begun");
    upload.write(b"new content").expect("room");
    assert_eq!((quota.used(), disk.names().len()), (21, 2));
    upload.abort();
    drop(begin(&disk, "file", NEW, Some(&quota)).expect("begun"));
    let (publication, held) = begin(&disk, "file", NEW, Some(&quota))
        .and_then(Upload::finish)
        .expect("complete");
    drop((publication, held));
    assert_eq!((quota.used(), disk.names()), (10, vec!["file".to_owned()]));
    assert_eq!(fs::read(disk.path("file")).expect("a file"), b"old");
}

#[test]
fn a_partial_file_is_kept_where_its_name_is_free_and_stays_charged() {
    let policy = UploadPolicy {
        durable: false,
        keeps_part: true,
    };
    let (disk, quota) = (ScratchDisk::writable(policy), quota(100, 0));
    let aborted = |name| {
        let mut upload = begin(&disk, name, NEW, Some(&quota)).expect("begun");
        upload.write(b"part").expect("room");
        upload.abort();
    };
    aborted("new");
    assert_eq!(fs::read(disk.path("new")).expect("the part"), b"part");
    assert_eq!(quota.used(), 4);
    fs::write(disk.path("old"), b"complete").expect("a file");
    aborted("old");
    assert_eq!(fs::read(disk.path("old")).expect("a file"), b"complete");
    assert_eq!(quota.used(), 4);
    begin(&disk, "empty", NEW, Some(&quota)).expect("begun").abort();
    assert_eq!(disk.names(), ["new", "old"], "nothing received, nothing kept");
}

#[test]
fn the_size_of_a_replaced_file_is_refunded_to_the_quota() {
    let (disk, quota) = (ScratchDisk::writable(UploadPolicy::default()), quota(100, 30));
    fs::write(disk.path("file"), [b'x'; 30]).expect("a file");
    let mut upload = begin(&disk, "file", NEW, Some(&quota)).expect("begun");
    upload.write(&[b'y'; 50]).expect("room");
    assert_eq!(publish(upload).expect("published").replaced, Some(30));
    assert_eq!(quota.used(), 50);
    let mut upload = begin(&disk, "other", NEW, Some(&quota)).expect("begun");
    assert_eq!(upload.write(&[b'z'; 51]), Err(StorageError::QuotaExceeded));
    upload.write(&[b'z'; 50]).expect("room");
    assert_eq!(publish(upload).expect("published").replaced, None);
    assert_eq!(quota.room(), 0);
}

#[test]
fn h03_a_name_that_is_taken_is_not_replaced_where_that_is_not_allowed() {
    let disk = ScratchDisk::writable(UploadPolicy::default());
    let mut upload = begin(&disk, "file", ONLY_NEW, None).expect("the name is free");
    upload.write(b"new").expect("room");
    fs::write(disk.path("file"), b"another client's").expect("a file");
    assert_eq!(publish(upload), Err(StorageError::Exists));
    assert_eq!(begin(&disk, "file", ONLY_NEW, None).err(), Some(StorageError::Exists));
    assert_eq!(fs::read(disk.path("file")).expect("a file"), b"another client's");
    assert_eq!(disk.names(), ["file"]);
}

#[test]
fn c03_only_regular_files_under_the_root_are_replaced() {
    let disk = ScratchDisk::writable(UploadPolicy::default());
    fs::create_dir(disk.path("directory")).expect("a directory");
    symlink("directory", disk.path("link")).expect("a link");
    symlink("/etc/hostname", disk.path("outside")).expect("a link");
    for (name, error) in [
        ("/", StorageError::DirectoryExists),
        ("directory", StorageError::DirectoryExists),
        ("link", StorageError::DirectoryExists),
        ("outside", StorageError::NotFound),
        ("missing/file", StorageError::NotFound),
        (".loopftpd-file", StorageError::NotFound),
    ] {
        assert_eq!(begin(&disk, name, NEW, None).err(), Some(error), "{name}");
    }
    assert_eq!(disk.names().len(), 3);
    assert_eq!(disk.descriptors.used(), 0);
}

#[test]
fn h10_appending_has_one_writer_and_creates_a_missing_file() {
    let disk = ScratchDisk::writable(UploadPolicy::default());
    let mut upload = begin(&disk, "log", UploadKind::Append, None).expect("a new file");
    upload.write(b"one\n").expect("room");
    publish(upload).expect("published");
    let mut upload = begin(&disk, "log", UploadKind::Append, None).expect("an existing file");
    upload.write(b"two\n").expect("room");
    for kind in [UploadKind::Append, UploadKind::From(0)] {
        assert_eq!(begin(&disk, "log", kind, None).err(), Some(StorageError::Busy));
    }
    publish(upload).expect("published");
    drop(begin(&disk, "log", UploadKind::Append, None).expect("the lock is free again"));
    assert_eq!(fs::read(disk.path("log")).expect("a file"), b"one\ntwo\n");
}

#[test]
fn a_restart_truncates_the_file_with_its_first_byte() {
    let (disk, quota) = (ScratchDisk::writable(UploadPolicy::default()), quota(10, 10));
    fs::write(disk.path("file"), b"0123456789").expect("a file");
    let restart = |offset| begin(&disk, "file", UploadKind::From(offset), Some(&quota));
    assert_eq!(restart(11).err(), Some(StorageError::BeyondEnd));
    let mut upload = restart(4).expect("within the file");
    assert!(upload.is_to_be_cut());
    assert_eq!(upload.room(), 6, "the old end makes room");
    assert_eq!(fs::read(disk.path("file")).expect("a file").len(), 10);
    upload.write(b"ab").expect("room");
    assert_eq!((upload.is_to_be_cut(), upload.room(), quota.used()), (false, 4, 6));
    upload.abort();
    assert_eq!(fs::read(disk.path("file")).expect("a file"), b"0123ab");
    assert_eq!(quota.used(), 6, "what was written in place stays");
}

#[test]
fn bytes_for_a_file_that_was_removed_meanwhile_are_not_a_success() {
    let disk = ScratchDisk::writable(UploadPolicy::default());
    fs::write(disk.path("file"), b"old").expect("a file");
    let mut upload = begin(&disk, "file", UploadKind::Append, None).expect("begun");
    upload.write(b"new").expect("room");
    fs::remove_file(disk.path("file")).expect("removed");
    assert_eq!(publish(upload), Err(StorageError::Failed));
}

#[test]
fn discarded_bytes_are_counted_and_checksummed() {
    let mut upload = Upload::swallow();
    upload.write(b"123456789").expect("no limit");
    assert_eq!((upload.received(), upload.room()), (9, u64::MAX));
    let (publication, held) = upload.finish().expect("complete");
    assert!(!publication.waits());
    assert_eq!(held.swallowed, Some(0xcbf4_3926), "the check value of CRC-32");
}
