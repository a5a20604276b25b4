//! The operation that a client has under way: its step, what the step waits for, and what replies mean to it.
//!
//! No socket and no clock: replies and times are passed in.

use crate::failure::{Failure, ReplySummary};
use crate::reply_reader::ServerReply;
use crate::script::{Flow, Operation, PassiveCommand, ScriptStep};
use loopftpd::ftp::host_port::{extended_passive_port, passive_address};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// An operation under way.
pub(super) struct ActiveOperation {
    pub(super) operation: Rc<Operation>,
    /// Index of the step under way; as many as there are steps when all are done.
    step: usize,
    /// Its latency counts from then.
    pub(super) began: Instant,
    /// When the step began, or last moved bytes.
    pub(super) progressed: Instant,
    pub(super) waits: Waits,
}

/// What the step under way waits for.
#[derive(Clone, Debug)]
pub(super) enum Waits {
    /// A reply with one of these codes.
    Reply(&'static [u16]),
    /// The reply to PASV or EPSV.
    PassiveReply(PassiveCommand),
    /// The replies of a transfer, and the end of its bytes.
    Transfer { replies: TransferReplies, has_moved: bool },
    /// Time.
    Pause { until: Instant },
    /// The server closing the connection, or time; bytes are sent as fast as they are taken, nothing is read.
    Flood { bytes: Rc<[u8]>, until: Instant },
    /// The same, but replies are read and dropped.
    IgnoredReplies { until: Instant },
    /// The same for a download whose bytes are not read; the first reply says whether there is one.
    Stall { has_begun: bool, until: Instant },
    /// The server closing the connection; a byte is sent each time.
    Trickle { every: Duration, next: Instant },
}

/// Which replies of a transfer have arrived (RFC 959 §4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TransferReplies {
    NoneYet,
    /// 125 or 150.
    Preliminary,
    /// 226 or 250, or for a transfer that was reset 426 or 451.
    Completion,
}

/// What a reply has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReplyEffect {
    Nothing,
    /// The step is done.
    StepDone,
    /// The step is done: the server listens there.
    PassiveAddress(SocketAddr),
    TransferBegins,
    TransferCompleted,
    DownloadStalled,
    /// The server got rid of the whole download: it was too small to stall.
    DownloadNotStalled,
}

impl ActiveOperation {
    pub(super) fn new(operation: Rc<Operation>, began: Instant, now: Instant) -> Self {
        Self {
            operation,
            step: 0,
            began,
            progressed: now,
            waits: Waits::Pause { until: now },
        }
    }

    /// The step under way; `None`: all are done.
    pub(super) fn step(&self) -> Option<&ScriptStep> {
        self.operation.steps.get(self.step)
    }

    pub(super) fn advance(&mut self) {
        self.step += 1;
    }

    /// The step under way has begun, and waits.
    pub(super) fn wait(&mut self, waits: Waits, now: Instant) {
        self.waits = waits;
        self.progressed = now;
    }

    /// When to look at it if nothing happens before. A step that makes no progress for `patience` has failed.
    pub(super) fn due(&self, patience: Duration) -> Instant {
        match &self.waits {
            Waits::Pause { until }
            | Waits::Flood { until, .. }
            | Waits::IgnoredReplies { until }
            | Waits::Stall { until, .. } => *until,
            Waits::Trickle { next, .. } => *next,
            Waits::Reply(_) | Waits::PassiveReply(_) | Waits::Transfer { .. } => self.progressed + patience,
        }
    }

    /// Takes a reply of the server whose address is `server`.
    pub(super) fn take_reply(&mut self, reply: &ServerReply, server: IpAddr) -> Result<ReplyEffect, Failure> {
        let is_reset = matches!(self.flow(), Some(Flow::ResetAfter(_)));
        match &mut self.waits {
            Waits::Reply(codes) if codes.contains(&reply.code) => Ok(ReplyEffect::StepDone),
            Waits::PassiveReply(command) if (227..=229).contains(&reply.code) => {
                let address = match command {
                    PassiveCommand::Pasv => passive_address(&reply.text),
                    PassiveCommand::Epsv => {
                        extended_passive_port(&reply.text).map(|port| SocketAddr::new(server, port))
                    }
                };
                address
                    .map(ReplyEffect::PassiveAddress)
                    .ok_or_else(|| Failure::NoAddress(reply.into()))
            }
            Waits::Transfer { replies, .. } => match (reply.code, *replies) {
                (125 | 150, TransferReplies::NoneYet) => {
                    *replies = TransferReplies::Preliminary;
                    Ok(ReplyEffect::TransferBegins)
                }
                (226 | 250, TransferReplies::Preliminary) => {
                    *replies = TransferReplies::Completion;
                    Ok(ReplyEffect::TransferCompleted)
                }
                // A reset in the middle is answered 426 or 451; one after the last byte is not noticed.
                (426 | 451, TransferReplies::Preliminary) if is_reset => {
                    *replies = TransferReplies::Completion;
                    Ok(ReplyEffect::TransferCompleted)
                }
                (_, TransferReplies::Completion) => Err(unsolicited(reply)),
                (_, TransferReplies::NoneYet | TransferReplies::Preliminary) => Err(Failure::Reply(reply.into())),
            },
            Waits::Stall { has_begun, .. } => match (reply.code, *has_begun) {
                (125 | 150, false) => {
                    *has_begun = true;
                    Ok(ReplyEffect::DownloadStalled)
                }
                (226 | 250, true) => Ok(ReplyEffect::DownloadNotStalled),
                (_, true) => Ok(ReplyEffect::Nothing),
                (_, false) => Err(Failure::Reply(reply.into())),
            },
            Waits::IgnoredReplies { .. } | Waits::Trickle { .. } => Ok(ReplyEffect::Nothing),
            Waits::Reply(_) | Waits::PassiveReply(_) => Err(Failure::Reply(reply.into())),
            Waits::Pause { .. } | Waits::Flood { .. } => Err(unsolicited(reply)),
        }
    }

    /// The data connection has moved its last byte.
    pub(super) fn data_ended(&mut self) {
        if let Waits::Transfer { has_moved, .. } = &mut self.waits {
            *has_moved = true;
        }
    }

    /// Whether the bytes of the transfer and its last reply have both arrived, in whichever order.
    pub(super) fn is_transfer_complete(&self) -> bool {
        matches!(
            self.waits,
            Waits::Transfer {
                replies: TransferReplies::Completion,
                has_moved: true
            }
        )
    }

    /// Whether all downloads of this kind must have the same size.
    pub(super) fn compares_sizes(&self) -> bool {
        matches!(self.flow(), Some(Flow::SameSize))
    }

    fn flow(&self) -> Option<Flow> {
        match self.step()? {
            ScriptStep::Transfer { flow, .. } => Some(*flow),
            _ => None,
        }
    }
}

/// What a reply means that nothing asked for: a 421 announces the end of the connection (RFC 959 §5.4).
pub(super) fn unsolicited(reply: &ServerReply) -> Failure {
    if reply.code == 421 {
        Failure::Reply(ReplySummary::from(reply))
    } else {
        Failure::Unsolicited(ReplySummary::from(reply))
    }
}

#[cfg(test)]
mod tests;
