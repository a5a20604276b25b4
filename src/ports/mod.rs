//! Listening sockets and admission: control listeners, passive ports, and the limits on sessions.
//!
//! All sockets are bound once, at start. Arriving data connections are matched to sessions here; a session is only a
//! slot number in this module.

pub mod admission;
pub mod data_socket;
mod listen;
mod listeners;
pub mod passive_ports;
pub mod passive_ring;
mod status_listener;

pub use listen::ListenError;
pub use listeners::{ControlListener, Listeners, StartError};
pub use status_listener::StatusListener;
