//! What is written down of what happens: log lines, events, finished transfers, the trace, and counts.
//!
//! Nothing is decided here, and nothing here may wait: a log that takes nothing costs lines, which are counted.

pub mod counters;
mod event;
pub mod event_log;
pub mod happening;
pub mod line_budget;
pub mod log_file;
pub mod text_log;
pub mod trace;
pub mod transfer_log;
