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

    /// The digest in hexadecimal digits, read 100 bytes a turn through a buffer of 7.
    fn hex(content: &[u8], part: Range<u64>, digest: Digest) -> String {
        let (_file, open) = file_of(content);
        let mut work = DigestFile::new(open, part, digest);
        for _ in 0..10_000 {
            let mut budget = 100;
            match work.advance(&mut [0; 7], &mut budget) {
                Ok(None) => assert_eq!(budget, 0),
                Ok(Some(bytes)) => return bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
                Err(error) => panic!("{error:?}"),
            }
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
            assert_eq!(hex(b"abc", 0..3, digest), expected, "{digest:?}");
            assert_eq!(hex(b"xxabcx", 2..5, digest), expected, "{digest:?} of a part");
        }
    }

    #[test]
    fn a_digest_made_in_many_turns_is_the_same() {
        // FIPS 180-2 appendices A.3 and B.3: a million times "a".
        let content = vec![b'a'; 1_000_000];
        let (_file, open) = file_of(&content);
        let mut work = DigestFile::new(open, 0..1_000_000, Digest::Sha1);
        let mut turns = 0;
        let bytes = loop {
            turns += 1;
            let mut budget = 64_000;
            match work.advance(&mut [0; 1_000], &mut budget) {
                Ok(None) => assert_eq!(budget, 0, "a turn uses its budget, and no more"),
                Ok(Some(bytes)) => break bytes,
                Err(error) => panic!("{error:?}"),
            }
        };
        assert_eq!(turns, 16);
        assert_eq!(bytes.first_chunk(), Some(&[0x34, 0xaa, 0x97, 0x3c]));
        assert_eq!(bytes.last_chunk(), Some(&[0x65, 0x34, 0x01, 0x6f]));
    }

    #[test]
    fn an_empty_file_has_a_digest_and_needs_no_budget() {
        let (_file, open) = file_of(b"");
        let mut work = DigestFile::new(open, 0..0, Digest::Md5);
        let Ok(Some(bytes)) = work.advance(&mut [], &mut 0) else {
            panic!("it is complete");
        };
        assert_eq!(bytes.first_chunk(), Some(&[0xd4, 0x1d, 0x8c, 0xd9]), "RFC 1321 §A.5");
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
