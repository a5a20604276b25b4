//! Answer 09: without a descriptor the clients stay in the queue, and no event will announce them again. So the loop
//! has to come back by itself, after a pause.

use super::checks::Accepting;
use std::io::{self, ErrorKind};

/// Calls `accept` until it would block; returns what the loop has to do next.
pub fn accept_all(accept: &mut dyn FnMut() -> io::Result<()>) -> Accepting {
    loop {
        match accept() {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Accepting::AwaitEvent,
            Err(_) => return Accepting::TryAgainLater,
        }
    }
}
