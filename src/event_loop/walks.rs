//! Scheduling of tree walks: removal of stale temporary files, and measurement of quotas.
//!
//! Several walks run at once, in turns of one slice on the slow-work thread, so that a large tree delays neither small
//! ones nor passwords. Each reload of the users file starts a new generation. Walks of older generations stop, unless
//! the usage of their root is still unknown. An incomplete walk is repeated later.

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

/// Walks that run in turns. The first uses reserved descriptors, so at least one can always run.
const WALKS_AT_ONCE: usize = 8;
/// The delay before an incomplete walk is repeated; it doubles with each attempt.
const RETRY_DELAY: Duration = Duration::from_secs(1);
const RETRY_DELAY_MAX: Duration = Duration::from_secs(600);
/// Incomplete measurements of one generation that are logged as warnings.
const WARNINGS_MAX: usize = 20;

/// The walks to start and those that are running.
#[derive(Debug, Default)]
pub struct Walks {
    generation: u64,
    is_sweep_due: bool,
    /// The index of the next root to measure in this generation.
    next_root: usize,
    /// Incomplete measurements of this generation to repeat: time, index of the root, attempts so far.
    retries: BinaryHeap<Reverse<(Instant, usize, u32)>>,
    /// Running walks that wait for their next slice.
    waiting: VecDeque<(RunningWalk, Box<TreeWalk>)>,
    /// The walk whose slice is on the thread.
    on_thread: Option<RunningWalk>,
    /// The first attempts of this generation. `None`: all have ended, and the summary is logged.
    pass: Option<Pass>,
}

/// Counts of measurements.
#[derive(Clone, Copy, Debug, Default)]
struct Pass {
    running: usize,
    incomplete: usize,
}

/// A running walk.
#[derive(Debug)]
struct RunningWalk {
    goal: Goal,
    /// For the walk's descriptors; empty for the walk that uses the reserve.
    permits: Vec<Permit>,
}

#[derive(Clone, Debug)]
enum Goal {
    Sweep,
    Measure(Measurement),
}

#[derive(Clone, Debug)]
struct Measurement {
    generation: u64,
    root: VirtualPath,
    /// The root's index in that generation.
    index: usize,
    attempt: u32,
    since: UsageMark,
}

impl Walks {
    /// When the next repeated measurement is due. `None` also while a walk is running, because the end of its slice is
    /// an event.
    pub fn next(&self) -> Option<Instant> {
        let next = self.retries.peek().map(|Reverse((at, ..))| *at);
        next.filter(|_| self.running().next().is_none())
    }

    fn running(&self) -> impl Iterator<Item = &RunningWalk> {
        self.waiting.iter().map(|(entry, _)| entry).chain(&self.on_thread)
    }

    /// At start: removes stale temporary files and measures quotas.
    pub(super) fn sweep_and_measure(&mut self, shared: &mut Shared) {
        self.is_sweep_due = shared.options.allows_changes();
        self.measure_quotas(shared);
    }

    /// Starts a new generation: measures the roots of the current quotas.
    pub(super) fn measure_quotas(&mut self, shared: &mut Shared) {
        self.generation += 1;
        self.next_root = 0;
        self.retries.clear();
        self.pass = Some(Pass::default()).filter(|_| !shared.quotas.is_empty());
        let (generation, quotas) = (self.generation, &shared.quotas);
        self.waiting.retain(|(entry, _)| match &entry.goal {
            Goal::Sweep => true,
            Goal::Measure(measurement) => measurement.is_wanted(generation, quotas.find(&measurement.root)),
        });
        self.schedule(shared);
    }

    /// Starts walks up to the limit, and gives the next slice to the thread if it is idle.
    pub(super) fn schedule(&mut self, shared: &mut Shared) {
        if shared.slow_work.is_none() {
            return;
        }
        while self.running().count() < WALKS_AT_ONCE
            && let Some(permits) = self.descriptors_for_walk(shared)
            && let Some(goal) = self.next_goal(shared)
        {
            let (from, purpose) = match &goal {
                Goal::Sweep => (&VirtualPath::ROOT, WalkPurpose::Sweep(StaleUploads::at(shared.wall))),
                Goal::Measure(measurement) => (&measurement.root, WalkPurpose::Measure(TreeSize::default())),
            };
            let walk = shared.storage.walk(from, purpose);
            self.waiting.push_back((RunningWalk { goal, permits }, Box::new(walk)));
        }
        self.log_summary(shared);
        if self.on_thread.is_none()
            && let Some((entry, walk)) = self.waiting.pop_front()
            && let Some(queue) = &mut shared.slow_work
        {
            self.on_thread = Some(entry);
            queue.enqueue(Job::Walk(walk));
        }
    }

    /// `None`: too few are free; a running walk will free some when it ends.
    fn descriptors_for_walk(&self, shared: &Shared) -> Option<Vec<Permit>> {
        if self.running().all(|entry| !entry.permits.is_empty()) {
            return Some(Vec::new());
        }
        if shared.descriptors.free() < TreeWalk::DESCRIPTORS + SESSION_WORST_CASE {
            return None;
        }
        (0..TreeWalk::DESCRIPTORS)
            .map(|_| shared.descriptors.permit())
            .collect()
    }

    /// First attempts come before repeated ones.
    fn next_goal(&mut self, shared: &mut Shared) -> Option<Goal> {
        if std::mem::take(&mut self.is_sweep_due) {
            return Some(Goal::Sweep);
        }
        let (index, attempt) = match shared.quotas.get(self.next_root) {
            Some(_) => {
                self.next_root += 1;
                (self.next_root - 1, 0)
            }
            None => {
                let Reverse((_, index, attempt)) =
                    *self.retries.peek().filter(|Reverse((at, ..))| *at <= shared.now)?;
                self.retries.pop();
                (index, attempt)
            }
        };
        let root = shared.quotas.get(index)?;
        if let Some(pass) = self.pass.as_mut().filter(|_| attempt == 0) {
            pass.running += 1;
        }
        Some(Goal::Measure(Measurement {
            generation: self.generation,
            root: root.path.clone(),
            index,
            attempt,
            since: root.usage.mark(),
        }))
    }

    /// Handles the end of a slice. `None`: it panicked.
    pub(super) fn slice_finished(&mut self, walk: Option<Box<TreeWalk>>, shared: &mut Shared) {
        let Some(entry) = self.on_thread.take() else {
            return;
        };
        match (&entry.goal, walk) {
            (Goal::Sweep, None) => log::error!("removing stale temporary files panicked"),
            (Goal::Measure(measurement), None) => {
                log::error!("measuring {} panicked", Shown::whole(measurement.root.as_bytes()));
                self.finish_measurement(measurement, false, shared.now);
            }
            (Goal::Sweep, Some(walk)) if walk.is_finished() => walk_results::log_sweep(&walk),
            (Goal::Measure(measurement), Some(walk)) => {
                let root = shared.quotas.find(&measurement.root);
                if measurement.is_wanted(self.generation, root) {
                    match root.filter(|_| walk.is_finished()) {
                        None => self.waiting.push_back((entry, walk)),
                        Some(root) => {
                            let warned = self.pass.map_or(0, |pass| pass.incomplete);
                            let is_warning = measurement.attempt == 0 && warned < WARNINGS_MAX;
                            let is_complete =
                                walk_results::apply_measurement(root, measurement.since, &walk, is_warning);
                            self.finish_measurement(measurement, is_complete, shared.now);
                        }
                    }
                }
            }
            (Goal::Sweep, Some(walk)) => self.waiting.push_back((entry, walk)),
        }
        self.schedule(shared);
    }

    fn finish_measurement(&mut self, measurement: &Measurement, is_complete: bool, now: Instant) {
        if measurement.generation != self.generation {
            return;
        }
        if let Some(pass) = self.pass.as_mut().filter(|_| measurement.attempt == 0) {
            pass.running = pass.running.saturating_sub(1);
            pass.incomplete += usize::from(!is_complete);
        }
        if !is_complete {
            let delay = RETRY_DELAY
                .saturating_mul(1 << measurement.attempt.min(16))
                .min(RETRY_DELAY_MAX);
            let next = (now + delay, measurement.index, measurement.attempt.saturating_add(1));
            self.retries.push(Reverse(next));
        }
    }

    /// Logs one line when the first attempts of all roots have ended.
    fn log_summary(&mut self, shared: &Shared) {
        let Some(pass) = self.pass else {
            return;
        };
        if pass.running > 0 || self.next_root < shared.quotas.len() {
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
    /// `root`: the measured one in the current quotas. While its usage is unknown, a measurement of an older generation
    /// counts, or frequent reloads could postpone the first measurement endlessly.
    fn is_wanted(&self, generation: u64, root: Option<&QuotaRoot>) -> bool {
        root.is_some_and(|root| self.generation == generation || !root.usage.is_known())
    }
}
