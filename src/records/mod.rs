//! Records: log lines, events, finished transfers, and counters.
//!
//! Nothing is decided here, and nothing blocks: lines that cannot be written at once are dropped and counted.

pub mod conversation;
pub mod counters;
pub mod line_budget;
pub mod log_file;
pub mod session_event;
pub mod tallies;
pub mod text_log;
pub mod transfer_log;
