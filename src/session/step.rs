//! What a session asks its connection to do: the only value that crosses from session to connection.
//!
//! A session has no socket. Each command, and each result of work that a command started, yields one [`Step`]. The
//! connection queues the reply, does the rest, and reports the result by a call on the session.

use crate::accounts::Claim;
use crate::ftp::reply::Reply;
use crate::transfer::Pump;
use std::net::{SocketAddr, SocketAddrV4};

/// An instruction to the connection. A reply in it is queued first.
#[derive(Debug)]
pub enum Step {
    /// Queue the reply; nothing else.
    Reply(Reply),
    /// Do nothing: a blank line, or a result that comes too late.
    Ignore,
    /// The next command exceeds this turn's budget: ask again in a later turn.
    Postpone,
    /// Arm a passive port, then call [`passive_armed`](super::Session::passive_armed) or
    /// [`passive_refused`](super::Session::passive_refused).
    ArmPassive,
    /// Store the address for an active data connection (PORT, EPRT); the transfer command connects to it.
    ArmActive(SocketAddr, Reply),
    /// Discard the passive port, address or data connection of earlier commands.
    Disarm(Reply),
    /// Start a transfer on the armed data connection: send [`opening`](super::Session::opening) (150), pump, then call
    /// [`transfer_ended`](super::Session::transfer_ended).
    Transfer(Box<Pump>),
    /// Answer STAT with the number of bytes moved so far: [`Reply::transfer_status`] (RFC 959 §4.1.3).
    ReportProgress,
    /// ABOR: end the running transfer. ABOR itself is answered later, as the next command.
    AbortTransfer,
    /// Make a long answer: call [`advance_answer`](super::Session::advance_answer) with a budget until it is finished.
    Answer,
    /// Verify a password without blocking, then call [`password_verified`](super::Session::password_verified).
    VerifyPassword(Box<Claim>),
    /// Write what is queued and close the control connection.
    Close {
        /// The reply to the last bad command, before the farewell.
        reply: Option<Reply>,
        farewell: Reply,
        /// The client is still sending a line. It has to be read, or a TCP reset could discard the farewell.
        is_mid_line: bool,
    },
}

/// The announced address of a passive port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PassiveAddress {
    V4(SocketAddrV4),
    /// The control connection is IPv6, which only the reply to EPSV can express.
    PortOnly(u16),
}

impl Step {
    /// The reply's code if the command is finished; `None` if work follows or there is no reply.
    pub(super) fn final_code(&self) -> Option<u16> {
        match self {
            Step::Reply(reply) => Some(reply.code()),
            Step::Ignore
            | Step::Postpone
            | Step::ArmPassive
            | Step::ArmActive(..)
            | Step::Disarm(_)
            | Step::Transfer(_)
            | Step::ReportProgress
            | Step::AbortTransfer
            | Step::Answer
            | Step::VerifyPassword(_)
            | Step::Close { .. } => None,
        }
    }
}

impl From<Reply> for Step {
    fn from(reply: Reply) -> Self {
        Step::Reply(reply)
    }
}
