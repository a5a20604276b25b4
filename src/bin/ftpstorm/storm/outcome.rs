//! What is known when a run has ended.

use crate::cleanup::Cleanup;
use crate::failure::Failure;
use crate::measurements::Measurements;
use crate::process::Samples;
use crate::rate::Rate;
use std::time::Duration;

/// What is known at the end.
pub struct RunOutcome {
    pub measurements: Measurements,
    pub elapsed: Duration,
    pub sessions: usize,
    pub samples: Option<Samples>,
    pub rate: Option<Rate>,
    pub cleanup: Cleanup,
    pub end: End,
}

/// Why the run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The time is up or the count is reached.
    Done,
    /// Nothing succeeded for `--timeout`.
    NothingSucceeded {
        last: Failure,
    },
    /// The watched process has ended.
    ServerGone,
    Interrupted {
        exit_code: u8,
    },
}
