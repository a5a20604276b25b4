//! What USER and PASS say together, on its way to being verified.

use super::{Password, PasswordHash, WorkingMemory};

/// Somebody says to be `user` and gives a password; whether it is right is found out beside the loop.
#[derive(Debug)]
pub struct Claim {
    pub user: Box<[u8]>,
    /// The account's hash, or a stand-in where there is no such account.
    pub hash: PasswordHash,
    pub password: Password,
}

impl Claim {
    /// Whether the password is the account's. **Blocks**, see [`PasswordHash::verify`].
    pub fn is_right(&self, memory: &mut WorkingMemory) -> bool {
        self.hash.verify(self.password.as_bytes(), memory)
    }
}
