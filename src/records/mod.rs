//! Records of what happens: log lines, events, finished transfers, the trace, and counts.
//!
//! Nothing is decided here, and nothing waits: lines that cannot be written are dropped and counted.

pub mod counters;
pub mod event;
pub mod happening;
pub mod line_budget;
pub mod log_file;
pub mod text_log;
pub mod trace;
pub mod transfer_log;
