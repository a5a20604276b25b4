//! Blocking work, on one thread beside the event loop.
//!
//! The loop hands over work, continues, is woken, and collects the result. The thread is given at most one password and
//! one job at a time; the rest wait in queues on the loop's side, which decide the order. Nothing here makes the caller
//! wait.

mod job;
pub mod login_queue;
pub mod queue;
#[cfg(test)]
mod tests;

pub use job::{AccountsRead, CertificatesRead, Done, Job, LoginAttempt, Panicked};
