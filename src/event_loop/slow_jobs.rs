//! What is done beside the loop, and how it comes back: passwords verified, files given to the disk, trees walked.
//!
//! Jobs go to the one thread of [`SlowWork`]; its waker is a target of the poll like any other. Passwords are refused when
//! too many wait; files are not, they stand in a line of their own until the thread takes them. A connection whose client
//! has gone meanwhile is not found any more, and its result is nobody's.

use super::EventLoop;
use super::connection::Connection;
use super::shared::Shared;
use super::token::{SlotId, Target};
use crate::accounts::{Password, PasswordHash};
use crate::ftp::reply;
use crate::slow_work::{Done, Job, SlowWork};
use crate::storage::{Purpose, Quota, TreeWalk};
use mio::{Registry, Waker};
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;
use std::time::Instant;

/// The thread beside the loop, and what waits for it.
#[derive(Debug)]
pub struct SlowJobs {
    thread: SlowWork<Ticket>,
    /// Jobs that must be done, however many others there are.
    waiting: VecDeque<(Ticket, Job)>,
}

/// Whom a result is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ticket {
    Session(SlotId),
    Sweep,
    /// The account whose quota is measured, and its limit.
    Quota {
        name: Box<[u8]>,
        limit: u64,
    },
}

/// Where the verification of a password stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verification {
    NotAsked,
    Running {
        since: Instant,
    },
    /// The result is there; it is told then, because too many others from that address were wrong.
    HeldBack {
        matches: bool,
        until: Instant,
    },
}

impl SlowJobs {
    /// Starts the thread; its results wake the poll of `registry`.
    pub fn start(registry: &Registry) -> io::Result<Self> {
        let waker = Waker::new(registry, Target::SlowWork.into())?;
        let thread = SlowWork::start(move || {
            // A poll that cannot be woken is a poll that is gone.
            let _ = waker.wake();
        })?;
        Ok(Self {
            thread,
            waiting: VecDeque::new(),
        })
    }

    /// Has `job` done now or as soon as there is room.
    pub fn enqueue(&mut self, ticket: Ticket, job: Job) {
        self.waiting.push_back((ticket, job));
        self.hand_over();
    }

    fn hand_over(&mut self) {
        while let Some((ticket, job)) = self.waiting.pop_front() {
            if let Err(job) = self.thread.submit(ticket.clone(), job) {
                self.waiting.push_front((ticket, job));
                return;
            }
        }
    }
}

impl EventLoop {
    /// Gives the thread what came up in this turn.
    pub(super) fn hand_over_publications(&mut self) {
        let Some(jobs) = &mut self.shared.slow_jobs else {
            return;
        };
        for (slot, publication) in self.shared.publications.drain(..) {
            jobs.enqueue(Ticket::Session(slot), Job::Publish(publication));
        }
    }

    /// The thread has finished something.
    pub(super) fn collect_slow_jobs(&mut self) {
        while let Some((ticket, done)) = self.next_result() {
            match (ticket, done) {
                (Ticket::Session(slot), Done::PasswordVerified { matches }) => {
                    self.step(slot, |connection, shared| connection.verification_ends(matches, shared));
                }
                (Ticket::Session(slot), Done::Published(result)) => match self.shared.unclaimed.remove(&slot) {
                    Some(held) => {
                        if let Ok(published) = result {
                            held.settle(published);
                        }
                    }
                    None => self.step(slot, |connection, shared| connection.stored(result, shared)),
                },
                (Ticket::Session(slot), Done::Failed) => {
                    self.shared.unclaimed.remove(&slot);
                    self.step(slot, Connection::slow_job_broke_off);
                }
                (ticket, Done::Walked(walk)) => self.walk_on(ticket, *walk),
                (Ticket::Sweep | Ticket::Quota { .. }, done) => {
                    log::error!("a walk through the files broke off: {done:?}")
                }
            }
        }
    }

    fn next_result(&mut self) -> Option<(Ticket, Done)> {
        let jobs = self.shared.slow_jobs.as_mut()?;
        let result = jobs.thread.finished();
        jobs.hand_over();
        result
    }

    /// A slice of a walk is done: what is left goes behind the others that wait.
    fn walk_on(&mut self, ticket: Ticket, walk: TreeWalk) {
        if !walk.is_finished() {
            if let Some(jobs) = &mut self.shared.slow_jobs {
                jobs.enqueue(ticket, Job::Walk(Box::new(walk)));
            }
            return;
        }
        match (ticket, walk.purpose()) {
            (_, Purpose::Sweep { removed: 0, .. }) => {}
            (_, Purpose::Sweep { removed, .. }) => log::info!("{removed} files of uploads that were killed removed"),
            (Ticket::Quota { name, limit }, Purpose::Measure { bytes }) => {
                log::info!("account {}: {bytes} of {limit} bytes used", name.escape_ascii());
                self.shared.quotas.insert(name, Rc::new(Quota::new(limit, bytes)));
            }
            (Ticket::Session(_) | Ticket::Sweep, Purpose::Measure { .. }) => {}
        }
    }
}

impl Connection {
    /// Has a password verified, unless this address has been wrong too often or too many wait already.
    pub(super) fn verify(&mut self, hash: PasswordHash, password: Password, shared: &mut Shared) {
        let peer = self.session.peer();
        if shared.throttle.is_blocked(peer, shared.now) {
            log::warn!(
                "session {}: {peer} has failed too often, not verified",
                self.session.number()
            );
            self.tell_verification(false, shared);
            return;
        }
        let ticket = Ticket::Session(self.slot);
        let job = Job::VerifyPassword { hash, password };
        let submitted = shared.slow_jobs.as_ref().map(|jobs| jobs.thread.submit(ticket, job));
        match submitted {
            Some(Ok(())) => self.verification = Verification::Running { since: shared.now },
            Some(Err(_)) => self.dismiss(&reply::LOGIN_BUSY, shared),
            // Without the thread there are no accounts, and no name to find out by the time it takes.
            None => self.tell_verification(false, shared),
        }
    }

    fn verification_ends(&mut self, matches: bool, shared: &mut Shared) {
        if !matches!(self.verification, Verification::Running { .. }) {
            return;
        }
        let peer = self.session.peer();
        let delay = shared.throttle.delay(peer, shared.now);
        if matches {
            shared.throttle.succeeded(peer);
        } else {
            shared.throttle.failed(peer, shared.now);
        }
        if delay.is_zero() {
            self.tell_verification(matches, shared);
        } else {
            let until = shared.now + delay;
            self.verification = Verification::HeldBack { matches, until };
        }
    }

    /// Lets the session answer its PASS.
    pub(super) fn tell_verification(&mut self, matches: bool, shared: &mut Shared) {
        self.verification = Verification::NotAsked;
        self.active = shared.now;
        let request = self
            .session
            .password_verified(matches, &shared.context(), &mut self.output.bytes);
        self.tell_notice(shared);
        if let Some(request) = request {
            self.fulfil(request, shared);
        }
    }

    fn slow_job_broke_off(&mut self, shared: &mut Shared) {
        shared.counters.panics += 1;
        self.vanish(shared);
    }
}
