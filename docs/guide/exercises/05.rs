//! Exercise 05: read what an edge-triggered event announced. All of it.

use std::io::{self, Read};

/// Reads from a socket that does not block, after an event said that it is readable, and appends the bytes to `input`.
///
/// Returns whether the client is still there.
pub fn on_readable(socket: &mut dyn Read, input: &mut Vec<u8>) -> io::Result<bool> {
    let mut chunk = [0; 1024];
    let count = socket.read(&mut chunk)?;
    input.extend(chunk.iter().take(count));
    Ok(count > 0)
}
