//! Logins that are not answered yet: passwords in the queue, the one being verified, and results held back.

use crate::reactor::token::SlotId;
use crate::slow_work::LoginAttempt;
use crate::slow_work::login_queue::{LoginQueue, Place};
use std::collections::HashMap;
use std::time::Instant;

/// All logins that are not answered yet.
#[derive(Debug, Default)]
pub struct Logins {
    queue: LoginQueue,
    pending: HashMap<SlotId, Verification>,
}

/// State of a password's verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verification {
    /// In the queue.
    Waiting { place: Place, since: Instant },
    /// On the slow-work thread.
    Running { since: Instant },
    /// Verified; the reply is delayed because logins from its address have failed.
    Delayed { matches: bool, until: Instant },
}

impl Logins {
    /// Whether no password is in the queue.
    pub fn is_queue_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// How many passwords are in the queue.
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// Takes the next attempt out of the queue.
    pub fn take_next(&mut self) -> Option<LoginAttempt> {
        self.queue.take_next()
    }

    /// Queues an attempt, further back if its address has failed `failures` times.
    pub(super) fn enter(&mut self, failures: u32, attempt: LoginAttempt, since: Instant) {
        let slot = attempt.slot;
        let place = self.queue.enter(failures, attempt);
        self.pending.insert(slot, Verification::Waiting { place, since });
    }

    pub(super) fn set(&mut self, slot: SlotId, verification: Verification) {
        self.pending.insert(slot, verification);
    }

    /// Forgets the login; a password in the queue is not verified.
    pub(super) fn remove(&mut self, slot: SlotId) {
        if let Some(Verification::Waiting { place, .. }) = self.pending.remove(&slot) {
            self.queue.withdraw(place);
        }
    }

    pub(super) fn of(&self, slot: SlotId) -> Option<Verification> {
        self.pending.get(&slot).copied()
    }
}
