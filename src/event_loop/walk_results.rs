//! What follows from a walk that has ended: figures come into force, and the log says what was found or missed.

use crate::accounts::{Account, QuotaRoot};
use crate::shown_name::Shown;
use crate::storage::{Correction, Measured, MissedReason, StaleUploads, TreeSize, TreeWalk, UsageMark, WalkPurpose};
use std::sync::Arc;

/// Accounts that one log line names.
const NAMES_MAX: usize = 3;

/// What was removed.
pub fn log_sweep(walk: &TreeWalk) {
    let WalkPurpose::Sweep(StaleUploads { removed, .. }) = walk.purpose() else {
        return;
    };
    if removed > 0 {
        log::info!("removed {removed} stale temporary files");
    }
    if let Some(missed) = walk.missed() {
        log::info!("not everything was searched for stale temporary files: {missed}");
    }
}

/// Puts the figures of a walk that began at `since` in force; returns whether they are right. `is_news`: what was
/// missed is worth a warning.
pub fn measured(root: &QuotaRoot, since: UsageMark, walk: &TreeWalk, is_news: bool) -> bool {
    let WalkPurpose::Measure(TreeSize { bytes, entries }) = walk.purpose() else {
        return false;
    };
    // Where there is no directory nothing lies; but what lay there before may only be out of sight.
    let is_absent = walk
        .missed()
        .is_some_and(|missed| missed.reason == MissedReason::NotThere);
    let counts_as_empty = is_absent && !root.usage.is_known();
    let measured = Measured {
        bytes,
        entries,
        is_complete: walk.missed().is_none() || counts_as_empty,
    };
    let correction = root.usage.correct(measured, since, root.largest_limits());
    if correction == Correction::Exact && !counts_as_empty {
        root.accounts.iter().for_each(|account| log_usage(account, root));
        return true;
    }
    let consequence = match correction {
        Correction::Exact => "it counts as empty",
        Correction::Kept => "the old figures stay in force",
        Correction::Assumed => "the limits count as used up until everything can be measured",
    };
    let level = if is_news { log::Level::Warn } else { log::Level::Debug };
    let names = names_of(&root.accounts);
    match walk.missed() {
        Some(missed) => log::log!(
            level,
            "quota of {names}: incomplete measurement, {consequence}: {missed}"
        ),
        None => log::log!(
            level,
            "quota of {names}: incomplete measurement, {consequence}: files were renamed meanwhile"
        ),
    }
    false
}

fn log_usage(account: &Account, root: &QuotaRoot) {
    let limits = account.limits.quota;
    let limit = |limit: Option<u64>| limit.map_or_else(String::new, |limit| format!(" of {limit}"));
    log::debug!(
        "account {}: {}{} bytes and {}{} entries used",
        Shown::whole(&account.name),
        root.usage.bytes(),
        limit(limits.bytes),
        root.usage.entries(),
        limit(limits.entries)
    );
}

fn names_of(accounts: &[Arc<Account>]) -> String {
    let named: Vec<String> = accounts
        .iter()
        .take(NAMES_MAX)
        .map(|account| Shown::whole(&account.name).to_string())
        .collect();
    let more = match accounts.len().saturating_sub(NAMES_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    named.join(", ") + &more
}
