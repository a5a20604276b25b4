//! Looking again for a moment before going to sleep.
//!
//! Whoever has just been answered often speaks again at once. A thread that sleeps has to be woken for that, which
//! costs tens of microseconds on a virtual machine; looking costs less than one. So after a turn with events the poll
//! is asked without waiting for a moment, and only then with the real timeout. Nothing happens on a machine with one
//! processor, where looking would keep the others from speaking, and nothing while nobody speaks.

use mio::{Events, Poll};
use nix::unistd::{SysconfVar, sysconf};
use std::io;
use std::time::{Duration, Instant};

/// How long it looks: about as long as being woken takes, so that it never costs more than it can bring.
const MOMENT: Duration = Duration::from_micros(50);

/// Asks the poll, and whether it may look again.
#[derive(Clone, Copy, Debug)]
pub struct BusyPoll {
    moment: Duration,
}

impl BusyPoll {
    /// `wanted`: whether to look at all. How many processors there are can be asked only before the process is
    /// confined.
    pub fn new(wanted: bool) -> Self {
        // Those of the machine, not those that this process may use: clients run on the others.
        let processors = sysconf(SysconfVar::_NPROCESSORS_CONF).ok().flatten().unwrap_or(1);
        let moment = if wanted && processors > 1 {
            MOMENT
        } else {
            Duration::ZERO
        };
        Self { moment }
    }

    /// As [`Poll::poll`]. `events` are still those of the turn before.
    pub fn poll(self, poll: &mut Poll, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        let longest = timeout.unwrap_or(self.moment).min(self.moment);
        if !events.is_empty() && !longest.is_zero() {
            let until = Instant::now() + longest;
            while Instant::now() < until {
                poll.poll(events, Some(Duration::ZERO))?;
                if !events.is_empty() {
                    return Ok(());
                }
            }
        }
        poll.poll(events, timeout)
    }
}
