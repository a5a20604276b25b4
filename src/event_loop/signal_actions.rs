//! Signals, and what they ask for: shut down, reopen the logs and reload the accounts, log the state.
//!
//! signal-hook's handler writes to a pipe that is registered with the poll, so no code of this server runs in a signal
//! handler.

use super::EventLoop;
use crate::records::log_file::Reopened;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGXFSZ};
use signal_hook_mio::v1_0::Signals;
use std::io;
use std::time::Duration;

/// How long running transfers may continue after the first request to shut down.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(30);

/// Takes over the signals that the loop handles, so that they no longer end the process. The standard library already
/// ignores SIGPIPE.
pub fn take_over_signals() -> io::Result<Signals> {
    Signals::new([SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGQUIT, SIGXFSZ])
}

impl EventLoop {
    pub(super) fn handle_signals(&mut self) {
        let signals: Vec<i32> = self.signals.pending().collect();
        for signal in signals {
            match signal {
                SIGTERM | SIGINT => self.shut_down(),
                SIGHUP => {
                    self.reopen_logs();
                    self.reload_accounts();
                    self.reload_certificates();
                }
                SIGUSR1 => self.log_status(),
                _ => log::debug!("signal {signal} ignored"),
            }
        }
    }

    /// Stops accepting clients and closes idle sessions; running transfers may continue for a while. A second request
    /// ends them too.
    pub(super) fn shut_down(&mut self) {
        if self.shutdown_deadline.is_some() {
            self.shutdown_deadline = Some(self.shared.now);
            return;
        }
        self.shutdown_deadline = Some(self.shared.now + SHUTDOWN_GRACE);
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

    /// Whether the loop has to end.
    pub(super) fn is_shut_down(&self) -> bool {
        self.shutdown_deadline
            .is_some_and(|deadline| deadline <= self.shared.now || self.slots.is_empty())
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
        let (counters, descriptors) = (&self.shared.counters, self.shared.descriptors.used());
        log::info!(
            "{} sessions, {descriptors} descriptors, {} turns, {} commands, {} transfers, {} bytes sent, {} received",
            self.slots.len(),
            counters.turns,
            counters.commands,
            counters.transfers,
            counters.bytes_sent,
            counters.bytes_received
        );
        for (_, connection) in self.slots.iter() {
            connection.log_status(self.shared.now);
        }
    }
}
