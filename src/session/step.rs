//! What crosses between a session and its connection: a session borrows a [`Context`] and answers with a [`Step`].
//!
//! A session has no socket. Each command, and each result of work that a command started, yields one step. The
//! connection queues the reply, does the rest, and reports the result by a call on the session.

use crate::accounts::{Accounts, Attendance, Claim, Quotas};
use crate::ftp::features::Features;
use crate::ftp::reply::Reply;
use crate::ftp::timestamp::Timestamp;
use crate::options::{Options, TlsPolicy};
use crate::storage::Storage;
use crate::transfer::{ModeZPlaces, Pump};
use std::net::{SocketAddr, SocketAddrV4};
use std::rc::Rc;

/// Borrowed by a session while it answers a command.
pub struct Context<'loop_> {
    pub storage: &'loop_ Rc<dyn Storage>,
    pub options: &'loop_ Options,
    pub accounts: &'loop_ Accounts,
    pub attendance: &'loop_ Attendance,
    pub quotas: &'loop_ Quotas,
    /// Limits the transfers in MODE Z that run at once.
    pub mode_z_places: &'loop_ ModeZPlaces,
    /// How TLS is offered; `None`: not at all.
    pub tls: Option<TlsPolicy>,
    /// Wall-clock time, for dates in listings and for names made by STOU.
    pub wall: Timestamp,
    /// Whether notices are recorded anywhere; if not, none are made.
    pub wants_notices: bool,
}

impl Context<'_> {
    /// The optional features that FEAT lists.
    pub(super) fn features(&self) -> Features {
        Features {
            changes: self.options.allows_changes(),
            deflate: self.options.announces_deflate,
            tls: self.tls.is_some(),
        }
    }
}

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
    /// Start a transfer on the armed data connection: send its 150 ([`Transfer`](super::Transfer)), pump, then call
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
    /// Write the reply, then begin TLS on the control connection.
    StartTls(Reply),
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

impl From<Reply> for Step {
    fn from(reply: Reply) -> Self {
        Step::Reply(reply)
    }
}
