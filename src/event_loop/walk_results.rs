//! Results of finished walks: setting the usage of quotas, and log lines.

use crate::accounts::{Account, QuotaRoot};
use crate::shown_name::Shown;
use crate::storage::{Correction, Measured, MissedReason, StaleUploads, TreeSize, TreeWalk, UsageMark, WalkPurpose};
use log::Level;
use std::sync::Arc;

/// Most accounts named in one log line.
const NAMES_MAX: usize = 3;

/// Logs what was removed.
pub fn log_sweep(walk: &TreeWalk) {
    let WalkPurpose::Sweep(StaleUploads { removed, .. }) = walk.purpose() else {
        return;
    };
    if removed > 0 {
        log::info!("removed {removed} stale temporary files");
    }
    if let Some(missed) = walk.missed() {
        log::info!("incomplete search for stale temporary files: {missed}");
    }
}

/// Sets the usage of `root` from a walk that started at `since`; returns whether it is exact. `is_warning`: log an
/// incomplete measurement as a warning.
pub fn apply_measurement(root: &QuotaRoot, since: UsageMark, walk: &TreeWalk, is_warning: bool) -> bool {
    let WalkPurpose::Measure(TreeSize { bytes, entries }) = walk.purpose() else {
        return false;
    };
    // A missing directory is empty if nothing is known about it. Otherwise its file system may just not be mounted.
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
    let level = if is_warning { Level::Warn } else { Level::Debug };
    let cause = walk.missed().map(ToString::to_string);
    log::log!(
        level,
        "quota of {}: incomplete measurement, {consequence}: {}",
        names_of(&root.accounts),
        cause.as_deref().unwrap_or("files were renamed meanwhile")
    );
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
