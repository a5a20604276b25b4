//! Why the process could not be confined.

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

/// Why the sandbox could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    #[error("the sandbox cannot be set up: Landlock: {0}")]
    Landlock(#[from] landlock::RulesetError),
    #[error("the sandbox cannot be set up: Landlock: {0}")]
    Path(#[from] landlock::PathFdError),
    #[error("the sandbox cannot be set up: seccomp: {0}")]
    Filter(#[from] seccompiler::Error),
    #[error("the sandbox cannot be set up: seccomp: {0}")]
    Compiler(#[from] seccompiler::BackendError),
    #[error(transparent)]
    Confine(#[from] ConfineError),
    #[error("--require-sandbox: {0}")]
    Incomplete(String),
    #[error("the sandbox does not hold: {0}")]
    NotInForce(&'static str),
}
