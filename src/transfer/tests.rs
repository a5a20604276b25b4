//! The pumps that send, with sinks that behave badly: one byte at a time, refusing every now and then, failing.

use super::socket_stream::sendfile_error;
use super::*;
use crate::descriptors::Descriptors;
use crate::storage::OpenFile;
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;

/// A sink that takes at most `at_once` bytes, refuses with `WouldBlock` and `Interrupted` in turn, and keeps what it
/// took.
pub(super) struct IrregularSink {
    pub(super) taken: Vec<u8>,
    at_once: usize,
    calls: usize,
    /// Calls whose number is a multiple of this are refused; 0 refuses none.
    refuses_every: usize,
    /// What `send_file` answers instead of working.
    send_file_fails: Option<Errno>,
}

impl IrregularSink {
    pub(super) fn new(at_once: usize, refuses_every: usize) -> Self {
        Self {
            taken: Vec::new(),
            at_once,
            calls: 0,
            refuses_every,
            send_file_fails: None,
        }
    }

    fn may_take(&mut self) -> io::Result<()> {
        self.calls += 1;
        if self.refuses_every == 0 || !self.calls.is_multiple_of(self.refuses_every) {
            return Ok(());
        }
        let kind = match self.calls.is_multiple_of(2 * self.refuses_every) {
            true => io::ErrorKind::Interrupted,
            false => io::ErrorKind::WouldBlock,
        };
        Err(kind.into())
    }
}

impl DataSink for IrregularSink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.may_take()?;
        let count = bytes.len().min(self.at_once);
        self.taken.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn send_file(&mut self, file: &OwnedFd, offset: u64, count: usize) -> Result<usize, KernelCopyError> {
        self.may_take().map_err(KernelCopyError::Connection)?;
        if let Some(errno) = self.send_file_fails {
            return Err(sendfile_error(errno));
        }
        let mut buffer = vec![0; count.min(self.at_once)];
        let read = rustix::io::pread(file, &mut buffer[..], offset).expect("a file of ours");
        self.taken.extend_from_slice(&buffer[..read]);
        Ok(read)
    }
}

/// A file of `size` bytes that is open for a download.
fn open(file: &File, size: u64) -> OpenFile {
    let handle = file.try_clone().expect("a second handle");
    let permit = Descriptors::for_process(64).permit().expect("room");
    OpenFile::on_disk(handle.into(), size, permit)
}

pub(super) fn file_of(content: &[u8]) -> (File, OpenFile) {
    let mut file = tempfile::tempfile().expect("a temporary file");
    file.write_all(content).expect("room for it");
    let open = open(&file, content.len() as u64);
    (file, open)
}

fn content() -> Vec<u8> {
    (0..100_000_u32).map(|number| (number % 251) as u8).collect()
}

/// A download of `content` from `start` on.
fn download(content: &[u8], start: u64) -> Outgoing {
    let (_file, open) = file_of(content);
    Outgoing::File(SendFile::new(open, start..u64::MAX))
}

fn bytes(bytes: usize) -> Budget {
    Budget { bytes, entries: 4 }
}

/// Pumps until the end, a small budget at a time; fails when a turn neither moves nor says why.
pub(super) fn pump_to_the_end(
    mut pump: impl FnMut(&mut IrregularSink, &mut Budget) -> Progress,
    sink: &mut IrregularSink,
) -> Progress {
    for _ in 0..1_000_000 {
        match pump(sink, &mut bytes(1_000)) {
            Progress::WouldBlock | Progress::BudgetSpent => {}
            end @ (Progress::Complete | Progress::Failed(_)) => return end,
        }
    }
    panic!("the pump does not come to an end");
}

/// What arrives in `sink`: all that is counted as sent, after which the pump ends as it should.
fn arrives(mut pump: Outgoing, mut sink: IrregularSink, end: Progress) -> Vec<u8> {
    assert_eq!(pump_to_the_end(|sink, budget| pump.pump(sink, budget), &mut sink), end);
    assert_eq!(pump.sent(), sink.taken.len() as u64);
    sink.taken
}

#[test]
fn k05_a_file_arrives_whole_through_an_irregular_sink() {
    for (at_once, refuses_every) in [(1, 0), (1, 3), (7, 2), (100_000, 3), (4_096, 0)] {
        let sink = IrregularSink::new(at_once, refuses_every);
        let taken = arrives(download(&content(), 0), sink, Progress::Complete);
        assert_eq!(taken, content(), "{at_once} at once, refusing every {refuses_every}");
    }
}

#[test]
fn k05_text_arrives_translated_through_an_irregular_sink() {
    let text = b"one\ntwo\r\nthree\n\n".repeat(3_000);
    let expected = b"one\r\ntwo\r\nthree\r\n\r\n".repeat(3_000);
    for (at_once, refuses_every) in [(1, 0), (5, 3), (100_000, 2)] {
        let pump = Outgoing::Text(SendText::new(file_of(&text).1, 0));
        let taken = arrives(pump, IrregularSink::new(at_once, refuses_every), Progress::Complete);
        assert_eq!(taken, expected, "{at_once} at once, refusing every {refuses_every}");
    }
}

#[test]
fn a_restarted_text_continues_where_it_was_aborted() {
    let text = b"one\ntwo\nthree\n".repeat(5_000);
    let expected = b"one\r\ntwo\r\nthree\r\n".repeat(5_000);
    for skip in [0, 1, 4, 5, 40_000, expected.len() - 1, expected.len()] {
        let pump = Outgoing::Text(SendText::new(file_of(&text).1, skip as u64));
        let taken = arrives(pump, IrregularSink::new(10_000, 0), Progress::Complete);
        assert_eq!(taken, &expected[skip..], "from {skip} on");
    }
}

#[test]
fn a_pump_never_moves_more_than_its_budget() {
    let mut pump = download(&content(), 0);
    let mut sink = IrregularSink::new(usize::MAX, 0);
    let mut budget = bytes(1_234);
    assert_eq!(pump.pump(&mut sink, &mut budget), Progress::BudgetSpent);
    assert_eq!((sink.taken.len(), budget.bytes), (1_234, 0));
}

#[test]
fn j03_a_file_that_shrinks_is_an_error_and_no_endless_loop() {
    let (file, open) = file_of(&content());
    let mut pump = Outgoing::File(SendFile::new(open, 0..100_000));
    let mut sink = IrregularSink::new(1_000, 0);
    assert_eq!(pump.pump(&mut sink, &mut bytes(10_000)), Progress::BudgetSpent);
    file.set_len(20_000).expect("truncated");
    let taken = arrives(pump, sink, Progress::Failed(TransferError::SourceShrank));
    assert_eq!(taken.len(), 20_000);
}

#[test]
fn j04_a_file_that_grows_is_sent_with_its_size_at_the_open() {
    let (mut file, open) = file_of(&content());
    file.write_all(b"later").expect("room");
    let pump = Outgoing::File(SendFile::new(open, 0..u64::MAX));
    let taken = arrives(pump, IrregularSink::new(9_999, 0), Progress::Complete);
    assert_eq!(taken, content());
}

#[test]
fn j06_where_sendfile_is_refused_bytes_are_copied() {
    for errno in [Errno::INVAL, Errno::NOSYS, Errno::OVERFLOW] {
        let mut sink = IrregularSink::new(777, 3);
        sink.send_file_fails = Some(errno);
        let taken = arrives(download(&content(), 10), sink, Progress::Complete);
        assert_eq!(taken, &content()[10..], "{errno}");
    }
}

#[test]
fn c21_a_file_that_cannot_be_read_ends_its_own_transfer() {
    for (errno, error) in [
        (Errno::IO, TransferError::SourceFailed),
        (Errno::STALE, TransferError::SourceFailed),
        (Errno::NODEV, TransferError::SourceFailed),
        (Errno::PIPE, TransferError::ConnectionLost),
        (Errno::CONNRESET, TransferError::ConnectionLost),
    ] {
        let mut sink = IrregularSink::new(777, 0);
        sink.send_file_fails = Some(errno);
        arrives(download(&content(), 0), sink, Progress::Failed(error));
    }
}

#[test]
fn j01_positions_beyond_four_gibibytes_are_correct() {
    let size = 5 * 1024 * 1024 * 1024_u64;
    let file = tempfile::tempfile().expect("a temporary file");
    file.set_len(size).expect("a sparse file");
    for start in [(1_u64 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 32, size - 1, size] {
        let mut pump = SendFile::new(open(&file, size), start..size);
        let progress = pump.pump(&mut IrregularSink::new(usize::MAX, 0), &mut bytes(100_000));
        assert_eq!(pump.sent(), (size - start).min(100_000), "from {start} on");
        assert_eq!(progress == Progress::Complete, size - start <= 100_000);
    }
}
