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

    fn accounts(lines: &[String]) -> Accounts {
        Accounts::parse(lines.join("\n").as_bytes()).expect("good lines")
    }

    #[test]
    fn names_are_exact() {
        let accounts = accounts(&[format!("alice:{ARGON2}:/:read"), format!("Alice:{ARGON2}:/a:read")]);
        assert_eq!(accounts.len(), 2);
        let root = |name: &[u8]| accounts.find(name).map(|account| account.root.as_bytes().to_vec());
        assert_eq!(root(b"alice"), Some(b"/".to_vec()));
        assert_eq!(root(b"Alice"), Some(b"/a".to_vec()));
        assert_eq!(root(b"ALICE"), None);
        assert_eq!(root(b""), None);
        assert!(Accounts::default().find(b"alice").is_none());
    }

    #[test]
    fn f02_unknown_names_cost_what_known_ones_cost() {
        let costly = ARGON2.replace("t=1", "t=2");
        let accounts = accounts(&[format!("alice:{ARGON2}:/:read"), format!("bob:{costly}:/:read")]);
        let decoys = ["alice", "bob"].map(|name| accounts.find(name.as_bytes()).expect("known").password.decoy());
        let unknown: Vec<String> = (0..100).map(|number| format!("nobody{number}")).collect();
        for decoy in &decoys {
            let having = unknown
                .iter()
                .filter(|name| accounts.decoy_hash(name.as_bytes()).as_ref() == Some(decoy));
            assert!((1..100).contains(&having.count()), "some have each");
        }
        for name in &unknown {
            let decoy = accounts.decoy_hash(name.as_bytes()).expect("there are accounts");
            assert!(decoys.contains(&decoy));
            assert_eq!(
                accounts.decoy_hash(name.as_bytes()),
                accounts.decoy_hash(name.as_bytes()),
                "always the same"
            );
        }
    }

    #[test]
    fn f02_a_decoy_hash_lets_nobody_in() {
        let accounts = accounts(&[format!("alice:{ARGON2}:/:read")]);
        let memory = &mut WorkingMemory::default();
        assert!(
            accounts
                .find(b"alice")
                .expect("known")
                .password
                .verify(b"secret", memory)
        );
        let decoy = accounts.decoy_hash(b"nobody").expect("there is an account");
        assert!(!decoy.verify(b"secret", memory), "not even with alice's password");
        assert_eq!(
            Accounts::default().decoy_hash(b"nobody"),
            None,
            "nothing to hide, no hash"
        );
    }
}
