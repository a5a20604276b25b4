//! From PASS to its reply: when a password is verified, and what a wrong one costs its address.
//!
//! A password waits in [`Logins`](super::logins::Logins) for the slow-work thread. Whether its address is blocked is
//! checked when PASS arrives and again when its turn comes, so many connections in parallel get no more attempts than
//! one. Whether the same password was verified a moment ago is checked both times too.

use super::{Connection, logins::Verification, shared::Shared};
use crate::accounts::Claim;
use crate::session::{Ending, Step};
use crate::slow_work::LoginAttempt;
use std::net::IpAddr;
use std::time::Duration;

impl Shared {
    /// Counts a login for the throttle; returns how long its reply is to be delayed.
    pub fn count_login(&mut self, peer: IpAddr, matches: bool) -> Duration {
        let delay = self.throttle.delay(peer, self.now);
        if matches {
            self.throttle.succeeded(peer);
        } else {
            self.throttle.failed(peer, self.now);
        }
        delay
    }
}

impl Connection {
    /// Queues a password for verification.
    pub(super) fn verify(&mut self, claim: Claim, shared: &mut Shared) {
        let peer = self.session.peer();
        let attempt = LoginAttempt {
            slot: self.slot,
            peer,
            proof: shared.proofs.of(&claim),
            claim,
        };
        if let Some(attempt) = self.answer_unverified(attempt, shared) {
            let failures = shared.throttle.failures(peer, shared.now);
            shared.logins.enter(failures, attempt, shared.now);
        }
    }

    /// Its turn has come in the queue.
    pub fn verification_begins(&mut self, attempt: LoginAttempt, shared: &mut Shared) {
        let Some(attempt) = self.answer_unverified(attempt, shared) else {
            return;
        };
        let since = shared.now;
        shared.logins.set(self.slot, Verification::Running { since });
        if let Some(queue) = &mut shared.slow_work {
            queue.verify(attempt);
        }
    }

    /// Answers a password that needs no hash to be computed; gives back any other.
    fn answer_unverified(&mut self, attempt: LoginAttempt, shared: &mut Shared) -> Option<LoginAttempt> {
        let peer = attempt.peer;
        if shared.throttle.is_blocked(peer, shared.now) {
            if let Some(count) = shared.throttle.refused(peer, shared.now) {
                log::warn!(
                    "{peer}: logins refused without verification: {count} (too many wrong passwords from there)"
                );
            }
            // The same reply as to a wrong password.
            let step = self.password_step(false, shared);
            self.record_blocked_login(shared);
            let _ = self.take(step, shared);
            return None;
        }
        if shared.proofs.holds(&attempt.proof, shared.now) {
            let delay = shared.count_login(peer, true);
            self.result_is_known(true, delay, shared);
            return None;
        }
        Some(attempt)
    }

    /// The thread has finished; the reply is delayed by `delay`.
    pub fn verification_ends(&mut self, matches: bool, delay: Duration, shared: &mut Shared) {
        // The session may have ended meanwhile.
        if let Some(Verification::Running { .. }) = shared.logins.of(self.slot) {
            self.result_is_known(matches, delay, shared);
        }
    }

    fn result_is_known(&mut self, matches: bool, delay: Duration, shared: &mut Shared) {
        if delay.is_zero() {
            self.answer_password(matches, shared);
        } else {
            let until = shared.now + delay;
            shared.logins.set(self.slot, Verification::Delayed { matches, until });
        }
    }

    /// The delay of the reply to PASS is over.
    pub(super) fn answer_delayed_password(&mut self, shared: &mut Shared) {
        if let Some(Verification::Delayed { matches, .. }) = shared.logins.of(self.slot) {
            self.answer_password(matches, shared);
        }
    }

    fn answer_password(&mut self, matches: bool, shared: &mut Shared) {
        let step = self.password_step(matches, shared);
        let _ = self.take(step, shared);
    }

    fn password_step(&mut self, matches: bool, shared: &mut Shared) -> Step {
        shared.logins.remove(self.slot);
        self.active = shared.now;
        self.session.password_verified(matches, &shared.context())
    }

    /// The session ends: a password in the queue is not verified.
    pub(super) fn withdraw_password(&self, shared: &mut Shared) {
        if self.session.is_verifying() {
            shared.logins.remove(self.slot);
        }
    }

    /// The thread panicked while it worked for this session.
    pub fn slow_work_panicked(&mut self, shared: &mut Shared) {
        shared.counters.panics += 1;
        self.drop_client(Ending::ServerError, shared);
    }
}
