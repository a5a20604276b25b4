//! Adler-32, the checksum at the end of a zlib stream (RFC 1950 §8.2).

/// A checksum under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Adler32 {
    a: u32,
    b: u32,
}

impl Adler32 {
    /// The checksum of no bytes.
    pub(super) const fn new() -> Self {
        Self { a: 1, b: 0 }
    }

    /// Sums of so many bytes do not overflow before they are reduced.
    const REDUCED_EVERY: usize = 4096;
    /// The largest prime below 65,536.
    const MODULUS: u32 = 65_521;

    pub(super) fn update(&mut self, bytes: &[u8]) {
        for part in bytes.chunks(Self::REDUCED_EVERY) {
            for byte in part {
                self.a += u32::from(*byte);
                self.b += self.a;
            }
            self.a %= Self::MODULUS;
            self.b %= Self::MODULUS;
        }
    }

    pub(super) fn sum(self) -> [u8; 4] {
        (self.b << 16 | self.a).to_be_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_the_standard() {
        let mut checksum = Adler32::new();
        checksum.update(b"Wikipedia");
        assert_eq!(checksum.sum(), [0x11, 0xe6, 0x03, 0x98]);
        // The sums are largest for this byte; a step more would overflow nothing.
        let mut checksum = Adler32 { a: 65_520, b: 65_520 };
        checksum.update(&[0xff; 100_000]);
    }
}
