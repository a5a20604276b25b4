//! How a turn begins: sleep until an event or a deadline, then read the clock once for the whole turn.
//!
//! A peer that has just been answered often sends again at once. Waking a sleeping thread costs tens of microseconds on
//! a virtual machine; a poll that does not wait costs less than one. So after a turn with events the loop polls without
//! waiting for a moment, and sleeps only then. On a machine with one processor it sleeps at once, because polling would
//! keep the peers from running.

use mio::{Events, Poll, Registry};
use nix::unistd::{SysconfVar, sysconf};
use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

/// How long it polls before sleeping: about as long as a wake-up takes, so that it never costs more than it can save.
const BUSY_POLL: Duration = Duration::from_micros(50);

/// The poll instance of a loop.
#[derive(Debug)]
pub struct Poller {
    poll: Poll,
    /// How long to poll before sleeping.
    busy_poll: Duration,
}

impl Poller {
    /// `polls_first`: whether to poll before sleeping. Must be called before the process is confined: it asks the
    /// system for the number of processors.
    ///
    /// # Errors
    ///
    /// The system provides no poll instance.
    pub fn new(polls_first: bool) -> io::Result<Self> {
        // Those of the machine, not those that this process may use: clients run on the others.
        let processors = sysconf(SysconfVar::_NPROCESSORS_CONF).ok().flatten().unwrap_or(1);
        let is_useful = polls_first && processors > 1;
        Ok(Self {
            poll: Poll::new()?,
            busy_poll: if is_useful { BUSY_POLL } else { Duration::ZERO },
        })
    }

    pub fn registry(&self) -> &Registry {
        self.poll.registry()
    }

    /// Sleeps until an event, at most for `timeout` (`None`: no limit), and returns the time of the turn that begins.
    /// `events` still holds those of the previous turn and gets those of the new one.
    pub fn sleep(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<Instant> {
        let busy_poll = if events.is_empty() {
            Duration::ZERO
        } else {
            self.busy_poll
        };
        await_events(busy_poll, timeout, |timeout| {
            self.poll.poll(events, timeout)?;
            Ok(!events.is_empty())
        })?;
        Ok(Instant::now())
    }
}

/// Calls `poll`, which returns whether there are events: for as long as `busy_poll` without waiting, and then with what
/// `timeout` allows.
fn await_events(
    busy_poll: Duration,
    timeout: Option<Duration>,
    mut poll: impl FnMut(Option<Duration>) -> io::Result<bool>,
) -> io::Result<()> {
    let longest = timeout.unwrap_or(busy_poll).min(busy_poll);
    let mut outcome = Ok(false);
    if !longest.is_zero() {
        let until = Instant::now() + longest;
        while matches!(outcome, Ok(false)) && Instant::now() < until {
            outcome = poll(Some(Duration::ZERO));
        }
    }
    if let Ok(false) = outcome {
        outcome = poll(timeout);
    }
    // A process that was stopped and continued is woken without its events; they must be seen before any deadline
    // fires.
    while matches!(&outcome, Err(error) if error.kind() == ErrorKind::Interrupted) {
        outcome = poll(Some(Duration::ZERO));
    }
    outcome.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mio::{Token, Waker};

    const PATIENCE: Option<Duration> = Some(Duration::from_secs(5));

    #[test]
    fn an_event_or_the_timeout_ends_the_sleep() {
        let mut poller = Poller::new(false).expect("a poll instance");
        let waker = Waker::new(poller.registry(), Token(7)).expect("a waker");
        let mut events = Events::with_capacity(8);
        waker.wake().expect("woken");
        let woken = poller.sleep(&mut events, None).expect("polled");
        let tokens: Vec<Token> = events.iter().map(|event| event.token()).collect();
        assert_eq!(tokens, [Token(7)]);
        let timeout = Duration::from_millis(20);
        let timed_out = poller.sleep(&mut events, Some(timeout)).expect("polled");
        assert!(events.is_empty() && timed_out - woken >= timeout);
        let at_once = poller.sleep(&mut events, Some(Duration::ZERO)).expect("polled");
        assert!(events.is_empty() && at_once - timed_out < Duration::from_secs(1));
    }

    #[test]
    fn it_polls_without_waiting_and_then_sleeps() {
        // The timeouts of the calls until one reports events: the `count`th, or one that may wait.
        let timeouts = |busy_poll, timeout, count| {
            let mut timeouts = Vec::new();
            let poll = |timeout| {
                timeouts.push(timeout);
                Ok(timeouts.len() == count)
            };
            await_events(busy_poll, timeout, poll).expect("no error");
            timeouts
        };
        let minute = Duration::from_secs(60);
        assert_eq!(timeouts(minute, None, 3), [Some(Duration::ZERO); 3], "an event ends it");
        let calls = timeouts(BUSY_POLL, PATIENCE, usize::MAX);
        let (last, before) = calls.split_last().expect("it polls");
        assert_eq!(*last, PATIENCE);
        assert!(!before.is_empty() && before.iter().all(|timeout| *timeout == Some(Duration::ZERO)));
        assert_eq!(
            timeouts(Duration::ZERO, PATIENCE, usize::MAX),
            [PATIENCE],
            "idle or switched off"
        );
        let work_is_left = Some(Duration::ZERO);
        assert_eq!(timeouts(BUSY_POLL, work_is_left, usize::MAX), [work_is_left]);
    }

    #[test]
    fn an_interrupted_poll_is_repeated_without_waiting() {
        let mut answers = vec![ErrorKind::InvalidInput, ErrorKind::Interrupted, ErrorKind::Interrupted];
        let mut timeouts = Vec::new();
        let poll = |timeout| {
            timeouts.push(timeout);
            Err(answers.pop().expect("another error is final").into())
        };
        let error = await_events(Duration::ZERO, PATIENCE, poll).expect_err("the last answer");
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert_eq!(timeouts, [PATIENCE, Some(Duration::ZERO), Some(Duration::ZERO)]);
    }
}
