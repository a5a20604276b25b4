//! Everything that listens, and who is let in: control listeners, passive ports and their ring, and admission.
//!
//! All of it is bound once, at start. A data connection is accepted and matched here; sessions are only numbers.

pub mod admission;
pub mod data_socket;
pub mod listeners;
pub mod listening;
pub mod passive_ring;

pub use listening::{Listening, StartError};
