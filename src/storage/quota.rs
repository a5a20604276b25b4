//! How much may lie beneath an account's root, counted while it comes in.
//!
//! Bytes are charged before they are kept and given back when they are not: a [`Charge`] that is dropped unsettled refunds
//! itself, so a broken-off upload can never use up a quota. What others do to the same files is not noticed until the next
//! measurement.

use std::cell::Cell;
use std::rc::Rc;

/// The bytes of one account.
#[derive(Debug)]
pub struct Quota {
    limit: u64,
    used: Cell<u64>,
}

/// Bytes that were taken from a quota.
#[derive(Debug)]
pub struct Charge {
    quota: Rc<Quota>,
    bytes: u64,
}

impl Quota {
    /// `used`: what lies there already.
    pub fn new(limit: u64, used: u64) -> Self {
        Self {
            limit,
            used: Cell::new(used),
        }
    }

    /// Bytes that may still come.
    pub fn room(&self) -> u64 {
        self.limit.saturating_sub(self.used.get())
    }

    /// Bytes that lie there, uploads under way included.
    pub fn used(&self) -> u64 {
        self.used.get()
    }

    /// `bytes` have been removed.
    pub fn give_back(&self, bytes: u64) {
        self.used.set(self.used.get().saturating_sub(bytes));
    }
}

impl Charge {
    /// Nothing is charged yet.
    pub fn to(quota: Rc<Quota>) -> Self {
        Self { quota, bytes: 0 }
    }

    /// Bytes that may still be charged once `bytes` that lie there are gone.
    pub fn room_without(&self, bytes: u64) -> u64 {
        self.quota
            .limit
            .saturating_sub(self.quota.used.get().saturating_sub(bytes))
    }

    /// Takes `bytes`, which the caller has limited to the room.
    pub fn add(&mut self, bytes: u64) {
        self.bytes += bytes;
        self.quota.used.set(self.quota.used.get().saturating_add(bytes));
    }

    /// Takes `bytes` that will not be given back when this is dropped.
    pub fn add_for_good(&mut self, bytes: u64) {
        self.quota.used.set(self.quota.used.get().saturating_add(bytes));
    }

    /// `bytes` that lay there are gone.
    pub fn give_back(&self, bytes: u64) {
        self.quota.give_back(bytes);
    }

    /// What was charged stays charged; `replaced` bytes are gone for it.
    pub fn settle(mut self, replaced: u64) {
        self.bytes = 0;
        self.quota.give_back(replaced);
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.quota.give_back(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h12_what_is_not_kept_is_given_back() {
        let quota = Rc::new(Quota::new(100, 40));
        let mut broken_off = Charge::to(Rc::clone(&quota));
        broken_off.add(60);
        assert_eq!(quota.room(), 0, "uploads under way count");
        drop(broken_off);
        assert_eq!(quota.room(), 60);
        let mut kept = Charge::to(Rc::clone(&quota));
        kept.add(50);
        kept.settle(30);
        assert_eq!(quota.used(), 60, "40 were there, 50 came, 30 were replaced");
        quota.give_back(1_000);
        assert_eq!(quota.used(), 0);
    }
}
