//! Polling without waiting for a moment before sleeping.
//!
//! A peer that has just been answered often sends again at once. Waking a sleeping thread costs tens of microseconds on
//! a virtual machine; a poll that does not wait costs less than one. So after a turn with events the poll is asked
//! again and again for a moment, and sleeps only then. On a machine with one processor it sleeps at once, because
//! polling would keep the peers from running.

use nix::unistd::{SysconfVar, sysconf};
use std::io;
use std::time::{Duration, Instant};

/// How long it polls: about as long as a wake-up takes, so that it never costs more than it can save.
const MOMENT: Duration = Duration::from_micros(50);

/// Whether and how long to poll before sleeping.
#[derive(Clone, Copy, Debug)]
pub struct BusyPoll {
    moment: Duration,
}

impl BusyPoll {
    /// `is_wanted`: whether to poll before sleeping at all. Must be called before the process is confined: it asks the
    /// system for the number of processors.
    pub fn new(is_wanted: bool) -> Self {
        // Those of the machine, not those that this process may use: clients run on the others.
        let processors = sysconf(SysconfVar::_NPROCESSORS_CONF).ok().flatten().unwrap_or(1);
        let moment = if is_wanted && processors > 1 {
            MOMENT
        } else {
            Duration::ZERO
        };
        Self { moment }
    }

    /// Calls `poll` until it reports events, or until it has waited for `timeout` (`None`: no limit). `poll` takes a
    /// timeout and returns whether there are events; `had_events`: whether the previous turn had any.
    pub(crate) fn poll(
        self,
        had_events: bool,
        timeout: Option<Duration>,
        poll: &mut impl FnMut(Option<Duration>) -> io::Result<bool>,
    ) -> io::Result<bool> {
        let longest = timeout.unwrap_or(self.moment).min(self.moment);
        if had_events && !longest.is_zero() {
            let until = Instant::now() + longest;
            while Instant::now() < until {
                if poll(Some(Duration::ZERO))? {
                    return Ok(true);
                }
            }
        }
        poll(timeout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Option<Duration> = Some(Duration::from_secs(5));

    /// The timeouts of the calls until one reports events: the `count`th, or one that may wait.
    fn timeouts(
        busy_poll: BusyPoll,
        had_events: bool,
        timeout: Option<Duration>,
        count: usize,
    ) -> Vec<Option<Duration>> {
        let mut timeouts = Vec::new();
        let mut poll = |timeout: Option<Duration>| {
            timeouts.push(timeout);
            Ok(timeouts.len() == count)
        };
        busy_poll.poll(had_events, timeout, &mut poll).expect("no error");
        timeouts
    }

    #[test]
    fn after_events_it_polls_without_waiting_and_then_sleeps() {
        let patient = BusyPoll {
            moment: Duration::from_secs(60),
        };
        assert_eq!(timeouts(patient, true, None, 3), [Some(Duration::ZERO); 3]);
        let calls = timeouts(BusyPoll { moment: MOMENT }, true, PATIENCE, usize::MAX);
        let (last, before) = calls.split_last().expect("it polls");
        assert_eq!(*last, PATIENCE);
        assert!(before.iter().all(|timeout| *timeout == Some(Duration::ZERO)));
    }

    #[test]
    fn it_sleeps_at_once_when_idle_or_switched_off_or_when_work_is_left() {
        let busy_poll = BusyPoll { moment: MOMENT };
        assert_eq!(timeouts(busy_poll, false, PATIENCE, usize::MAX), [PATIENCE]);
        assert_eq!(timeouts(BusyPoll::new(false), true, PATIENCE, usize::MAX), [PATIENCE]);
        let work_is_left = Some(Duration::ZERO);
        assert_eq!(timeouts(busy_poll, true, work_is_left, usize::MAX), [work_is_left]);
    }
}
