//! HASH, XCRC and their kind: the digest of a part of a file, a budget at a time.
//!
//! Only the digest's state is kept between calls; the buffer is lent for each call.
//! Growth is not read, shrinkage is an error, as for a download.

use super::progress::{TransferError, read_some};
use crate::ftp::command::Digest;
use crate::storage::OpenFile;
use sha2::Digest as _;
use std::ops::Range;

/// A digest under way.
#[derive(Debug)]
pub struct DigestFile {
    file: OpenFile,
    left: Range<u64>,
    hasher: Hasher,
}

#[derive(Clone, Debug)]
enum Hasher {
    Sha256(sha2::Sha256),
    Sha512(sha2::Sha512),
    Sha1(sha1::Sha1),
    Md5(md5::Md5),
    Crc32(crc32fast::Hasher),
}

impl DigestFile {
    /// The digest of the bytes of `file` whose offsets are in `part`.
    pub fn new(file: OpenFile, part: Range<u64>, digest: Digest) -> Self {
        Self {
            file,
            left: part,
            hasher: Hasher::new(digest),
        }
    }

    /// Bytes that are still to be read.
    pub fn left(&self) -> u64 {
        self.left.end.saturating_sub(self.left.start)
    }

    /// Reads at most `budget` more bytes through `buffer`, and takes them off the budget. Returns the digest of all
    /// bytes, the most significant byte first; `None`: the budget is spent, and there are more bytes.
    pub fn advance(&mut self, buffer: &mut [u8], budget: &mut usize) -> Result<Option<Vec<u8>>, TransferError> {
        while !self.left.is_empty() {
            let left = usize::try_from(self.left()).unwrap_or(usize::MAX);
            let (window, _) = buffer.split_at_mut(left.min(*budget).min(buffer.len()));
            if window.is_empty() {
                return Ok(None);
            }
            let bytes = read_some(&self.file, self.left.start, window)?;
            self.hasher.update(bytes);
            self.left.start += bytes.len() as u64;
            *budget -= bytes.len();
        }
        Ok(Some(self.hasher.clone().finish()))
    }
}

impl Hasher {
    fn new(digest: Digest) -> Self {
        match digest {
            Digest::Sha256 => Hasher::Sha256(sha2::Sha256::new()),
            Digest::Sha512 => Hasher::Sha512(sha2::Sha512::new()),
            Digest::Sha1 => Hasher::Sha1(sha1::Sha1::new()),
            Digest::Md5 => Hasher::Md5(md5::Md5::new()),
            Digest::Crc32 => Hasher::Crc32(crc32fast::Hasher::new()),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Hasher::Sha256(hasher) => hasher.update(bytes),
            Hasher::Sha512(hasher) => hasher.update(bytes),
            Hasher::Sha1(hasher) => hasher.update(bytes),
            Hasher::Md5(hasher) => hasher.update(bytes),
            Hasher::Crc32(hasher) => hasher.update(bytes),
        }
    }

    fn finish(self) -> Vec<u8> {
        match self {
            Hasher::Sha256(hasher) => hasher.finalize().to_vec(),
            Hasher::Sha512(hasher) => hasher.finalize().to_vec(),
            Hasher::Sha1(hasher) => hasher.finalize().to_vec(),
            Hasher::Md5(hasher) => hasher.finalize().to_vec(),
            Hasher::Crc32(hasher) => hasher.finalize().to_be_bytes().to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::tests::file_of;

    /// The digest in hexadecimal digits, read `budget` bytes a turn through a buffer of `length` bytes, and the number
    /// of turns.
    fn hex(content: &[u8], part: Range<u64>, digest: Digest, budget: usize, length: usize) -> (String, usize) {
        let (_file, open) = file_of(content);
        let mut work = DigestFile::new(open, part, digest);
        let mut buffer = vec![0; length];
        for turn in 1..10_000 {
            let mut left = budget;
            if let Some(bytes) = work.advance(&mut buffer, &mut left).expect("it can be read") {
                return (bytes.iter().map(|byte| format!("{byte:02x}")).collect(), turn);
            }
            assert_eq!(left, 0, "a turn uses its budget, and no more");
        }
        panic!("the digest does not come to an end");
    }

    #[test]
    fn digests_of_abc_are_those_of_the_standards() {
        // FIPS 180-2 appendices A.1, B.1 and C.1; RFC 1321 §A.5; CRC-32 as zlib's crc32() has it.
        for (digest, expected) in [
            (Digest::Sha1, "a9993e364706816aba3e25717850c26c9cd0d89d"),
            (
                Digest::Sha256,
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            ),
            (
                Digest::Sha512,
                "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
                 2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
            ),
            (Digest::Md5, "900150983cd24fb0d6963f7d28e17f72"),
            (Digest::Crc32, "352441c2"),
        ] {
            assert_eq!(hex(b"abc", 0..3, digest, 100, 7).0, expected, "{digest:?}");
            assert_eq!(hex(b"xxabcx", 2..5, digest, 1, 7).0, expected, "{digest:?} of a part");
        }
    }

    #[test]
    fn a_digest_takes_as_many_turns_as_it_needs() {
        // FIPS 180-2 appendix A.3: a million times "a".
        let million = hex(&vec![b'a'; 1_000_000], 0..1_000_000, Digest::Sha1, 64_000, 1_000);
        assert_eq!(million, ("34aa973cd4c4daa4f61eeb2bdbad27316534016f".to_owned(), 16));
        // RFC 1321 §A.5: no bytes need no budget.
        let empty = hex(b"", 0..0, Digest::Md5, 0, 0);
        assert_eq!(empty, ("d41d8cd98f00b204e9800998ecf8427e".to_owned(), 1));
    }

    #[test]
    fn j03_a_file_that_shrinks_meanwhile_has_no_digest() {
        let (file, open) = file_of(&[1; 1_000]);
        let mut work = DigestFile::new(open, 0..1_000, Digest::Crc32);
        assert_eq!(work.advance(&mut [0; 64], &mut 128), Ok(None));
        file.set_len(500).expect("truncated");
        assert_eq!(
            work.advance(&mut [0; 64], &mut 10_000),
            Err(TransferError::SourceShrank)
        );
    }
}
