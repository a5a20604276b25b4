//! The progress of a shutdown.

use std::time::{Duration, Instant};

/// How long running transfers may continue after the first request.
pub(super) const SHUTDOWN_GRACE: Duration = Duration::from_secs(30);

/// Whether the server is shutting down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shutdown {
    NotRequested,
    /// No new clients; running transfers may continue until then.
    Draining {
        until: Instant,
    },
    Immediate,
}

impl Shutdown {
    /// SIGTERM or SIGINT was received at `now`. A second one ends transfers too.
    pub(super) fn request(&mut self, now: Instant) {
        *self = match self {
            Shutdown::NotRequested => Shutdown::Draining {
                until: now + SHUTDOWN_GRACE,
            },
            Shutdown::Draining { .. } | Shutdown::Immediate => Shutdown::Immediate,
        };
    }

    pub(super) fn is_requested(self) -> bool {
        self != Shutdown::NotRequested
    }

    /// When the server ends even if transfers are running.
    pub(super) fn deadline(self) -> Option<Instant> {
        match self {
            Shutdown::NotRequested | Shutdown::Immediate => None,
            Shutdown::Draining { until } => Some(until),
        }
    }

    /// Whether the loop has to end.
    pub(super) fn is_complete(self, now: Instant, has_sessions: bool) -> bool {
        match self {
            Shutdown::NotRequested => false,
            Shutdown::Draining { until } => !has_sessions || until <= now,
            Shutdown::Immediate => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shutdown_waits_for_transfers_until_its_deadline_or_a_second_request() {
        let now = Instant::now();
        let mut shutdown = Shutdown::NotRequested;
        assert!(!shutdown.is_complete(now, false));
        shutdown.request(now);
        assert_eq!(shutdown.deadline(), Some(now + SHUTDOWN_GRACE));
        assert!(shutdown.is_complete(now, false), "no session is open");
        assert!(!shutdown.is_complete(now, true));
        assert!(shutdown.is_complete(now + SHUTDOWN_GRACE, true));
        shutdown.request(now);
        assert!(shutdown.is_complete(now, true));
    }
}
