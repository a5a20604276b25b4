//! What answers are made from.

use super::page::{PAGE, content_security_policy};
use super::recorder::Recorder;
use super::stream::Stream;
use crate::process_figures::ProcessFile;

/// What answers are made from.
#[derive(Debug)]
pub struct Sources {
    pub recorder: Recorder,
    pub stream: Stream,
    pub process: ProcessFile,
    /// Addresses of the control listeners.
    pub listeners: Vec<String>,
    /// The Content-Security-Policy of all answers.
    pub policy: String,
}

impl Sources {
    pub fn new(recorder: Recorder, stream: Stream, process: ProcessFile, listeners: Vec<String>) -> Self {
        Self {
            recorder,
            stream,
            process,
            listeners,
            policy: content_security_policy(PAGE),
        }
    }
}
