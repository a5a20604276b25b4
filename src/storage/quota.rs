//! Quotas: how much an account may store under its root.
//!
//! Bytes are charged before they are kept, and given back if they are not: a [`Charge`] that is dropped unsettled
//! refunds itself, so an aborted upload never uses up a quota. Changes that others make to the same files are noticed
//! at the next measurement.

use super::{QuotaLimits, Usage};
use std::sync::Arc;

/// What one account may still store under its root.
#[derive(Clone, Debug)]
pub struct Quota {
    limits: QuotaLimits,
    usage: Arc<Usage>,
}

/// Bytes and entries that were charged to a quota and are given back on drop.
#[derive(Debug)]
pub struct Charge {
    quota: Quota,
    bytes: u64,
    entries: u64,
}

impl Quota {
    /// `usage` is shared by all accounts with the same root.
    pub fn new(limits: QuotaLimits, usage: Arc<Usage>) -> Self {
        Self { limits, usage }
    }

    /// Bytes stored, including uploads in progress.
    pub fn used(&self) -> u64 {
        self.usage.bytes()
    }

    /// Bytes that may still be stored.
    pub fn room(&self) -> u64 {
        self.room_without(0)
    }

    /// The room once `bytes` of what is stored are gone.
    fn room_without(&self, bytes: u64) -> u64 {
        let used = self.usage.bytes().saturating_sub(bytes);
        self.limits.bytes.map_or(u64::MAX, |limit| limit.saturating_sub(used))
    }

    /// Whether one more file or directory may be created.
    pub fn has_room_for_entry(&self) -> bool {
        self.limits.entries.is_none_or(|limit| self.usage.entries() < limit)
    }

    /// A directory was created.
    pub fn add_entry(&self) {
        self.usage.charge(0, 1);
    }

    /// An entry was removed, and with it `bytes`.
    pub fn give_back_entry(&self, bytes: u64) {
        self.usage.give_back(bytes, 1);
    }

    /// Something was renamed.
    pub fn note_rename(&self) {
        self.usage.note_rename();
    }
}

impl Charge {
    /// Nothing is charged yet.
    pub fn to(quota: Quota) -> Self {
        Self {
            quota,
            bytes: 0,
            entries: 0,
        }
    }

    /// Bytes that may still be charged once `bytes` of what is stored are gone.
    pub fn room_without(&self, bytes: u64) -> u64 {
        self.quota.room_without(bytes)
    }

    /// Charges `bytes`; the caller has checked the room.
    pub fn add(&mut self, bytes: u64) {
        self.bytes += bytes;
        self.quota.usage.charge(bytes, 0);
    }

    /// Charges `bytes` that are not given back on drop.
    pub fn add_for_good(&mut self, bytes: u64) {
        self.quota.usage.charge(bytes, 0);
    }

    /// Charges one entry; the caller has checked the room.
    pub fn add_entry(&mut self) {
        self.entries += 1;
        self.quota.usage.charge(0, 1);
    }

    /// `bytes` that were stored before are gone.
    pub fn give_back(&self, bytes: u64) {
        self.quota.usage.give_back(bytes, 0);
    }

    /// What was charged stays charged. `replaced`: bytes of the file that was replaced, if there was one.
    pub fn settle(mut self, replaced: Option<u64>) {
        self.bytes = 0;
        self.entries = 0;
        if let Some(bytes) = replaced {
            self.quota.give_back_entry(bytes);
        }
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.quota.usage.give_back(self.bytes, self.entries);
    }
}

#[cfg(test)]
pub(crate) mod tests;
