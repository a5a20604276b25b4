//! What is kept of a transfer that has ended: counts, a line in each log that wants one, and what the trace tells.

use super::connection::Connection;
use super::shared::Shared;
use super::trace::Tone;
use super::transfer_log::LoggedTransfer;
use crate::session::{Outcome, Transfer, TransferKind};
use crate::transfer::Direction;
use std::time::Instant;

impl Connection {
    /// `began`: when the transfer command was answered.
    pub(super) fn record(
        &self,
        transfer: &Transfer,
        outcome: Outcome,
        began: Instant,
        moved: u64,
        shared: &mut Shared,
    ) {
        let number = self.session.number();
        let path = transfer.path.as_bytes();
        shared.counters.transfers += 1;
        match transfer.kind {
            TransferKind::Download | TransferKind::Listing => shared.counters.bytes_sent += moved,
            TransferKind::Upload => shared.counters.bytes_received += moved,
        }
        if !outcome.is_success() {
            shared.counters.failed_transfers += 1;
        }
        shared.trace.tell(Tone::Transition, || {
            format!(
                "session {number}: {} {} ends: {outcome:?}, {moved} bytes → Ready",
                transfer.verb,
                path.escape_ascii()
            )
        });
        let direction = match transfer.kind {
            TransferKind::Listing => return,
            TransferKind::Download => Direction::ToClient,
            TransferKind::Upload => Direction::FromClient,
        };
        log::info!(
            "session {number}: {} {} {outcome:?}, {moved} bytes",
            transfer.verb,
            path.escape_ascii()
        );
        let took = shared.now.saturating_duration_since(began);
        self.tell_transfer(transfer, outcome, moved, took, shared);
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
