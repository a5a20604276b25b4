//! The protocol's words: what bytes mean on the control connection, and how things are written for clients.
//!
//! Nothing here knows a socket, a file or a clock, so all of it is tested by calling it. Paths and names are bytes from
//! end to end; they are never decoded.

pub mod ascii;
pub mod command;
pub mod features;
pub mod glob;
pub mod host_port;
pub mod interruption;
pub mod line;
pub mod listing;
pub mod password;
pub mod path;
pub mod reply;
pub mod timestamp;
