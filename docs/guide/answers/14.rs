//! Answer 14: a thread with a queue in each direction. Only the thread waits; the loop uses `try_send` and `try_recv`.

use super::checks::{Checker, IsRight, MOST_WAITING, Wake};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

/// Checks passwords for a loop.
pub struct Passwords {
    jobs: SyncSender<(usize, String)>,
    results: Receiver<(usize, bool)>,
}

impl Checker for Passwords {
    fn start(is_right: IsRight, wake: Wake) -> Self {
        let (jobs, submitted) = sync_channel::<(usize, String)>(MOST_WAITING);
        let (finished, results) = sync_channel(MOST_WAITING);
        thread::spawn(move || {
            for (client, password) in submitted {
                if finished.send((client, is_right(&password))).is_err() {
                    return;
                }
                wake();
            }
        });
        Self { jobs, results }
    }

    fn submit(&mut self, client: usize, password: String) -> bool {
        self.jobs.try_send((client, password)).is_ok()
    }

    fn finished(&mut self) -> Option<(usize, bool)> {
        self.results.try_recv().ok()
    }
}
