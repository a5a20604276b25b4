//! An upload that is refused in the middle, because the quota is used up, the disk is full, or the stream is broken.
//!
//! The reply leaves at once. Many clients read it only when they have sent everything, and a reset while they send is
//! all that they would tell their user. So what they still send is thrown away for a while, as cheaply as can be, and
//! within bounds: a client that sends more, or takes longer, is reset as before.

use super::data_channel::DataChannel;
use super::shared::Shared;
use super::{Connection, Life};
use crate::session::Outcome;
use mio::Interest;
use std::io::ErrorKind;
use std::mem;
use std::time::Duration;

/// Bytes that a client may go on sending.
const DISCARDED_MAX: usize = 64 * 1024 * 1024;
/// How long it may take for that, unless transfers may stall no longer anyway.
const DISCARD_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of it that are read in a turn.
const DISCARDED_PER_TURN: usize = 256 * 1024;

impl Connection {
    /// Gives up the upload, answers it, and goes on reading what comes.
    pub(super) fn refuse_rest(&mut self, outcome: Outcome, shared: &mut Shared) {
        if outcome == Outcome::ConnectionLost {
            self.end_transfer(outcome, shared);
            return;
        }
        let DataChannel::Transferring { mut socket, pump, .. } = mem::replace(&mut self.channel, DataChannel::Unarmed)
        else {
            return;
        };
        let received = pump.moved();
        if let Some(upload) = pump.into_upload() {
            upload.abort();
        }
        self.end_transfer_of(received, outcome, shared);
        let is_open = socket.stream.shut_down_writing().is_ok()
            && socket
                .await_event(Interest::READABLE, &shared.registry, self.slot)
                .is_ok();
        if is_open && self.life == Life::Serving {
            self.channel = DataChannel::Discarding {
                socket,
                left: DISCARDED_MAX,
                until: shared.now + DISCARD_TIMEOUT.min(shared.settings.stall_timeout),
            };
            self.come_back(shared);
        }
    }

    /// Throws away what has come, at most a turn's share of it.
    pub(super) fn discard(&mut self, shared: &mut Shared) {
        let DataChannel::Discarding { socket, left, .. } = &mut self.channel else {
            return;
        };
        let share = DISCARDED_PER_TURN.min(shared.bulk_left);
        let mut discarded = 0;
        let is_over = loop {
            if discarded >= share {
                self.come_back(shared);
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
        // It came over the line, so it counts for the next transfer's pace.
        for pace in self.paces.iter().flatten() {
            pace.spend(discarded, shared.now);
        }
        if is_over {
            self.disarm(shared);
        }
    }
}
