//! Who may log in, what proves it, and what each may do.
//!
//! Accounts come from the users file and live until it is read again. Nothing here reads the clock or knows a socket;
//! nothing here decides what a client is answered. Verifying a password blocks, so the loop never does it:
//! [`PasswordHash`] and [`Password`] can be sent to another thread.

mod account;
mod attendance;
mod claim;
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
pub use claim::Claim;
pub use password_hash::{HashError, PasswordHash, hash_new};
pub use quotas::{QuotaRoot, Quotas};
pub use recent_proofs::{Proof, RecentProofs};
pub use rights::{AnonymousAccess, Right, Rights};
pub use throttle::LoginThrottle;
pub use users_file::{Privacy, UsersFile, UsersFileError};
pub use working_memory::WorkingMemory;

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

/// All accounts, as one reading of the users file gave them.
#[derive(Debug)]
pub struct Accounts {
    by_name: HashMap<Box<[u8]>, Arc<Account>>,
    /// In the order of the file.
    in_order: Vec<Arc<Account>>,
    /// Decides which account an unknown name takes after; nobody can know it beforehand.
    likeness: RandomState,
}

impl Accounts {
    /// No account at all.
    pub fn none() -> Self {
        Self::of(Vec::new())
    }

    /// The names are different ones.
    fn of(in_order: Vec<Arc<Account>>) -> Self {
        let by_name = in_order
            .iter()
            .map(|account| (account.name.clone(), Arc::clone(account)));
        Self {
            by_name: by_name.collect(),
            in_order,
            likeness: RandomState::new(),
        }
    }

    /// The account of exactly this name.
    pub fn find(&self, name: &[u8]) -> Option<&Arc<Account>> {
        self.by_name.get(name)
    }

    /// What is verified for a `name` that has no account, so that its refusal takes as long as for one that has (threat
    /// F02). No password matches it. `None`: there is no account at all, so there is nothing to hide and nothing to
    /// compute.
    ///
    /// It costs what some account's hash costs, and always the same one's for the same name: where accounts differ in
    /// their costs, unknown names differ likewise.
    pub fn stand_in(&self, name: &[u8]) -> Option<PasswordHash> {
        let number = self.likeness.hash_one(name);
        let place = usize::try_from(number % self.in_order.len().max(1) as u64).unwrap_or(0);
        self.in_order.get(place).map(|account| account.password.stand_in())
    }

    /// All of them, in the order of the file.
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
        assert!(Accounts::none().find(b"alice").is_none());
    }

    #[test]
    fn f02_unknown_names_cost_what_known_ones_cost() {
        let dear = ARGON2.replace("t=1", "t=2");
        let accounts = accounts(&[format!("alice:{ARGON2}:/:read"), format!("bob:{dear}:/:read")]);
        let likenesses =
            ["alice", "bob"].map(|name| accounts.find(name.as_bytes()).expect("known").password.stand_in());
        let unknown: Vec<String> = (0..100).map(|number| format!("nobody{number}")).collect();
        for likeness in &likenesses {
            let like = unknown
                .iter()
                .filter(|name| accounts.stand_in(name.as_bytes()).as_ref() == Some(likeness));
            assert!((1..100).contains(&like.count()), "some are like each");
        }
        for name in &unknown {
            let stand_in = accounts.stand_in(name.as_bytes()).expect("there are accounts");
            assert!(likenesses.contains(&stand_in));
            assert_eq!(
                accounts.stand_in(name.as_bytes()),
                accounts.stand_in(name.as_bytes()),
                "always the same"
            );
        }
    }

    #[test]
    fn f02_nobody_gets_in_by_a_stand_in() {
        let accounts = accounts(&[format!("alice:{ARGON2}:/:read")]);
        let memory = &mut WorkingMemory::default();
        assert!(
            accounts
                .find(b"alice")
                .expect("known")
                .password
                .verify(b"secret", memory)
        );
        let stand_in = accounts.stand_in(b"nobody").expect("there is an account");
        assert!(!stand_in.verify(b"secret", memory), "not even with alice's password");
        assert_eq!(Accounts::none().stand_in(b"nobody"), None, "nothing to hide, no hash");
    }

    #[test]
    fn what_is_verified_elsewhere_can_go_there() {
        fn goes_to_another_thread<T: Send + 'static>() {}
        goes_to_another_thread::<Claim>();
        goes_to_another_thread::<Rights>();
    }
}
