//! The slow-work thread, what waits for it, and in which order.
//!
//! The thread has at most one password and one job at a time. Jobs wait here, each kind in its own queue, and the kinds
//! take turns. Passwords wait in the [`LoginQueue`](super::login_queue::LoginQueue) instead, because a login is checked
//! again when its turn comes. A result whose session has ended meanwhile finds no slot and is dropped.

use super::job::{Done, Job, Kind, LoginAttempt};
use crate::accounts::WorkingMemory;
use crate::target::Target;
use mio::{Registry, Waker};
use std::collections::VecDeque;
use std::io;
use std::sync::mpsc::{Receiver, RecvError, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

/// How long an idle thread keeps the memory that hashes need.
const MEMORY_KEPT: Duration = Duration::from_secs(1);

/// The channels to and from the thread, and the jobs that wait for it.
///
/// Dropping it ends the thread without waiting for the work under way, which may take a second. Work that still waits
/// is not begun.
#[derive(Debug)]
pub struct SlowWorkQueue {
    submissions: SyncSender<Work>,
    results: Receiver<Done>,
    has_password: bool,
    has_job: bool,
    /// The kind whose turn it is comes first.
    waiting: VecDeque<(Kind, VecDeque<Job>)>,
}

/// What the thread is given. It works in the order of arrival, so where both wait they alternate: a password waits for
/// at most one job, and a flood of passwords leaves every second place to jobs.
#[derive(Debug)]
pub(super) enum Work {
    Password(LoginAttempt),
    Job(Job),
}

impl SlowWorkQueue {
    /// Most results that can be ready at once: one of each kind of [`Work`].
    pub const RESULTS_AT_ONCE: usize = 2;

    /// Starts the thread; its results wake the poll of `registry` with [`Target::SlowWork`]. Returns when
    /// the thread is ready for work: later, the sandbox allows none of the system calls that a thread makes when it
    /// starts. It inherits Landlock and the signal mask from the thread that starts it, so restrict files first.
    pub fn start(registry: &Registry) -> io::Result<Self> {
        let waker = Waker::new(registry, Target::SlowWork.into())?;
        Self::start_with(Work::perform, move || {
            // Waking fails only when the poll has been closed.
            let _ = waker.wake();
        })
    }

    /// Starts a thread that calls `wake` after each result.
    pub(super) fn start_with(
        perform: impl Fn(Work, &mut WorkingMemory) -> Done + Send + 'static,
        wake: impl Fn() + Send + 'static,
    ) -> io::Result<Self> {
        let kinds = [Kind::Publication, Kind::Walk, Kind::Reload];
        let (submissions, submitted) = sync_channel(Self::RESULTS_AT_ONCE);
        // Bounded: results that are not collected stop the thread instead of filling the memory.
        let (finished, results) = sync_channel(Self::RESULTS_AT_ONCE);
        let (started, is_ready) = sync_channel(1);
        #[cfg(test)]
        let faults = crate::kernel::faults::installed();
        thread::Builder::new().name("slow-work".to_owned()).spawn(move || {
            #[cfg(test)]
            faults.iter().for_each(crate::kernel::faults::Plan::install);
            let mut memory = WorkingMemory::default();
            // The receiver waits for this.
            let _ = started.send(());
            while let Ok(work) = next(&submitted, &mut memory) {
                if finished.send(perform(work, &mut memory)).is_err() {
                    return;
                }
                wake();
            }
        })?;
        is_ready.recv().map_err(io::Error::other)?;
        Ok(Self {
            submissions,
            results,
            has_password: false,
            has_job: false,
            waiting: kinds.map(|kind| (kind, VecDeque::new())).into(),
        })
    }

    /// Queues `job` until it is its kind's turn.
    pub fn enqueue(&mut self, job: Job) {
        let kind = job.kind();
        if let Some((_, queue)) = self.waiting.iter_mut().find(|(queued, _)| *queued == kind) {
            queue.push_back(job);
        }
        self.hand_over();
    }

    /// How many jobs wait for the thread.
    pub fn waiting(&self) -> usize {
        self.waiting.iter().map(|(_, jobs)| jobs.len()).sum()
    }

    /// Whether the thread can be given a password now.
    pub fn takes_password(&self) -> bool {
        !self.has_password
    }

    /// Gives the thread a password; only where it [takes](Self::takes_password) one.
    pub fn verify(&mut self, attempt: LoginAttempt) {
        self.has_password = self.submit(Work::Password(attempt));
    }

    /// The next result, in the order of submission. Never waits.
    pub fn finished(&mut self) -> Option<Done> {
        let done = self.results.try_recv().ok()?;
        match done {
            Done::PasswordVerified { .. } => self.has_password = false,
            Done::Published { .. }
            | Done::Walked(_)
            | Done::AccountsRead(_)
            | Done::CertificatesRead(_)
            | Done::Discarded(_) => self.has_job = false,
        }
        self.hand_over();
        Some(done)
    }

    fn hand_over(&mut self) {
        for _ in 0..self.waiting.len() {
            if self.has_job {
                return;
            }
            if let Some((_, queue)) = self.waiting.front_mut()
                && let Some(job) = queue.pop_front()
            {
                self.has_job = self.submit(Work::Job(job));
            }
            self.waiting.rotate_left(1);
        }
    }

    /// Whether the thread has taken the work. Never waits.
    pub(super) fn submit(&self, work: Work) -> bool {
        let is_submitted = self.submissions.try_send(work).is_ok();
        if !is_submitted {
            // Cannot happen: the thread has room for one of each and catches panics.
            log::error!("the slow-work thread does not accept work");
        }
        is_submitted
    }
}

impl Work {
    pub(super) fn perform(self, memory: &mut WorkingMemory) -> Done {
        match self {
            Work::Password(attempt) => attempt.verify(|claim| claim.is_right(memory)),
            Work::Job(job) => job.run(),
        }
    }
}

/// Waits for the next work. After [`MEMORY_KEPT`] without any, the working memory is given back.
fn next(submitted: &Receiver<Work>, memory: &mut WorkingMemory) -> Result<Work, RecvError> {
    if !memory.is_empty() {
        match submitted.recv_timeout(MEMORY_KEPT) {
            Ok(work) => return Ok(work),
            Err(RecvTimeoutError::Timeout) => memory.release(),
            Err(RecvTimeoutError::Disconnected) => return Err(RecvError),
        }
    }
    submitted.recv()
}
