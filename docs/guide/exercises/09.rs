//! Exercise 09: accept clients until there are none, or no descriptors.

use super::checks::Accepting;
use std::io::{self, ErrorKind};

/// Calls `accept` until it would block; returns what the loop has to do next.
///
/// An error may concern one client, who left while it waited in the queue: then the next is accepted. Or the process
/// has no descriptors left, which is error 24, `EMFILE`. What then?
pub fn accept_all(accept: &mut dyn FnMut() -> io::Result<()>) -> Accepting {
    loop {
        match accept() {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
            Err(_) => return Accepting::AwaitEvent,
        }
    }
}
