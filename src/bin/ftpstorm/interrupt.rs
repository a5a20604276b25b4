//! Ctrl-C and TERM: the first ends the run with its report; the second ends the process at once.

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Added to a signal's number, it is the exit code that shells expect.
const EXIT_BASE: u8 = 128;

/// Whether a signal has asked for the end of the run.
#[derive(Clone, Debug, Default)]
pub struct Interrupt {
    has_come: Arc<AtomicBool>,
    signal: Arc<AtomicUsize>,
}

impl Interrupt {
    /// Installs the signal handlers. From now on the first signal only sets a flag.
    pub fn take_over() -> io::Result<Self> {
        let interrupt = Self::default();
        for signal in [SIGINT, SIGTERM] {
            let number = usize::try_from(signal).unwrap_or_default();
            // In this order: a second signal finds the flag of the first.
            flag::register_conditional_shutdown(
                signal,
                i32::from(EXIT_BASE) + signal,
                Arc::clone(&interrupt.has_come),
            )?;
            flag::register_usize(signal, Arc::clone(&interrupt.signal), number)?;
            flag::register(signal, Arc::clone(&interrupt.has_come))?;
        }
        Ok(interrupt)
    }

    pub fn has_come(&self) -> bool {
        self.has_come.load(Ordering::Relaxed)
    }

    /// The exit code for the signal that came.
    pub fn exit_code(&self) -> u8 {
        EXIT_BASE.saturating_add(u8::try_from(self.signal.load(Ordering::Relaxed)).unwrap_or_default())
    }
}
