//! Answer 05: until `WouldBlock`, which is no failure, and which alone makes the kernel send the next event.

use std::io::{self, Read};

/// Reads from a socket that does not block, after an event said that it is readable, and appends the bytes to `input`.
///
/// Returns whether the client is still there.
pub fn on_readable(socket: &mut dyn Read, input: &mut Vec<u8>) -> io::Result<bool> {
    let mut chunk = [0; 1024];
    loop {
        match socket.read(&mut chunk) {
            Ok(0) => return Ok(false),
            Ok(count) => input.extend(chunk.iter().take(count)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(true),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
