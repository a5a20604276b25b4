//! Answer 13: only the count that is returned has been sent, so go on from there. 0 means that the file has shrunk.

use super::checks::Sent;
use std::io::{self, ErrorKind};
use std::ops::Range;

/// Sends the bytes of a file whose offsets are `left`, and removes from `left` what has been sent.
pub fn send(left: &mut Range<u64>, sendfile: &mut dyn FnMut(u64, usize) -> io::Result<usize>) -> Sent {
    while left.start < left.end {
        let count = usize::try_from(left.end - left.start).unwrap_or(usize::MAX);
        match sendfile(left.start, count) {
            Ok(0) => return Sent::Failed,
            Ok(count) => left.start += count as u64,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Sent::Later,
            // No event would come: the socket has room.
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return Sent::Failed,
        }
    }
    Sent::Complete
}
