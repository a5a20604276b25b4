//! Bytes into lines: Telnet removed, LF found, lengths capped (RFC 959 §5.3, RFC 854).
//!
//! Bytes may arrive in any segmentation and give the same lines. The reader keeps what it was fed and has not given
//! out, and frees the buffer when nothing is left; the caller bounds it by what it feeds.

use super::interruption::{Interruption, Interruptions, between};
use super::telnet::TelnetFilter;

/// The line reader of one control connection.
#[derive(Debug, Default)]
pub struct LineReader {
    pending: Vec<u8>,
    /// Where the first line not given out begins.
    start: usize,
    /// Up to here no LF has been found.
    searched: usize,
    interruptions: Interruptions,
    telnet: TelnetFilter,
    opening: Opening,
}

/// The client's first two bytes, as far as they have been seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Opening {
    #[default]
    Nothing,
    Handshake,
    Foreign,
    Seen,
}

/// Why there will be no more lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// Even if its end has not arrived.
    #[error("longer than the limit")]
    TooLong,
    #[error("a TLS handshake on the plain port")]
    ForeignProtocol,
}

impl LineReader {
    /// A reader that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes bytes as they were read from the socket.
    pub fn feed(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.look_at_opening(*byte);
            if self.telnet.keeps(*byte) {
                self.pending.push(*byte);
            }
        }
    }

    fn look_at_opening(&mut self, byte: u8) {
        // A TLS record of a handshake: content type 22, version 3.x.
        self.opening = match (self.opening, byte) {
            (Opening::Nothing, 0x16) => Opening::Handshake,
            (Opening::Handshake, 0x03) | (Opening::Foreign, _) => Opening::Foreign,
            (Opening::Nothing | Opening::Handshake | Opening::Seen, _) => Opening::Seen,
        };
    }

    /// The next complete line without its line end, if there is one; [`skip_line`](Self::skip_line) drops it.
    /// `limit`: its greatest length.
    pub fn peek_line(&mut self, limit: usize) -> Option<Result<&[u8], LineError>> {
        if self.opening == Opening::Foreign {
            return Some(Err(LineError::ForeignProtocol));
        }
        let Some(end) = self.line_end() else {
            // A CR may still turn out to belong to the line end.
            let is_too_long = self.pending.len() - self.start > limit + 1;
            return is_too_long.then_some(Err(LineError::TooLong));
        };
        // Nothing before `start` is ever searched for an LF.
        let line = without_crs(between(&self.pending, self.start, end));
        Some(if line.len() > limit {
            Err(LineError::TooLong)
        } else {
            Ok(line)
        })
    }

    /// Drops the next complete line, if there is one.
    pub fn skip_line(&mut self) {
        let Some(end) = self.line_end() else {
            return;
        };
        self.interruptions
            .line_taken(between(&self.pending, self.start, end + 1), end + 1);
        self.start = end + 1;
        self.searched = self.start;
        self.compact();
    }

    /// Whether one of the complete lines held is this interruption. However often this is called, all calls together
    /// look at each byte twice at the most.
    pub fn holds(&mut self, wanted: Interruption) -> bool {
        self.interruptions.contains(wanted, &self.pending)
    }

    /// Bytes held.
    pub fn pending_len(&self) -> usize {
        self.pending.len() - self.start
    }

    /// Drops everything held.
    pub fn clear(&mut self) {
        self.pending = Vec::new();
        self.start = 0;
        self.searched = 0;
        self.interruptions = Interruptions::default();
    }

    /// Where the LF of the first complete line is.
    fn line_end(&mut self) -> Option<usize> {
        let (_, unsearched) = self.pending.split_at(self.searched);
        match unsearched.iter().position(|byte| *byte == b'\n') {
            Some(offset) => {
                // The LF itself counts as unsearched, so that the next search finds it again.
                self.searched += offset;
                Some(self.searched)
            }
            None => {
                self.searched = self.pending.len();
                None
            }
        }
    }

    fn compact(&mut self) {
        if self.start == self.pending.len() {
            self.clear();
        } else if self.start > self.pending.len() / 2 {
            self.pending.drain(..self.start);
            self.searched -= self.start;
            self.interruptions.moved_up(self.start);
            self.start = 0;
        }
    }
}

/// One CR before the LF belongs to the line end; so does one at the front, for clients that end lines with LF CR.
fn without_crs(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    line.strip_prefix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests;
