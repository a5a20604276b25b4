//! What signals ask for: shut down, reopen the logs and reload the accounts, print a summary.

use super::EventLoop;
use super::shutdown::SHUTDOWN_GRACE;
use crate::records::log_file::Reopened;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};

impl EventLoop {
    pub(super) fn handle_signals(&mut self) {
        for signal in self.signals.pending() {
            match signal {
                SIGTERM | SIGINT => self.shut_down(),
                SIGHUP => {
                    self.reopen_logs();
                    self.reload_accounts();
                }
                SIGUSR1 => self.log_status(),
                _ => log::debug!("signal {signal} ignored"),
            }
        }
    }

    /// Stops accepting clients and closes idle sessions; running transfers may continue for a while.
    fn shut_down(&mut self) {
        let is_first = !self.shutdown.is_requested();
        self.shutdown.request(self.shared.now);
        if is_first {
            log::info!(
                "stopping: {} sessions, transfers have {SHUTDOWN_GRACE:?}",
                self.slots.len()
            );
            self.listeners.clear();
            self.paused.clear();
            let slots: Vec<_> = self.slots.iter().map(|(slot, _)| slot).collect();
            for slot in slots {
                // During a shutdown a step closes the session if it is idle.
                self.step(slot, |_, _| {});
            }
        }
    }

    fn reopen_logs(&mut self) {
        let logs = [&mut self.shared.transfer_log, &mut self.shared.event_log];
        for log in logs.into_iter().flatten() {
            let option = log.kind.option();
            match log.reopen() {
                Ok(Reopened::New) => log::info!("{option}: new file opened"),
                Ok(Reopened::Same) => log::info!("{option}: the file was not moved and stays open"),
                Err(error) => log::warn!(
                    "{option}: the new file cannot be opened ({error}), the old one stays in use; create it for the \
                     user that the server runs as, or rotate by copying and truncating"
                ),
            }
        }
    }

    fn log_status(&self) {
        log::info!(
            "{} sessions, {} descriptors, {} turns, {} commands, {} transfers, {} bytes sent, {} received",
            self.slots.len(),
            self.shared.descriptors.used(),
            self.shared.counters.turns,
            self.shared.counters.commands,
            self.shared.counters.transfers,
            self.shared.counters.bytes_sent,
            self.shared.counters.bytes_received
        );
        for (_, connection) in self.slots.iter() {
            log::info!(
                "session {}: {} for {:?}, {}, {} bytes moved, quiet for {:?}",
                connection.session().number(),
                connection.session().peer(),
                self.shared.now.saturating_duration_since(connection.opened()),
                connection.describe(),
                connection.channel().moved(),
                self.shared.now.saturating_duration_since(connection.active())
            );
        }
    }
}
