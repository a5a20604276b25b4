//! Passwords that were right in the last seconds, so that a client that opens fifty connections costs one hash, not
//! fifty.
//!
//! What is kept is neither a password nor a hash of one, but a MAC (HMAC-SHA-256) of account name, hash and password,
//! under a random key that this process makes at its start and never writes anywhere. It is valid for [`PROOF_KEPT`]
//! and for exactly these three: another password, another account or a new hash of the account has another MAC. Timing
//! reveals nothing: the MAC of every attempt is computed and compared with all that are kept, whether or not the name
//! exists; only a right password is answered sooner, which the 230 reveals anyway.

use super::Claim;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::collections::VecDeque;
use std::fmt;
use std::hint::black_box;
use std::time::{Duration, Instant};
use zeroize::{Zeroize, Zeroizing};

/// How long a password is not verified again. Using a proof does not extend it.
const PROOF_KEPT: Duration = Duration::from_secs(10);
/// Proofs kept at once; each attempt is compared with all of them.
const PROOFS_MAX: usize = 256;

/// The proofs that are still valid.
pub struct RecentProofs {
    /// Keyed, and cloned for each attempt.
    mac: Hmac<Sha256>,
    /// Oldest first. It never grows, because that would leave a copy in freed memory.
    proofs: VecDeque<(Instant, [u8; 32])>,
}

/// The MAC of one attempt. Without the key it reveals nothing about the password.
#[derive(Clone, PartialEq, Eq)]
pub struct Proof(Zeroizing<[u8; 32]>);

impl RecentProofs {
    /// `key` must be random and used for nothing else.
    pub fn new(key: &[u8; 64]) -> Self {
        Self {
            mac: <Hmac<Sha256> as KeyInit>::new(key.into()),
            proofs: VecDeque::with_capacity(PROOFS_MAX),
        }
    }

    /// The proof of this attempt, right or wrong.
    pub fn of(&self, claim: &Claim) -> Proof {
        let mut mac = self.mac.clone();
        // Each part has its length before it, so no two attempts give the same bytes.
        for part in [&*claim.user, claim.hash.text.as_bytes(), claim.password.as_bytes()] {
            mac.update(&part.len().to_be_bytes());
            mac.update(part);
        }
        mac.update(&[claim.hash.is_decoy.into()]);
        let mut bytes = mac.finalize().into_bytes();
        let mut proof = Zeroizing::new([0; 32]);
        proof.copy_from_slice(&bytes);
        bytes.zeroize();
        Proof(proof)
    }

    /// Whether this attempt was right less than `PROOF_KEPT` ago.
    pub fn holds(&self, attempt: &Proof, now: Instant) -> bool {
        let proofs = self.proofs.iter();
        proofs.fold(false, |found, (since, proof)| {
            found | (is_valid(*since, now) & is_same(proof, &attempt.0))
        })
    }

    /// Keeps the proof of an attempt whose password was right.
    pub fn remember(&mut self, attempt: &Proof, now: Instant) {
        if self.proofs.len() == PROOFS_MAX {
            self.forget_first();
        }
        self.proofs.push_back((now, *attempt.0));
    }

    /// When the oldest proof expires.
    pub fn next_end(&self) -> Option<Instant> {
        self.proofs.front().map(|(since, _)| *since + PROOF_KEPT)
    }

    /// Removes expired proofs.
    pub fn forget_old(&mut self, now: Instant) {
        while self.proofs.front().is_some_and(|(since, _)| !is_valid(*since, now)) {
            self.forget_first();
        }
    }

    /// Removes all proofs; call it when the accounts may have changed.
    pub fn forget_all(&mut self) {
        while !self.proofs.is_empty() {
            self.forget_first();
        }
    }

    fn forget_first(&mut self) {
        if let Some((_, proof)) = self.proofs.front_mut() {
            // In place: removing it first would copy it.
            proof.zeroize();
            self.proofs.pop_front();
        }
    }
}

impl Drop for RecentProofs {
    fn drop(&mut self) {
        self.forget_all();
    }
}

impl fmt::Debug for RecentProofs {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} proofs", self.proofs.len())
    }
}

impl fmt::Debug for Proof {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("****")
    }
}

fn is_valid(since: Instant, now: Instant) -> bool {
    now.saturating_duration_since(since) < PROOF_KEPT
}

/// In constant time.
fn is_same(a: &[u8; 32], b: &[u8; 32]) -> bool {
    let difference = a.iter().zip(b).fold(0, |difference, (a, b)| difference | (a ^ b));
    black_box(difference) == 0
}

#[cfg(test)]
mod tests {
    use super::super::password_hash::tests::{ARGON2, BCRYPT};
    use super::super::{Password, PasswordHash};
    use super::*;

    fn claim(user: &str, hash: &str, password: &str) -> Claim {
        Claim {
            user: user.as_bytes().into(),
            hash: PasswordHash::parse(hash).expect("well-formed"),
            password: Password::new(password.as_bytes().to_vec()),
        }
    }

    #[test]
    fn f09_a_proof_is_of_one_account_one_hash_and_one_password() {
        let mut proofs = RecentProofs::new(&[1; 64]);
        let now = Instant::now();
        let proven = proofs.of(&claim("alice", ARGON2, "secret"));
        assert!(!proofs.holds(&proven, now), "not before it was verified");
        proofs.remember(&proven, now);
        assert!(proofs.holds(&proofs.of(&claim("alice", ARGON2, "secret")), now));
        for other in [
            claim("alice", ARGON2, "Secret"),
            claim("alice", ARGON2, ""),
            claim("alice", BCRYPT, "secret"),
            claim("Alice", ARGON2, "secret"),
            // The same bytes, split elsewhere.
            claim("alic", ARGON2, "esecret"),
        ] {
            assert!(!proofs.holds(&proofs.of(&other), now), "{other:?}");
        }
        let decoy = Claim {
            hash: PasswordHash::parse(ARGON2).expect("well-formed").decoy(),
            ..claim("alice", ARGON2, "secret")
        };
        assert!(!proofs.holds(&proofs.of(&decoy), now), "a decoy is no account's hash");
        let other_process = RecentProofs::new(&[2; 64]);
        assert_ne!(other_process.of(&claim("alice", ARGON2, "secret")), proven);
    }

    #[test]
    fn f09_proofs_last_seconds_and_use_does_not_extend_them() {
        let mut proofs = RecentProofs::new(&[1; 64]);
        let start = Instant::now();
        let proven = proofs.of(&claim("alice", ARGON2, "secret"));
        proofs.remember(&proven, start);
        let last = start + PROOF_KEPT - Duration::from_millis(1);
        assert!(proofs.holds(&proven, last));
        assert_eq!(proofs.next_end(), Some(start + PROOF_KEPT));
        assert!(!proofs.holds(&proven, start + PROOF_KEPT));
        proofs.forget_old(last);
        assert!(proofs.holds(&proven, last));
        proofs.forget_old(start + PROOF_KEPT);
        assert_eq!(proofs.next_end(), None);
    }

    #[test]
    fn g23_proofs_are_bounded_and_all_are_forgotten_at_once() {
        let mut proofs = RecentProofs::new(&[1; 64]);
        let now = Instant::now();
        let capacity = proofs.proofs.capacity();
        let proof_of = |proofs: &RecentProofs, number: usize| proofs.of(&claim(&number.to_string(), ARGON2, "secret"));
        for number in 0..PROOFS_MAX * 2 {
            let proof = proof_of(&proofs, number);
            proofs.remember(&proof, now);
        }
        assert_eq!((proofs.proofs.len(), proofs.proofs.capacity()), (PROOFS_MAX, capacity));
        assert!(!proofs.holds(&proof_of(&proofs, PROOFS_MAX - 1), now));
        assert!(proofs.holds(&proof_of(&proofs, PROOFS_MAX), now));
        proofs.forget_all();
        assert!(!proofs.holds(&proof_of(&proofs, PROOFS_MAX), now));
    }

    #[test]
    fn o10_no_proof_is_shown() {
        let mut proofs = RecentProofs::new(&[1; 64]);
        let proof = proofs.of(&claim("alice", ARGON2, "secret"));
        proofs.remember(&proof, Instant::now());
        assert_eq!(format!("{proof:?} {proofs:?}"), "**** 1 proofs");
    }
}
