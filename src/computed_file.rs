//! Files that are computed, not stored. Their names give size and content: `1G.zero`, `100M.rand?seed=7`,
//! `10G.pattern`.
//!
//! Every byte is known in advance, so the server can send such a file without a disk, and a client can check each byte
//! without a copy. This file only does arithmetic.

use crate::units::{parse_digits, parse_size};

/// The size and content of a computed file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ComputedFile {
    pub size: u64,
    pub content: Content,
}

/// Which byte is at each offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// NUL everywhere.
    Zero,
    /// Pseudorandom numbers, which do not compress; the same for the same seed.
    Random { seed: u64 },
    /// Lines of sixteen bytes, each with its own offset in hexadecimal, so that misplaced bytes are easy to recognize.
    Pattern,
}

/// Bytes that are computed at a time.
const BLOCK: u64 = 16;

impl ComputedFile {
    /// Parses a name: a size (`512`, `64K`, `10M`, `1G`, `2T`), a dot, and `zero`, `pattern`, `rand` or `rand?seed=N`.
    pub fn from_name(name: &[u8]) -> Option<Self> {
        let (size, kind) = std::str::from_utf8(name).ok()?.split_once('.')?;
        let content = match kind {
            "zero" => Content::Zero,
            "pattern" => Content::Pattern,
            "rand" => Content::Random { seed: 0 },
            seeded => Content::Random {
                seed: parse_digits(seeded.strip_prefix("rand?seed=")?)?,
            },
        };
        Some(Self {
            size: parse_size(size)?,
            content,
        })
    }
}

impl Content {
    /// Fills `buffer` with the bytes from `offset` on.
    pub fn fill(self, offset: u64, buffer: &mut [u8]) {
        if self == Content::Zero {
            buffer.fill(0);
            return;
        }
        let inside = (offset % BLOCK) as usize;
        let mut index = offset / BLOCK;
        let (head, rest) = buffer.split_at_mut(((BLOCK as usize - inside) % BLOCK as usize).min(buffer.len()));
        if !head.is_empty() {
            let block = self.block(index);
            for (byte, value) in head.iter_mut().zip(block.iter().skip(inside)) {
                *byte = *value;
            }
            index += 1;
        }
        let (blocks, tail) = rest.as_chunks_mut::<{ BLOCK as usize }>();
        for chunk in blocks {
            *chunk = self.block(index);
            index = index.wrapping_add(1);
        }
        for (byte, value) in tail.iter_mut().zip(self.block(index)) {
            *byte = value;
        }
    }

    /// Compares `bytes` with the content from `offset` on; returns the offset of the first different byte.
    pub fn first_difference(self, offset: u64, bytes: &[u8]) -> Option<u64> {
        let mut expected = [0; 4096];
        let mut at = offset;
        for part in bytes.chunks(expected.len()) {
            let (wanted, _) = expected.split_at_mut(part.len());
            self.fill(at, wanted);
            if wanted != part {
                let same = part.iter().zip(wanted.iter()).take_while(|(byte, value)| byte == value);
                return Some(at + same.count() as u64);
            }
            at += part.len() as u64;
        }
        None
    }

    fn block(self, index: u64) -> [u8; BLOCK as usize] {
        match self {
            Content::Zero => [0; BLOCK as usize],
            Content::Random { seed } => {
                let first = split_mix(seed ^ split_mix(index));
                let second = split_mix(first);
                let mut block = [0; BLOCK as usize];
                let (low, high) = block.split_at_mut(8);
                low.copy_from_slice(&first.to_le_bytes());
                high.copy_from_slice(&second.to_le_bytes());
                block
            }
            Content::Pattern => {
                let offset = index.wrapping_mul(BLOCK);
                // Sixteen digits less the last one, which is always 0; the line end takes its place.
                let digits = (u128::from(hexadecimal(offset >> 32)) << 64) | u128::from(hexadecimal(offset));
                ((digits << 8) | u128::from(b'\n')).to_be_bytes()
            }
        }
    }
}

/// SplitMix64: neighbouring numbers give unrelated ones.
fn split_mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// The low eight hexadecimal digits of a number as ASCII, the highest digit in the highest byte.
fn hexadecimal(number: u64) -> u64 {
    // Each step halves the groups of digits and moves them apart, until each digit has a byte of its own.
    let mut digits = number & 0xffff_ffff;
    digits = (digits << 16 | digits) & 0x0000_ffff_0000_ffff;
    digits = (digits << 8 | digits) & 0x00ff_00ff_00ff_00ff;
    digits = (digits << 4 | digits) & 0x0f0f_0f0f_0f0f_0f0f;
    let letters = ((digits + 0x0606_0606_0606_0606) >> 4) & 0x0101_0101_0101_0101;
    digits + 0x3030_3030_3030_3030 + letters * u64::from(b'a' - b'0' - 10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: [Content; 3] = [Content::Zero, Content::Random { seed: 7 }, Content::Pattern];

    #[test]
    fn names_give_size_and_content() {
        let file = |name: &str| ComputedFile::from_name(name.as_bytes());
        let expected = |size, content| Some(ComputedFile { size, content });
        assert_eq!(file("1G.zero"), expected(1 << 30, Content::Zero));
        assert_eq!(
            file("100M.rand?seed=7"),
            expected(100 << 20, Content::Random { seed: 7 })
        );
        assert_eq!(file("5.rand"), expected(5, Content::Random { seed: 0 }));
        assert_eq!(file("10G.pattern"), expected(10 << 30, Content::Pattern));
        for bad in [
            "",
            ".zero",
            "1X.zero",
            "-1.zero",
            "1G",
            "1G.zero.gz",
            "9999999T.zero",
            "1.rand?seed=",
            "1G.Zero",
        ] {
            assert_eq!(file(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_line_of_the_pattern_is_its_own_offset() {
        let mut bytes = [0; 48];
        Content::Pattern.fill(0, &mut bytes);
        assert_eq!(&bytes, b"000000000000000\n000000000000010\n000000000000020\n");
        Content::Pattern.fill((5 << 30) + 16, &mut bytes[..16]);
        assert_eq!(&bytes[..16], b"000000140000010\n");
    }

    #[test]
    fn digits_are_those_of_the_standard_library() {
        for index in [0, 1, 0x9a, 0xabc_def0, 0xfed_cba9_8765] {
            let mut line = [0; 16];
            Content::Pattern.fill(index * 16, &mut line);
            assert_eq!(line.to_vec(), format!("{:015x}\n", index * 16).into_bytes());
        }
    }

    #[test]
    fn a_wrong_byte_is_found_at_its_offset() {
        let mut bytes = vec![0; 10_000];
        Content::Pattern.fill(77, &mut bytes);
        assert_eq!(Content::Pattern.first_difference(77, &bytes), None);
        bytes[9_000] ^= 1;
        assert_eq!(Content::Pattern.first_difference(77, &bytes), Some(9_077));
    }

    proptest! {
        #[test]
        fn any_part_equals_that_part_of_the_whole(start in 0_usize..500, length in 0_usize..500) {
            for content in ALL {
                let mut whole = vec![0; 1_000];
                content.fill(0, &mut whole);
                let mut part = vec![1; length];
                content.fill(start as u64, &mut part);
                prop_assert_eq!(&part[..], &whole[start..start + length]);
            }
        }
    }
}
