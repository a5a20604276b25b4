//! A session's data connection, from being armed to being closed.
//!
//! Each variant holds what that state needs, and dropping it closes its socket. The code that replaces a variant with a
//! ring entry removes the entry.

use crate::ports::data_socket::DataSocket;
use crate::ports::passive_ring::PortIndex;
use crate::session::Outcome;
use crate::storage::Held;
use crate::transfer::{Direction, Pump};
use std::mem;
use std::net::SocketAddr;
use std::time::Instant;

/// State of the data connection.
#[derive(Debug)]
pub enum DataChannel {
    /// Nothing is armed: a transfer command is answered 425.
    Unarmed,
    /// A port was announced (227, 229). If the client connects before its transfer command, the ring holds the
    /// connection, and what it sends stays in the kernel.
    Announced { port: PortIndex, since: Instant },
    /// PORT or EPRT gave an address.
    ToConnect(SocketAddr),
    /// The transfer command has come, the data connection has not.
    AwaitingClient {
        port: PortIndex,
        since: Instant,
        pump: Box<Pump>,
        /// The 150 has been sent.
        is_opened: bool,
    },
    /// The active connection is being made.
    Connecting {
        socket: DataSocket,
        since: Instant,
        pump: Box<Pump>,
    },
    /// The TLS handshake is under way.
    Securing {
        socket: DataSocket,
        since: Instant,
        pump: Box<Pump>,
    },
    /// Bytes flow.
    Transferring {
        socket: DataSocket,
        pump: Box<Pump>,
        progress: Instant,
        /// Throttled until then.
        throttled_until: Option<Instant>,
    },
    /// Everything is sent and our direction is shut down; the client has not closed yet. What it sends is read and
    /// dropped: closing with unread input would reset the connection and lose the tail (threat D21).
    AwaitingClose {
        socket: DataSocket,
        all_sent: Instant,
        until: Instant,
        sent: u64,
    },
    /// An upload was refused midway. What the client still sends is read and dropped: a reset might keep it from
    /// reading the reply. A new data connection ends this.
    Discarding {
        socket: DataSocket,
        /// Bytes that may still be dropped.
        left: usize,
        until: Instant,
    },
    /// The upload is complete, and its file is being renamed; `held` is released after that. Boxed, because most
    /// connections never get here, and all of them have room for the largest variant.
    Storing {
        received: u64,
        since: Instant,
        held: Box<Held>,
    },
}

impl DataChannel {
    /// Leaves the channel unarmed.
    pub fn take(&mut self) -> DataChannel {
        mem::replace(self, DataChannel::Unarmed)
    }

    /// The data connection is there: `pump` can move bytes.
    pub fn transferring(socket: DataSocket, pump: Box<Pump>, now: Instant) -> Self {
        DataChannel::Transferring {
            socket,
            pump,
            progress: now,
            throttled_until: None,
        }
    }

    /// The name of the state, for logs, traces and the status page.
    pub fn name(&self) -> &'static str {
        match self {
            DataChannel::Unarmed => "unarmed",
            DataChannel::Announced { .. } => "port announced",
            DataChannel::ToConnect(_) => "address given",
            DataChannel::AwaitingClient { .. } => "awaiting the client",
            DataChannel::Connecting { .. } => "connecting",
            DataChannel::Transferring { pump, .. } => match pump.direction() {
                Direction::ToClient => "sending",
                Direction::FromClient => "receiving",
            },
            DataChannel::Securing { .. } => "TLS handshake",
            DataChannel::AwaitingClose { .. } => "awaiting the client's close",
            DataChannel::Discarding { .. } => "discarding",
            DataChannel::Storing { .. } => "storing",
        }
    }

    /// Bytes of the running transfer moved so far.
    pub fn moved(&self) -> u64 {
        match self {
            DataChannel::AwaitingClient { pump, .. }
            | DataChannel::Connecting { pump, .. }
            | DataChannel::Securing { pump, .. }
            | DataChannel::Transferring { pump, .. } => pump.moved(),
            DataChannel::AwaitingClose { sent, .. } => *sent,
            DataChannel::Storing { received, .. } => *received,
            DataChannel::Unarmed
            | DataChannel::Announced { .. }
            | DataChannel::ToConnect(_)
            | DataChannel::Discarding { .. } => 0,
        }
    }

    /// The outcome of a transfer that is ended from outside: `interrupted`, unless all its bytes have been moved.
    pub fn outcome_if_ended(&self, interrupted: Outcome) -> Outcome {
        match self {
            DataChannel::AwaitingClose { .. } => Outcome::Complete,
            DataChannel::Storing { .. } => Outcome::StoredUnknown,
            DataChannel::Unarmed
            | DataChannel::Announced { .. }
            | DataChannel::ToConnect(_)
            | DataChannel::AwaitingClient { .. }
            | DataChannel::Connecting { .. }
            | DataChannel::Securing { .. }
            | DataChannel::Transferring { .. }
            | DataChannel::Discarding { .. } => interrupted,
        }
    }
}
