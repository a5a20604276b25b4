//! Where chance comes from: the kernel when serving, a seed when a run must be repeatable.
//!
//! Passive ports are dealt with these numbers, so an attacker must not be able to predict them: the serving source is
//! the kernel's own generator, read a block at a time. This file must never fall back to something weaker.

use rustix::rand::{GetRandomFlags, getrandom};
use std::io;
use zeroize::Zeroizing;

const BLOCK: usize = 256;
/// Between two states of SplitMix64.
const SPLIT_MIX_STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// A source of random numbers, handed to whatever needs chance.
#[derive(Debug)]
pub enum Random {
    /// The kernel's generator, buffered.
    Kernel { block: Box<[u8; BLOCK]>, used: usize },
    /// A fixed sequence, the same for the same seed (SplitMix64); for tests and replays only.
    Seeded(u64),
}

impl Random {
    /// The kernel's generator; the first block is read now, so that a kernel without one stops the start.
    pub fn from_kernel() -> io::Result<Self> {
        let mut block = Box::new([0; BLOCK]);
        fill(&mut block)?;
        Ok(Random::Kernel { block, used: 0 })
    }

    /// A number in `0..bound`; 0 when `bound` is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        let Some(bound) = u64::try_from(bound).ok().filter(|bound| *bound > 0) else {
            return 0;
        };
        // The bias of a 64-bit remainder over a few thousand ports is below 2^-50.
        usize::try_from(self.number() % bound).unwrap_or(0)
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        match self {
            Random::Kernel { block, used } => {
                let mut number = [0; 8];
                if *used + number.len() > BLOCK {
                    // It answered at the start, and the kernel's generator never fails after that; if it ever did,
                    // the old block would be dealt again rather than nothing at all.
                    let _ = fill(block);
                    *used = 0;
                }
                if let Some(bytes) = block.get(*used..*used + number.len()) {
                    number.copy_from_slice(bytes);
                }
                *used += number.len();
                u64::from_ne_bytes(number)
            }
            Random::Seeded(state) => {
                let number = split_mix(*state);
                *state = state.wrapping_add(SPLIT_MIX_STEP);
                number
            }
        }
    }
}

/// The number that SplitMix64 gives in `state`: neighbouring states give unrelated numbers.
pub fn split_mix(state: u64) -> u64 {
    let mut mixed = state.wrapping_add(SPLIT_MIX_STEP);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// A key from the kernel, of which no copy is kept.
pub fn secret_key() -> io::Result<Zeroizing<[u8; 64]>> {
    let mut key = Zeroizing::new([0; 64]);
    let filled = getrandom(&mut key[..], GetRandomFlags::empty())?;
    if filled == key.len() {
        Ok(key)
    } else {
        Err(too_few_bytes())
    }
}

fn too_few_bytes() -> io::Error {
    io::Error::other("the kernel's random generator gave too few bytes")
}

fn fill(block: &mut [u8; BLOCK]) -> io::Result<()> {
    // Up to 256 bytes come whole once the generator is ready (getrandom(2)).
    let filled = getrandom(&mut block[..], GetRandomFlags::empty())?;
    if filled == BLOCK { Ok(()) } else { Err(too_few_bytes()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_its_sequence() {
        let mut first = Random::Seeded(7);
        let mut second = Random::Seeded(7);
        for _ in 0..100 {
            assert_eq!(first.below(1000), second.below(1000));
        }
    }

    /// The first outputs of the published reference implementation for this seed.
    #[test]
    fn seeded_numbers_are_those_of_split_mix_64() {
        let mut random = Random::Seeded(1_234_567);
        let expected = [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
        ];
        assert_eq!(expected.map(|_| random.number()), expected);
    }

    #[test]
    fn kernel_numbers_stay_below_the_bound_and_differ() {
        let mut random = Random::from_kernel().expect("a kernel with a random generator");
        let numbers: Vec<usize> = (0..200).map(|_| random.below(1_000_000)).collect();
        assert!(numbers.iter().all(|number| *number < 1_000_000));
        assert!(numbers.iter().any(|number| Some(number) != numbers.first()));
        assert_eq!(random.below(0), 0);
    }
}
