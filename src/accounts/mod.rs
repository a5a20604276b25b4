//! Accounts: passwords, rights, limits, and the throttling of failed logins.
//!
//! Accounts come from the users file and are replaced when it is read again. Nothing here reads the clock, uses a
//! socket or decides on a reply. Verifying a password blocks, so it runs on the slow-work thread, to which [`Claim`]s
//! are sent.

mod account;
mod attendance;
mod password_hash;
mod quotas;
mod recent_proofs;
mod rights;
mod throttle;
mod users_file;
mod working_memory;

pub use crate::ftp::password::Password;
pub use account::{Account, Limits};
pub use attendance::{Attendance, Presence};
pub use password_hash::{PasswordHash, hash_new};
pub use quotas::{QuotaRoot, Quotas};
pub use recent_proofs::{Proof, RecentProofs};
pub use rights::{ANONYMOUS, AnonymousAccess, Rights, is_anonymous};
pub use throttle::LoginThrottle;
pub use users_file::{Privacy, UsersFile, UsersFileError};
pub use working_memory::WorkingMemory;

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

/// All accounts of the users file, as it was when it was read.
#[derive(Debug, Default)]
pub struct Accounts {
    by_name: HashMap<Box<[u8]>, Arc<Account>>,
    /// In the order of the file.
    in_order: Vec<Arc<Account>>,
    /// Decides which account's hash is the decoy for an unknown name; random, so clients cannot predict it.
    decoy_choice: RandomState,
}

impl Accounts {
    /// The names must differ.
    fn of(in_order: Vec<Arc<Account>>) -> Self {
        let by_name = in_order
            .iter()
            .map(|account| (account.name.clone(), Arc::clone(account)));
        Self {
            by_name: by_name.collect(),
            in_order,
            decoy_choice: RandomState::new(),
        }
    }

    /// The account of exactly this name.
    pub fn find(&self, name: &[u8]) -> Option<&Arc<Account>> {
        self.by_name.get(name)
    }

    /// The hash to verify for a `name` that has no account, so that refusing it takes as long as refusing a wrong
    /// password (threat F02). No password matches it. `None`: there are no accounts, so there is nothing to hide.
    ///
    /// It is the same for the same name, and costs as much as some account's: where the costs of accounts differ, those
    /// of unknown names differ too.
    pub fn decoy_hash(&self, name: &[u8]) -> Option<PasswordHash> {
        let number = self.decoy_choice.hash_one(name);
        let place = usize::try_from(number % self.in_order.len().max(1) as u64).unwrap_or(0);
        self.in_order.get(place).map(|account| account.password.decoy())
    }

    /// In the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Account>> {
        self.in_order.iter()
    }

    pub fn is_empty(&self) -> bool {
        self.in_order.is_empty()
    }

    pub fn len(&self) -> usize {
        self.in_order.len()
    }
}

/// What a client claims with USER and PASS, and the hash that decides whether they belong together.
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

#[cfg(test)]
mod tests {
    use super::password_hash::tests::ARGON2;
    use super::*;

    /// The accounts of these lines, in which `HASH` is the hash of `secret`.
    pub(super) fn accounts(lines: &[&str]) -> Accounts {
        let content = lines.join("\n").replace("HASH", ARGON2);
        Accounts::parse(content.as_bytes()).expect("good lines")
    }

    #[test]
    fn names_are_exact() {
        let accounts = accounts(&["alice:HASH:/:read", "Alice:HASH:/a:read"]);
        assert_eq!(accounts.len(), 2);
        let root = |name: &[u8]| accounts.find(name).map(|account| account.root.as_bytes());
        let roots = [&b"alice"[..], b"Alice", b"ALICE", b""].map(root);
        assert_eq!(roots, [Some(&b"/"[..]), Some(b"/a"), None, None]);
        assert!(Accounts::default().find(b"alice").is_none());
    }

    #[test]
    fn f02_unknown_names_cost_what_known_ones_cost_and_let_nobody_in() {
        let costly = format!("bob:{}:/:read", ARGON2.replace("t=1", "t=2"));
        let accounts = accounts(&["alice:HASH:/:read", &costly]);
        let decoys = [&b"alice"[..], b"bob"].map(|name| accounts.find(name).expect("known").password.decoy());
        let mut used = [false; 2];
        for number in 0..100 {
            let name = format!("nobody{number}").into_bytes();
            let decoy = accounts.decoy_hash(&name).expect("there are accounts");
            used[decoys.iter().position(|known| *known == decoy).expect("an account's")] = true;
            assert_eq!(accounts.decoy_hash(&name), Some(decoy), "always the same");
        }
        assert_eq!(used, [true; 2], "some have each");
        let matches = decoys[0].verify(b"secret", &mut WorkingMemory::default());
        assert!(!matches, "not even with alice's password");
        assert_eq!(Accounts::default().decoy_hash(b"nobody"), None, "nothing to hide");
    }
}
