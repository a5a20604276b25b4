//! Uploads that are refused midway, because the quota is used up, the disk is full, or the stream is broken.
//!
//! The reply is written at once, but many clients read it only after sending everything, and a reset while they send is
//! the only error that they report. So the rest is read and dropped, within limits of bytes and time; beyond them the
//! connection is reset.

use super::finishing::{DropEnd, drop_input};
use super::{Connection, Life, data_channel::DataChannel, shared::Shared};
use crate::session::Outcome;
use mio::Interest;
use std::time::Duration;

/// Most bytes dropped.
const DISCARDED_MAX: usize = 64 * 1024 * 1024;
/// Longest time for that, unless the stall timeout is shorter.
const DISCARD_TIMEOUT: Duration = Duration::from_secs(30);

impl Connection {
    /// Aborts and answers the upload; the rest of it will be dropped.
    pub(super) fn refuse_rest(&mut self, outcome: Outcome, shared: &mut Shared) {
        if let Outcome::ConnectionLost | Outcome::Truncated = outcome {
            self.end_transfer(outcome, shared);
            return;
        }
        let DataChannel::Transferring { mut socket, pump, .. } = self.channel.take() else {
            return;
        };
        let received = pump.moved();
        pump.abort();
        self.end_transfer_of(received, outcome, shared);
        let is_open = socket.stream.shut_down_writing().is_ok()
            && socket
                .await_event(Interest::READABLE, &shared.registry, self.slot)
                .is_ok();
        if is_open && self.life == Life::Serving {
            self.channel = DataChannel::Discarding {
                socket,
                left: DISCARDED_MAX,
                until: shared.now + DISCARD_TIMEOUT.min(shared.options.timeouts.stall),
            };
            self.queue(shared);
        }
    }

    /// Drops what has arrived, up to the turn's budget.
    pub(super) fn discard(&mut self, shared: &mut Shared) {
        if shared.bulk_left == 0 {
            self.queue(shared);
            return;
        }
        let DataChannel::Discarding { socket, left, .. } = &mut self.channel else {
            return;
        };
        let (dropped, end) = drop_input(&mut *socket.stream, shared);
        *left = left.saturating_sub(dropped);
        let is_limit_reached = *left == 0;
        // It used the network, so it counts for the rate limit.
        for pace in self.paces.iter().flatten() {
            pace.spend(dropped, shared.now);
        }
        match end {
            DropEnd::Closed | DropEnd::Reset => self.disarm(shared),
            DropEnd::WouldBlock | DropEnd::BudgetSpent if is_limit_reached => self.disarm(shared),
            DropEnd::BudgetSpent => self.queue(shared),
            DropEnd::WouldBlock => {}
        }
    }
}
