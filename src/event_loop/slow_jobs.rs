//! What is done beside the loop, and how it comes back: passwords verified, files given to the disk, trees walked.
//!
//! Jobs go to the one thread of [`SlowWork`]; its waker is a target of the poll like any other. The thread has at most
//! one password and one job of another kind at a time. The others wait here, each kind in its own queue, and the kinds
//! take turns; passwords wait in [`LoginQueue`](super::login_queue::LoginQueue), see `verifying.rs`. A connection whose
//! client has gone meanwhile is not found any more, and its result is nobody's.

use super::EventLoop;
use super::connection::Connection;
use super::shared::Shared;
use super::token::{SlotId, Target};
use crate::accounts::Proof;
use crate::session::Ending;
use crate::slow_work::{Done, Job, Kind, Lane, SlowWork};
use mio::{Registry, Waker};
use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;

/// The thread beside the loop, and what waits for it.
#[derive(Debug)]
pub struct SlowJobs {
    thread: SlowWork<Ticket>,
    /// Whether the thread has a password, and whether it has a job of another kind.
    has_password: bool,
    has_other: bool,
    /// A queue for each kind that takes turns; the first is the one whose turn it is.
    waiting: VecDeque<(Kind, VecDeque<(Ticket, Job)>)>,
}

/// Whom a result is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ticket {
    /// A password that was given from `peer`. It counts for that address, whether or not the client is still there.
    Login {
        slot: SlotId,
        peer: IpAddr,
        proof: Proof,
    },
    Publication(SlotId),
    /// The walk whose turn it is.
    Walk,
    UsersFile,
    /// Nobody: something is only freed.
    Discarded,
}

impl Ticket {
    fn lane(&self) -> Lane {
        match self {
            Ticket::Login { .. } => Lane::Passwords,
            Ticket::Publication(_) | Ticket::Walk | Ticket::UsersFile | Ticket::Discarded => Lane::Others,
        }
    }
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
            has_password: false,
            has_other: false,
            waiting: Kind::TAKING_TURNS.map(|kind| (kind, VecDeque::new())).into(),
        })
    }

    /// Has `job` done when its kind has its turn. Passwords have a queue of their own.
    pub fn enqueue(&mut self, ticket: Ticket, job: Job) {
        let kind = job.kind();
        if let Some((_, queue)) = self.waiting.iter_mut().find(|(queued, _)| *queued == kind) {
            queue.push_back((ticket, job));
        }
        self.hand_over();
    }

    /// Whether the thread can be given a password now.
    pub fn takes_password(&self) -> bool {
        !self.has_password
    }

    /// Gives the thread a password; only where it [takes](Self::takes_password) one.
    pub fn verify(&mut self, ticket: Ticket, job: Job) {
        self.has_password = self.submit(ticket, job);
    }

    /// The next result.
    fn finished(&mut self) -> Option<(Ticket, Done)> {
        let (ticket, done) = self.thread.finished()?;
        match ticket.lane() {
            Lane::Passwords => self.has_password = false,
            Lane::Others => self.has_other = false,
        }
        self.hand_over();
        Some((ticket, done))
    }

    fn hand_over(&mut self) {
        for _ in 0..self.waiting.len() {
            if self.has_other {
                return;
            }
            if let Some((_, queue)) = self.waiting.front_mut()
                && let Some((ticket, job)) = queue.pop_front()
            {
                self.has_other = self.submit(ticket, job);
            }
            self.waiting.rotate_left(1);
        }
    }

    fn submit(&self, ticket: Ticket, job: Job) -> bool {
        let submitted = self.thread.submit(ticket, job);
        if let Err((_, job)) = &submitted {
            // The lanes are counted, so the thread has room; it catches panics, so it lives.
            log::error!("a job could not be handed to the thread: {:?}", job.kind());
        }
        submitted.is_ok()
    }
}

impl EventLoop {
    /// Gives the thread what came up in this turn.
    pub(super) fn hand_over_slow_jobs(&mut self) {
        if let Some(jobs) = &mut self.shared.slow_jobs {
            for (slot, publication) in self.shared.publications.drain(..) {
                jobs.enqueue(Ticket::Publication(slot), Job::Publish(publication));
            }
        }
        self.hand_over_passwords();
    }

    /// The thread has finished something: as many jobs as it may have at once. What it finishes of those that it is
    /// given here has an event of its own, so that many short jobs do not make one long turn.
    pub(super) fn collect_slow_jobs(&mut self) {
        for _ in 0..Lane::COUNT {
            let Some((ticket, done)) = self.shared.slow_jobs.as_mut().and_then(SlowJobs::finished) else {
                return;
            };
            match (ticket, done) {
                (Ticket::Login { slot, peer, proof }, Done::PasswordVerified { matches }) => {
                    if matches {
                        self.shared.proofs.remember(&proof, self.shared.now);
                    }
                    self.password_is_verified(slot, peer, matches);
                }
                (Ticket::Publication(slot), Done::Published(result)) => match self.shared.unclaimed.remove(&slot) {
                    Some(held) => {
                        if let Ok(published) = result {
                            held.settle(published);
                        }
                    }
                    None => self.step(slot, |connection, shared| connection.stored(result, shared)),
                },
                (Ticket::Login { slot, .. } | Ticket::Publication(slot), Done::Failed) => {
                    self.shared.unclaimed.remove(&slot);
                    self.step(slot, Connection::slow_job_broke_off);
                }
                (Ticket::Walk, Done::Walked(walk)) => self.shared.walked(Some(walk)),
                (Ticket::Walk, Done::Failed) => {
                    self.shared.counters.panics += 1;
                    self.shared.walked(None);
                }
                (Ticket::UsersFile, Done::AccountsRead { file, read }) => self.accounts_read(file, read),
                (Ticket::UsersFile, Done::Failed) => self.reading_accounts_broke_off(),
                (Ticket::Discarded, Done::Failed) => self.shared.counters.panics += 1,
                // A job is answered in its kind, so nothing else than the freed is left here.
                (
                    Ticket::Login { .. }
                    | Ticket::Publication(_)
                    | Ticket::Walk
                    | Ticket::UsersFile
                    | Ticket::Discarded,
                    Done::PasswordVerified { .. }
                    | Done::Published(_)
                    | Done::Walked(_)
                    | Done::AccountsRead { .. }
                    | Done::Discarded,
                ) => {}
            }
        }
    }
}

impl Connection {
    fn slow_job_broke_off(&mut self, shared: &mut Shared) {
        shared.counters.panics += 1;
        self.vanish(Ending::ServerError, shared);
    }
}
