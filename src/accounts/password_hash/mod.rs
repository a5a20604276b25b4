//! Password hashes: new ones are argon2id; bcrypt, yescrypt and sha512-crypt are verified too.
//!
//! The cost of verifying a hash is bounded when it is parsed, to about a second, so that no line of the users file can
//! delay everyone else's login or exhaust the memory. A hash is never shown, neither by `{:?}` nor in an error.

mod argon2id;
mod bcrypt;
mod crypt_base64;
mod sha_crypt;
#[cfg(test)]
pub(super) mod tests;
mod yescrypt;

pub use argon2id::hash_new;

use super::WorkingMemory;
use std::fmt;
use std::sync::Arc;

/// Most memory that one verification may take, in bytes.
const MEMORY_MAX: u64 = 256 << 20;

/// The hash of one account's password, well-formed and of bounded cost. Cloning it copies a pointer.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash {
    scheme: Scheme,
    /// As in the users file.
    pub(super) text: Arc<str>,
    /// A decoy takes as long to verify as the account's hash that it was made of; no password matches it.
    pub(super) is_decoy: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Argon2,
    Bcrypt,
    Sha512Crypt,
    Yescrypt,
}

/// Why a text cannot be used as a hash. No message shows the text, which may be a password put there by mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    #[error("the hash is empty; make one with loopftpd --hash-password")]
    Empty,
    /// `*`, `!` or `x`, as in system password files.
    #[error("this hash locks an account; to do that here, remove the line")]
    Locked,
    #[error(
        "not a password hash; expected argon2, bcrypt, yescrypt or sha512-crypt, as loopftpd --hash-password makes it"
    )]
    Unknown,
    /// It begins like a hash of this scheme.
    #[error("malformed {0} hash")]
    Malformed(&'static str),
    #[error("verifying this {0} hash would take too much time or memory")]
    TooCostly(&'static str),
}

impl PasswordHash {
    /// Checks all of `text`: what is accepted here can be verified.
    pub fn parse(text: &str) -> Result<Self, HashError> {
        let identifier = text.strip_prefix('$').and_then(|rest| rest.split('$').next());
        let (scheme, checked) = match identifier {
            Some("argon2id" | "argon2i" | "argon2d") => (Scheme::Argon2, argon2id::check(text)),
            Some("2a" | "2b" | "2y") => (Scheme::Bcrypt, bcrypt::check(text)),
            Some("6") => (Scheme::Sha512Crypt, sha_crypt::check(text)),
            Some("y") => (Scheme::Yescrypt, yescrypt::check(text)),
            Some(_) => return Err(HashError::Unknown),
            None if text.is_empty() => return Err(HashError::Empty),
            None if text.starts_with(['*', '!']) || text == "x" => return Err(HashError::Locked),
            None => return Err(HashError::Unknown),
        };
        checked?;
        Ok(Self {
            scheme,
            text: text.into(),
            is_decoy: false,
        })
    }

    /// Whether `password` has this hash. **Blocks** for tens of milliseconds to a second: never call it on the loop's
    /// thread. A hash that cannot be computed, because memory is short, matches nothing.
    pub fn verify(&self, password: &[u8], memory: &mut WorkingMemory) -> bool {
        let text: &str = &self.text;
        // The crates compare in constant time.
        let matches = match self.scheme {
            Scheme::Argon2 => argon2id::verify(text, password, memory).unwrap_or(false),
            Scheme::Bcrypt => bcrypt::verify(text, password),
            Scheme::Sha512Crypt => sha_crypt::verify(text, password),
            Scheme::Yescrypt => yescrypt::verify(text, password),
        };
        matches & !self.is_decoy
    }

    /// A hash that takes exactly as long to verify as this one and that no password matches, not even this one's.
    pub(super) fn decoy(&self) -> Self {
        Self {
            is_decoy: true,
            ..self.clone()
        }
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}(****)", self.scheme)
    }
}
