//! The status page in the loop: accepting and serving its viewers, and telling it what the loop does.
//!
//! Without `--status` every function here is one comparison.

use super::EventLoop;
use super::accept::accept;
use crate::reactor::token::SlotId;
use crate::status::handler::{Handler, Stage};
use crate::status::{Status, seen::Seen};
use crate::target::Target;
use mio::Events;
use std::time::{Duration, Instant};

impl EventLoop {
    /// What follows is the work of this handler.
    pub(super) fn handler_begins(&mut self, stage: Stage, handler: Handler) {
        if let Some(status) = &mut self.status {
            status.recorder().handler_begins(stage, handler);
        }
    }

    /// The handler has ended.
    pub(super) fn handler_ends(&mut self) {
        if let Some(status) = &mut self.status {
            status.recorder().handler_ends(Instant::now(), &self.shared.counters);
        }
    }

    /// A turn begins, after the loop has `slept`.
    pub(super) fn status_turn_begins(&mut self, slept: Duration, timeout: Option<Duration>, events: &Events) {
        if let Some(status) = &mut self.status {
            let (turn, now) = (self.shared.counters.turns, self.shared.now);
            let events = events.iter().count();
            status.recorder().turn_begins(turn, now, slept, timeout, events);
        }
    }

    /// Accepts viewers.
    pub(super) fn accept_viewers(&mut self) {
        self.accept_all(
            Target::StatusListener,
            |event_loop| event_loop.status.as_ref().map(|status| accept(status.listener())),
            |event_loop, stream, _| {
                if let Ok(own) = stream.local_addr() {
                    event_loop.work_on_status(|status, seen| status.admit(Box::new(stream), own.ip(), seen));
                }
            },
        );
    }

    /// Does `work` on the page, if there is one, with a look at the loop.
    fn work_on_status(&mut self, work: impl FnOnce(&mut Status, &mut Seen<'_>)) {
        if let Some(status) = &mut self.status {
            let mut seen = Seen {
                slots: &self.slots,
                shared: &mut self.shared,
                outdated: self.outdated.len(),
                paused: self.paused.len(),
            };
            work(status, &mut seen);
        }
    }

    /// Serves a viewer, after an event or from the ready queue.
    pub(super) fn serve_viewer(&mut self, slot: SlotId) {
        self.work_on_status(|status, seen| status.serve(slot, seen));
    }

    /// When the page has something to do.
    pub(super) fn next_status(&self) -> Option<Instant> {
        self.status.as_ref()?.next()
    }

    /// Does it, if it is time.
    pub(super) fn status_time_passes(&mut self) {
        if self.next_status().is_none_or(|at| at > self.shared.now) {
            return;
        }
        self.handler_begins(Stage::Deadlines, Handler::Status);
        self.work_on_status(Status::time_passes);
        self.handler_ends();
    }
}

#[cfg(test)]
mod tests;
