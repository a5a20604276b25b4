//! MODE Z to the client: the output of another pump, deflated, with zlib's header (draft-preston-ftpext-deflate).
//!
//! The inner pump sends a small share into memory; that is deflated, and sent before the next share is made. So files,
//! texts and listings are deflated by the same code.
//!
//! A deflater's state takes a quarter of a megabyte, which thousands of clients that do not read would multiply. So one
//! exists for a turn only: what a turn deflates ends at a byte boundary (a sync flush, RFC 1951 §3.2.4), and the next
//! turn starts a new deflater. To the client it is one stream, which only lacks references across that boundary.
//! The zlib header, the checksum and the last block are written here (RFC 1950).

use super::data_stream::{DataSink, KernelCopyError};
use super::outgoing::Outgoing;
use super::progress::{Budget, Progress, TransferError};
use super::unsent::Unsent;
use crate::ftp::command::DeflateLevel;
use flate2::{Compress, Compression, FlushCompress};
use std::io;
use std::os::fd::OwnedFd;
use zlib_rs::adler32::adler32;

/// What a byte to be deflated costs of the budget. Deflating takes the processor much longer than handing pages to the
/// kernel: some 2 ms for 64 KiB at the highest level that is granted, where 256 KiB of a file cost a fraction of that.
/// So a turn deflates a quarter of what it sends otherwise, for all sessions together, and a NOOP still waits at most
/// the 5 ms that a turn may take.
const COST: usize = 4;
/// Bytes deflated before they are sent.
const SHARE: usize = 16 * 1024;
/// Fewer bytes do not justify a deflater of their own, even if the speed limit allows fewer. Transfers in MODE Z are
/// few, so what this costs beyond the budget is bounded.
const SMALLEST_SHARE: usize = 4 * 1024;
/// Room that is made for deflated bytes at a time: for a share that cannot be made smaller.
const ROOM: usize = SHARE + 256;
/// An empty block of fixed codes that is marked as the last.
const LAST_BLOCK: [u8; 2] = [0x03, 0x00];

/// A deflated transfer.
#[derive(Debug)]
pub struct SendDeflated {
    /// `None`: the whole stream is made, and only `unsent` is left to be sent.
    source: Option<Outgoing>,
    level: DeflateLevel,
    /// Of the plain bytes: Adler-32 (RFC 1950 §8.2).
    checksum: u32,
    unsent: Unsent,
}

/// The sink of the inner pump. It takes everything.
struct MemorySink(Vec<u8>);

impl SendDeflated {
    /// Sends what `source` sends, deflated.
    pub fn new(source: Outgoing, level: DeflateLevel) -> Self {
        let mut unsent = Unsent::default();
        unsent.buffer().extend_from_slice(&zlib_header(level));
        Self {
            source: Some(source),
            level,
            checksum: 1,
            unsent,
        }
    }

    /// Bytes handed to the kernel so far: deflated ones.
    pub fn sent(&self) -> u64 {
        self.unsent.sent()
    }

    /// See [`Pump::pump`](super::Pump::pump).
    pub fn pump(&mut self, sink: &mut impl DataSink, budget: &mut Budget) -> Progress {
        let mut deflater = None;
        self.unsent.pump(sink, budget, |out, budget| {
            let Some(source) = &mut self.source else {
                return Err(Progress::Complete);
            };
            if budget.bytes == 0 {
                return Err(Progress::BudgetSpent);
            }
            let share = budget.bytes.div_ceil(COST).clamp(SMALLEST_SHARE, SHARE);
            let mut plain = MemorySink(Vec::with_capacity(share));
            let mut inner = Budget {
                bytes: share,
                entries: budget.entries,
            };
            let progress = source.pump(&mut plain, &mut inner);
            budget.entries = inner.entries;
            budget.bytes = budget.bytes.saturating_sub((share - inner.bytes) * COST);
            match progress {
                Progress::Complete => self.source = None,
                // The budget was spent without output, on entries that are not listed or text that is skipped.
                Progress::BudgetSpent | Progress::WouldBlock if plain.0.is_empty() => {
                    return Err(Progress::BudgetSpent);
                }
                Progress::BudgetSpent | Progress::WouldBlock => {}
                Progress::Failed(_) => return Err(progress),
            }
            let level = Compression::new(self.level.number());
            let deflater = deflater.get_or_insert_with(|| Compress::new(level, false));
            self.checksum = adler32(self.checksum, &plain.0);
            deflate(deflater, &plain.0, out)?;
            if self.source.is_none() {
                out.extend_from_slice(&LAST_BLOCK);
                out.extend_from_slice(&self.checksum.to_be_bytes());
            }
            Ok(())
        })
    }
}

/// Appends all of `plain` to `out`, deflated.
fn deflate(deflater: &mut Compress, plain: &[u8], out: &mut Vec<u8>) -> Result<(), TransferError> {
    let mut left = plain;
    while !plain.is_empty() {
        out.reserve_exact(ROOM);
        let before = deflater.total_in();
        // Fails only if it is used in the wrong order, which would be a bug.
        deflater
            .compress_vec(left, out, FlushCompress::Sync)
            .map_err(|_| TransferError::SourceFailed)?;
        let taken = usize::try_from(deflater.total_in() - before).unwrap_or(usize::MAX);
        (_, left) = left.split_at(taken);
        // A full buffer may have stopped the flush in the middle.
        if left.is_empty() && out.len() < out.capacity() {
            break;
        }
    }
    Ok(())
}

/// Deflate with a window of 32 KiB and no dictionary, and the class of the level (RFC 1950 §2.2).
fn zlib_header(level: DeflateLevel) -> [u8; 2] {
    match level.number() {
        0 | 1 => [0x78, 0x01],
        2..=5 => [0x78, 0x5e],
        _ => [0x78, 0x9c],
    }
}

impl DataSink for MemorySink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn send_file(&mut self, _file: &OwnedFd, _offset: u64, _count: usize) -> Result<usize, KernelCopyError> {
        Err(KernelCopyError::Unsupported)
    }
}

#[cfg(test)]
mod tests;
