//! What is stored under an account's root: a running count of bytes and entries, corrected by measurements.
//!
//! A measurement takes a while, and files change meanwhile. [`Usage::correct`] therefore keeps the running count if it
//! differs from the measurement by no more than what was charged and freed during the walk; otherwise it takes the
//! larger figure, so that nothing a client does during a walk makes room (threat H12).

use super::quota_limits::QuotaLimits;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What is stored under one root, by clients and others. Only the event loop changes it. It is shared because the
/// next list of accounts, which is built on another thread, takes it over.
#[derive(Debug, Default)]
pub struct Usage {
    bytes: Tally,
    entries: Tally,
    renames: Counter,
    /// Whether a measurement has ended; nothing may be changed before.
    is_known: AtomicBool,
    /// Whether the figures are assumed, because no measurement was complete yet.
    is_assumed: AtomicBool,
}

/// A running count, and how much it has moved in each direction since the start.
#[derive(Debug, Default)]
struct Tally {
    used: Counter,
    charged: Counter,
    freed: Counter,
}

/// Only one thread writes, so relaxed ordering is enough.
#[derive(Debug, Default)]
struct Counter(AtomicU64);

/// How far the counts had moved when a walk began.
#[derive(Clone, Copy, Debug)]
pub struct UsageMark {
    bytes: TallyMark,
    entries: TallyMark,
    renames: u64,
}

#[derive(Clone, Copy, Debug)]
struct TallyMark {
    charged: u64,
    freed: u64,
}

/// What a walk has found.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    pub bytes: u64,
    pub entries: u64,
    /// Whether the walk has seen everything.
    pub is_complete: bool,
}

/// What a measurement has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Correction {
    /// The figures are right.
    Exact,
    /// The walk was incomplete, or something was renamed meanwhile: the old figures stay, unless the walk found more.
    Kept,
    /// The walk was incomplete and there are no old figures: the limits are assumed to be used up.
    Assumed,
}

impl Usage {
    /// Whether a measurement has ended.
    pub fn is_known(&self) -> bool {
        self.is_known.load(Ordering::Relaxed)
    }

    /// Bytes stored, including uploads in progress.
    pub fn bytes(&self) -> u64 {
        self.bytes.used.get()
    }

    /// Entries stored, including temporary files of uploads in progress.
    pub fn entries(&self) -> u64 {
        self.entries.used.get()
    }

    /// To be kept while a walk runs.
    pub fn mark(&self) -> UsageMark {
        UsageMark {
            bytes: self.bytes.mark(),
            entries: self.entries.mark(),
            renames: self.renames.get(),
        }
    }

    /// A walk that began at `since` has ended. `largest`: the largest limits of the accounts that share this root.
    pub fn correct(&self, measured: Measured, since: UsageMark, largest: QuotaLimits) -> Correction {
        let is_disturbed = self.renames.get() != since.renames;
        let is_known = self.is_known.swap(true, Ordering::Relaxed);
        if measured.is_complete && !is_disturbed {
            let is_assumed = self.is_assumed.swap(false, Ordering::Relaxed);
            let trusts_count = is_known && !is_assumed;
            self.bytes.correct(measured.bytes, since.bytes, trusts_count);
            self.entries.correct(measured.entries, since.entries, trusts_count);
            return Correction::Exact;
        }
        if is_known {
            if !is_disturbed {
                self.bytes.raise(measured.bytes, since.bytes);
                self.entries.raise(measured.entries, since.entries);
            }
            return Correction::Kept;
        }
        self.is_assumed.store(true, Ordering::Relaxed);
        self.bytes.used.set(measured.bytes.max(largest.bytes.unwrap_or(0)));
        self.entries
            .used
            .set(measured.entries.max(largest.entries.unwrap_or(0)));
        Correction::Assumed
    }

    pub(super) fn charge(&self, bytes: u64, entries: u64) {
        self.bytes.charge(bytes);
        self.entries.charge(entries);
    }

    pub(super) fn give_back(&self, bytes: u64, entries: u64) {
        self.bytes.give_back(bytes);
        self.entries.give_back(entries);
    }

    /// Something was renamed: a walk in progress may have missed it or seen it twice.
    pub(super) fn note_rename(&self) {
        self.renames.set(self.renames.get().saturating_add(1));
    }
}

impl Tally {
    fn mark(&self) -> TallyMark {
        TallyMark {
            charged: self.charged.get(),
            freed: self.freed.get(),
        }
    }

    /// What was charged or freed during the walk may or may not be in `measured`.
    fn correct(&self, measured: u64, since: TallyMark, trusts_count: bool) {
        let charged = self.charged.get().saturating_sub(since.charged);
        let freed = self.freed.get().saturating_sub(since.freed);
        let explained = measured.saturating_sub(freed)..=measured.saturating_add(charged);
        if !trusts_count || !explained.contains(&self.used.get()) {
            self.used.set(*explained.end());
        }
    }

    /// At least what an incomplete walk has seen is stored, except what was freed since.
    fn raise(&self, measured: u64, since: TallyMark) {
        let freed = self.freed.get().saturating_sub(since.freed);
        self.used.set(self.used.get().max(measured.saturating_sub(freed)));
    }

    fn charge(&self, amount: u64) {
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
