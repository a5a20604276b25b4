//! What a connection is doing, for the status page: the words are those of its session and its data channel.

use super::{Connection, Life, data_channel::DataChannel};
use serde::Serialize;
use std::time::Instant;

/// What a slot is used for; the page shows each kind in a colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SlotKind {
    /// A control connection alone.
    Control,
    /// A control connection with a transfer.
    Data,
    Closing,
    Free,
}

impl Connection {
    /// What the connection is doing, in one expression, and the kind of its slot.
    pub fn phase(&self) -> (&'static str, SlotKind) {
        match self.life {
            Life::Serving => {}
            Life::Securing { .. } => return ("TLS handshake", SlotKind::Control),
            Life::Closing { .. } | Life::Lingering { .. } => return ("closing", SlotKind::Closing),
            Life::Gone => return ("free", SlotKind::Free),
        }
        match &self.channel {
            DataChannel::Announced { .. } | DataChannel::ToConnect(_) if self.session.is_ready() => {
                (self.channel.name(), SlotKind::Control)
            }
            DataChannel::Unarmed | DataChannel::Announced { .. } | DataChannel::ToConnect(_) => {
                (self.session.activity(), SlotKind::Control)
            }
            DataChannel::AwaitingClient { .. }
            | DataChannel::Connecting { .. }
            | DataChannel::Securing { .. }
            | DataChannel::Transferring { .. }
            | DataChannel::AwaitingClose { .. }
            | DataChannel::Discarding { .. }
            | DataChannel::Storing { .. } => (self.channel.name(), SlotKind::Data),
        }
    }

    /// Bytes of the session's transfers, with those of the running one.
    pub fn bytes(&self) -> u64 {
        self.sent + self.received + self.channel.moved()
    }

    /// Whether it is in the ready queue.
    pub fn is_in_ready_queue(&self) -> bool {
        self.is_queued
    }

    /// When its client was accepted.
    pub fn opened(&self) -> Instant {
        self.opened
    }

    /// Since when its client has not read replies that are ready.
    pub fn unread_since(&self) -> Option<Instant> {
        self.output.blocked
    }
}
