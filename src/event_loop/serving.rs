//! One connection at a time: a step of its work, and the end of its session.

use super::EventLoop;
use crate::connection::Connection;
use crate::connection::shared::Shared;
use crate::ftp::reply;
use crate::reactor::token::SlotId;
use crate::records::trace::TraceLine;
use crate::session::Ending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

impl EventLoop {
    /// Serves one connection: does `work`, answers waiting commands, then removes the connection if it has ended.
    pub(super) fn step(&mut self, slot: SlotId, work: impl FnOnce(&mut Connection, &mut Shared)) {
        let is_shutting_down = self.shutdown.is_requested();
        let shared = &mut self.shared;
        let Some(connection) = self.slots.get_mut(slot) else {
            shared.counters.stale_events += 1;
            return;
        };
        let before = connection.channel().name();
        // A panic is a bug in the server. It ends this session and no other.
        let served = catch_unwind(AssertUnwindSafe(|| {
            work(connection, shared);
            connection.serve(shared);
            if is_shutting_down && connection.is_idle() {
                connection.dismiss(reply::SHUTTING_DOWN, Ending::Shutdown, shared);
            }
        }));
        let after = connection.channel().name();
        if before != after {
            let number = connection.session().number();
            shared.trace.print(TraceLine::Transition, || {
                format!("session {number}: data connection {before} → {after}")
            });
        }
        self.watchdog.step_ends(Instant::now(), || connection.describe());
        if served.is_err() {
            shared.counters.panics += 1;
            log::error!("session {} ended by a panic", connection.session().number());
            connection.drop_client(Ending::ServerError, shared);
        }
        if connection.is_gone() {
            self.remove(slot);
        } else {
            connection.settle(shared);
        }
    }

    pub(super) fn remove(&mut self, slot: SlotId) {
        if let Some(mut connection) = self.slots.remove(slot) {
            connection.abandon_channel(&mut self.shared);
            self.shared.deadlines.cancel(slot, connection.deadline());
            self.admission.remove(connection.session().peer());
            let number = connection.session().number();
            self.shared
                .trace
                .print(TraceLine::Wake, || format!("session {number} is over"));
            connection.record_end(&mut self.shared);
        }
    }

    /// Records the end of sessions that are still open when the server ends.
    pub(super) fn record_remaining_sessions(&mut self) {
        for (_, connection) in self.slots.iter() {
            connection.record_end(&mut self.shared);
        }
        let left_out = self.shared.line_budget.left_out();
        if left_out > 0 {
            log::warn!("{left_out} lines of refused commands and failed logins left out in the last minute");
        }
    }
}
