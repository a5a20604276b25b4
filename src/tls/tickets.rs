//! The sessions that the clients of one control connection can resume.
//!
//! Each control connection has a store of its own. A data connection whose handshake resumes a session from it was made
//! by somebody who has the keys of that control connection; another client, even at the same address, has not (threat
//! E07).

use rustls::server::StoresServerSessions;
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Tickets issued on the control connection. Clients that offer one ticket again and again mostly offer one of these,
/// so they are kept as long as the connection.
pub const CONTROL_TICKETS: usize = 8;
/// Tickets issued on data connections that are kept; older ones are dropped.
const DATA_TICKETS: usize = 8;

/// A store of resumable sessions, of bounded size. rustls requires a lock; only the loop's thread ever takes it.
#[derive(Default)]
pub struct SessionTickets(Mutex<Entries>);

#[derive(Default)]
struct Entries {
    first: Vec<(Vec<u8>, Vec<u8>)>,
    later: VecDeque<(Vec<u8>, Vec<u8>)>,
}

impl SessionTickets {
    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StoresServerSessions for SessionTickets {
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        let mut entries = self.entries();
        if entries.first.len() < CONTROL_TICKETS {
            entries.first.push((key, value));
            return true;
        }
        if entries.later.len() >= DATA_TICKETS {
            entries.later.pop_front();
        }
        entries.later.push_back((key, value));
        true
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        let entries = self.entries();
        let mut all = entries.first.iter().chain(&entries.later);
        all.find(|(known, _)| known == key).map(|(_, value)| value.clone())
    }

    /// A copy: some clients offer one ticket for all their data connections (threat E09). That a ticket can be used
    /// twice matters for early data only, which is switched off.
    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.get(key)
    }

    fn can_cache(&self) -> bool {
        true
    }
}

/// What one data connection issues. The session may resume it only if the data connection itself resumed a session:
/// otherwise a stranger could get a ticket from one data connection, and be taken for the client on the next.
#[derive(Debug)]
pub struct DataTickets {
    session: Arc<SessionTickets>,
    issued: SessionTickets,
}

impl DataTickets {
    pub fn new(session: Arc<SessionTickets>) -> Self {
        Self {
            session,
            issued: SessionTickets::default(),
        }
    }

    /// The handshake is complete and has resumed a session: its tickets are as good as those of the control connection.
    pub fn keep(&self) {
        let mut issued = self.issued.entries();
        for (key, value) in issued.first.drain(..) {
            self.session.put(key, value);
        }
    }
}

impl StoresServerSessions for DataTickets {
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        self.issued.put(key, value)
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.session.get(key)
    }

    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.session.take(key)
    }

    fn can_cache(&self) -> bool {
        true
    }
}

/// Without the secrets.
impl fmt::Debug for SessionTickets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.entries();
        write!(
            formatter,
            "SessionTickets({})",
            entries.first.len() + entries.later.len()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e09_a_ticket_can_be_used_again_and_the_first_ones_stay() {
        let tickets = SessionTickets::default();
        let key = |number: usize| number.to_be_bytes().to_vec();
        for number in 0..1000 {
            assert!(tickets.put(key(number), key(number)));
        }
        for number in (0..CONTROL_TICKETS).chain(1000 - DATA_TICKETS..1000) {
            for _ in 0..3 {
                assert_eq!(tickets.take(&key(number)), Some(key(number)), "ticket {number}");
            }
        }
        assert_eq!(tickets.get(&key(CONTROL_TICKETS)), None, "the store is bounded");
        assert_eq!(format!("{tickets:?}"), "SessionTickets(16)", "no secret is shown");
    }
}
