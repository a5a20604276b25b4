//! Account roots with quotas, and how much is in each.
//!
//! Usage belongs to the root, not to the account: accounts that share a root share its usage, each with limits of its
//! own. A reload takes over the usage of the roots that stay, so charges under way are not lost.

use super::{Account, Accounts};
use crate::ftp::path::VirtualPath;
use crate::storage::{QuotaLimits, Usage};
use std::collections::HashMap;
use std::sync::Arc;

/// All roots with quotas. Built on any thread; afterwards only the usage changes.
#[derive(Debug, Default)]
pub struct Quotas {
    /// In the order of the file, in which they are measured.
    roots: Vec<QuotaRoot>,
    places: HashMap<VirtualPath, usize>,
}

/// One root with quotas.
#[derive(Debug)]
pub struct QuotaRoot {
    pub path: VirtualPath,
    /// The accounts with this root and a quota.
    pub accounts: Vec<Arc<Account>>,
    pub usage: Arc<Usage>,
}

impl Quotas {
    /// The roots of `accounts`, with the usage of those that are in `previous`.
    pub fn of(accounts: &Accounts, previous: &Quotas) -> Self {
        let mut quotas = Self::default();
        for account in accounts.iter().filter(|account| account.limits.quota.is_any()) {
            let next = quotas.roots.len();
            let place = *quotas.places.entry(account.root.clone()).or_insert(next);
            if place == next {
                let known = previous.find(&account.root);
                quotas.roots.push(QuotaRoot {
                    path: account.root.clone(),
                    accounts: Vec::new(),
                    usage: known.map_or_else(Arc::default, |root| Arc::clone(&root.usage)),
                });
            }
            if let Some(root) = quotas.roots.get_mut(place) {
                root.accounts.push(Arc::clone(account));
            }
        }
        quotas
    }

    /// The root `path`, if an account with a quota has it.
    pub fn find(&self, path: &VirtualPath) -> Option<&QuotaRoot> {
        self.roots.get(*self.places.get(path)?)
    }

    /// By index.
    pub fn get(&self, place: usize) -> Option<&QuotaRoot> {
        self.roots.get(place)
    }

    pub fn len(&self) -> usize {
        self.roots.len()
    }

    pub fn is_empty(&self) -> bool {
        self.roots.is_empty()
    }
}

impl QuotaRoot {
    /// The largest limits of all accounts with this root.
    pub fn largest_limits(&self) -> QuotaLimits {
        let limits = self.accounts.iter().map(|account| account.limits.quota);
        limits.fold(QuotaLimits::default(), QuotaLimits::largest)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::accounts;
    use super::*;

    fn path(path: &str) -> VirtualPath {
        VirtualPath::ROOT.join(path.as_bytes()).expect("short")
    }

    #[test]
    fn h12_accounts_with_one_root_share_its_usage_and_a_reload_keeps_it() {
        let before = accounts(&[
            "alice:HASH:/a:read:quota=10,entries=3",
            "bob:HASH:/b:read",
            "carol:HASH:/a:read:quota=20",
        ]);
        let quotas = Quotas::of(&before, &Quotas::default());
        assert_eq!(quotas.len(), 1);
        let shared = quotas.find(&path("a")).expect("a root with quotas");
        assert_eq!(shared.accounts.len(), 2);
        let largest = QuotaLimits {
            bytes: Some(20),
            entries: Some(3),
        };
        assert_eq!(shared.largest_limits(), largest);
        let after = accounts(&["dave:HASH:/d:read:quota=1", "carol:HASH:/a:read:quota=5"]);
        let next = Quotas::of(&after, &quotas);
        let taken_over = next.find(&path("a")).expect("still there");
        assert!(Arc::ptr_eq(&taken_over.usage, &shared.usage));
        assert!(!Arc::ptr_eq(&next.get(0).expect("another").usage, &shared.usage));
        assert!(next.find(&path("b")).is_none());
    }
}
