//! How much may lie beneath an account's root, counted while it changes: bytes of files, and entries (files,
//! directories, links).
//!
//! Bytes are charged before they are kept and given back when they are not: a [`Charge`] that is dropped unsettled
//! refunds itself, so a broken-off upload can never use up a quota. What others do to the same files is not noticed
//! until the next measurement.
//!
//! A measurement takes a while, and the files change meanwhile. [`Usage::measured`] therefore believes the running
//! count where the two differ by no more than what was charged and given back during the walk, and prefers the larger
//! figure elsewhere, so that nothing that a client does during a walk makes room (threat H12).

use super::tree_walk::Missed;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What lies beneath one root, whoever put it there. Only the loop changes it; it is shared so that the next list of
/// accounts, which is built on another thread, can take it over.
#[derive(Debug, Default)]
pub struct Usage {
    bytes: Tally,
    entries: Tally,
    renames: Counter,
    /// Whether a walk has ended; nothing may be changed before.
    is_known: AtomicBool,
    /// Whether the figures were only assumed, because no walk could see everything yet.
    is_assumed: AtomicBool,
}

/// A running count, and how much it has moved in each direction since the start.
#[derive(Debug, Default)]
struct Tally {
    used: Counter,
    charged: Counter,
    freed: Counter,
}

/// Only one thread writes, so there is nothing to order.
#[derive(Debug, Default)]
struct Counter(AtomicU64);

/// How far the counts had moved when a walk began.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    bytes: Moved,
    entries: Moved,
    renames: u64,
}

#[derive(Clone, Copy, Debug)]
struct Moved {
    charged: u64,
    freed: u64,
}

/// What a walk has found.
#[derive(Clone, Copy, Debug)]
pub struct Found<'walk> {
    pub bytes: u64,
    pub entries: u64,
    /// Why that is not all, if it is not.
    pub missed: Option<&'walk Missed>,
}

/// How a measurement was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The figures are right.
    Exact,
    /// Not everything was seen, or it was moved meanwhile: the old figures stay in force, unless more was seen than
    /// that.
    Kept,
    /// Not everything was seen, and there are no old figures: the limits are assumed to be used up.
    Assumed,
}

/// The most that may lie there; `None`: no limit of that kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QuotaLimits {
    pub bytes: Option<u64>,
    pub entries: Option<u64>,
}

/// What one account may still put beneath its root.
#[derive(Clone, Debug)]
pub struct Quota {
    limits: QuotaLimits,
    usage: Arc<Usage>,
}

/// Bytes, and perhaps an entry, that were taken from a quota.
#[derive(Debug)]
pub struct Charge {
    quota: Quota,
    bytes: u64,
    entries: u64,
}

impl Usage {
    /// Whether it has been measured at all.
    pub fn is_known(&self) -> bool {
        self.is_known.load(Ordering::Relaxed)
    }

    /// Bytes that lie there, uploads under way included.
    pub fn bytes(&self) -> u64 {
        self.bytes.used.get()
    }

    /// Entries that lie there, temporary files of uploads under way included.
    pub fn entries(&self) -> u64 {
        self.entries.used.get()
    }

    /// To be remembered while a walk runs.
    pub fn moment(&self) -> Moment {
        Moment {
            bytes: self.bytes.moved(),
            entries: self.entries.moved(),
            renames: self.renames.get(),
        }
    }

    /// A walk that began at `since` has ended. `largest`: the largest limits of those who share this.
    pub fn measured(&self, found: Found<'_>, since: Moment, largest: QuotaLimits) -> Verdict {
        let is_disturbed = self.renames.get() != since.renames;
        let is_known = self.is_known.swap(true, Ordering::Relaxed);
        if found.missed.is_none() && !is_disturbed {
            let is_assumed = self.is_assumed.swap(false, Ordering::Relaxed);
            let believes_count = is_known && !is_assumed;
            self.bytes.correct(found.bytes, since.bytes, believes_count);
            self.entries.correct(found.entries, since.entries, believes_count);
            return Verdict::Exact;
        }
        if is_known {
            if !is_disturbed {
                self.bytes.raise(found.bytes, since.bytes);
                self.entries.raise(found.entries, since.entries);
            }
            return Verdict::Kept;
        }
        self.is_assumed.store(true, Ordering::Relaxed);
        self.bytes.used.set(found.bytes.max(largest.bytes.unwrap_or(0)));
        self.entries.used.set(found.entries.max(largest.entries.unwrap_or(0)));
        Verdict::Assumed
    }

    /// Something was renamed: a walk under way may have missed it, or seen it twice.
    fn note_rename(&self) {
        self.renames.set(self.renames.get().saturating_add(1));
    }
}

impl Tally {
    fn moved(&self) -> Moved {
        Moved {
            charged: self.charged.get(),
            freed: self.freed.get(),
        }
    }

    /// What was charged during the walk may be in `walked` or not; and so may what was freed.
    fn correct(&self, walked: u64, since: Moved, believes_count: bool) {
        let charged = self.charged.get().saturating_sub(since.charged);
        let freed = self.freed.get().saturating_sub(since.freed);
        let explained = walked.saturating_sub(freed)..=walked.saturating_add(charged);
        if !believes_count || !explained.contains(&self.used.get()) {
            self.used.set(*explained.end());
        }
    }

    /// What a walk has seen is there at least, unless it was freed since.
    fn raise(&self, walked: u64, since: Moved) {
        let freed = self.freed.get().saturating_sub(since.freed);
        self.used.set(self.used.get().max(walked.saturating_sub(freed)));
    }

    fn add(&self, amount: u64) {
        self.used.set(self.used.get().saturating_add(amount));
        self.charged.set(self.charged.get().saturating_add(amount));
    }

    fn give_back(&self, amount: u64) {
        self.used.set(self.used.get().saturating_sub(amount));
        self.freed.set(self.freed.get().saturating_add(amount));
    }
}

impl Counter {
    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }
}

impl QuotaLimits {
    /// Whether there is any limit.
    pub fn is_any(self) -> bool {
        self.bytes.is_some() || self.entries.is_some()
    }

    /// The larger of each kind.
    pub fn largest(self, other: Self) -> Self {
        Self {
            bytes: self.bytes.max(other.bytes),
            entries: self.entries.max(other.entries),
        }
    }
}

impl Quota {
    /// What is used is counted in `usage`, which others may share.
    pub fn new(limits: QuotaLimits, usage: Arc<Usage>) -> Self {
        Self { limits, usage }
    }

    /// Bytes that lie there, uploads under way included.
    pub fn used(&self) -> u64 {
        self.usage.bytes()
    }

    /// Bytes that may still come.
    pub fn room(&self) -> u64 {
        self.room_without(0)
    }

    fn room_without(&self, bytes: u64) -> u64 {
        let used = self.usage.bytes().saturating_sub(bytes);
        self.limits.bytes.map_or(u64::MAX, |limit| limit.saturating_sub(used))
    }

    /// Whether one more file or directory may be made.
    pub fn has_room_for_entry(&self) -> bool {
        self.limits.entries.is_none_or(|limit| self.usage.entries() < limit)
    }

    /// A directory has been made.
    pub fn add_entry(&self) {
        self.usage.entries.add(1);
    }

    /// An entry has been removed, and the `bytes` of its file.
    pub fn give_back_entry(&self, bytes: u64) {
        self.usage.entries.give_back(1);
        self.usage.bytes.give_back(bytes);
    }

    /// Something has another name now.
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

    /// Bytes that may still be charged once `bytes` that lie there are gone.
    pub fn room_without(&self, bytes: u64) -> u64 {
        self.quota.room_without(bytes)
    }

    /// Takes `bytes`, which the caller has limited to the room.
    pub fn add(&mut self, bytes: u64) {
        self.bytes += bytes;
        self.quota.usage.bytes.add(bytes);
    }

    /// Takes `bytes` that will not be given back when this is dropped.
    pub fn add_for_good(&mut self, bytes: u64) {
        self.quota.usage.bytes.add(bytes);
    }

    /// Takes one entry, which the caller has found room for.
    pub fn add_entry(&mut self) {
        self.entries += 1;
        self.quota.usage.entries.add(1);
    }

    /// `bytes` that lay there are gone.
    pub fn give_back(&self, bytes: u64) {
        self.quota.usage.bytes.give_back(bytes);
    }

    /// What was charged stays charged. `replaced`: bytes of the file that is gone for it, if there was one.
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
        self.quota.usage.bytes.give_back(self.bytes);
        self.quota.usage.entries.give_back(self.entries);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::MissedReason;
    use super::*;

    /// A quota of `limit` bytes of which `used` are taken.
    pub(crate) fn quota(limit: u64, used: u64) -> Quota {
        let limits = QuotaLimits {
            bytes: Some(limit),
            entries: None,
        };
        let usage = Usage::default();
        let found = Found {
            bytes: used,
            entries: 0,
            missed: None,
        };
        assert_eq!(usage.measured(found, usage.moment(), limits), Verdict::Exact);
        Quota::new(limits, Arc::new(usage))
    }

    fn found(bytes: u64) -> Found<'static> {
        Found {
            bytes,
            entries: 0,
            missed: None,
        }
    }

    /// Measures again; `meanwhile` happens while the walk runs.
    fn measured(quota: &Quota, bytes: u64, meanwhile: impl FnOnce()) -> (Verdict, u64) {
        let since = quota.usage.moment();
        meanwhile();
        let verdict = quota.usage.measured(found(bytes), since, quota.limits);
        (verdict, quota.usage.bytes())
    }

    #[test]
    fn h12_what_is_not_kept_is_given_back() {
        let quota = quota(100, 40);
        let mut broken_off = Charge::to(quota.clone());
        broken_off.add(60);
        assert_eq!(quota.room(), 0, "uploads under way count");
        drop(broken_off);
        assert_eq!(quota.room(), 60);
        let mut kept = Charge::to(quota.clone());
        kept.add(50);
        kept.settle(Some(30));
        assert_eq!(quota.usage.bytes(), 60, "40 were there, 50 came, 30 were replaced");
        quota.give_back_entry(1_000);
        assert_eq!(quota.usage.bytes(), 0);
    }

    #[test]
    fn g13_entries_are_counted_beside_the_bytes() {
        let limits = QuotaLimits {
            bytes: None,
            entries: Some(2),
        };
        let quota = Quota::new(limits, Arc::new(Usage::default()));
        quota.add_entry();
        assert!(quota.has_room_for_entry());
        let mut upload = Charge::to(quota.clone());
        upload.add_entry();
        upload.add(u64::from(u32::MAX));
        assert!(!quota.has_room_for_entry());
        assert_eq!(quota.room(), u64::MAX, "bytes are not limited");
        drop(upload);
        assert!(quota.has_room_for_entry());
        let mut replacing = Charge::to(quota.clone());
        replacing.add_entry();
        replacing.settle(Some(0));
        assert_eq!(quota.usage.entries(), 1, "one came and one went");
        let mut new = Charge::to(quota.clone());
        new.add_entry();
        new.settle(None);
        assert!(!quota.has_room_for_entry());
    }

    #[test]
    fn h12_what_changes_during_a_walk_is_counted_once() {
        let quota = quota(1_000, 100);
        assert_eq!(measured(&quota, 100, || {}), (Verdict::Exact, 100));
        // The walk has seen all, half or nothing of what came meanwhile: the count is right in each case.
        for (seen, after) in [(150, 150), (175, 200), (200, 250)] {
            let come = || {
                let mut charge = Charge::to(quota.clone());
                charge.add(50);
                charge.settle(None);
            };
            assert_eq!(measured(&quota, seen, come), (Verdict::Exact, after));
        }
        // What went may have been seen before.
        assert_eq!(
            measured(&quota, 250, || quota.give_back_entry(250)),
            (Verdict::Exact, 0)
        );
        // Others have put something there, or removed it.
        assert_eq!(measured(&quota, 700, || {}), (Verdict::Exact, 700));
        assert_eq!(measured(&quota, 10, || {}), (Verdict::Exact, 10));
    }

    #[test]
    fn h12_a_walk_that_missed_something_changes_no_figure() {
        let missed = Missed {
            path: b"/d".to_vec(),
            reason: MissedReason::TooDeep,
        };
        let incomplete = Found {
            bytes: 1,
            entries: 1,
            missed: Some(&missed),
        };
        let known = quota(100, 60);
        let measured_badly = |quota: &Quota| {
            let verdict = quota.usage.measured(incomplete, quota.usage.moment(), quota.limits);
            (verdict, quota.room())
        };
        assert_eq!(measured_badly(&known), (Verdict::Kept, 40));
        let little = quota(100, 0);
        assert_eq!(measured_badly(&little), (Verdict::Kept, 99), "what was seen is there");
        // Without an old figure all is taken to be used; what goes makes room, and no more.
        let limits = QuotaLimits {
            bytes: Some(100),
            entries: Some(7),
        };
        let new = Quota::new(limits, Arc::new(Usage::default()));
        assert!(!new.usage.is_known());
        assert_eq!(measured_badly(&new), (Verdict::Assumed, 0));
        assert!(new.usage.is_known() && !new.has_room_for_entry());
        new.give_back_entry(30);
        assert_eq!(new.room(), 30);
        assert_eq!(measured_badly(&new), (Verdict::Kept, 30));
        // Once a walk has seen everything its figure counts, whatever was assumed.
        assert_eq!(measured(&new, 5, || {}), (Verdict::Exact, 5));
    }

    #[test]
    fn h12_what_is_renamed_during_a_walk_cannot_hide_from_it() {
        let quota = quota(100, 60);
        assert_eq!(measured(&quota, 20, || quota.note_rename()), (Verdict::Kept, 60));
        assert_eq!(measured(&quota, 20, || {}), (Verdict::Exact, 20));
    }
}
