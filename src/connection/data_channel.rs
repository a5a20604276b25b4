//! A session's data connection, from being armed to being closed.
//!
//! Each variant holds exactly what that moment needs: sockets, pump and ring entry cannot be in two states at once, and
//! dropping the channel closes what it held. Ring entries are given back by whoever takes a channel apart.

use crate::ports::data_socket::DataSocket;
use crate::ports::passive_ring::PortIndex;
use crate::storage::Held;
use crate::transfer::Pump;
use std::net::SocketAddr;
use std::time::Instant;

/// Where the data connection stands.
#[derive(Debug)]
pub enum DataChannel {
    /// Nothing is armed: a transfer command is answered 425.
    Unarmed,
    /// A port was announced (227, 229), and there is no transfer command yet. If the client connects before it, the
    /// ring holds its connection; what it sends waits in the kernel.
    Announced { port: PortIndex, since: Instant },
    /// PORT or EPRT named where to connect.
    ToConnect(SocketAddr),
    /// The transfer command came first; the client has yet to connect.
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
    /// Bytes flow.
    Transferring {
        socket: DataSocket,
        pump: Box<Pump>,
        progress: Instant,
        /// It went as fast as it may, and goes on then.
        rests_until: Option<Instant>,
    },
    /// All is sent and our end is shut; the client's end is waited for. What it sends unasked is read away, or closing
    /// would reset the connection and lose the tail (threat D21).
    Draining {
        socket: DataSocket,
        all_sent: Instant,
        until: Instant,
        sent: u64,
    },
    /// An upload was refused in the middle, and the reply is on its way; what the client goes on sending is read and
    /// thrown away, or closing would reset the connection and the client might never read the reply. A new data
    /// connection ends it.
    Discarding {
        socket: DataSocket,
        /// Bytes that may still come.
        left: usize,
        until: Instant,
    },
    /// All has come, and the file is being given its name; `held` is let go when that is done.
    Storing { received: u64, since: Instant, held: Held },
}

impl DataChannel {
    /// As a person would name it, for traces.
    pub fn name(&self) -> &'static str {
        match self {
            DataChannel::Unarmed => "unarmed",
            DataChannel::Announced { .. } => "port announced",
            DataChannel::ToConnect(_) => "address given",
            DataChannel::AwaitingClient { .. } => "awaiting the client",
            DataChannel::Connecting { .. } => "connecting",
            DataChannel::Transferring { .. } => "transferring",
            DataChannel::Draining { .. } => "draining",
            DataChannel::Discarding { .. } => "discarding",
            DataChannel::Storing { .. } => "storing",
        }
    }

    /// Bytes of the running transfer moved so far.
    pub fn moved(&self) -> u64 {
        match self {
            DataChannel::AwaitingClient { pump, .. }
            | DataChannel::Connecting { pump, .. }
            | DataChannel::Transferring { pump, .. } => pump.moved(),
            DataChannel::Draining { sent, .. } => *sent,
            DataChannel::Storing { received, .. } => *received,
            DataChannel::Unarmed
            | DataChannel::Announced { .. }
            | DataChannel::ToConnect(_)
            | DataChannel::Discarding { .. } => 0,
        }
    }
}
