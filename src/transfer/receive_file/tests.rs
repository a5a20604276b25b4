//! Uploads from clients that send in pieces, exceed their quota, or break the stream.

use super::*;
use crate::descriptors::Descriptors;
use crate::ftp::path::VirtualPath;
use crate::random::Random;
use crate::storage::{Audience, DiskRoot, Existing, Quota, Storage, UploadKind, UploadPolicy, quota};
use harness::mode_z::deflated;
use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use tempfile::TempDir;

/// A client that sends its segments, with a pause before each, and closes.
struct SegmentedSource(VecDeque<Option<Vec<u8>>>);

impl SegmentedSource {
    fn sends(bytes: &[u8], at_once: usize) -> Self {
        let segments = bytes.chunks(at_once).flat_map(|segment| [None, Some(segment.to_vec())]);
        Self(segments.collect())
    }
}

impl DataSource for SegmentedSource {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.pop_front() {
            None => Ok(0),
            Some(None) => Err(io::ErrorKind::WouldBlock.into()),
            Some(Some(mut segment)) => {
                let count = segment.len().min(buffer.len());
                buffer[..count].copy_from_slice(&segment[..count]);
                let rest = segment.split_off(count);
                if !rest.is_empty() {
                    self.0.push_front(Some(rest));
                }
                Ok(count)
            }
        }
    }

    fn splice(&mut self, _file: &OwnedFd, _offset: u64, _count: usize) -> Result<usize, KernelCopyError> {
        Err(KernelCopyError::Unsupported)
    }
}

/// A served directory, and what an upload to the file `target` in it leaves.
struct Disk {
    directory: TempDir,
    root: DiskRoot,
}

impl Disk {
    fn new() -> Self {
        let directory = TempDir::new().expect("a directory");
        let root = DiskRoot::open(directory.path(), Descriptors::for_process(64)).expect("the root");
        Self {
            directory,
            root: root.writable(UploadPolicy::default(), Random::seeded(1)),
        }
    }

    fn holding(content: &[u8]) -> Self {
        let disk = Self::new();
        std::fs::write(disk.directory.path().join("target"), content).expect("a file");
        disk
    }

    fn upload(&self, kind: UploadKind, quota: Option<Quota>) -> Upload {
        let path = VirtualPath::ROOT.join(b"target").expect("short");
        self.root
            .begin_upload(&path, kind, Audience::Everyone, quota)
            .expect("it can be written")
    }

    /// Pumps to the end, 1,000 bytes a turn, and publishes what came whole.
    fn receive(&self, mut receive: ReceiveFile, client: &mut SegmentedSource) -> Result<u64, TransferError> {
        for _ in 0..1_000_000 {
            let before = receive.received();
            let progress = receive.pump(client, &mut bytes(1_000));
            let stored = receive.received() - before;
            // An AsciiDecoder may give back a CR that it held.
            assert!(stored <= 1_001, "a turn stores no more than its budget: {stored}");
            match progress {
                Progress::WouldBlock | Progress::BudgetSpent => {}
                Progress::Failed(error) => return Err(error),
                Progress::Complete => {
                    let received = receive.received();
                    let (publication, _held) = receive.into_upload().finish().expect("it is whole");
                    publication.run().expect("it can be named");
                    return Ok(received);
                }
            }
        }
        panic!("the upload does not come to an end");
    }

    /// Receives a stream in MODE Z and TYPE I.
    fn receive_deflated(&self, kind: UploadKind, stream: &[u8], at_once: usize) -> Result<u64, TransferError> {
        let receive = ReceiveFile::new(self.upload(kind, None), Representation::Image, Transmission::Deflate);
        self.receive(receive, &mut SegmentedSource::sends(stream, at_once))
    }

    fn files(&self) -> usize {
        std::fs::read_dir(self.directory.path()).expect("ours").count()
    }

    fn content(&self) -> Vec<u8> {
        std::fs::read(self.directory.path().join("target")).expect("stored")
    }
}

fn bytes(bytes: usize) -> Budget {
    Budget { bytes, entries: 0 }
}

/// What a client sends in this MODE.
fn transmitted(content: &[u8], transmission: Transmission) -> Vec<u8> {
    match transmission {
        Transmission::Stream => content.to_vec(),
        Transmission::Deflate => deflated(content),
    }
}

const NEW: UploadKind = UploadKind::Whole(Existing::Replace);

#[test]
fn a_mode_z_upload_is_stored_inflated() {
    let plain: Vec<u8> = (0..9_000)
        .flat_map(|line| format!("line {line}\r\n").into_bytes())
        .collect();
    for (plain, at_once) in [(&plain[..], 1), (&plain, 100), (&plain, 100_000), (b"", 3)] {
        let disk = Disk::new();
        let received = disk.receive_deflated(NEW, &deflated(plain), at_once);
        assert_eq!(received, Ok(plain.len() as u64), "{at_once} at once");
        assert_eq!(disk.content(), plain);
    }
}

#[test]
fn j10_line_ends_are_translated_after_inflating() {
    for transmission in [Transmission::Stream, Transmission::Deflate] {
        for at_once in [1, 2, 1_000] {
            let bytes = transmitted(b"a\r\nb\r\r\n\nc\r", transmission);
            let client = &mut SegmentedSource::sends(&bytes, at_once);
            let disk = Disk::new();
            let receive = ReceiveFile::new(disk.upload(NEW, None), Representation::Ascii, transmission);
            assert_eq!(disk.receive(receive, client), Ok(8));
            assert_eq!(disk.content(), b"a\nb\r\n\nc\r", "{transmission:?}, {at_once} at once");
        }
    }
}

#[test]
fn a_quota_counts_the_stored_bytes_exactly() {
    for (representation, sent, stored) in [
        (Representation::Image, &b"12345678"[..], &b"12345678"[..]),
        (Representation::Ascii, b"a\r\nb\r\nc\r", b"a\nb\nc\r"),
    ] {
        for transmission in [Transmission::Stream, Transmission::Deflate] {
            let bytes = transmitted(sent, transmission);
            for at_once in [1, 1_000] {
                let disk = Disk::new();
                let size = stored.len() as u64;
                for (limit, expected) in [
                    (size - 1, Err(TransferError::NotStored(StorageError::QuotaExceeded))),
                    (size, Ok(size)),
                ] {
                    let upload = disk.upload(NEW, Some(quota(limit, 0)));
                    let receive = ReceiveFile::new(upload, representation, transmission);
                    let outcome = disk.receive(receive, &mut SegmentedSource::sends(&bytes, at_once));
                    let what = format!("{representation:?} {transmission:?} {at_once} {limit}");
                    assert_eq!(outcome, expected, "{what}");
                }
                assert_eq!(disk.content(), stored);
            }
        }
    }
}

/// Fills every buffer at once, and claims to have spliced what it did not write.
struct Flood;

impl DataSource for Flood {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(buffer.len())
    }

    fn splice(&mut self, _file: &OwnedFd, _offset: u64, count: usize) -> Result<usize, KernelCopyError> {
        Ok(count)
    }
}

#[test]
fn j01_bytes_are_counted_beyond_32_bits() {
    let disk = Disk::new();
    let quota = quota(u64::MAX, 0);
    let upload = disk.upload(NEW, Some(quota.clone()));
    let mut receive = ReceiveFile::new(upload, Representation::Image, Transmission::Stream);
    let mut counted = 0;
    for next in [(1_u64 << 31) + 1, (1 << 32) + 1, 1 << 40, (1 << 62) + 3] {
        let mut budget = bytes(usize::try_from(next - counted).expect("64 bits"));
        assert_eq!(receive.pump(&mut Flood, &mut budget), Progress::BudgetSpent);
        counted = next;
        assert_eq!((receive.received(), quota.used()), (counted, counted));
    }
    receive.into_upload().abort();
    assert_eq!((quota.used(), disk.files()), (0, 0));
}

#[test]
fn nothing_is_truncated_before_the_first_byte_arrives() {
    let disk = Disk::holding(b"0123456789");
    let quota = quota(10, 10);
    let upload = disk.upload(UploadKind::From(4), Some(quota.clone()));
    let mut receive = ReceiveFile::new(upload, Representation::Image, Transmission::Stream);
    let client = &mut SegmentedSource::sends(b"new", 3);
    assert_eq!(receive.pump(client, &mut bytes(1_000)), Progress::WouldBlock);
    assert_eq!((disk.content(), quota.used()), (b"0123456789".to_vec(), 10));
    assert_eq!(disk.receive(receive, client), Ok(3));
    assert_eq!((disk.content(), quota.used()), (b"0123new".to_vec(), 7));
}

#[test]
fn a_restart_counts_the_bytes_of_the_file() {
    let disk = Disk::holding(b"0123456789");
    for (kind, stored) in [
        (UploadKind::From(5), &b"01234new"[..]),
        (UploadKind::Append, b"01234newnew"),
    ] {
        assert_eq!(disk.receive_deflated(kind, &deflated(b"new"), 2), Ok(3));
        assert_eq!(disk.content(), stored);
    }
}

#[test]
fn an_incomplete_stream_leaves_only_the_old_file() {
    let whole = deflated(&b"content ".repeat(1_000));
    let mut changed = whole.clone();
    changed[20] ^= 0xff;
    let broken = [
        b"".to_vec(),
        b"not deflated at all".to_vec(),
        whole[..whole.len() - 1].to_vec(),
        [&whole[..], b"\n"].concat(),
        [&whole[..], &whole[..]].concat(),
        changed,
    ];
    for bytes in broken {
        let disk = Disk::holding(b"old");
        let outcome = disk.receive_deflated(NEW, &bytes, 50);
        assert_eq!(outcome, Err(TransferError::BrokenStream), "{bytes:?}");
        assert_eq!((disk.content(), disk.files()), (b"old".to_vec(), 1));
    }
}

#[test]
fn a_stream_that_expands_a_thousandfold_is_stored_one_budget_at_a_time() {
    let plain = vec![0; 3_000_000];
    let bomb = deflated(&plain);
    assert!(bomb.len() < 4_000);
    let disk = Disk::new();
    // Disk::receive checks every turn.
    assert_eq!(disk.receive_deflated(NEW, &bomb, 100_000), Ok(3_000_000));
    assert!(disk.content() == plain);
}
