//! What a connection records: its session's events in log and event log, its transfers also in counters, trace and
//! transfer log.

use super::{Connection, shared::Shared};
use crate::records::session_event::{EndedTransfer, Origin, SessionEvent, TARGET};
use crate::records::transfer_log;
use crate::session::{Ending, LoginFailure, Notice, Outcome, Transfer, TransferKind};
use crate::shown_name::Shown;
use crate::trace::{self, Kind};
use crate::transfer::Direction;
use log::Level;
use std::time::Duration;

impl Connection {
    /// Records a transfer that has ended. `took`: from the transfer command to the last byte.
    pub(super) fn record_transfer(
        &mut self,
        transfer: &Transfer,
        outcome: Outcome,
        took: Duration,
        moved: u64,
        shared: &mut Shared,
    ) {
        let counters = &mut shared.counters;
        counters.transfers += 1;
        counters.failed_transfers += u64::from(!outcome.is_success());
        let (direction, own) = match transfer.kind {
            TransferKind::Download | TransferKind::Listing => (Direction::ToClient, &mut self.sent),
            TransferKind::Upload => (Direction::FromClient, &mut self.received),
        };
        *own += moved;
        if let Some(tallies) = &mut shared.tallies {
            tallies.transfer(direction, outcome.word());
        }
        trace::line(Kind::Change, || {
            let path = Shown::whole(transfer.path.as_bytes());
            format!("{} {path} ends: {}, {moved} bytes", transfer.verb, outcome.word())
        });
        if transfer.kind == TransferKind::Listing {
            return;
        }
        let ended = EndedTransfer::new(transfer, direction, outcome, moved, took);
        if let Some(log) = &mut shared.transfer_log {
            let account = self.session.account().map(|account| &*account.name);
            log.append(&transfer_log::line(&ended, shared.wall, self.session.peer(), account));
        }
        self.record(&SessionEvent::Transfer(ended), self.session.user(), shared);
    }

    /// Writes the log line and the event. `user`: who has logged in; for a login, the name that was tried.
    pub(super) fn record(&self, event: &SessionEvent<'_>, user: Option<&[u8]>, shared: &mut Shared) {
        let origin = Origin {
            session: self.session.number(),
            client: self.session.client(),
            user,
        };
        let level = event.level(origin);
        if log::log_enabled!(target: TARGET, level) && shared.has_room_for_line(event, origin) {
            log::log!(target: TARGET, level, "{}", event.log_line(origin));
        }
        if let Some(events) = &mut shared.event_log {
            match event.event_line(origin) {
                Ok(line) => events.append(&line),
                Err(error) => log::error!("cannot format an event: {error}"),
            }
        }
    }

    /// Records what the session reports of its last command, if anything.
    pub(super) fn record_notice(&mut self, shared: &mut Shared) {
        let Some(notice) = self.session.take_notice() else {
            return;
        };
        if let Some(tallies) = &mut shared.tallies {
            match &*notice {
                Notice::LoggedIn => tallies.login(None),
                Notice::LoginFailed { why, .. } => tallies.login(Some(*why)),
                Notice::Changed { .. } | Notice::Refused { .. } => {}
            }
        }
        let user = match &*notice {
            Notice::LoginFailed { user, .. } => Some(&**user),
            Notice::LoggedIn | Notice::Changed { .. } | Notice::Refused { .. } => self.session.user(),
        };
        let event = SessionEvent::of(&notice, shared.now.saturating_duration_since(self.login_since));
        self.record(&event, user, shared);
    }

    /// Records a failed login whose password was not checked.
    pub(super) fn record_blocked_login(&mut self, shared: &mut Shared) {
        if let Some(Notice::LoginFailed { user, .. }) = self.session.take_notice().as_deref() {
            if let Some(tallies) = &mut shared.tallies {
                tallies.login(Some(LoginFailure::Blocked));
            }
            let took = shared.now.saturating_duration_since(self.login_since);
            let event = SessionEvent::login_failed(LoginFailure::Blocked, took);
            self.record(&event, Some(user), shared);
        }
    }

    /// Records the session's end.
    pub fn record_end(&self, shared: &mut Shared) {
        let ending = self.session.ending().unwrap_or(Ending::Shutdown);
        if let Some(tallies) = &mut shared.tallies {
            tallies.ending(ending);
        }
        let took = shared.now.saturating_duration_since(self.opened);
        let event = SessionEvent::disconnect(ending, self.sent, self.received, took);
        self.record(&event, self.session.last_user(), shared);
    }
}

impl Shared {
    /// Whether sessions have to report anything.
    pub(super) fn wants_notices(&self) -> bool {
        self.event_log.is_some() || self.tallies.is_some() || log::log_enabled!(target: TARGET, Level::Warn)
    }

    /// Whether a line may be logged: clients must not fill the disk of the log with lines that cost them nothing.
    fn has_room_for_line(&mut self, event: &SessionEvent<'_>, origin: Origin<'_>) -> bool {
        if !matches!(
            event,
            SessionEvent::Login { ok: false, .. } | SessionEvent::Refusal { .. }
        ) {
            return true;
        }
        if let Some(left_out) = self.line_budget.end_minute(self.now) {
            log::warn!("{left_out} lines of refused commands and failed logins left out in a minute");
        }
        self.line_budget.take_line(origin.client.ip())
    }
}
