//! Results of the slow-work thread, and passwords handed to it.

use super::EventLoop;
use crate::connection::Connection;
use crate::reactor::token::SlotId;
use crate::slow_work::queue::SlowWorkQueue;
use crate::slow_work::{Done, Panicked};
use crate::storage::{Published, StorageError};
use std::net::IpAddr;

/// Most waiting logins that one turn takes from the queue. Some are answered without the thread.
const ANSWERS_PER_TURN: usize = 64;

impl EventLoop {
    /// Handles results, up to a limit: if more become ready meanwhile, another event follows, so many short jobs do not
    /// make one long turn.
    pub(super) fn collect_slow_work(&mut self) {
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
                Done::Walked(Ok(walk)) => self.walks.slice_finished(Some(walk), &mut self.shared),
                Done::Walked(Err(Panicked)) => {
                    self.shared.counters.panics += 1;
                    self.walks.slice_finished(None, &mut self.shared);
                }
                Done::AccountsRead(Ok(result)) => self.accounts_read(result),
                Done::AccountsRead(Err(Panicked)) => self.reading_accounts_panicked(),
                Done::CertificatesRead(Ok(result)) => self.certificates_read(result),
                Done::CertificatesRead(Err(Panicked)) => self.reading_certificates_panicked(),
                Done::Discarded(Ok(())) => {}
                Done::Discarded(Err(Panicked)) => self.shared.counters.panics += 1,
            }
        }
    }

    /// Handles a published upload. Its session may have ended meanwhile.
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

    /// Hands the next password to the thread if it is idle.
    pub(super) fn start_password_verification(&mut self) {
        for _ in 0..ANSWERS_PER_TURN {
            if !self.can_start_verification() {
                return;
            }
            if let Some(attempt) = self.shared.logins.take_next() {
                self.step(attempt.slot, |connection, shared| {
                    connection.verification_begins(attempt, shared);
                });
            }
        }
    }

    /// Whether a waiting login can be processed now. No event will announce it.
    pub(super) fn can_start_verification(&self) -> bool {
        let takes_one = self
            .shared
            .slow_work
            .as_ref()
            .is_some_and(SlowWorkQueue::takes_password);
        takes_one && !self.shared.logins.is_queue_empty()
    }

    /// Handles a verified password. A wrong one counts against its address even if the client has disconnected.
    fn password_is_verified(&mut self, slot: SlotId, peer: IpAddr, matches: bool) {
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
