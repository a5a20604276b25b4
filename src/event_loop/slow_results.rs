//! What goes to the thread beside the loop at the end of a turn, and what comes back from it.

use super::EventLoop;
use crate::connection::Connection;
use crate::reactor::token::SlotId;
use crate::slow_work::queue::{SlowJobs, Ticket};
use crate::slow_work::{Done, Job, Lane};
use std::net::IpAddr;

/// Waiting logins that are answered in one turn without being verified.
const ANSWERS_PER_TURN: usize = 64;

impl EventLoop {
    /// Gives the thread what came up in this turn.
    pub(crate) fn hand_over_slow_jobs(&mut self) {
        if let Some(jobs) = &mut self.shared.slow_jobs {
            for (slot, publication) in self.shared.publications.drain(..) {
                jobs.enqueue(Ticket::Publication(slot), Job::Publish(publication));
            }
        }
        self.hand_over_passwords();
    }

    /// The thread has finished something: as many jobs as it may have at once. What it finishes of those that it is
    /// given here has an event of its own, so that many short jobs do not make one long turn.
    pub(crate) fn collect_slow_jobs(&mut self) {
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
                (Ticket::Walk, Done::Walked(walk)) => self.walked(Some(walk)),
                (Ticket::Walk, Done::Failed) => {
                    self.shared.counters.panics += 1;
                    self.walked(None);
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

impl EventLoop {
    /// Gives the thread the next password, if it has none.
    pub(crate) fn hand_over_passwords(&mut self) {
        for _ in 0..ANSWERS_PER_TURN {
            if !self.has_password_to_hand_over() {
                return;
            }
            if let Some(attempt) = self.shared.logins.take_next() {
                self.step(attempt.slot, |connection, shared| {
                    connection.verification_begins(attempt, shared);
                });
            }
        }
    }

    /// Whether there is more to do for waiting logins although no event will come.
    pub(crate) fn has_password_to_hand_over(&self) -> bool {
        let takes_one = self.shared.slow_jobs.as_ref().is_some_and(SlowJobs::takes_password);
        takes_one && !self.shared.logins.is_empty()
    }

    /// The thread has found out whether a password is right. A wrong one counts for its address, also when the client
    /// has not waited for the answer.
    pub(crate) fn password_is_verified(&mut self, slot: SlotId, peer: IpAddr, matches: bool) {
        log::debug!(
            "{peer}: a password was verified, {}",
            if matches { "right" } else { "wrong" }
        );
        let delay = self.shared.count_login(peer, matches);
        self.step(slot, |connection, shared| {
            connection.verification_ends(matches, delay, shared)
        });
    }
}
