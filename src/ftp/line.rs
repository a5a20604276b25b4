//! Bytes into lines: Telnet removed, LF found, lengths capped (RFC 959 §5.3, RFC 854).
//!
//! Bytes may arrive in any segmentation and give the same lines. The reader keeps what it was fed and has not given
//! out, and frees the buffer when nothing is left; the caller bounds it by what it feeds.
//!
//! ABOR and QUIT take effect out of turn, and STAT during a transfer. They are recognised here, each line once when its
//! LF arrives, so that asking costs nothing however many lines wait. The line itself is parsed later, in its turn.

use super::password::without_password;
use super::telnet::TelnetFilter;
use crate::shown_name::Shown;
use crate::trace::{self, Kind};

/// The line reader of one control connection.
#[derive(Debug, Default)]
pub struct LineReader {
    pending: Vec<u8>,
    /// Where the first line not given out begins.
    start: usize,
    /// After the LF of that line; `start` while there is none.
    first_end: usize,
    /// After the last LF.
    complete: usize,
    /// After the LF of the last ABOR.
    abor_end: usize,
    /// After the LF of the last QUIT.
    quit_end: usize,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineError {
    /// Longer than the limit, even if its end has not arrived.
    TooLong,
    /// A TLS handshake on the plain port.
    ForeignProtocol,
}

impl LineReader {
    /// Takes bytes as they were read from the socket.
    pub fn feed(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.look_at_opening(*byte);
            if self.telnet.keeps(*byte) {
                self.pending.push(*byte);
                if *byte == b'\n' {
                    self.line_is_complete();
                }
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

    fn line_is_complete(&mut self) {
        let end = self.pending.len();
        let line = between(&self.pending, self.complete, end);
        // A CR ends the verb, too: an ABOR with CR CR LF is no command, but it interrupts.
        let verb = without_line_end(line).split(|byte| matches!(byte, b' ' | b'\r')).next();
        let verb = verb.unwrap_or_default();
        if verb.eq_ignore_ascii_case(b"ABOR") {
            self.abor_end = end;
        } else if verb.eq_ignore_ascii_case(b"QUIT") {
            self.quit_end = end;
        }
        if self.first_end == self.start {
            self.first_end = end;
        }
        self.complete = end;
    }

    /// The next complete line without its line end, if there is one; [`skip_line`](Self::skip_line) drops it.
    /// `limit`: its greatest length.
    pub fn peek_line(&self, limit: usize) -> Option<Result<&[u8], LineError>> {
        if self.opening == Opening::Foreign {
            return Some(Err(LineError::ForeignProtocol));
        }
        match self.first_line() {
            Some(line) if line.len() > limit => Some(Err(LineError::TooLong)),
            Some(line) => Some(Ok(line)),
            None => {
                let unfinished = between(&self.pending, self.start, self.pending.len());
                let unfinished = unfinished.strip_prefix(b"\r").unwrap_or(unfinished);
                // Its last CR may still turn out to belong to the line end.
                (unfinished.len() > limit + 1).then_some(Err(LineError::TooLong))
            }
        }
    }

    /// Drops the next complete line, if there is one.
    pub fn skip_line(&mut self) {
        if let Some(line) = self.first_line() {
            trace::line(Kind::Command, || {
                format!("says {}", Shown::whole(without_password(line)))
            });
        }
        self.start = self.first_end;
        if self.start == self.pending.len() {
            self.clear();
            return;
        }
        if self.start > self.pending.len() / 2 {
            self.pending.drain(..self.start);
            self.complete -= self.start;
            self.abor_end = self.abor_end.saturating_sub(self.start);
            self.quit_end = self.quit_end.saturating_sub(self.start);
            self.start = 0;
        }
        let mut unread = between(&self.pending, self.start, self.complete).iter();
        self.first_end = self.start + unread.position(|byte| *byte == b'\n').map_or(0, |offset| offset + 1);
    }

    /// Whether one of the complete lines is ABOR: it ends the transfer or long answer under way (RFC 959 §4.1.3).
    pub fn holds_abor(&self) -> bool {
        self.abor_end > self.start
    }

    /// Whether one of the complete lines is QUIT: the transfer under way goes on, even if the client closes its end.
    pub fn holds_quit(&self) -> bool {
        self.quit_end > self.start
    }

    /// Whether the next complete line is STAT without an argument, which is answered during a transfer.
    pub fn is_stat_next(&self) -> bool {
        self.first_line()
            .is_some_and(|line| line.strip_suffix(b" ").unwrap_or(line).eq_ignore_ascii_case(b"STAT"))
    }

    /// Bytes held.
    pub fn pending_len(&self) -> usize {
        self.pending.len() - self.start
    }

    /// Drops everything held.
    pub fn clear(&mut self) {
        *self = Self {
            telnet: self.telnet,
            opening: self.opening,
            ..Self::default()
        };
    }

    fn first_line(&self) -> Option<&[u8]> {
        (self.first_end > self.start).then(|| without_line_end(between(&self.pending, self.start, self.first_end)))
    }
}

/// The bytes from offset `from` up to `to`; there must be so many.
fn between(bytes: &[u8], from: usize, to: usize) -> &[u8] {
    bytes.split_at(to).0.split_at(from).1
}

/// One CR before the LF belongs to the line end; so does one at the front, for clients that end lines with LF CR.
fn without_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    line.strip_prefix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests;
