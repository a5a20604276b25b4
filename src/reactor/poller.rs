//! How a turn begins: sleep until an event or a deadline, then read the clock once for the whole turn.

use crate::reactor::busy_poll::BusyPoll;
use mio::{Events, Poll, Registry};
use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

/// The poll instance of a loop.
#[derive(Debug)]
pub struct Poller {
    poll: Poll,
    busy_poll: BusyPoll,
}

/// How long a turn may sleep if no event comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sleep {
    /// Work is left: only look at what has happened.
    NotAtAll,
    Until(Instant),
    /// No deadline is set.
    UntilEvent,
}

/// A turn that has begun.
#[derive(Clone, Copy, Debug)]
pub struct Turn {
    /// The time of the whole turn.
    pub now: Instant,
    /// How long the poll slept before it.
    pub slept: Duration,
}

impl Sleep {
    /// Until the earliest of these deadlines, if any is set.
    pub fn until_first(deadlines: impl IntoIterator<Item = Option<Instant>>) -> Self {
        deadlines
            .into_iter()
            .flatten()
            .min()
            .map_or(Sleep::UntilEvent, Sleep::Until)
    }

    /// What is left of it at `now`; `None`: no limit.
    pub fn timeout(self, now: Instant) -> Option<Duration> {
        match self {
            Sleep::NotAtAll => Some(Duration::ZERO),
            Sleep::Until(deadline) => Some(deadline.saturating_duration_since(now)),
            Sleep::UntilEvent => None,
        }
    }
}

impl Poller {
    /// Fails when the system gives no poll instance.
    pub fn new(busy_poll: BusyPoll) -> io::Result<Self> {
        Ok(Self {
            poll: Poll::new()?,
            busy_poll,
        })
    }

    pub fn registry(&self) -> &Registry {
        self.poll.registry()
    }

    /// Sleeps, and begins a turn. `events` still holds those of the previous turn and gets those of the new one.
    pub fn sleep(&mut self, events: &mut Events, sleep: Sleep) -> io::Result<Turn> {
        let before = Instant::now();
        let had_events = !events.is_empty();
        let mut poll = |timeout| {
            self.poll.poll(events, timeout)?;
            Ok(!events.is_empty())
        };
        let outcome = self.busy_poll.poll(had_events, sleep.timeout(before), &mut poll);
        after_interruptions(outcome, &mut poll)?;
        let now = Instant::now();
        let slept = now.saturating_duration_since(before);
        Ok(Turn { now, slept })
    }
}

/// A process that was stopped and continued is woken without its events; they must be seen before any deadline fires.
fn after_interruptions(
    mut outcome: io::Result<bool>,
    poll: &mut impl FnMut(Option<Duration>) -> io::Result<bool>,
) -> io::Result<bool> {
    while matches!(&outcome, Err(error) if error.kind() == ErrorKind::Interrupted) {
        outcome = poll(Some(Duration::ZERO));
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;
    use mio::{Token, Waker};

    #[test]
    fn a_sleep_ends_at_the_earliest_deadline() {
        let now = Instant::now();
        let [soon, later] = [5, 9].map(|seconds| now + Duration::from_secs(seconds));
        assert_eq!(Sleep::until_first([None, None]), Sleep::UntilEvent);
        let sleep = Sleep::until_first([Some(later), None, Some(soon)]);
        assert_eq!(sleep, Sleep::Until(soon));
        assert_eq!(sleep.timeout(now), Some(Duration::from_secs(5)));
        assert_eq!(sleep.timeout(later), Some(Duration::ZERO), "a deadline in the past");
        assert_eq!(Sleep::NotAtAll.timeout(now), Some(Duration::ZERO));
        assert_eq!(Sleep::UntilEvent.timeout(now), None);
    }

    #[test]
    fn an_event_or_the_deadline_ends_the_sleep() {
        let mut poller = Poller::new(BusyPoll::new(false)).expect("a poll instance");
        let waker = Waker::new(poller.registry(), Token(7)).expect("a waker");
        let mut events = Events::with_capacity(8);
        waker.wake().expect("woken");
        let turn = poller.sleep(&mut events, Sleep::UntilEvent).expect("polled");
        let tokens: Vec<Token> = events.iter().map(|event| event.token()).collect();
        assert_eq!(tokens, [Token(7)]);
        let deadline = turn.now + Duration::from_millis(20);
        let turn = poller.sleep(&mut events, Sleep::Until(deadline)).expect("polled");
        assert!(events.is_empty() && turn.now >= deadline && turn.slept > Duration::ZERO);
        let turn = poller.sleep(&mut events, Sleep::NotAtAll).expect("polled");
        assert!(events.is_empty() && turn.slept < Duration::from_secs(1));
    }

    #[test]
    fn an_interrupted_poll_is_repeated_without_waiting() {
        let interrupted = || io::Error::from(ErrorKind::Interrupted);
        let mut answers = vec![Ok(true), Err(interrupted())];
        let mut timeouts = Vec::new();
        let mut poll = |timeout| {
            timeouts.push(timeout);
            answers.pop().expect("asked twice")
        };
        let outcome = after_interruptions(Err(interrupted()), &mut poll);
        assert!(outcome.expect("the poll answered"));
        assert_eq!(timeouts, [Some(Duration::ZERO); 2]);
        let broken = Err(io::Error::from(ErrorKind::InvalidInput));
        let outcome = after_interruptions(broken, &mut |_| unreachable!("another error is final"));
        assert_eq!(outcome.expect_err("returned").kind(), ErrorKind::InvalidInput);
    }
}
