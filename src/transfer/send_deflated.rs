//! MODE Z to the client: whatever another pump would send, deflated, with zlib's header (draft-preston-ftpext-deflate).
//!
//! The inner pump sends into memory, a small share at a time; that is deflated, and sent before the next share is made.
//! So a file, a text and a listing are all deflated by the same few lines, and none of them knows.
//!
//! A deflater's state takes a quarter of a megabyte, which thousands of clients that do not read would multiply. So one
//! exists for a turn only: what a turn deflates ends at a byte boundary (a sync flush, RFC 1951 §3.2.4), and the next
//! turn goes on with a new deflater. To the client it is one stream; it only loses the references across that boundary.
//! The zlib header, the checksum and the last block are written here (RFC 1950).

use super::unsent::Unsent;
use super::{Budget, DataSink, KernelCopyError, Outgoing, Progress, TransferError};
use crate::ftp::command::DeflateLevel;
use flate2::{Compress, Compression, FlushCompress};
use std::io;
use std::os::fd::OwnedFd;

/// What a byte to be deflated costs of the budget. Deflating takes the processor much longer than handing pages to the
/// kernel: some 2 ms for 64 KiB at the highest level that is granted, where 256 KiB of a file cost a fraction of that.
/// So a turn deflates a quarter of what it sends otherwise, of all sessions together, and a NOOP still waits no longer
/// than the 5 ms that a turn may take.
const COST: usize = 4;
/// Bytes deflated before they are sent.
const SHARE: usize = 16 * 1024;
/// Fewer bytes are not worth a deflater of their own, however little a pace allows. The places for transfers in MODE Z
/// are few, so what this costs beyond the budget is bounded.
const SMALLEST_SHARE: usize = 4 * 1024;
/// Room that is made for deflated bytes at a time: for a share that cannot be made smaller.
const ROOM: usize = SHARE + 256;
/// An empty block of fixed codes that is marked as the last.
const LAST_BLOCK: [u8; 2] = [0x03, 0x00];

/// A deflated transfer.
#[derive(Debug)]
pub struct SendDeflated {
    stage: Stage,
    level: DeflateLevel,
    checksum: Adler32,
    unsent: Unsent,
}

#[derive(Debug)]
enum Stage {
    /// There is more to come from the source.
    Flowing(Box<Outgoing>),
    /// The whole stream is made, and the client has it once it has what is unsent.
    Ended,
}

/// The checksum at a zlib stream's end (RFC 1950 §8.2).
#[derive(Clone, Copy, Debug)]
struct Adler32 {
    a: u32,
    b: u32,
}

/// Memory that an inner pump takes for its data connection. It has room for every budget.
struct Memory(Vec<u8>);

impl SendDeflated {
    /// Sends what `source` sends, deflated.
    pub fn new(source: Outgoing, level: DeflateLevel) -> Self {
        let mut unsent = Unsent::default();
        unsent.buffer().extend_from_slice(&zlib_header(level));
        Self {
            stage: Stage::Flowing(Box::new(source)),
            level,
            checksum: Adler32 { a: 1, b: 0 },
            unsent,
        }
    }

    /// Bytes handed to the kernel so far: deflated ones.
    pub fn sent(&self) -> u64 {
        self.unsent.sent()
    }

    /// See [`Pump::pump`](super::Pump::pump).
    pub fn pump(&mut self, sink: &mut impl DataSink, budget: &mut Budget) -> Progress {
        let progress = self.move_on(sink, budget);
        self.unsent.settle();
        progress
    }

    fn move_on(&mut self, sink: &mut impl DataSink, budget: &mut Budget) -> Progress {
        let mut deflater = None;
        loop {
            match self.unsent.flush(sink, budget) {
                Progress::Complete => {}
                other @ (Progress::WouldBlock | Progress::BudgetSpent | Progress::Failed(_)) => return other,
            }
            let Stage::Flowing(source) = &mut self.stage else {
                return Progress::Complete;
            };
            if budget.bytes == 0 {
                return Progress::BudgetSpent;
            }
            let share = budget.bytes.div_ceil(COST).clamp(SMALLEST_SHARE, SHARE);
            let mut plain = Memory(Vec::with_capacity(share));
            let mut inner = Budget {
                bytes: share,
                entries: budget.entries,
            };
            let progress = source.pump(&mut plain, &mut inner);
            budget.entries = inner.entries;
            budget.bytes = budget.bytes.saturating_sub((share - inner.bytes) * COST);
            match progress {
                Progress::Complete => self.stage = Stage::Ended,
                // Nothing was made of what was looked at; there may be more another time.
                Progress::BudgetSpent | Progress::WouldBlock if plain.0.is_empty() => return Progress::BudgetSpent,
                Progress::BudgetSpent | Progress::WouldBlock => {}
                Progress::Failed(error) => return Progress::Failed(error),
            }
            let level = Compression::new(self.level.number());
            let deflater = deflater.get_or_insert_with(|| Compress::new(level, false));
            if let Err(error) = self.deflate(deflater, &plain.0) {
                return Progress::Failed(error);
            }
            if let Stage::Ended = self.stage {
                let checksum = self.checksum.sum();
                let out = self.unsent.buffer();
                out.extend_from_slice(&LAST_BLOCK);
                out.extend_from_slice(&checksum);
            }
        }
    }

    /// Gives all of `plain` to the deflater, and all that comes out of it to the client.
    fn deflate(&mut self, deflater: &mut Compress, plain: &[u8]) -> Result<(), TransferError> {
        if plain.is_empty() {
            return Ok(());
        }
        self.checksum.update(plain);
        let out = self.unsent.buffer();
        let mut left = plain;
        loop {
            out.reserve_exact(ROOM);
            let before = deflater.total_in();
            // Fails only if it is used in the wrong order, which would be a mistake of ours.
            deflater
                .compress_vec(left, out, FlushCompress::Sync)
                .map_err(|_| TransferError::SourceFailed)?;
            let taken = usize::try_from(deflater.total_in() - before).unwrap_or(usize::MAX);
            (_, left) = left.split_at(taken);
            // A full buffer may have stopped the flush in the middle.
            if left.is_empty() && out.len() < out.capacity() {
                return Ok(());
            }
        }
    }
}

/// Deflate with a window of 32 KiB and no dictionary; how hard it tried, as zlib writes it (RFC 1950 §2.2).
fn zlib_header(level: DeflateLevel) -> [u8; 2] {
    match level.number() {
        0 | 1 => [0x78, 0x01],
        2..=5 => [0x78, 0x5e],
        _ => [0x78, 0x9c],
    }
}

impl Adler32 {
    /// Sums of so many bytes do not overflow before they are reduced.
    const REDUCED_EVERY: usize = 4096;
    /// The largest prime below 65,536.
    const MODULUS: u32 = 65_521;

    fn update(&mut self, bytes: &[u8]) {
        for part in bytes.chunks(Self::REDUCED_EVERY) {
            for byte in part {
                self.a += u32::from(*byte);
                self.b += self.a;
            }
            self.a %= Self::MODULUS;
            self.b %= Self::MODULUS;
        }
    }

    fn sum(self) -> [u8; 4] {
        (self.b << 16 | self.a).to_be_bytes()
    }
}

impl DataSink for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn send_file(&mut self, file: &OwnedFd, offset: u64, count: usize) -> Result<usize, KernelCopyError> {
        let start = self.0.len();
        self.0.resize(start + count, 0);
        let (_, room) = self.0.split_at_mut(start);
        let read = rustix::io::pread(file, room, offset).map_err(KernelCopyError::File);
        self.0.truncate(start + read.as_ref().unwrap_or(&0));
        read
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{MoodySink, file_of, pump_to_the_end};
    use super::super::{ListingLines, SendFile, SendListing, SendText};
    use super::*;
    use crate::random::Random;
    use std::io::Read;

    fn deflated(source: Outgoing) -> Outgoing {
        Outgoing::Deflated(SendDeflated::new(source, DeflateLevel::DEFAULT))
    }

    /// Inflates a stream, and fails if it is not whole or anything follows it.
    fn inflated(stream: &[u8]) -> Vec<u8> {
        let mut plain = Vec::new();
        let mut decoder = flate2::bufread::ZlibDecoder::new(stream);
        decoder.read_to_end(&mut plain).expect("a whole stream");
        assert!(decoder.into_inner().is_empty(), "nothing follows it");
        plain
    }

    fn text() -> Vec<u8> {
        (0..20_000)
            .flat_map(|line| format!("line {line}\n").into_bytes())
            .collect()
    }

    #[test]
    fn k03_k05_files_arrive_deflated_and_whole_through_a_moody_sink() {
        for (at_once, refuses_every) in [(1, 0), (7, 3), (100_000, 2)] {
            let (_file, open) = file_of(&text());
            let mut pump = deflated(Outgoing::File(SendFile::new(open, 0)));
            let mut sink = MoodySink::new(at_once, refuses_every);
            assert_eq!(pump_to_the_end(&mut pump, &mut sink), Progress::Complete);
            assert_eq!(inflated(&sink.taken), text());
            assert_eq!(pump.sent(), sink.taken.len() as u64, "what is counted is what was sent");
            assert!(sink.taken.len() * 3 < text().len());
            assert_eq!(sink.taken[0], 0x78, "zlib's header (RFC 1950 §2.2)");
        }
    }

    #[test]
    fn texts_are_translated_first_and_restarts_count_what_was_not_deflated() {
        let translated = String::from_utf8(text())
            .expect("ASCII")
            .replace('\n', "\r\n")
            .into_bytes();
        for skip in [0, 1, 70_000, translated.len() - 1, translated.len()] {
            let (_file, open) = file_of(&text());
            let mut pump = deflated(Outgoing::Text(SendText::new(open, skip as u64)));
            let mut sink = MoodySink::new(10_000, 0);
            assert_eq!(pump_to_the_end(&mut pump, &mut sink), Progress::Complete);
            assert_eq!(inflated(&sink.taken), &translated[skip..], "from {skip} on");
        }
        let (_file, open) = file_of(&text());
        let mut pump = deflated(Outgoing::File(SendFile::new(open, 50_000).until(50_010)));
        let mut sink = MoodySink::new(10_000, 0);
        assert_eq!(pump_to_the_end(&mut pump, &mut sink), Progress::Complete);
        assert_eq!(inflated(&sink.taken), &text()[50_000..50_010]);
    }

    #[test]
    fn listings_are_deflated_and_nothing_is_a_stream_too() {
        for lines in [&b""[..], b"a\r\nb\r\n"] {
            let lines = lines.to_vec();
            let mut pump = deflated(Outgoing::Listing(SendListing::new(ListingLines::Ready(lines.clone()))));
            let mut sink = MoodySink::new(3, 2);
            assert_eq!(pump_to_the_end(&mut pump, &mut sink), Progress::Complete);
            assert_eq!(inflated(&sink.taken), lines);
        }
    }

    #[test]
    fn a_turn_deflates_no_more_than_a_quarter_of_its_budget() {
        let (_file, open) = file_of(&vec![7; 1_000_000]);
        let mut pump = SendDeflated::new(Outgoing::File(SendFile::new(open, 0)), DeflateLevel::DEFAULT);
        let mut sink = MoodySink::new(usize::MAX, 0);
        let mut turns = 0;
        let mut before = 0;
        loop {
            turns += 1;
            let mut budget = Budget {
                bytes: 100_000,
                entries: 0,
            };
            let progress = pump.pump(&mut sink, &mut budget);
            let Stage::Flowing(source) = &pump.stage else {
                assert_eq!(progress, Progress::Complete);
                break;
            };
            assert!(source.sent() - before <= 25_000 + SMALLEST_SHARE as u64);
            before = source.sent();
            assert_eq!((progress, budget.bytes), (Progress::BudgetSpent, 0));
        }
        assert!(turns >= 30);
        assert_eq!(inflated(&sink.taken), vec![7; 1_000_000]);
    }

    /// What does not compress, and what compresses worst of all in one go, is whole too.
    #[test]
    fn noise_arrives_whole() {
        let mut random = Random::Seeded(7);
        let noise: Vec<u8> = (0..100_000).flat_map(|_| random.number().to_le_bytes()).collect();
        let (_file, open) = file_of(&noise);
        let mut pump = deflated(Outgoing::File(SendFile::new(open, 0)));
        let mut sink = MoodySink::new(5_000, 3);
        assert_eq!(pump_to_the_end(&mut pump, &mut sink), Progress::Complete);
        assert_eq!(inflated(&sink.taken), noise);
        assert!(sink.taken.len() < noise.len() + noise.len() / 100);
    }

    #[test]
    fn the_checksum_is_that_of_the_standard() {
        let mut checksum = Adler32 { a: 1, b: 0 };
        checksum.update(b"Wikipedia");
        assert_eq!(checksum.sum(), [0x11, 0xe6, 0x03, 0x98]);
        // The sums are largest for this byte; a step more would overflow nothing.
        let mut checksum = Adler32 { a: 65_520, b: 65_520 };
        checksum.update(&[0xff; 100_000]);
    }

    #[test]
    fn j03_a_file_that_shrinks_ends_the_transfer_and_the_stream_is_not_whole() {
        let (file, open) = file_of(&text());
        let mut pump = deflated(Outgoing::File(SendFile::new(open, 0)));
        let mut sink = MoodySink::new(1_000, 0);
        file.set_len(1_000).expect("truncated");
        assert_eq!(
            pump_to_the_end(&mut pump, &mut sink),
            Progress::Failed(TransferError::SourceShrank)
        );
        let mut decoder = flate2::bufread::ZlibDecoder::new(&sink.taken[..]);
        assert!(decoder.read_to_end(&mut Vec::new()).is_err());
    }
}
