//! What a connection is doing, in one word: for the status page, which shows thousands of them.

use super::{Connection, Life, data_channel::DataChannel, shared::Shared};
use crate::transfer::Direction;
use std::time::Instant;

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    LoggingIn,
    Verifying,
    Ready,
    /// PASV waits for a free port.
    AwaitingPort,
    /// A port was announced, or an address given.
    Armed,
    /// A transfer command waits for its data connection.
    AwaitingData,
    Sending,
    Receiving,
    AwaitingClose,
    Discarding,
    Storing,
    Answering,
    Closing,
    /// The slot is free.
    Gone,
}

impl Phase {
    /// All phases, in the order of their numbers on the page.
    pub const ALL: [Phase; 14] = [
        Phase::LoggingIn,
        Phase::Verifying,
        Phase::Ready,
        Phase::AwaitingPort,
        Phase::Armed,
        Phase::AwaitingData,
        Phase::Sending,
        Phase::Receiving,
        Phase::AwaitingClose,
        Phase::Discarding,
        Phase::Storing,
        Phase::Answering,
        Phase::Closing,
        Phase::Gone,
    ];

    /// Its name, and the kind of slot that it is: a control connection alone, with a data connection, or closing.
    pub fn name_and_kind(self) -> (&'static str, &'static str) {
        match self {
            Phase::LoggingIn => ("logging in", "control"),
            Phase::Verifying => ("password in verification", "control"),
            Phase::Ready => ("ready", "control"),
            Phase::AwaitingPort => ("waiting for a passive port", "control"),
            Phase::Armed => ("port announced", "control"),
            Phase::AwaitingData => ("awaiting the data connection", "data"),
            Phase::Sending => ("sending", "data"),
            Phase::Receiving => ("receiving", "data"),
            Phase::AwaitingClose => ("awaiting the client's close", "data"),
            Phase::Discarding => ("discarding a refused upload", "data"),
            Phase::Storing => ("renaming the upload", "data"),
            Phase::Answering => ("making a long answer", "control"),
            Phase::Closing => ("closing", "closing"),
            Phase::Gone => ("free", "free"),
        }
    }
}

impl Connection {
    /// What the connection is doing.
    pub fn phase(&self) -> Phase {
        match self.life {
            Life::Serving => {}
            Life::Closing { .. } | Life::Lingering { .. } => return Phase::Closing,
            Life::Gone => return Phase::Gone,
        }
        let session = &self.session;
        match &self.channel {
            DataChannel::Transferring { pump, .. } => match pump.direction() {
                Direction::ToClient => Phase::Sending,
                Direction::FromClient => Phase::Receiving,
            },
            DataChannel::AwaitingClient { .. } | DataChannel::Connecting { .. } => Phase::AwaitingData,
            DataChannel::AwaitingClose { .. } => Phase::AwaitingClose,
            DataChannel::Storing { .. } => Phase::Storing,
            _ if session.is_verifying() => Phase::Verifying,
            _ if session.is_logging_in() => Phase::LoggingIn,
            _ if session.is_answering() => Phase::Answering,
            _ if session.is_awaiting_port() => Phase::AwaitingPort,
            DataChannel::Discarding { .. } => Phase::Discarding,
            DataChannel::Announced { .. } | DataChannel::ToConnect(_) => Phase::Armed,
            DataChannel::Unarmed => Phase::Ready,
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

    /// When the next deadline of the connection is.
    pub fn next_deadline(&self, shared: &Shared) -> Instant {
        self.due(shared)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_can_index_the_phases_by_their_numbers() {
        for (index, phase) in Phase::ALL.into_iter().enumerate() {
            assert_eq!(phase as usize, index, "{phase:?}");
        }
    }
}
