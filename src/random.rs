//! Random numbers.
//!
//! Passive ports and names of temporary files are drawn with these, so an attacker must not be able to predict them:
//! the generator is the `rand` crate's standard one, ChaCha, with a seed from the kernel. Once seeded it cannot fail.

use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};
use rustix::rand::{GetRandomFlags, getrandom};
use std::io;
use zeroize::Zeroizing;

/// A generator that attackers cannot predict, or that repeats its sequence.
#[derive(Debug)]
pub struct Random(StdRng);

impl Random {
    /// Seeded by the kernel; a kernel that gives no seed stops the start.
    pub fn from_kernel() -> io::Result<Self> {
        Ok(Self(StdRng::from_seed(*secret_key()?)))
    }

    /// The same sequence for the same seed, in the same build: for tests and repeatable runs only.
    pub fn seeded(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    /// A number in `0..bound`; 0 when `bound` is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        if bound == 0 { 0 } else { self.0.random_range(..bound) }
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0.next_u64()
    }
}

/// A key from the kernel, of which no copy is kept. `SIZE` is at most 256: requests up to that size are filled whole
/// (getrandom(2)).
pub fn secret_key<const SIZE: usize>() -> io::Result<Zeroizing<[u8; SIZE]>> {
    const { assert!(SIZE <= 256) };
    let mut bytes = Zeroizing::new([0; SIZE]);
    if getrandom(&mut bytes[..], GetRandomFlags::empty())? == SIZE {
        Ok(bytes)
    } else {
        Err(io::Error::other("the kernel's random generator gave too few bytes"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_its_sequence() {
        let mut first = Random::seeded(7);
        let mut second = Random::seeded(7);
        for _ in 0..100 {
            assert_eq!(first.below(1000), second.below(1000));
        }
    }

    #[test]
    fn kernel_numbers_stay_below_the_bound_and_differ() {
        let mut random = Random::from_kernel().expect("a kernel with a random generator");
        let numbers: Vec<usize> = (0..200).map(|_| random.below(1_000_000)).collect();
        assert!(numbers.iter().all(|number| *number < 1_000_000));
        assert!(numbers.iter().any(|number| Some(number) != numbers.first()));
        assert_eq!(random.below(0), 0);
        let mut other = Random::from_kernel().expect("a kernel with a random generator");
        assert_ne!(random.number(), other.number());
    }
}
