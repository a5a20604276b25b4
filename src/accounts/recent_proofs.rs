//! Passwords that were right a moment ago, so that a client that opens fifty connections has one hash computed, not
//! fifty.
//!
//! What is remembered is no password and no hash of one, but a MAC (HMAC-SHA-256) of account name, hash and password
//! under a random key that this process makes at its start and never writes anywhere. It is good for [`PROOF_KEPT`] and
//! only for exactly these three: another password, another account, or a new hash of the same one has another MAC.
//! Nothing can be learned by time: the MAC of every attempt is computed and compared with all that are kept, whether or
//! not the name exists, and only a right password is answered sooner, which the 230 says anyway. The time is an
//! argument.

use super::Claim;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::collections::VecDeque;
use std::fmt;
use std::hint::black_box;
use std::time::{Duration, Instant};
use zeroize::{Zeroize, Zeroizing};

/// How long a password need not be verified again. Using a proof does not make it last longer.
const PROOF_KEPT: Duration = Duration::from_secs(10);
/// Proofs kept at once; each attempt is compared with all of them.
const PROOFS_MAX: usize = 256;

/// The proofs that are still good.
pub struct RecentProofs {
    /// Keyed, and cloned for each attempt.
    mac: Hmac<Sha256>,
    /// Oldest first; never more than were allocated, so that no copy is left behind.
    proofs: VecDeque<(Instant, [u8; 32])>,
}

/// What stands for one attempt. It says nothing about the password to anybody without the key.
#[derive(Clone, PartialEq, Eq)]
pub struct Proof(Zeroizing<[u8; 32]>);

impl RecentProofs {
    /// `key` has to be random and is used for nothing else.
    pub fn new(key: &[u8; 64]) -> Self {
        Self {
            mac: <Hmac<Sha256> as KeyInit>::new(key.into()),
            proofs: VecDeque::with_capacity(PROOFS_MAX),
        }
    }

    /// What stands for this attempt, right or wrong.
    pub fn of(&self, claim: &Claim) -> Proof {
        let mut mac = self.mac.clone();
        // With its length before each part, no two attempts give the same bytes.
        for part in [&*claim.user, claim.hash.text().as_bytes(), claim.password.as_bytes()] {
            mac.update(&part.len().to_be_bytes());
            mac.update(part);
        }
        mac.update(&[claim.hash.is_stand_in().into()]);
        let mut bytes = mac.finalize().into_bytes();
        let mut proof = Zeroizing::new([0; 32]);
        proof.copy_from_slice(&bytes);
        bytes.zeroize();
        Proof(proof)
    }

    /// Whether this attempt was right a moment ago.
    pub fn holds(&self, attempt: &Proof, now: Instant) -> bool {
        let proofs = self.proofs.iter();
        proofs.fold(false, |found, (since, proof)| {
            found | (is_good(*since, now) & is_same(proof, &attempt.0))
        })
    }

    /// A attempt was verified and right.
    pub fn remember(&mut self, attempt: &Proof, now: Instant) {
        if self.proofs.len() == PROOFS_MAX {
            self.forget_first();
        }
        self.proofs.push_back((now, *attempt.0));
    }

    /// When the oldest proof is to be forgotten.
    pub fn next_end(&self) -> Option<Instant> {
        self.proofs.front().map(|(since, _)| *since + PROOF_KEPT)
    }

    /// Forgets what is good no more.
    pub fn forget_old(&mut self, now: Instant) {
        while self.proofs.front().is_some_and(|(since, _)| !is_good(*since, now)) {
            self.forget_first();
        }
    }

    /// Forgets all of them: the accounts may have changed.
    pub fn forget_all(&mut self) {
        while !self.proofs.is_empty() {
            self.forget_first();
        }
    }

    fn forget_first(&mut self) {
        if let Some((_, proof)) = self.proofs.front_mut() {
            // In its place, for taking it out would only copy it.
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

fn is_good(since: Instant, now: Instant) -> bool {
    now.saturating_duration_since(since) < PROOF_KEPT
}

/// Takes the same time whatever differs.
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
            // The same bytes, divided otherwise.
            claim("alic", ARGON2, "esecret"),
        ] {
            assert!(!proofs.holds(&proofs.of(&other), now), "{other:?}");
        }
        let stand_in = Claim {
            hash: PasswordHash::parse(ARGON2).expect("well-formed").stand_in(),
            ..claim("alice", ARGON2, "secret")
        };
        assert!(!proofs.holds(&proofs.of(&stand_in), now), "a stand-in is nobody's");
        let other_process = RecentProofs::new(&[2; 64]);
        assert_ne!(other_process.of(&claim("alice", ARGON2, "secret")), proven);
    }

    #[test]
    fn f09_proofs_last_seconds_and_using_one_changes_nothing() {
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
