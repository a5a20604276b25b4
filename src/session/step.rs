//! What a session asks of its connection: the one value in which the effect of a command crosses.
//!
//! A session has no socket. Each command, and each thing that happens to what a command began, leads to one [`Step`];
//! the connection writes its reply and does the rest. How that went comes back as a call on the session.

use crate::accounts::Claim;
use crate::ftp::reply::Reply;
use crate::transfer::Pump;
use std::net::{SocketAddr, SocketAddrV4};

/// What the connection is to do. A reply that it carries is written first.
#[derive(Debug)]
pub enum Step {
    /// The reply is all.
    Reply(Reply),
    /// A blank line: not even a reply.
    Ignore,
    /// The next command costs more than is left of this turn: it is answered in a later one.
    Postpone,
    /// Arm a passive port; answered by [`passive_armed`](super::Session::passive_armed) or [`passive_refused`](super::Session::passive_refused).
    ArmPassive,
    /// Remember where an active data connection is to go (PORT, EPRT); it is made when the transfer command arrives.
    ArmActive(SocketAddr, Reply),
    /// Forget what was armed.
    Disarm(Reply),
    /// Start a transfer over what is armed; [`opening`](super::Session::opening) is its 150, [`transfer_ended`](super::Session::transfer_ended) its end.
    Transfer(Box<Pump>),
    /// Say how far the running transfer is: [`transfer_status`](super::Session::transfer_status).
    ReportProgress,
    /// End the running transfer: the client sent ABOR, whose own reply comes in its turn.
    AbortTransfer,
    /// A long answer has begun, which [`advance_answer`](super::Session::advance_answer) makes a budget at a time.
    Answer,
    /// Find out whether a password is right, without standing still; answered by [`password_verified`](super::Session::password_verified).
    VerifyPassword(Box<Claim>),
    /// Write what is queued and close the control connection.
    Close {
        /// To the command that was one too many.
        reply: Option<Reply>,
        farewell: Reply,
        /// The client is in the middle of a line: what it still sends must not reset the farewell away.
        is_mid_line: bool,
    },
}

/// Where a passive data connection is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PassiveAddress {
    V4(SocketAddrV4),
    /// The control connection is IPv6: only EPSV can say it.
    PortOnly(u16),
}

impl Step {
    /// The code of the reply that is the whole answer; `None` where something is still to be done, or nothing is said.
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
