//! MODE Z from the client: a zlib stream (RFC 1950), inflated a bounded number of bytes at a time.
//!
//! A small stream can be a large file, so received bytes wait in a buffer of fixed size until they are inflated, and no
//! more are received before that. A stream that is not zlib, is truncated, or goes on behind its end is an error.

use super::progress::TransferError;
use flate2::{Decompress, FlushDecompress, Status};
use std::ops::Range;

/// Bytes of the buffer that deflated bytes are received into.
const BUFFER_BYTES: usize = 16 * 1024;

/// A stream being inflated.
#[derive(Debug)]
pub struct Inflater {
    decoder: Decompress,
    buffer: Box<[u8]>,
    /// Which bytes of the buffer are not inflated yet.
    held: Range<usize>,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Everything received is inflated.
    NeedsInput,
    /// The decoder has more output, or bytes are held.
    HasOutput,
    /// The stream has ended, and its checksum is right.
    Ended,
}

impl Default for Inflater {
    /// An inflater at the beginning of a stream.
    fn default() -> Self {
        Self {
            decoder: Decompress::new(true),
            buffer: vec![0; BUFFER_BYTES].into_boxed_slice(),
            held: 0..0,
            stage: Stage::NeedsInput,
        }
    }
}

impl Inflater {
    /// Where to receive at most `count` more bytes, if there is room; then call [`received`](Self::received).
    pub fn room(&mut self, count: usize) -> Option<&mut [u8]> {
        match self.stage {
            Stage::HasOutput => None,
            Stage::NeedsInput | Stage::Ended => {
                let (room, _) = self.buffer.split_at_mut(count.min(BUFFER_BYTES));
                Some(room)
            }
        }
    }

    /// `count` bytes were received into the room; 0: the client has closed.
    pub fn received(&mut self, count: usize) -> Result<(), TransferError> {
        match (self.stage, count) {
            (Stage::Ended, 0) => Ok(()),
            // Truncated; or something follows the end.
            (Stage::NeedsInput | Stage::HasOutput, 0) | (Stage::Ended, _) => Err(TransferError::BrokenStream),
            (Stage::NeedsInput | Stage::HasOutput, _) => {
                self.held = 0..count;
                self.stage = Stage::HasOutput;
                Ok(())
            }
        }
    }

    /// Returns at most `count` inflated bytes, at least one of which must be allowed; fewer, or none, when more has to
    /// be received first.
    pub fn inflate(&mut self, count: usize) -> Result<Vec<u8>, TransferError> {
        let mut out = vec![0; count];
        let held = self.buffer.get(self.held.clone()).unwrap_or_default();
        let (before_in, before_out) = (self.decoder.total_in(), self.decoder.total_out());
        let status = self
            .decoder
            .decompress(held, &mut out, FlushDecompress::None)
            .map_err(|_| TransferError::BrokenStream)?;
        let taken = usize::try_from(self.decoder.total_in() - before_in).unwrap_or(usize::MAX);
        let made = usize::try_from(self.decoder.total_out() - before_out).unwrap_or(usize::MAX);
        out.truncate(made);
        self.held.start = self.held.start.saturating_add(taken);
        self.stage = match status {
            Status::StreamEnd if self.held.is_empty() => Stage::Ended,
            // A full `out` may have stopped it in the middle of something.
            Status::Ok | Status::BufError if made == count => Stage::HasOutput,
            Status::Ok | Status::BufError if self.held.is_empty() => Stage::NeedsInput,
            Status::Ok | Status::BufError if taken + made > 0 => Stage::HasOutput,
            // Something follows the end; or bytes that it neither takes nor refuses would never end.
            Status::StreamEnd | Status::Ok | Status::BufError => return Err(TransferError::BrokenStream),
        };
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness::mode_z::deflated;
    use proptest::prelude::*;

    /// Python's zlib.compress(b"hello hello hello hello").
    const HELLO: [u8; 16] = [
        0x78, 0x9c, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x57, 0xc8, 0x40, 0x27, 0x01, 0x68, 0x03, 0x08, 0xb1,
    ];

    /// What comes out of `stream`, received `at_once` bytes at a time and inflated `count` at a time.
    fn inflated(stream: &[u8], at_once: usize, count: usize) -> Result<Vec<u8>, TransferError> {
        let (mut inflater, mut rest, mut out) = (Inflater::default(), stream, Vec::new());
        loop {
            if let Some(room) = inflater.room(at_once) {
                let length = room.len().min(rest.len());
                room[..length].copy_from_slice(&rest[..length]);
                rest = &rest[length..];
                inflater.received(length)?;
                if length == 0 {
                    return Ok(out);
                }
            } else {
                let more = inflater.inflate(count)?;
                assert!(more.len() <= count, "never more than was asked for");
                out.extend(more);
            }
        }
    }

    #[test]
    fn streams_of_another_program_are_inflated() {
        for at_once in [1, 3, 1_000] {
            for count in [1, 7, 1_000] {
                let out = inflated(&HELLO, at_once, count);
                assert_eq!(out.as_deref(), Ok(&b"hello hello hello hello"[..]));
            }
        }
    }

    #[test]
    fn an_empty_file_is_a_stream_of_eight_bytes() {
        // Python's zlib.compress(b"").
        assert_eq!(inflated(&[0x78, 0x9c, 3, 0, 0, 0, 0, 1], 1, 1), Ok(vec![]));
    }

    #[test]
    fn truncated_extended_or_changed_streams_are_refused() {
        let truncated = (0..HELLO.len()).map(|length| HELLO[..length].to_vec());
        let changed = (0..HELLO.len()).map(|position| {
            let mut stream = HELLO.to_vec();
            stream[position] ^= 0x40;
            stream
        });
        let gzip = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
        let others = [[&HELLO[..], b"x"].concat(), b"hello hello hello hello".to_vec(), gzip];
        for stream in truncated.chain(changed).chain(others) {
            for at_once in [1, 5, 1_000] {
                let outcome = inflated(&stream, at_once, 5);
                assert_eq!(outcome, Err(TransferError::BrokenStream), "{stream:x?}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_segmentation_is_inflated_to_the_same_bytes(
            plain in proptest::collection::vec(0..4_u8, 0..2_000),
            at_once in 1..300_usize,
            count in 1..300_usize,
        ) {
            prop_assert_eq!(inflated(&deflated(&plain), at_once, count), Ok(plain));
        }

        #[test]
        fn inflating_any_bytes_ends(bytes in proptest::collection::vec(any::<u8>(), 0..200), at_once in 1..50_usize) {
            let _ = inflated(&[&[0x78, 0x9c], &bytes[..]].concat(), at_once, 10);
        }
    }
}
