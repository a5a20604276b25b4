//! What the operating system tells the process: stop, reopen, report.
//!
//! Signals arrive as events of the same poll, through a pipe of the library's, so nothing here runs in a signal
//! handler.

use super::{EventLoop, SHUTDOWN_GRACE, Shutdown};
use crate::records::log_file::Reopened;
use mio::{Interest, Registry, Token};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGXFSZ};
use signal_hook_mio::v1_0::Signals as SignalSource;
use std::io;

/// The signals that the loop listens to. From its making on they no longer end the process.
pub struct Signals {
    source: SignalSource,
}

impl Signals {
    /// Takes over the signals. SIGPIPE is ignored by the standard library already, SIGCHLD by default.
    pub fn take_over() -> io::Result<Self> {
        Ok(Self {
            source: SignalSource::new([SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGQUIT, SIGXFSZ])?,
        })
    }

    /// Takes over none: a test's process keeps its own.
    #[cfg(test)]
    pub(super) fn none() -> io::Result<Self> {
        Ok(Self {
            source: SignalSource::new::<[i32; 0], i32>([])?,
        })
    }

    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(&mut self.source, token, Interest::READABLE)
    }
}

impl EventLoop {
    pub(super) fn handle_signals(&mut self) {
        let pending: Vec<i32> = self.signals.source.pending().collect();
        for signal in pending {
            match signal {
                SIGTERM | SIGINT => self.shut_down(),
                SIGHUP => {
                    self.reopen_logs();
                    self.reload_accounts();
                }
                SIGUSR1 => self.summarize(),
                _ => log::debug!("signal {signal} ignored"),
            }
        }
    }

    /// Stops accepting and lets transfers end; told a second time, ends at once.
    fn shut_down(&mut self) {
        match self.shutdown {
            Shutdown::NotAsked => {
                log::info!(
                    "stopping: {} sessions, transfers have {SHUTDOWN_GRACE:?}",
                    self.slots.len()
                );
                self.listeners.clear();
                self.paused.clear();
                self.shutdown = Shutdown::Draining {
                    until: self.shared.now + SHUTDOWN_GRACE,
                };
                let everyone: Vec<_> = self.slots.iter().map(|(slot, _)| slot).collect();
                for slot in everyone {
                    // A step dismisses whoever is idle.
                    self.step(slot, |_, _| {});
                }
            }
            Shutdown::Draining { .. } | Shutdown::AtOnce => self.shutdown = Shutdown::AtOnce,
        }
    }

    fn reopen_logs(&mut self) {
        let logs = [&mut self.shared.transfer_log, &mut self.shared.event_log];
        for log in logs.into_iter().flatten() {
            let option = log.option();
            match log.reopen() {
                Ok(Reopened::New) => log::info!("{option}: new file opened"),
                Ok(Reopened::Same) => log::info!("{option}: the file was not moved and stays open"),
                Err(error) => log::warn!(
                    "{option}: the new file cannot be opened ({error}), the old one stays in use; create it for the user \
                     that the server runs as, or rotate by copying and truncating"
                ),
            }
        }
    }

    fn summarize(&self) {
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
