//! STOR, APPE and STOU: from the data connection into a file, inside the kernel where nothing has to be translated.
//!
//! `splice` moves pages from the socket into the file without a copy through this process; where file or socket refuse
//! it, and where line ends are translated or the stream is inflated, bytes go through a buffer. The end of the data
//! connection is the end of the file (RFC 959 §3.4.1); whether all of it is kept is decided by
//! [`Upload::finish`](crate::storage::Upload::finish), not here.

use super::data_stream::ReceiveError;
use super::inflater::{BrokenStream, Inflater};
use super::{Budget, DataStream, Progress, TransferError, connection_failure};
use crate::ftp::ascii::AsciiDecoder;
use crate::ftp::command::{Representation, Transmission};
use crate::storage::{StorageError, Upload};

/// Bytes of the buffer that translated uploads pass through.
const BUFFER_BYTES: usize = 64 * 1024;

/// An upload.
#[derive(Debug)]
pub struct ReceiveFile {
    upload: Upload,
    way: Way,
}

#[derive(Debug)]
enum Way {
    InKernel,
    ThroughBuffer {
        line_ends: Option<AsciiDecoder>,
    },
    Inflated {
        inflater: Inflater,
        line_ends: Option<AsciiDecoder>,
    },
}

impl ReceiveFile {
    /// Receives into `upload` what comes in this TYPE and MODE.
    pub fn new(upload: Upload, representation: Representation, transmission: Transmission) -> Self {
        let line_ends = match representation {
            Representation::Ascii => Some(AsciiDecoder::new()),
            Representation::Image => None,
        };
        let way = match (transmission, line_ends) {
            (Transmission::Stream, None) => Way::InKernel,
            (Transmission::Stream, line_ends @ Some(_)) => Way::ThroughBuffer { line_ends },
            (Transmission::Deflate, line_ends) => Way::Inflated {
                inflater: Inflater::new(),
                line_ends,
            },
        };
        Self { upload, way }
    }

    /// Bytes written into the file so far.
    pub fn received(&self) -> u64 {
        self.upload.received()
    }

    /// The upload, once all has come.
    pub fn into_upload(self) -> Upload {
        self.upload
    }

    /// See [`Pump::pump`](super::Pump::pump). [`Progress::Complete`]: the client has closed, and all it sent is
    /// written.
    pub fn pump(&mut self, stream: &mut impl DataStream, budget: &mut Budget) -> Progress {
        // Needed for as long as this turn only; an upload that waits for its client holds none.
        let mut buffer = Vec::new();
        while budget.bytes > 0 {
            let allowed = usize::try_from(self.upload.room())
                .unwrap_or(usize::MAX)
                .min(budget.bytes);
            let step = match &mut self.way {
                Way::InKernel | Way::ThroughBuffer { line_ends: None } if allowed == 0 => expect_end(stream),
                // Splicing writes as it receives; the file is to be cut in between, when its first new byte has come.
                Way::InKernel if self.upload.is_to_be_cut() => {
                    copy(&mut self.upload, stream, lent(&mut buffer), &mut None, allowed)
                }
                Way::InKernel => self.splice(stream, allowed),
                Way::ThroughBuffer {
                    line_ends: line_ends @ None,
                } => copy(&mut self.upload, stream, lent(&mut buffer), line_ends, allowed),
                // What is translated or inflated is not stored as long as it is received, and its last bytes may make
                // nothing more; so it is the upload that refuses what the quota does not allow.
                Way::ThroughBuffer { line_ends } => {
                    copy(&mut self.upload, stream, lent(&mut buffer), line_ends, budget.bytes)
                }
                // Inflating is a few times slower than copying, and much faster than deflating: its bytes count as
                // others.
                Way::Inflated { inflater, line_ends } => {
                    inflate(&mut self.upload, stream, inflater, line_ends, budget.bytes)
                }
            };
            match step {
                Ok(0) => return Progress::Complete,
                Ok(count) => budget.bytes -= count,
                Err(None) => {}
                Err(Some(progress)) => return progress,
            }
        }
        Progress::BudgetSpent
    }

    /// `Err(None)`: try again, perhaps in another way.
    fn splice(&mut self, stream: &mut impl DataStream, count: usize) -> Result<usize, Option<Progress>> {
        let Some((file, offset)) = self.upload.descriptor().map_err(refused)? else {
            self.way = Way::ThroughBuffer { line_ends: None };
            return Err(None);
        };
        match stream.receive_into(file, offset, count) {
            Ok(count) => {
                self.upload.advance(count);
                Ok(count)
            }
            Err(ReceiveError::Unsupported) => {
                self.way = Way::ThroughBuffer { line_ends: None };
                Err(None)
            }
            Err(ReceiveError::File(errno)) => Err(refused(errno.into())),
            Err(ReceiveError::Connection(error)) => Err(connection_failure(&error)),
        }
    }
}

/// The quota is used up to the last byte: the client may only be finished now.
fn expect_end(stream: &mut impl DataStream) -> Result<usize, Option<Progress>> {
    match stream.receive(&mut [0]) {
        Ok(0) => Ok(0),
        Ok(_) => Err(refused(StorageError::QuotaExceeded)),
        Err(error) => Err(connection_failure(&error)),
    }
}

/// The buffer, made when it is needed first.
fn lent(buffer: &mut Vec<u8>) -> &mut [u8] {
    buffer.resize(BUFFER_BYTES, 0);
    buffer
}

fn copy(
    upload: &mut Upload,
    stream: &mut impl DataStream,
    buffer: &mut [u8],
    line_ends: &mut Option<AsciiDecoder>,
    count: usize,
) -> Result<usize, Option<Progress>> {
    let wanted = count.min(buffer.len());
    let window = buffer.get_mut(..wanted).unwrap_or_default();
    let received = stream.receive(window).map_err(|error| connection_failure(&error))?;
    let bytes = window.get(..received).unwrap_or_default();
    store(upload, bytes, line_ends, received == 0)?;
    Ok(received)
}

/// One step: receives, or inflates some of what was received. What it costs of the budget, 0 at the end.
fn inflate(
    upload: &mut Upload,
    stream: &mut impl DataStream,
    inflater: &mut Inflater,
    line_ends: &mut Option<AsciiDecoder>,
    count: usize,
) -> Result<usize, Option<Progress>> {
    if let Some(room) = inflater.room(count) {
        let received = stream.receive(room).map_err(|error| connection_failure(&error))?;
        inflater.received(received).map_err(broken)?;
        if received == 0 {
            store(upload, b"", line_ends, true)?;
        }
        return Ok(received);
    }
    let mut bytes = Vec::new();
    inflater.inflate(&mut bytes, count.min(BUFFER_BYTES)).map_err(broken)?;
    store(upload, &bytes, line_ends, false)?;
    Ok(bytes.len().max(1))
}

fn store(
    upload: &mut Upload,
    bytes: &[u8],
    line_ends: &mut Option<AsciiDecoder>,
    is_end: bool,
) -> Result<(), Option<Progress>> {
    match line_ends {
        None => upload.write(bytes),
        Some(decoder) => {
            let mut text = Vec::with_capacity(bytes.len() + 1);
            decoder.decode(bytes, &mut text);
            if is_end {
                decoder.finish(&mut text);
            }
            upload.write(&text)
        }
    }
    .map_err(refused)
}

fn broken(BrokenStream: BrokenStream) -> Option<Progress> {
    Some(Progress::Failed(TransferError::BrokenStream))
}

fn refused(error: StorageError) -> Option<Progress> {
    Some(Progress::Failed(TransferError::NotStored(error)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::descriptors::Descriptors;
    use crate::ftp::path::VirtualPath;
    use crate::random::Random;
    use crate::storage::{Audience, DiskRoot, Existing, Quota, Storage, UploadKind, UploadPolicy, quota};
    use std::collections::VecDeque;
    use std::io::{self, Write};
    use std::os::fd::OwnedFd;
    use tempfile::TempDir;

    /// A client that sends its segments, with a pause before each, and closes.
    struct Client(VecDeque<Option<Vec<u8>>>);

    impl Client {
        fn sends(bytes: &[u8], at_once: usize) -> Self {
            let segments = bytes.chunks(at_once).flat_map(|segment| [None, Some(segment.to_vec())]);
            Self(segments.collect())
        }
    }

    impl DataStream for Client {
        fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
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

        fn receive_into(&mut self, _file: &OwnedFd, _offset: u64, _count: usize) -> Result<usize, ReceiveError> {
            Err(ReceiveError::Unsupported)
        }

        fn send(&mut self, _bytes: &[u8]) -> io::Result<usize> {
            unreachable!("nothing is sent on an upload")
        }

        fn send_file(&mut self, _file: &OwnedFd, _offset: u64, _count: usize) -> io::Result<usize> {
            unreachable!("nothing is sent on an upload")
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
                root: root.writable(UploadPolicy::default(), Random::Seeded(1)),
            }
        }

        fn begin(&self, kind: UploadKind, representation: Representation, transmission: Transmission) -> ReceiveFile {
            ReceiveFile::new(self.upload(kind, None), representation, transmission)
        }

        fn upload(&self, kind: UploadKind, quota: Option<Quota>) -> Upload {
            let path = VirtualPath::ROOT.join(b"target").expect("short");
            self.root
                .begin_upload(&path, kind, Audience::Everyone, quota)
                .expect("it can be written")
        }

        /// Pumps to the end, 1,000 bytes a turn, and publishes what came whole.
        fn receive(&self, mut receive: ReceiveFile, client: &mut Client) -> Result<u64, TransferError> {
            for _ in 0..1_000_000 {
                let before = receive.received();
                let mut budget = Budget {
                    bytes: 1_000,
                    entries: 0,
                };
                let progress = receive.pump(client, &mut budget);
                // An AsciiDecoder may give back a CR that it held.
                assert!(
                    receive.received() - before <= 1_001,
                    "a turn stores no more than its budget"
                );
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

        fn files(&self) -> usize {
            std::fs::read_dir(self.directory.path()).expect("ours").count()
        }

        fn content(&self) -> Vec<u8> {
            std::fs::read(self.directory.path().join("target")).expect("stored")
        }
    }

    const NEW: UploadKind = UploadKind::Whole(Existing::Replace);

    fn deflated(plain: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(9));
        encoder.write_all(plain).expect("memory");
        encoder.finish().expect("memory")
    }

    #[test]
    fn a_deflated_upload_is_stored_as_it_was_before() {
        let plain: Vec<u8> = (0..9_000)
            .flat_map(|line| format!("line {line}\r\n").into_bytes())
            .collect();
        for at_once in [1, 100, 100_000] {
            let disk = Disk::new();
            let receive = disk.begin(NEW, Representation::Image, Transmission::Deflate);
            let client = &mut Client::sends(&deflated(&plain), at_once);
            assert_eq!(disk.receive(receive, client), Ok(plain.len() as u64));
            assert_eq!(disk.content(), plain);
        }
        let disk = Disk::new();
        let receive = disk.begin(NEW, Representation::Image, Transmission::Deflate);
        assert_eq!(disk.receive(receive, &mut Client::sends(&deflated(b""), 3)), Ok(0));
        assert_eq!(disk.content(), b"");
    }

    #[test]
    fn j10_line_ends_are_translated_behind_the_inflater() {
        for transmission in [Transmission::Stream, Transmission::Deflate] {
            for at_once in [1, 2, 1_000] {
                let sent = b"a\r\nb\r\r\n\nc\r";
                let bytes = match transmission {
                    Transmission::Stream => sent.to_vec(),
                    Transmission::Deflate => deflated(sent),
                };
                let disk = Disk::new();
                let receive = disk.begin(NEW, Representation::Ascii, transmission);
                assert_eq!(disk.receive(receive, &mut Client::sends(&bytes, at_once)), Ok(8));
                assert_eq!(disk.content(), b"a\nb\r\n\nc\r", "{transmission:?}, {at_once} at once");
            }
        }
    }

    #[test]
    fn a_quota_counts_what_is_stored_to_the_last_byte() {
        for (representation, sent, stored) in [
            (Representation::Image, &b"12345678"[..], &b"12345678"[..]),
            (Representation::Ascii, b"a\r\nb\r\nc\r", b"a\nb\nc\r"),
        ] {
            for transmission in [Transmission::Stream, Transmission::Deflate] {
                let bytes = match transmission {
                    Transmission::Stream => sent.to_vec(),
                    Transmission::Deflate => deflated(sent),
                };
                for at_once in [1, 1_000] {
                    let disk = Disk::new();
                    let size = stored.len() as u64;
                    for (limit, expected) in [
                        (size - 1, Err(TransferError::NotStored(StorageError::QuotaExceeded))),
                        (size, Ok(size)),
                    ] {
                        let upload = disk.upload(NEW, Some(quota(limit, 0)));
                        let receive = ReceiveFile::new(upload, representation, transmission);
                        let outcome = disk.receive(receive, &mut Client::sends(&bytes, at_once));
                        assert_eq!(
                            outcome, expected,
                            "{representation:?} {transmission:?} {at_once} {limit}"
                        );
                    }
                    assert_eq!(disk.content(), stored);
                }
            }
        }
    }

    /// Whatever is asked for has come already, although nothing is written.
    struct Flood;

    impl DataStream for Flood {
        fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            Ok(buffer.len())
        }

        fn receive_into(&mut self, _file: &OwnedFd, _offset: u64, count: usize) -> Result<usize, ReceiveError> {
            Ok(count)
        }

        fn send(&mut self, _bytes: &[u8]) -> io::Result<usize> {
            unreachable!("nothing is sent on an upload")
        }

        fn send_file(&mut self, _file: &OwnedFd, _offset: u64, _count: usize) -> io::Result<usize> {
            unreachable!("nothing is sent on an upload")
        }
    }

    #[test]
    fn j01_bytes_are_counted_beyond_every_power_that_a_counter_could_end_at() {
        let disk = Disk::new();
        let quota = quota(u64::MAX, 0);
        let mut receive = ReceiveFile::new(
            disk.upload(NEW, Some(quota.clone())),
            Representation::Image,
            Transmission::Stream,
        );
        let mut counted = 0;
        for next in [(1_u64 << 31) + 1, (1 << 32) + 1, 1 << 40, (1 << 62) + 3] {
            let mut budget = Budget {
                bytes: usize::try_from(next - counted).expect("64 bits"),
                entries: 0,
            };
            assert_eq!(receive.pump(&mut Flood, &mut budget), Progress::BudgetSpent);
            counted = next;
            assert_eq!((receive.received(), quota.used()), (counted, counted));
        }
        receive.into_upload().break_off();
        assert_eq!((quota.used(), disk.files()), (0, 0));
    }

    #[test]
    fn nothing_is_cut_off_before_the_first_byte_has_come() {
        let disk = Disk::new();
        std::fs::write(disk.directory.path().join("target"), b"0123456789").expect("a file");
        let quota = quota(10, 10);
        let upload = disk.upload(UploadKind::From(4), Some(quota.clone()));
        let mut receive = ReceiveFile::new(upload, Representation::Image, Transmission::Stream);
        let mut budget = Budget {
            bytes: 1_000,
            entries: 0,
        };
        let client = &mut Client::sends(b"new", 3);
        assert_eq!(receive.pump(client, &mut budget), Progress::WouldBlock);
        assert_eq!((disk.content(), quota.used()), (b"0123456789".to_vec(), 10));
        assert_eq!(disk.receive(receive, client), Ok(3));
        assert_eq!((disk.content(), quota.used()), (b"0123new".to_vec(), 7));
    }

    #[test]
    fn a_restart_counts_the_bytes_of_the_file() {
        let disk = Disk::new();
        std::fs::write(disk.directory.path().join("target"), b"0123456789").expect("a file");
        for (kind, stored) in [
            (UploadKind::From(5), &b"01234new"[..]),
            (UploadKind::Append, b"01234newnew"),
        ] {
            let receive = disk.begin(kind, Representation::Image, Transmission::Deflate);
            assert_eq!(disk.receive(receive, &mut Client::sends(&deflated(b"new"), 2)), Ok(3));
            assert_eq!(disk.content(), stored);
        }
    }

    #[test]
    fn a_stream_that_is_not_whole_leaves_the_old_file_and_nothing_else() {
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
            let disk = Disk::new();
            std::fs::write(disk.directory.path().join("target"), b"old").expect("a file");
            let receive = disk.begin(NEW, Representation::Image, Transmission::Deflate);
            let outcome = disk.receive(receive, &mut Client::sends(&bytes, 50));
            assert_eq!(outcome, Err(TransferError::BrokenStream), "{bytes:?}");
            assert_eq!((disk.content(), disk.files()), (b"old".to_vec(), 1));
        }
    }

    #[test]
    fn a_stream_that_is_a_thousand_times_larger_inside_is_stored_a_budget_at_a_time() {
        let plain = vec![0; 3_000_000];
        let bomb = deflated(&plain);
        assert!(bomb.len() < 4_000);
        let disk = Disk::new();
        let receive = disk.begin(NEW, Representation::Image, Transmission::Deflate);
        // Disk::receive checks every turn.
        assert_eq!(disk.receive(receive, &mut Client::sends(&bomb, 100_000)), Ok(3_000_000));
        assert!(disk.content() == plain);
    }
}
