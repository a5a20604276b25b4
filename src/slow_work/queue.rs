//! The event loop's side of the slow-work thread: what waits for it, and in which order.
//!
//! The thread has at most one password and one job at a time. Jobs wait here, each kind in its own queue, and the kinds
//! take turns. Passwords wait in the [`LoginQueue`](super::login_queue::LoginQueue) instead, because a login is checked
//! again when its turn comes. A result whose session has ended meanwhile finds no slot and is dropped.

use super::job::Kind;
use super::{Done, Job, LoginAttempt, SlowWork, Work};
use crate::target::Target;
use mio::{Registry, Waker};
use std::collections::VecDeque;
use std::io;

/// The thread, and the jobs that wait for it.
#[derive(Debug)]
pub struct SlowWorkQueue {
    thread: SlowWork,
    has_password: bool,
    has_job: bool,
    /// The kind whose turn it is comes first.
    waiting: VecDeque<(Kind, VecDeque<Job>)>,
}

impl SlowWorkQueue {
    /// Most results that can be ready at once.
    pub const RESULTS_AT_ONCE: usize = Work::AT_ONCE;

    /// Starts the thread; its results wake the poll of `registry` with [`Target::SlowWork`].
    pub fn start(registry: &Registry) -> io::Result<Self> {
        let waker = Waker::new(registry, Target::SlowWork.into())?;
        let thread = SlowWork::start(move || {
            // Waking fails only when the poll has been closed.
            let _ = waker.wake();
        })?;
        Ok(Self {
            thread,
            has_password: false,
            has_job: false,
            waiting: Kind::ALL.map(|kind| (kind, VecDeque::new())).into(),
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

    /// Whether the thread can be given a password now.
    pub fn takes_password(&self) -> bool {
        !self.has_password
    }

    /// Gives the thread a password; only where it [takes](Self::takes_password) one.
    pub fn verify(&mut self, attempt: LoginAttempt) {
        self.has_password = self.submit(Work::Password(attempt));
    }

    /// The next result, if there is one.
    pub fn finished(&mut self) -> Option<Done> {
        let done = self.thread.finished()?;
        match done {
            Done::PasswordVerified { .. } => self.has_password = false,
            Done::Published { .. } | Done::Walked(_) | Done::AccountsRead(_) | Done::Discarded(_) => {
                self.has_job = false;
            }
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

    fn submit(&self, work: Work) -> bool {
        let submitted = self.thread.submit(work);
        if submitted.is_err() {
            // Cannot happen: the thread has room for one of each and catches panics.
            log::error!("the slow-work thread does not accept work");
        }
        submitted.is_ok()
    }
}
