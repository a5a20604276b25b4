//! Uploads that are refused midway, because the quota is used up, the disk is full, or the stream is broken.
//!
//! The reply is written at once, but many clients read it only after sending everything, and a reset while they send is
//! the only error that they report. So the rest is read and dropped, within limits of bytes and time; beyond them the
//! connection is reset.

use super::data_channel::DataChannel;
use super::shared::Shared;
use super::{Connection, Life};
use crate::session::Outcome;
use mio::Interest;
use std::io::ErrorKind;
use std::time::Duration;

/// Most bytes dropped.
const DISCARDED_MAX: usize = 64 * 1024 * 1024;
/// Longest time for that, unless the stall timeout is shorter.
const DISCARD_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes dropped in a turn.
const DISCARDED_PER_TURN: usize = 256 * 1024;

impl Connection {
    /// Aborts and answers the upload; the rest of it will be dropped.
    pub(super) fn refuse_rest(&mut self, outcome: Outcome, shared: &mut Shared) {
        if outcome == Outcome::ConnectionLost {
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
                until: shared.now + DISCARD_TIMEOUT.min(shared.settings.timeouts.stall),
            };
            self.queue(shared);
        }
    }

    /// Drops what has arrived, up to a turn's share.
    pub(super) fn discard(&mut self, shared: &mut Shared) {
        let DataChannel::Discarding { socket, left, .. } = &mut self.channel else {
            return;
        };
        let share = DISCARDED_PER_TURN.min(shared.bulk_left);
        let mut discarded = 0;
        let is_over = loop {
            if discarded >= share {
                self.queue(shared);
                break false;
            }
            match socket.stream.read(&mut shared.scratch) {
                Ok(0) => break true,
                Ok(count) => {
                    discarded += count;
                    *left = left.saturating_sub(count);
                    if *left == 0 {
                        break true;
                    }
                }
                Err(error) => match error.kind() {
                    ErrorKind::Interrupted => {}
                    ErrorKind::WouldBlock => break false,
                    _ => break true,
                },
            }
        };
        shared.bulk_left = shared.bulk_left.saturating_sub(discarded);
        // It used the network, so it counts for the rate limit.
        for pace in self.paces.iter().flatten() {
            pace.spend(discarded, shared.now);
        }
        if is_over {
            self.disarm(shared);
        }
    }
}
