//! Exercise 13: send a part of a file with `sendfile`.
//!
//! `sendfile` gets an offset and a count, and returns how many bytes it has moved. That may be fewer. It may be none,
//! when the file does not have them any more. It may be an error: `WouldBlock`, when the socket is full; `Interrupted`,
//! when a signal came, and nothing else is wrong; or another one.

use super::checks::Sent;
use std::io;
use std::ops::Range;

/// Sends the bytes of a file whose offsets are `left`, and removes from `left` what has been sent.
pub fn send(left: &mut Range<u64>, sendfile: &mut dyn FnMut(u64, usize) -> io::Result<usize>) -> Sent {
    let count = (left.end - left.start) as usize;
    match sendfile(left.start, count) {
        Ok(_) => {
            left.start = left.end;
            Sent::Complete
        }
        Err(_) => Sent::Failed,
    }
}
