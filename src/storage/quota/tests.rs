//! Charging, giving back, and measurements that run while files change.

use super::super::{Correction, Measured};
use super::*;

/// A quota of `limit` bytes of which `used` are used.
pub(crate) fn quota(limit: u64, used: u64) -> Quota {
    let limits = QuotaLimits {
        bytes: Some(limit),
        entries: None,
    };
    let usage = Usage::default();
    assert_eq!(usage.correct(complete(used), usage.mark(), limits), Correction::Exact);
    Quota::new(limits, Arc::new(usage))
}

fn complete(bytes: u64) -> Measured {
    Measured {
        bytes,
        entries: 0,
        is_complete: true,
    }
}

/// Measures again; `meanwhile` happens while the walk runs.
fn measured(quota: &Quota, bytes: u64, meanwhile: impl FnOnce()) -> (Correction, u64) {
    let since = quota.usage.mark();
    meanwhile();
    let correction = quota.usage.correct(complete(bytes), since, quota.limits);
    (correction, quota.usage.bytes())
}

#[test]
fn h12_charges_that_are_not_kept_are_refunded() {
    let quota = quota(100, 40);
    let mut aborted = Charge::to(quota.clone());
    aborted.add(60);
    assert_eq!(quota.room(), 0, "uploads in progress count");
    drop(aborted);
    assert_eq!(quota.room(), 60);
    let mut kept = Charge::to(quota.clone());
    kept.add(50);
    kept.settle(Some(30));
    assert_eq!(quota.usage.bytes(), 60, "40 before, 50 added, 30 replaced");
    quota.give_back_entry(1_000);
    assert_eq!(quota.usage.bytes(), 0);
}

#[test]
fn g13_entries_are_counted_like_bytes() {
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
    assert_eq!(quota.usage.entries(), 1, "one added and one removed");
    let mut new = Charge::to(quota.clone());
    new.add_entry();
    new.settle(None);
    assert!(!quota.has_room_for_entry());
}

#[test]
fn h12_changes_during_a_walk_are_counted_once() {
    let quota = quota(1_000, 100);
    assert_eq!(measured(&quota, 100, || {}), (Correction::Exact, 100));
    // The walk has seen all, half or none of what was added meanwhile: the count is right in each case.
    for (seen, after) in [(150, 150), (175, 200), (200, 250)] {
        let add = || {
            let mut charge = Charge::to(quota.clone());
            charge.add(50);
            charge.settle(None);
        };
        assert_eq!(measured(&quota, seen, add), (Correction::Exact, after));
    }
    // What was removed may have been seen before.
    assert_eq!(
        measured(&quota, 250, || quota.give_back_entry(250)),
        (Correction::Exact, 0)
    );
    // Files were added or removed without the server.
    assert_eq!(measured(&quota, 700, || {}), (Correction::Exact, 700));
    assert_eq!(measured(&quota, 10, || {}), (Correction::Exact, 10));
}

#[test]
fn h12_a_walk_that_missed_something_changes_no_figure() {
    let incomplete = Measured {
        bytes: 1,
        entries: 1,
        is_complete: false,
    };
    let known = quota(100, 60);
    let measured_partly = |quota: &Quota| {
        let correction = quota.usage.correct(incomplete, quota.usage.mark(), quota.limits);
        (correction, quota.room())
    };
    assert_eq!(measured_partly(&known), (Correction::Kept, 40));
    let little = quota(100, 0);
    assert_eq!(
        measured_partly(&little),
        (Correction::Kept, 99),
        "what the walk has seen is stored"
    );
    // Without an old figure, the limits count as used up; only what is removed makes room.
    let limits = QuotaLimits {
        bytes: Some(100),
        entries: Some(7),
    };
    let new = Quota::new(limits, Arc::new(Usage::default()));
    assert!(!new.usage.is_known());
    assert_eq!(measured_partly(&new), (Correction::Assumed, 0));
    assert!(new.usage.is_known() && !new.has_room_for_entry());
    new.give_back_entry(30);
    assert_eq!(new.room(), 30);
    assert_eq!(measured_partly(&new), (Correction::Kept, 30));
    // The figure of a complete walk replaces what was assumed.
    assert_eq!(measured(&new, 5, || {}), (Correction::Exact, 5));
}

#[test]
fn h12_files_renamed_during_a_walk_are_still_counted() {
    let quota = quota(100, 60);
    assert_eq!(measured(&quota, 20, || quota.note_rename()), (Correction::Kept, 60));
    assert_eq!(measured(&quota, 20, || {}), (Correction::Exact, 20));
}
