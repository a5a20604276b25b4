//! What is kept of a transfer that has ended: counts, a line in each log that wants one, and what the trace tells.

use super::Connection;
use super::shared::Shared;
use crate::records::event;
use crate::records::happening::{Happening, Line, TARGET, Who};
use crate::records::trace::Tone;
use crate::records::transfer_log::LoggedTransfer;
use crate::session::{Ending, LoginFailure, Notice, Outcome, Transfer, TransferKind};
use crate::shown_name::Shown;
use crate::transfer::Direction;
use log::Level;
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
            let line = LoggedTransfer {
                ended: shared.wall,
                took,
                peer: self.session.peer(),
                account: self.session.account().map(|account| &*account.name),
                bytes: moved,
                path,
                direction,
                representation: transfer.representation,
                complete: outcome.is_success(),
            };
            log.append(&line.line());
        }
    }
}

impl Connection {
    /// Writes the line and the event.
    pub fn tell(&self, happening: &Happening<'_>, shared: &mut Shared) {
        let session = &self.session;
        let who = Who {
            session: session.number(),
            client: session.client(),
            user: match happening {
                Happening::Ended { .. } => session.last_user(),
                Happening::LoggedIn { user, .. } | Happening::LoginFailed { user, .. } => Some(*user),
                Happening::Connected
                | Happening::Transferred { .. }
                | Happening::Changed { .. }
                | Happening::Refused { .. } => session.user(),
            },
        };
        let level = happening.level(who);
        if log::log_enabled!(target: TARGET, level) && shared.has_room_for_line(happening, who) {
            log::log!(target: TARGET, level, "{}", Line(happening, who));
        }
        if let Some(events) = &mut shared.event_log {
            match event::line(happening, who) {
                Ok(line) => events.append(&line),
                Err(error) => log::error!("cannot format an event: {error}"),
            }
        }
    }

    /// Tells of what the session has noticed.
    pub(super) fn record_notice(&mut self, shared: &mut Shared) {
        if let Some(notice) = self.session.take_notice() {
            let took = shared.now.saturating_duration_since(self.login_since);
            self.tell(&Happening::of(&notice, took), shared);
        }
    }

    /// The same for a login whose password was not looked at.
    pub(super) fn record_blocked_login(&mut self, shared: &mut Shared) {
        if let Some(Notice::LoginFailed { user, .. }) = self.session.take_notice().map(|notice| *notice) {
            let happening = Happening::LoginFailed {
                user: &user,
                why: LoginFailure::Blocked,
                took: shared.now.saturating_duration_since(self.login_since),
            };
            self.tell(&happening, shared);
        }
    }

    /// Tells of the session's end.
    pub fn record_end(&self, shared: &mut Shared) {
        let happening = Happening::Ended {
            ending: self.session.ending().unwrap_or(Ending::Shutdown),
            sent: self.sent,
            received: self.received,
            took: shared.now.saturating_duration_since(self.opened),
        };
        self.tell(&happening, shared);
    }
}

impl Shared {
    /// Whether anything is recorded of sessions at all.
    pub(super) fn wants_notices(&self) -> bool {
        self.event_log.is_some() || log::log_enabled!(target: TARGET, Level::Warn)
    }

    /// What costs a client nothing must not fill the disk that holds the log.
    fn has_room_for_line(&mut self, happening: &Happening<'_>, who: Who<'_>) -> bool {
        match happening {
            Happening::LoginFailed { .. } | Happening::Refused { .. } => {
                if let Some(left_out) = self.line_budget.minute_is_over(self.now) {
                    log::warn!("{left_out} lines of refused commands and failed logins left out in a minute");
                }
                self.line_budget.has_room(who.client.ip())
            }
            Happening::Connected
            | Happening::LoggedIn { .. }
            | Happening::Transferred { .. }
            | Happening::Changed { .. }
            | Happening::Ended { .. } => true,
        }
    }
}
