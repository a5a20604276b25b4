//! From PASS to its answer: which passwords are verified and when, and what a wrong one costs its address.
//!
//! A password waits in the loop's [`LoginQueue`](crate::slow_work::login_queue::LoginQueue) until the thread takes it. Whether its
//! address is blocked is checked when PASS arrives and again when its turn comes, so a client with many connections
//! gets no more attempts than one that makes them one after the other. Whether the same password was right a moment ago
//! is checked at both times too.

use crate::accounts::Claim;
use crate::connection::Connection;
use crate::connection::shared::Shared;
use crate::session::Ending;
use crate::slow_work::LoginAttempt;
use crate::slow_work::login_queue::Place;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Where the verification of a password stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verification {
    NotAsked,
    /// Others are before it.
    Waiting {
        place: Place,
        since: Instant,
    },
    /// The thread has it.
    Running {
        since: Instant,
    },
    /// The result is there; the client learns it later, because too many others from its address were wrong.
    HeldBack {
        matches: bool,
        until: Instant,
    },
}

impl Shared {
    /// Remembers how a login went; how long its answer is to be held back.
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
    /// Has a password verified when its turn comes.
    pub(crate) fn verify(&mut self, claim: Claim, shared: &mut Shared) {
        let peer = self.session.peer();
        let attempt = LoginAttempt {
            slot: self.slot,
            peer,
            proof: shared.proofs.of(&claim),
            claim,
        };
        if let Some(attempt) = self.answer_unverified(attempt, shared) {
            let failures = shared.throttle.failures(peer, shared.now);
            self.verification = Verification::Waiting {
                place: shared.logins.enter(peer, failures, attempt),
                since: shared.now,
            };
        }
    }

    /// Its turn has come.
    pub fn verification_begins(&mut self, attempt: LoginAttempt, shared: &mut Shared) {
        let Some(attempt) = self.answer_unverified(attempt, shared) else {
            return;
        };
        self.verification = Verification::Running { since: shared.now };
        if let Some(queue) = &mut shared.slow_work {
            queue.verify(attempt);
        }
    }

    /// Answers a password for which no hash has to be computed; gives back any other.
    fn answer_unverified(&mut self, attempt: LoginAttempt, shared: &mut Shared) -> Option<LoginAttempt> {
        let peer = attempt.peer;
        if shared.throttle.is_blocked(peer, shared.now) {
            if let Some(count) = shared.throttle.refused(peer, shared.now) {
                log::warn!(
                    "{peer}: logins refused without verification: {count} (too many wrong passwords from there)"
                );
            }
            self.refuse_unheard(shared);
            return None;
        }
        if shared.proofs.holds(&attempt.proof, shared.now) {
            let delay = shared.count_login(peer, true);
            self.result_is_known(true, delay, shared);
            return None;
        }
        Some(attempt)
    }

    pub fn verification_ends(&mut self, matches: bool, delay: Duration, shared: &mut Shared) {
        // The session may have been ended meanwhile.
        if let Verification::Running { .. } = self.verification {
            self.result_is_known(matches, delay, shared);
        }
    }

    fn result_is_known(&mut self, matches: bool, delay: Duration, shared: &mut Shared) {
        if delay.is_zero() {
            self.tell_verification(matches, shared);
        } else {
            let until = shared.now + delay;
            self.verification = Verification::HeldBack { matches, until };
        }
    }

    /// Lets the session answer its PASS.
    pub(crate) fn tell_verification(&mut self, matches: bool, shared: &mut Shared) {
        self.verification = Verification::NotAsked;
        self.active = shared.now;
        let request = self
            .session
            .password_verified(matches, &shared.context(), &mut self.output.bytes);
        self.tell_notice(shared);
        if let Some(request) = request {
            self.fulfil(request, shared);
        }
    }

    /// The same answer as to a wrong password, which was not looked at.
    fn refuse_unheard(&mut self, shared: &mut Shared) {
        self.active = shared.now;
        let request = self
            .session
            .password_verified(false, &shared.context(), &mut self.output.bytes);
        self.tell_unheard_login(shared);
        if let Some(request) = request {
            self.fulfil(request, shared);
        }
        self.verification = Verification::NotAsked;
    }

    /// The session ends: a password that still waits is not verified any more.
    pub(crate) fn withdraw_password(&mut self, shared: &mut Shared) {
        if let Verification::Waiting { place, .. } = self.verification {
            shared.logins.withdraw(place);
        }
        self.verification = Verification::NotAsked;
    }

    /// The thread panicked while it worked for this session.
    pub fn slow_work_panicked(&mut self, shared: &mut Shared) {
        shared.counters.panics += 1;
        self.vanish(Ending::ServerError, shared);
    }
}
