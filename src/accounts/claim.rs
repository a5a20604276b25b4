//! What a client claims with USER and PASS.

use super::{Password, PasswordHash, WorkingMemory};

/// A user name and a password, with the hash that decides whether they belong together.
#[derive(Debug)]
pub struct Claim {
    pub user: Box<[u8]>,
    /// The account's hash, or a decoy if there is no such account.
    pub hash: PasswordHash,
    pub password: Password,
}

impl Claim {
    /// **Blocks**, see [`PasswordHash::verify`].
    pub fn is_right(&self, memory: &mut WorkingMemory) -> bool {
        self.hash.verify(self.password.as_bytes(), memory)
    }
}
