//! What is stored under an account's root: a running count of bytes and entries, corrected by measurements.
//!
//! A measurement takes a while, and files change meanwhile. [`Usage::correct`] therefore keeps the running count if it
//! differs from the measurement by no more than what was charged and freed during the walk; otherwise it takes the
//! larger figure, so that nothing a client does during a walk makes room (threat H12).

use std::sync::{Mutex, MutexGuard, PoisonError};

/// How much may be stored under a root; `None`: no limit of that kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QuotaLimits {
    pub bytes: Option<u64>,
    /// Files, directories and links.
    pub entries: Option<u64>,
}

/// What is stored under one root, by clients and others. Only the event loop uses the figures, so their lock is always
/// free; they are shared because the next list of accounts, which is built on another thread, takes them over.
#[derive(Debug, Default)]
pub struct Usage(Mutex<Figures>);

/// The figures when a walk began.
#[derive(Clone, Copy, Debug)]
pub struct UsageMark(Figures);

#[derive(Clone, Copy, Debug, Default)]
struct Figures {
    bytes: Tally,
    entries: Tally,
    renames: u64,
    basis: Basis,
}

/// Where the figures come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Basis {
    /// No measurement has ended; nothing may be changed before.
    #[default]
    Nothing,
    /// No measurement was complete yet: the limits count as used up.
    Assumed,
    Measured,
}

/// A running count, and how much it has moved in each direction since the start.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    used: u64,
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

impl QuotaLimits {
    /// Whether there is any limit.
    pub fn is_any(self) -> bool {
        self.bytes.is_some() || self.entries.is_some()
    }

    /// The larger limit of each kind.
    pub fn largest(self, other: Self) -> Self {
        Self {
            bytes: self.bytes.max(other.bytes),
            entries: self.entries.max(other.entries),
        }
    }
}

impl Usage {
    fn figures(&self) -> MutexGuard<'_, Figures> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a measurement has ended.
    pub fn is_known(&self) -> bool {
        self.figures().basis != Basis::Nothing
    }

    /// Bytes stored, including uploads in progress.
    pub fn bytes(&self) -> u64 {
        self.figures().bytes.used
    }

    /// Entries stored, including temporary files of uploads in progress.
    pub fn entries(&self) -> u64 {
        self.figures().entries.used
    }

    /// To be kept while a walk runs.
    pub fn mark(&self) -> UsageMark {
        UsageMark(*self.figures())
    }

    /// A walk that began at `since` has ended. `largest`: the largest limits of the accounts that share this root.
    pub fn correct(&self, measured: Measured, UsageMark(since): UsageMark, largest: QuotaLimits) -> Correction {
        let mut now = self.figures();
        let is_disturbed = now.renames != since.renames;
        if measured.is_complete && !is_disturbed {
            let trusts_count = now.basis == Basis::Measured;
            now.bytes.correct(measured.bytes, since.bytes, trusts_count);
            now.entries.correct(measured.entries, since.entries, trusts_count);
            now.basis = Basis::Measured;
            return Correction::Exact;
        }
        if now.basis != Basis::Nothing {
            if !is_disturbed {
                now.bytes.raise(measured.bytes, since.bytes);
                now.entries.raise(measured.entries, since.entries);
            }
            return Correction::Kept;
        }
        now.basis = Basis::Assumed;
        now.bytes.used = measured.bytes.max(largest.bytes.unwrap_or(0));
        now.entries.used = measured.entries.max(largest.entries.unwrap_or(0));
        Correction::Assumed
    }

    pub(super) fn charge(&self, bytes: u64, entries: u64) {
        let mut now = self.figures();
        now.bytes.charge(bytes);
        now.entries.charge(entries);
    }

    pub(super) fn give_back(&self, bytes: u64, entries: u64) {
        let mut now = self.figures();
        now.bytes.give_back(bytes);
        now.entries.give_back(entries);
    }

    /// Something was renamed: a walk in progress may have missed it or seen it twice.
    pub(super) fn note_rename(&self) {
        self.figures().renames += 1;
    }
}

impl Tally {
    /// What was charged or freed during the walk may or may not be in `measured`.
    fn correct(&mut self, measured: u64, since: Self, trusts_count: bool) {
        let (charged, freed) = (self.charged - since.charged, self.freed - since.freed);
        let explained = measured.saturating_sub(freed)..=measured.saturating_add(charged);
        if !trusts_count || !explained.contains(&self.used) {
            self.used = *explained.end();
        }
    }

    /// At least what an incomplete walk has seen is stored, except what was freed since.
    fn raise(&mut self, measured: u64, since: Self) {
        let freed = self.freed - since.freed;
        self.used = self.used.max(measured.saturating_sub(freed));
    }

    fn charge(&mut self, amount: u64) {
        self.used = self.used.saturating_add(amount);
        self.charged = self.charged.saturating_add(amount);
    }

    fn give_back(&mut self, amount: u64) {
        self.used = self.used.saturating_sub(amount);
        self.freed = self.freed.saturating_add(amount);
    }
}
