//! The protocol: what bytes mean on the control connection, and how replies and listings are written.
//!
//! Nothing here knows a socket, a file or a clock, so all of it is tested by calling it. Paths and names are bytes
//! throughout; they are never decoded.

pub mod ascii;
pub mod command;
pub mod features;
pub mod glob;
pub mod host_port;
pub mod line;
pub mod listing;
pub mod password;
pub mod path;
pub mod reply;
mod telnet;
pub mod timestamp;
