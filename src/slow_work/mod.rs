//! Blocking work, on one thread beside the event loop.
//!
//! The loop hands over work, continues, is woken, and collects the result. The thread is given at most one password and
//! one job at a time; the rest wait in queues on the loop's side, which decide the order. Nothing here makes the caller
//! wait.

mod job;
pub mod login_queue;
pub mod queue;
#[cfg(test)]
mod tests;

pub use job::{AccountsRead, Done, Job, LoginAttempt, Panicked};

use crate::accounts::WorkingMemory;
use std::io;
use std::sync::mpsc::{Receiver, RecvError, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::Duration;

/// How long an idle thread keeps the memory that hashes need.
const MEMORY_KEPT: Duration = Duration::from_secs(1);

/// What the thread is given. It works in the order of arrival, so where both wait they alternate: a password waits for
/// at most one job, and a flood of passwords leaves every second place to jobs.
#[derive(Debug)]
enum Work {
    Password(LoginAttempt),
    Job(Job),
}

impl Work {
    /// At most one of each variant at a time.
    const AT_ONCE: usize = 2;

    fn perform(self, memory: &mut WorkingMemory) -> Done {
        match self {
            Work::Password(attempt) => attempt.verify(memory),
            Work::Job(job) => job.run(),
        }
    }
}

/// The channels to and from the thread.
///
/// Dropping it ends the thread without waiting for the work under way, which may take a second. Work that still waits
/// is not begun.
#[derive(Debug)]
struct SlowWork {
    submissions: SyncSender<Work>,
    results: Receiver<Done>,
}

impl SlowWork {
    /// Starts the thread, which calls `wake` after each result. A thread inherits the signal mask and "no new
    /// privileges" from the thread that starts it, so start it after the process has been confined.
    fn start(wake: impl Fn() + Send + 'static) -> io::Result<Self> {
        Self::start_with(Work::perform, wake)
    }

    fn start_with(
        perform: impl Fn(Work, &mut WorkingMemory) -> Done + Send + 'static,
        wake: impl Fn() + Send + 'static,
    ) -> io::Result<Self> {
        let (submissions, waiting) = sync_channel(Work::AT_ONCE);
        // Bounded: results that are not collected stop the thread instead of filling the memory.
        let (finished, results) = sync_channel(Work::AT_ONCE);
        thread::Builder::new().name("slow-work".to_owned()).spawn(move || {
            let mut memory = WorkingMemory::default();
            while let Ok(work) = next(&waiting, &mut memory) {
                if finished.send(perform(work, &mut memory)).is_err() {
                    return;
                }
                wake();
            }
        })?;
        Ok(Self { submissions, results })
    }

    /// Never waits; gives the work back if the thread has no room for it.
    #[expect(
        clippy::result_large_err,
        reason = "the error is the work itself, which is moved anyway"
    )]
    fn submit(&self, work: Work) -> Result<(), Work> {
        self.submissions.try_send(work).map_err(|error| match error {
            TrySendError::Full(returned) | TrySendError::Disconnected(returned) => returned,
        })
    }

    /// The next result, in the order of submission. Never waits.
    fn finished(&self) -> Option<Done> {
        self.results.try_recv().ok()
    }
}

/// Waits for the next work. After [`MEMORY_KEPT`] without any, the working memory is given back.
fn next(waiting: &Receiver<Work>, memory: &mut WorkingMemory) -> Result<Work, RecvError> {
    if !memory.is_empty() {
        match waiting.recv_timeout(MEMORY_KEPT) {
            Ok(work) => return Ok(work),
            Err(RecvTimeoutError::Timeout) => memory.release(),
            Err(RecvTimeoutError::Disconnected) => return Err(RecvError),
        }
    }
    waiting.recv()
}
