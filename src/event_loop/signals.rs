//! Signals as events of the poll.
//!
//! signal-hook's handler writes to a pipe that is registered with the poll, so no code of this server runs in a signal
//! handler.

use mio::{Interest, Registry, Token};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGXFSZ};
use signal_hook_mio::v1_0::Signals as SignalSource;
use std::io;

/// The signals that the loop handles. Once this exists, they no longer end the process.
pub struct Signals {
    source: SignalSource,
}

impl Signals {
    /// Installs the handlers. The standard library already ignores SIGPIPE.
    pub fn take_over() -> io::Result<Self> {
        Ok(Self {
            source: SignalSource::new([SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGQUIT, SIGXFSZ])?,
        })
    }

    /// Handles no signals: a test must not change those of its process.
    #[cfg(test)]
    pub(super) fn none() -> io::Result<Self> {
        Ok(Self {
            source: SignalSource::new::<[i32; 0], i32>([])?,
        })
    }

    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(&mut self.source, token, Interest::READABLE)
    }

    /// The signals that have arrived.
    pub(super) fn pending(&mut self) -> Vec<i32> {
        self.source.pending().collect()
    }
}
