//! What a command begins that takes longer than its reply: a transfer, or a long answer.

use super::Context;
use super::long_answer::LongAnswer;
use super::refusal::Refusal;
use super::state::{Doing, Visit};
use super::step::Step;
use super::transfer_record::{Transfer, TransferKind};
use crate::ftp::command::Transmission;
use crate::ftp::path::VirtualPath;
use crate::ftp::reply::{self, Reply};
use crate::transfer::{Outgoing, Pump, SendDeflated};

/// What the session does until it has ended, and what its connection has to do.
pub(super) type Begun = (Doing, Step);

pub(super) fn transferring(transfer: Transfer, pump: Pump) -> Begun {
    (Doing::Transferring(Box::new(transfer)), Step::Transfer(Box::new(pump)))
}

pub(super) fn answering(answer: LongAnswer) -> Begun {
    (Doing::Answering(Box::new(answer)), Step::Answer)
}

impl Visit {
    /// `opening`: the 150. Busy when too many transfers in MODE Z are under way.
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

    /// The pump that sends what `outgoing` would send, in the MODE that is set.
    pub(super) fn in_transmission(&self, outgoing: Outgoing) -> Pump {
        Pump::Outgoing(match self.transmission {
            Transmission::Stream => outgoing,
            Transmission::Deflate => Outgoing::Deflated(SendDeflated::new(outgoing, self.deflate_level)),
        })
    }
}
