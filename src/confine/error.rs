//! Why a server started as root could not be confined.

use std::io;

/// Why the process could not be confined.
#[derive(Debug, thiserror::Error)]
pub enum ConfineError {
    #[error("--user {0}: expected the name or number of a user of this system")]
    UnknownUser(String),
    #[error("--user {0}: only root can become another user; leave the option out")]
    NotRoot(String),
    #[error("confining the server failed at {step}: {error}{advice}")]
    Step {
        step: &'static str,
        error: io::Error,
        /// What to do about a missing capability; empty for other errors.
        advice: &'static str,
    },
    /// A privilege was left after all had been given up.
    #[error("confining the server failed: {0}")]
    StillThere(&'static str),
}
