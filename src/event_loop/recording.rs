//! What is kept of a transfer that has ended: counts, a line in each log that wants one, and what the trace tells.

use super::connection::Connection;
use super::happening::Happening;
use super::shared::Shared;
use super::trace::Tone;
use super::transfer_log::LoggedTransfer;
use crate::session::{Outcome, Transfer, TransferKind};
use crate::shown_name::Shown;
use crate::transfer::Direction;
use std::time::Duration;

impl Connection {
    /// `took`: from the answer to the transfer command to the last byte.
    pub(super) fn record(
        &mut self,
        transfer: &Transfer,
        outcome: Outcome,
        took: Duration,
        moved: u64,
        shared: &mut Shared,
    ) {
        let number = self.session.number();
        let path = transfer.path.as_bytes();
        shared.counters.transfers += 1;
        match transfer.kind {
            TransferKind::Download | TransferKind::Listing => {
                self.sent += moved;
                shared.counters.bytes_sent += moved;
            }
            TransferKind::Upload => {
                self.received += moved;
                shared.counters.bytes_received += moved;
            }
        }
        if !outcome.is_success() {
            shared.counters.failed_transfers += 1;
        }
        shared.trace.tell(Tone::Transition, || {
            format!(
                "session {number}: {} {} ends: {}, {moved} bytes → Ready",
                transfer.verb,
                Shown::whole(path),
                outcome.word()
            )
        });
        let direction = match transfer.kind {
            TransferKind::Listing => return,
            TransferKind::Download => Direction::ToClient,
            TransferKind::Upload => Direction::FromClient,
        };
        let happening = Happening::Transferred {
            transfer,
            outcome,
            bytes: moved,
            took,
        };
        self.tell(&happening, shared);
        if let Some(log) = &mut shared.transfer_log {
            log.write(&LoggedTransfer {
                ended: shared.wall,
                took,
                peer: self.session.peer(),
                account: self.session.account().map(|account| &*account.name),
                bytes: moved,
                path,
                direction,
                representation: transfer.representation,
                complete: outcome.is_success(),
            });
        }
    }
}
