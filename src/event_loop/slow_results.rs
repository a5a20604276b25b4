//! What goes to the slow-work thread at the end of a turn, and what comes back from it.

use super::EventLoop;
use crate::connection::Connection;
use crate::reactor::token::SlotId;
use crate::slow_work::queue::SlowWorkQueue;
use crate::slow_work::{Done, Panicked};
use crate::storage::{Published, StorageError};
use std::net::IpAddr;

/// Waiting logins that one turn may answer without verification.
const ANSWERS_PER_TURN: usize = 64;

impl EventLoop {
    /// Takes no more results than were ready when the event came: those of work handed over here wake the loop again,
    /// so many short jobs do not make one long turn.
    pub(crate) fn collect_slow_work(&mut self) {
        for _ in 0..SlowWorkQueue::RESULTS_AT_ONCE {
            let Some(done) = self.shared.slow_work.as_mut().and_then(SlowWorkQueue::finished) else {
                return;
            };
            match done {
                Done::PasswordVerified {
                    slot,
                    peer,
                    proof,
                    matches: Ok(matches),
                } => {
                    if matches {
                        self.shared.proofs.remember(&proof, self.shared.now);
                    }
                    self.password_is_verified(slot, peer, matches);
                }
                Done::Published {
                    slot,
                    result: Ok(result),
                } => self.published(slot, result),
                Done::PasswordVerified {
                    slot,
                    matches: Err(Panicked),
                    ..
                }
                | Done::Published {
                    slot,
                    result: Err(Panicked),
                } => {
                    self.shared.unclaimed.remove(&slot);
                    self.step(slot, Connection::slow_work_panicked);
                }
                Done::Walked(Ok(walk)) => self.walks.walked(Some(walk), &mut self.shared),
                Done::Walked(Err(Panicked)) => {
                    self.shared.counters.panics += 1;
                    self.walks.walked(None, &mut self.shared);
                }
                Done::AccountsRead(Ok(result)) => self.accounts_read(result),
                Done::AccountsRead(Err(Panicked)) => self.reading_accounts_panicked(),
                Done::Discarded(Ok(())) => {}
                Done::Discarded(Err(Panicked)) => self.shared.counters.panics += 1,
            }
        }
    }

    /// A file has its name, or not; its session may have ended meanwhile.
    fn published(&mut self, slot: SlotId, result: Result<Published, StorageError>) {
        match self.shared.unclaimed.remove(&slot) {
            Some(held) => {
                if let Ok(published) = result {
                    held.settle(published);
                }
            }
            None => self.step(slot, |connection, shared| connection.stored(result, shared)),
        }
    }

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

    /// Whether waiting logins can be processed now, although no event will come.
    pub(crate) fn has_password_to_hand_over(&self) -> bool {
        let takes_one = self
            .shared
            .slow_work
            .as_ref()
            .is_some_and(SlowWorkQueue::takes_password);
        takes_one && !self.shared.logins.is_queue_empty()
    }

    /// A wrong password counts for its address even if the client has disconnected.
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
