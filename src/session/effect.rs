//! Commands that start a transfer or a long answer.

use super::long_answer::LongAnswer;
use super::outcome::{Transfer, TransferKind};
use super::refusal::Refusal;
use super::state::{Activity, Visit};
use super::step::{Context, Step};
use crate::ftp::command::Transmission;
use crate::ftp::path::VirtualPath;
use crate::ftp::reply::{self, Reply};
use crate::transfer::{Outgoing, Pump, SendDeflated};

/// The session's next activity, and the instruction to its connection.
pub(super) type Effect = (Activity, Step);

pub(super) fn transferring(transfer: Transfer, pump: Pump) -> Effect {
    (
        Activity::Transferring(Box::new(transfer)),
        Step::Transfer(Box::new(pump)),
    )
}

pub(super) fn answering(answer: LongAnswer) -> Effect {
    (Activity::Answering(Box::new(answer)), Step::Answer)
}

impl Visit {
    /// Describes a transfer that starts. `opening`: its 150. Fails with 450 if too many transfers in MODE Z are
    /// running.
    pub(super) fn transfer(
        &self,
        verb: &'static str,
        path: VirtualPath,
        kind: TransferKind,
        opening: Reply,
        context: &Context<'_>,
    ) -> Result<Transfer, Refusal> {
        let mode_z_place = match self.transmission {
            Transmission::Stream => None,
            Transmission::Deflate => Some(context.mode_z_places.take().ok_or(reply::MODE_Z_BUSY)?),
        };
        Ok(Transfer {
            verb,
            path,
            kind,
            representation: self.representation,
            opening,
            mode_z_place,
        })
    }

    /// Starts a transfer that sends `outgoing` in the current MODE.
    pub(super) fn send(&self, transfer: Transfer, outgoing: Outgoing) -> Effect {
        let pump = match self.transmission {
            Transmission::Stream => Pump::Outgoing(outgoing),
            Transmission::Deflate => Pump::Deflated(SendDeflated::new(outgoing, self.deflate_level)),
        };
        transferring(transfer, pump)
    }
}
