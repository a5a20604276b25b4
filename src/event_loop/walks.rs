//! Walks through the files: which are wanted, which are under way, and whose turn it is.
//!
//! Some walks are under way at once and take turns, one slice at a time on the thread beside the loop, so a huge tree
//! does not keep small ones waiting and no tree keeps passwords waiting. Each reading of the users file begins a new
//! generation: walks of older ones stop, unless nobody knows yet what lies beneath their root. A walk that could not
//! see everything is tried again later.

use super::walk_results;
use crate::accounts::QuotaRoot;
use crate::connection::shared::Shared;
use crate::descriptors::{Permit, SESSION_WORST_CASE};
use crate::ftp::path::VirtualPath;
use crate::shown_name::Shown;
use crate::slow_work::Job;
use crate::storage::{StaleUploads, TreeSize, TreeWalk, UsageMark, WalkPurpose};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::{Duration, Instant};

/// Walks that take turns. The first takes its descriptors from the reserve, so there is always one that can go on.
const WALKS_AT_ONCE: usize = 8;
/// When an incomplete walk is tried again: after this, then twice that, and so on.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
const AGAIN_AFTER_MAX: Duration = Duration::from_secs(600);
/// Roots of one generation that could not be measured and have a warning each.
const WARNINGS_MAX: usize = 20;

/// What is to be walked through, and what is being walked through.
#[derive(Debug, Default)]
pub struct Walks {
    generation: u64,
    wants_sweep: bool,
    /// Roots with quotas before this one have been begun in this generation.
    next_root: usize,
    /// Roots of this generation to be measured once more: when, which, and how often they have been.
    again: BinaryHeap<Reverse<(Instant, usize, u32)>>,
    /// Between two slices.
    resting: VecDeque<(Errand, Box<TreeWalk>)>,
    /// What the thread is at.
    on_thread: Option<Errand>,
    /// Measurements of this generation: begun, and incomplete at the first try. `None`: they have been summed up.
    pass: Option<Pass>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Pass {
    open: usize,
    incomplete: usize,
}

/// Why a walk is made.
#[derive(Debug)]
struct Errand {
    what: What,
    /// Of the walk's descriptors; none for the one that uses the reserve.
    permits: Vec<Permit>,
}

#[derive(Clone, Debug)]
enum What {
    Sweep,
    Measure(Measurement),
}

#[derive(Clone, Debug)]
struct Measurement {
    generation: u64,
    root: VirtualPath,
    /// Its number in that generation.
    place: usize,
    attempt: u32,
    since: UsageMark,
}

impl Walks {
    /// The next time at which something has to be begun without another event. While a walk is under way, the end of
    /// its slice is one.
    pub fn next(&self) -> Option<Instant> {
        let next = self.again.peek().map(|Reverse((at, ..))| *at);
        next.filter(|_| self.under_way().next().is_none())
    }

    fn under_way(&self) -> impl Iterator<Item = &Errand> {
        self.resting.iter().map(|(errand, _)| errand).chain(&self.on_thread)
    }
}

impl Walks {
    /// At the start: what killed uploads left is removed, and what lies in quotas is added up; both beside the loop.
    pub(super) fn sweep_and_measure(&mut self, shared: &mut Shared) {
        self.wants_sweep = shared.settings.allows_changes;
        self.measure_quotas(shared);
    }
}

impl Walks {
    /// The quotas are new ones: measures what lies beneath each root.
    pub(super) fn measure_quotas(&mut self, shared: &mut Shared) {
        self.generation += 1;
        self.next_root = 0;
        self.again.clear();
        self.pass = Some(Pass::default()).filter(|_| !shared.quotas.is_empty());
        let (generation, quotas) = (self.generation, &shared.quotas);
        self.resting.retain(|(errand, _)| match &errand.what {
            What::Sweep => true,
            What::Measure(measurement) => measurement.is_wanted(generation, quotas.find(&measurement.root)),
        });
        self.walk_on(shared);
    }

    /// Begins what is wanted, and gives the thread its next slice.
    pub(super) fn walk_on(&mut self, shared: &mut Shared) {
        if shared.slow_work.is_none() {
            return;
        }
        while self.under_way().count() < WALKS_AT_ONCE
            && let Some(permits) = self.descriptors_for_walk(shared)
            && let Some(what) = self.next_wanted(shared)
        {
            let (from, purpose) = match &what {
                What::Sweep => (&VirtualPath::ROOT, WalkPurpose::Sweep(StaleUploads::at(shared.wall))),
                What::Measure(measurement) => (&measurement.root, WalkPurpose::Measure(TreeSize::default())),
            };
            let walk = shared.storage.walk(from, purpose);
            self.resting.push_back((Errand { what, permits }, Box::new(walk)));
        }
        self.sum_up(shared);
        if self.on_thread.is_none()
            && let Some((errand, walk)) = self.resting.pop_front()
            && let Some(queue) = &mut shared.slow_work
        {
            self.on_thread = Some(errand);
            queue.enqueue(Job::Walk(walk));
        }
    }

    /// `None`: there are not enough; a walk under way will end and free some.
    fn descriptors_for_walk(&self, shared: &Shared) -> Option<Vec<Permit>> {
        if self.under_way().all(|errand| !errand.permits.is_empty()) {
            return Some(Vec::new());
        }
        if shared.descriptors.free() < TreeWalk::DESCRIPTORS + SESSION_WORST_CASE {
            return None;
        }
        (0..TreeWalk::DESCRIPTORS)
            .map(|_| shared.descriptors.permit())
            .collect()
    }

    /// Roots that were not begun yet come before those that are tried again.
    fn next_wanted(&mut self, shared: &mut Shared) -> Option<What> {
        if std::mem::take(&mut self.wants_sweep) {
            return Some(What::Sweep);
        }
        let (place, attempt) = match shared.quotas.get(self.next_root) {
            Some(_) => {
                self.next_root += 1;
                (self.next_root - 1, 0)
            }
            None => {
                let Reverse((_, place, attempt)) = *self.again.peek().filter(|Reverse((at, ..))| *at <= shared.now)?;
                self.again.pop();
                (place, attempt)
            }
        };
        let root = shared.quotas.get(place)?;
        if let Some(pass) = self.pass.as_mut().filter(|_| attempt == 0) {
            pass.open += 1;
        }
        Some(What::Measure(Measurement {
            generation: self.generation,
            root: root.path.clone(),
            place,
            attempt,
            since: root.usage.mark(),
        }))
    }

    /// The thread has done a slice. `None`: it broke off.
    pub(super) fn walked(&mut self, walk: Option<Box<TreeWalk>>, shared: &mut Shared) {
        let Some(errand) = self.on_thread.take() else {
            return;
        };
        match (&errand.what, walk) {
            (What::Sweep, None) => log::error!("removing stale temporary files broke off"),
            (What::Measure(measurement), None) => {
                log::error!("measuring {} broke off", Shown::whole(measurement.root.as_bytes()));
                self.measurement_ends(measurement, false, shared.now);
            }
            (What::Sweep, Some(walk)) if walk.is_finished() => walk_results::log_sweep(&walk),
            (What::Measure(measurement), Some(walk)) => {
                let root = shared.quotas.find(&measurement.root);
                if measurement.is_wanted(self.generation, root) {
                    match root.filter(|_| walk.is_finished()) {
                        None => self.resting.push_back((errand, walk)),
                        Some(root) => {
                            let warned = self.pass.map_or(0, |pass| pass.incomplete);
                            let is_news = measurement.attempt == 0 && warned < WARNINGS_MAX;
                            let is_complete = walk_results::measured(root, measurement.since, &walk, is_news);
                            self.measurement_ends(measurement, is_complete, shared.now);
                        }
                    }
                }
            }
            (What::Sweep, Some(walk)) => self.resting.push_back((errand, walk)),
        }
        self.walk_on(shared);
    }

    fn measurement_ends(&mut self, measurement: &Measurement, is_complete: bool, now: Instant) {
        if measurement.generation != self.generation {
            return;
        }
        if let Some(pass) = self.pass.as_mut().filter(|_| measurement.attempt == 0) {
            pass.open = pass.open.saturating_sub(1);
            pass.incomplete += usize::from(!is_complete);
        }
        if !is_complete {
            let delay = AGAIN_AFTER
                .saturating_mul(1 << measurement.attempt.min(16))
                .min(AGAIN_AFTER_MAX);
            let next = (now + delay, measurement.place, measurement.attempt.saturating_add(1));
            self.again.push(Reverse(next));
        }
    }

    /// One line when every root has been looked at.
    fn sum_up(&mut self, shared: &Shared) {
        let Some(pass) = self.pass else {
            return;
        };
        if pass.open > 0 || self.next_root < shared.quotas.len() {
            return;
        }
        self.pass = None;
        match pass.incomplete {
            0 => log::info!("quotas measured: {} directories", shared.quotas.len()),
            incomplete => log::warn!(
                "quotas measured: {} directories, {incomplete} of them incompletely; those are tried again",
                shared.quotas.len()
            ),
        }
    }
}

impl Measurement {
    /// `root`: the same one today. Where nothing is known yet, an old measurement is better than none: readings of the
    /// users file that follow each other quickly must not put off the first one for ever.
    fn is_wanted(&self, generation: u64, root: Option<&QuotaRoot>) -> bool {
        root.is_some_and(|root| self.generation == generation || !root.usage.is_known())
    }
}
