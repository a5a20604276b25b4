//! Exercise 04: bytes become lines.
//!
//! TCP carries a stream of bytes. A line that was sent at once may be read in pieces, and several lines may be read at
//! once. `BufReader` makes lines of what it reads itself; a protocol that knows no sockets gets bytes, and has this.

/// The lines of one client.
#[derive(Default)]
pub struct Lines {
    // What has to be kept until the next call?
}

impl Lines {
    /// The lines that are complete with these bytes, without their ends. `\n` and `\r\n` end a line.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<String> {
        String::from_utf8_lossy(bytes).lines().map(str::to_owned).collect()
    }
}
