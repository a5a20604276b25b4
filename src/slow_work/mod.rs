//! What must block, on one thread beside the loop.
//!
//! The loop hands over a job with a ticket, goes on, is woken, and collects the result. The thread is given few jobs at
//! a time (see [`Lane`]); the rest wait in queues of the loop's, which decides whose turn it is. Nothing here knows the
//! poll, a socket or a session, and nothing here makes the caller wait.

pub mod login_queue;
pub mod queue;

use crate::accounts::{Accounts, Claim, Quotas, UsersFile, UsersFileError, WorkingMemory};
use crate::storage::{Publication, Published, StorageError, TreeWalk};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvError, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

/// Entries of a tree that one job looks at, and how long it may take for them, so that passwords need not wait for a
/// large tree or a slow disk.
const WALK_ENTRIES: usize = 1_000;
const WALK_TIME: Duration = Duration::from_millis(5);

/// How long the memory that hashes need is kept while there is nothing to do.
const MEMORY_KEPT: Duration = Duration::from_secs(1);

/// Something that takes long.
#[derive(Debug)]
pub enum Job {
    VerifyPassword(Claim),
    /// Give a received file its name, and wait until the disk has it.
    Publish(Publication),
    /// Look at some more of a tree.
    Walk(Box<TreeWalk>),
    /// Read the users file again; `previous`: what lies beneath the accounts' roots now.
    ReadAccounts {
        file: Box<UsersFile>,
        previous: Arc<Quotas>,
    },
    /// Free what takes long to free.
    Discard(Box<(Accounts, Arc<Quotas>)>),
}

/// What became of a job.
#[derive(Debug)]
pub enum Done {
    PasswordVerified {
        matches: bool,
    },
    Published(Result<Published, StorageError>),
    Walked(Box<TreeWalk>),
    AccountsRead {
        file: Box<UsersFile>,
        read: Result<Box<(Accounts, Quotas)>, UsersFileError>,
    },
    Discarded,
    /// The job panicked; the message is on standard error.
    Failed,
}

/// The kinds of jobs. To add one: a variant here and in [`Job`], its place in [`Kind::TAKING_TURNS`] and its lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Password,
    Publication,
    Walk,
    Accounts,
}

/// What the thread may have at once: one job of each lane.
///
/// It works through them in the order in which they came, so where both lanes have work they alternate: a password
/// waits for at most one job that is none, and floods of passwords leave every second place to the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    Passwords,
    /// Every other kind; they take turns.
    Others,
}

impl Kind {
    /// The kinds that share [`Lane::Others`].
    pub const TAKING_TURNS: [Kind; 3] = [Kind::Publication, Kind::Walk, Kind::Accounts];

    pub fn lane(self) -> Lane {
        match self {
            Kind::Password => Lane::Passwords,
            Kind::Publication | Kind::Walk | Kind::Accounts => Lane::Others,
        }
    }
}

impl Lane {
    /// How many there are, which is how many jobs the thread may have.
    pub const COUNT: usize = 2;
}

/// The thread and the ways to it and back. `Ticket` says for whom a job is done; it comes back as it was given.
///
/// Dropping it ends the thread without waiting for it: the job that it is at may take a second, and its result is for
/// nobody. Jobs that still wait are not begun.
#[derive(Debug)]
pub struct SlowWork<Ticket> {
    jobs: SyncSender<(Ticket, Job)>,
    results: Receiver<(Ticket, Done)>,
}

impl<Ticket: Send + 'static> SlowWork<Ticket> {
    /// Starts the thread; `wake` is called on it after each result. A thread inherits from its starter what is the
    /// thread's own (signal mask, no new privileges), so this comes after the process has confined itself.
    pub fn start(wake: impl Fn() + Send + 'static) -> io::Result<Self> {
        Self::start_with(Job::perform, wake)
    }

    fn start_with(
        perform: impl Fn(Job, &mut WorkingMemory) -> Done + Send + 'static,
        wake: impl Fn() + Send + 'static,
    ) -> io::Result<Self> {
        let (jobs, waiting) = sync_channel::<(Ticket, Job)>(Lane::COUNT);
        // Results that nobody collects stop the thread, not the memory.
        let (finished, results) = sync_channel(Lane::COUNT);
        thread::Builder::new().name("slow-work".to_owned()).spawn(move || {
            let mut memory = WorkingMemory::default();
            while let Ok((ticket, job)) = next(&waiting, &mut memory) {
                // The job is consumed either way, so nothing half done is seen afterwards; what it left in the working
                // memory means nothing.
                let done = catch_unwind(AssertUnwindSafe(|| perform(job, &mut memory))).unwrap_or(Done::Failed);
                if finished.send((ticket, done)).is_err() {
                    return;
                }
                wake();
            }
        })?;
        Ok(Self { jobs, results })
    }

    /// Hands `job` over. Gives both back when the thread has as many as it may have. Never waits.
    pub fn submit(&self, ticket: Ticket, job: Job) -> Result<(), (Ticket, Job)> {
        self.jobs.try_send((ticket, job)).map_err(|error| match error {
            TrySendError::Full(returned) | TrySendError::Disconnected(returned) => returned,
        })
    }

    /// The next result, in the order in which jobs were submitted. Never waits.
    pub fn finished(&self) -> Option<(Ticket, Done)> {
        self.results.try_recv().ok()
    }
}

/// Waits for the next job. When none comes for a while, the working memory is given back.
fn next<T>(waiting: &Receiver<T>, memory: &mut WorkingMemory) -> Result<T, RecvError> {
    if !memory.is_empty() {
        match waiting.recv_timeout(MEMORY_KEPT) {
            Ok(job) => return Ok(job),
            Err(RecvTimeoutError::Timeout) => memory.release(),
            Err(RecvTimeoutError::Disconnected) => return Err(RecvError),
        }
    }
    waiting.recv()
}

impl Job {
    /// Which kind of job it is.
    pub fn kind(&self) -> Kind {
        match self {
            Job::VerifyPassword(_) => Kind::Password,
            Job::Publish(_) => Kind::Publication,
            Job::Walk(_) => Kind::Walk,
            Job::ReadAccounts { .. } | Job::Discard(_) => Kind::Accounts,
        }
    }

    fn perform(self, memory: &mut WorkingMemory) -> Done {
        match self {
            Job::VerifyPassword(claim) => Done::PasswordVerified {
                matches: claim.is_right(memory),
            },
            Job::Publish(publication) => Done::Published(publication.run()),
            Job::Walk(mut walk) => {
                walk.advance(WALK_ENTRIES, Instant::now() + WALK_TIME);
                Done::Walked(walk)
            }
            Job::ReadAccounts { mut file, previous } => {
                let read = file.reread().map(|accounts| {
                    let quotas = Quotas::of(&accounts, &previous);
                    Box::new((accounts, quotas))
                });
                Done::AccountsRead { file, read }
            }
            Job::Discard(old) => {
                drop(old);
                Done::Discarded
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::{Password, PasswordHash};
    use std::sync::mpsc::{RecvTimeoutError, channel};
    use std::sync::{Arc, Weak};
    use std::time::Duration;

    /// Of `secret`, cheap.
    const HASH: &str = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$vk+JgWgZGbXHtEqPQPhzXbD+QxxkJR5Fq2AXLhDyYaY";
    /// After this a test has failed.
    const PATIENCE: Duration = Duration::from_secs(30);

    fn job(password: &str) -> Job {
        Job::VerifyPassword(Claim {
            user: b"alice"[..].into(),
            hash: PasswordHash::parse(HASH).expect("a hash"),
            password: Password::new(password.as_bytes().to_vec()),
        })
    }

    fn is_secret(job: &Job) -> bool {
        matches!(job, Job::VerifyPassword(claim) if claim.password.as_bytes() == b"secret")
    }

    /// The next result; `Ok`: whether the password matched, `Err`: the job broke off.
    fn told<Ticket: Send + 'static>(work: &SlowWork<Ticket>) -> Option<(Ticket, Result<bool, ()>)> {
        work.finished().map(|(ticket, done)| match done {
            Done::PasswordVerified { matches } => (ticket, Ok(matches)),
            Done::Failed => (ticket, Err(())),
            Done::Published(_) | Done::Walked(_) | Done::AccountsRead { .. } | Done::Discarded => {
                unreachable!("no such job was submitted")
            }
        })
    }

    #[test]
    fn f04_passwords_are_verified_elsewhere_and_the_loop_is_woken() {
        let (wake, woken) = channel();
        let caller = thread::current().id();
        let work = SlowWork::start(move || {
            assert_ne!(thread::current().id(), caller);
            let _ = wake.send(());
        })
        .expect("a thread");
        assert_eq!(told(&work), None);
        for (ticket, password) in ["secret", "wrong"].into_iter().enumerate() {
            work.submit(ticket, job(password)).expect("room");
        }
        for (ticket, matches) in [true, false].into_iter().enumerate() {
            woken.recv_timeout(PATIENCE).expect("a wake-up after each result");
            assert_eq!(told(&work), Some((ticket, Ok(matches))));
        }
        assert_eq!(told(&work), None);
    }

    #[test]
    fn f04_no_more_than_a_job_a_lane_waits_and_the_next_is_given_back() {
        let (wake, woken) = channel();
        let (begin, begun) = channel();
        let (release, gate) = channel::<()>();
        let perform = move |job: Job, _: &mut WorkingMemory| {
            begin.send(()).expect("the test waits");
            gate.recv_timeout(PATIENCE).expect("released");
            Done::PasswordVerified {
                matches: is_secret(&job),
            }
        };
        let work = SlowWork::start_with(perform, move || {
            let _ = wake.send(());
        })
        .expect("a thread");
        work.submit(0, job("secret")).expect("an idle thread");
        begun.recv_timeout(PATIENCE).expect("it has begun");
        for ticket in 1..=Lane::COUNT {
            work.submit(ticket, job("secret")).expect("room to wait");
        }
        let (ticket, refused) = work.submit(99, job("wrong")).expect_err("no room");
        assert_eq!(ticket, 99);
        assert!(!is_secret(&refused), "the same job comes back");
        for ticket in 0..=Lane::COUNT {
            release.send(()).expect("it waits");
            woken.recv_timeout(PATIENCE).expect("a result");
            assert_eq!(told(&work), Some((ticket, Ok(true))));
        }
        work.submit(100, job("secret")).expect("room again");
    }

    #[test]
    fn a_job_that_panics_is_a_result_and_the_thread_goes_on() {
        let (wake, woken) = channel();
        let perform = |job: Job, memory: &mut WorkingMemory| {
            assert!(is_secret(&job), "this panic belongs to the test");
            job.perform(memory)
        };
        let work = SlowWork::start_with(perform, move || {
            let _ = wake.send(());
        })
        .expect("a thread");
        work.submit('a', job("wrong")).expect("room");
        work.submit('b', job("secret")).expect("room");
        for expected in [('a', Err(())), ('b', Ok(true))] {
            woken.recv_timeout(PATIENCE).expect("a result");
            assert_eq!(told(&work), Some(expected));
        }
    }

    #[test]
    fn dropped_it_ends_its_thread_and_begins_nothing_more() {
        let alive = Arc::new(());
        let held: Weak<()> = Arc::downgrade(&alive);
        let (begin, begun) = channel();
        let (release, gate) = channel::<()>();
        let perform = move |_: Job, _: &mut WorkingMemory| {
            let _held = &alive;
            begin.send(()).expect("the test waits");
            gate.recv_timeout(PATIENCE).expect("released");
            Done::Failed
        };
        let work = SlowWork::start_with(perform, || panic!("nobody is to be woken")).expect("a thread");
        work.submit(0, job("secret")).expect("room");
        begun.recv_timeout(PATIENCE).expect("the first has begun");
        (1..3).for_each(|ticket| work.submit(ticket, job("secret")).expect("room"));
        drop(work);
        assert!(held.upgrade().is_some(), "dropping did not wait for the job");
        release.send(()).expect("it waits");
        assert_eq!(
            begun.recv_timeout(PATIENCE),
            Err(RecvTimeoutError::Disconnected),
            "the thread ended without beginning the next"
        );
    }
}
