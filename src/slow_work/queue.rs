//! What is done beside the loop, and how it comes back: passwords verified, files given to the disk, trees walked.
//!
//! Jobs go to the one thread of [`SlowWork`]; its waker is a target of the poll like any other. The thread has at most
//! one password and one job of another kind at a time. The others wait here, each kind in its own queue, and the kinds
//! take turns; passwords wait in [`LoginQueue`](crate::slow_work::login_queue::LoginQueue), see `verifying.rs`. A connection whose
//! client has gone meanwhile is not found any more, and its result is nobody's.

use crate::accounts::Proof;
use crate::reactor::token::SlotId;
use crate::slow_work::{Done, Job, Kind, Lane, SlowWork};
use crate::target::Target;
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
    pub fn finished(&mut self) -> Option<(Ticket, Done)> {
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
