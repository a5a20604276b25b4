//! What `--trace` shows of the loop itself: why a turn began, and what the loop waits for at its end.

use super::EventLoop;
use super::sleeping::Wait;
use crate::target::Target;
use crate::trace::{self, Kind};
use mio::{Events, event::Event};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

impl EventLoop {
    /// A turn has begun, after a sleep.
    pub(super) fn trace_turn(&self, events: &Events, slept: Duration) {
        let turn = self.shared.counters.turns;
        trace::line(Kind::Turn, || {
            let count = match events.iter().count() {
                1 => "1 event".to_owned(),
                count => format!("{count} events"),
            };
            let slept = milliseconds(slept);
            format!("turn {turn} at {}: epoll_wait → {count} after {slept}", time_of_day())
        });
    }

    /// An event is about to be handled.
    pub(super) fn trace_event(&mut self, target: Target, event: &Event) {
        if !trace::is_on() {
            return;
        }
        let connection = match target {
            Target::Control(slot) | Target::Data(slot) => self.slots.get_mut(slot),
            Target::Signals
            | Target::SlowWork
            | Target::ControlListener(_)
            | Target::PassivePort { .. }
            | Target::StatusListener
            | Target::Viewer(_) => None,
        };
        let _traced = connection.map(|connection| trace::serve(connection.traced_client()));
        let source = match target {
            Target::Signals => "the signals".to_owned(),
            Target::SlowWork => "the helper thread".to_owned(),
            Target::StatusListener => "the listener of the status page".to_owned(),
            Target::Viewer(_) => "a viewer of the status page".to_owned(),
            Target::Control(_) => "the control connection".to_owned(),
            Target::Data(_) => "the data connection".to_owned(),
            Target::ControlListener(index) => {
                let listener = self.listeners.get(index as usize);
                listener.map_or_else(String::new, |listener| format!("listener {}", listener.address))
            }
            Target::PassivePort { ring, port } => {
                let ports = self.shared.rings.get(usize::from(ring));
                let number = ports.and_then(|ports| ports.number(port)).unwrap_or_default();
                format!("passive port {number}")
            }
        };
        let kinds = [
            (event.is_readable(), "readable"),
            (event.is_writable(), "writable"),
            (event.is_priority(), "urgent data"),
            (event.is_read_closed(), "closed by the client"),
            (event.is_error(), "an error"),
        ];
        let kinds = kinds.into_iter().filter(|(is_seen, _)| *is_seen);
        let kinds: Vec<&str> = kinds.map(|(_, name)| name).collect();
        trace::line(Kind::Event, || format!("event of {source}: {}", kinds.join(", ")));
    }

    /// The turn is over. `timeout`: how long the loop sleeps at most.
    pub(super) fn trace_wait(&mut self, timeout: Option<Duration>) {
        if !trace::is_on() {
            return;
        }
        let text = match (timeout, self.next_wait()) {
            (Some(Duration::ZERO), Some((_, Wait::WorkLeft))) => "does not sleep, work is left".to_owned(),
            (Some(timeout), Some((_, wait))) => {
                let what = match wait {
                    Wait::WorkLeft => "work is left".to_owned(),
                    Wait::Session => self.nearest_session(),
                    Wait::Until(what) => what.to_owned(),
                };
                format!("until an event, at most {} ({what})", seconds(timeout))
            }
            (None, _) | (_, None) => "until an event".to_owned(),
        };
        trace::line(Kind::Wait, || format!("epoll_wait: {text}"));
    }

    /// What the session waits for that is looked at next. Its deadline may have moved later since that time was noted.
    fn nearest_session(&mut self) -> String {
        let slot = self.shared.deadlines.next_slot();
        let Some(connection) = slot.and_then(|slot| self.slots.get_mut(slot)) else {
            return "a session has ended".to_owned();
        };
        let client = connection.traced_client();
        if !trace::shows(client) {
            return "another session".to_owned();
        }
        let left = connection.due(&self.shared).saturating_duration_since(Instant::now());
        let (number, what) = (client.session, connection.waits_for(&self.shared));
        format!("session {number} waits for {what}, for {} at most", seconds(left))
    }
}

/// `2.103 ms`
fn milliseconds(duration: Duration) -> String {
    format!("{}.{:03} ms", duration.as_millis(), duration.subsec_micros() % 1000)
}

/// `59.98 s`
fn seconds(duration: Duration) -> String {
    format!("{}.{:02} s", duration.as_secs(), duration.subsec_millis() / 10)
}

/// UTC, with microseconds: `14:03:07.123456`.
fn time_of_day() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let (minutes, second) = (now.as_secs() / 60, now.as_secs() % 60);
    let (hour, minute) = (minutes / 60 % 24, minutes % 60);
    format!("{hour:02}:{minute:02}:{second:02}.{:06}", now.subsec_micros())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_one_unit_so_that_only_their_digits_differ() {
        assert_eq!(milliseconds(Duration::from_micros(12)), "0.012 ms");
        assert_eq!(milliseconds(Duration::from_micros(2_012_003)), "2012.003 ms");
        assert_eq!(seconds(Duration::from_millis(59_989)), "59.98 s");
        assert_eq!(time_of_day().len(), "14:03:07.123456".len());
    }
}
