//! The logins whose answer is owed: which passwords wait, which one is being verified, and which results are held back.

use crate::reactor::token::SlotId;
use crate::slow_work::LoginAttempt;
use crate::slow_work::login_queue::{LoginQueue, Place};
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Instant;

/// Every login whose answer is owed.
#[derive(Debug, Default)]
pub struct Logins {
    queue: LoginQueue<LoginAttempt>,
    owed: HashMap<SlotId, Verification>,
}

/// Where the verification of a password stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verification {
    /// Others are before it.
    Waiting { place: Place, since: Instant },
    /// The thread has it.
    Running { since: Instant },
    /// The result is there; the client learns it later, because too many others from its address were wrong.
    HeldBack { matches: bool, until: Instant },
}

impl Logins {
    /// Whether no password waits for the thread.
    pub fn is_queue_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Takes out the attempt whose turn it is.
    pub fn take_next(&mut self) -> Option<LoginAttempt> {
        self.queue.take_next()
    }

    /// Lets an attempt wait; an address that has failed `failures` times waits longer.
    pub(super) fn enter(&mut self, failures: u32, attempt: LoginAttempt, since: Instant) {
        let (slot, peer): (SlotId, IpAddr) = (attempt.slot, attempt.peer);
        let place = self.queue.enter(peer, failures, attempt);
        self.owed.insert(slot, Verification::Waiting { place, since });
    }

    pub(super) fn set(&mut self, slot: SlotId, verification: Verification) {
        self.owed.insert(slot, verification);
    }

    /// Nothing is owed any more; a password that still waits is not verified.
    pub(super) fn remove(&mut self, slot: SlotId) {
        if let Some(Verification::Waiting { place, .. }) = self.owed.remove(&slot) {
            self.queue.withdraw(place);
        }
    }

    pub(super) fn of(&self, slot: SlotId) -> Option<Verification> {
        self.owed.get(&slot).copied()
    }
}
