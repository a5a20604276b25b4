//! Bytes into lines: Telnet removed, LF found, lengths capped (RFC 959 §5.3, RFC 854).
//!
//! Bytes may arrive in any segmentation and give the same lines. What is held is bounded by whoever feeds: this reader
//! keeps what it was fed and has not given out, and frees it when that is nothing. It never answers Telnet negotiation.

use super::interruption::{Interruption, Interruptions};

const IAC: u8 = 255;
const WILL: u8 = 251;
const DONT: u8 = 254;

/// The line reader of one control connection.
#[derive(Debug, Default)]
pub struct LineReader {
    pending: Vec<u8>,
    /// Where the first line not given out begins.
    start: usize,
    /// Up to here no LF has been found.
    searched: usize,
    interruptions: Interruptions,
    telnet: Telnet,
    opening: Opening,
}

/// How far a Telnet command has come that the last segment cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Telnet {
    #[default]
    Text,
    AfterIac,
    AfterNegotiation,
}

/// Whether the client's first two bytes have been seen, and what they were.
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
    /// Longer than the limit, whether its end has come or not.
    TooLong,
    /// A TLS handshake on the plain port.
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
            let kept = match (self.telnet, *byte) {
                (Telnet::Text, IAC) => {
                    self.telnet = Telnet::AfterIac;
                    false
                }
                (Telnet::Text, _) => true,
                (Telnet::AfterIac, IAC) => {
                    self.telnet = Telnet::Text;
                    true
                }
                (Telnet::AfterIac, WILL..=DONT) => {
                    self.telnet = Telnet::AfterNegotiation;
                    false
                }
                (Telnet::AfterIac | Telnet::AfterNegotiation, _) => {
                    self.telnet = Telnet::Text;
                    false
                }
            };
            if kept {
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

    /// The next complete line without its line end, if there is one; [`skip_line`](Self::skip_line) goes past it.
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
        let line = without_crs(&self.pending[self.start..end]);
        Some(if line.len() > limit {
            Err(LineError::TooLong)
        } else {
            Ok(line)
        })
    }

    /// Goes past the next complete line, if there is one.
    pub fn skip_line(&mut self) {
        let Some(end) = self.line_end() else {
            return;
        };
        self.interruptions.line_taken(&self.pending[self.start..=end], end + 1);
        self.start = end + 1;
        self.searched = self.start;
        self.compact();
    }

    /// Whether a complete line that waits acts out of its turn in this way. However often it is asked, it costs no
    /// more than what is fed.
    pub fn holds(&mut self, wanted: Interruption) -> bool {
        self.interruptions.hold(wanted, &self.pending)
    }

    /// Bytes held.
    pub fn pending_len(&self) -> usize {
        self.pending.len() - self.start
    }

    /// Drops what waits.
    pub fn clear(&mut self) {
        self.pending = Vec::new();
        self.start = 0;
        self.searched = 0;
        self.interruptions = Interruptions::default();
    }

    /// Where the LF of the first waiting line is.
    fn line_end(&mut self) -> Option<usize> {
        let unsearched = self.pending.get(self.searched..).unwrap_or_default();
        match unsearched.iter().position(|byte| *byte == b'\n') {
            Some(offset) => {
                // Stays before the LF, so that looking again finds it again.
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
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMIT: usize = 64;

    /// Takes the next line out.
    fn next_line(reader: &mut LineReader) -> Option<Result<Vec<u8>, LineError>> {
        let line = reader.peek_line(LIMIT)?.map(<[u8]>::to_vec);
        reader.skip_line();
        Some(line)
    }

    fn lines_of(segments: &[&[u8]]) -> Vec<Result<Vec<u8>, LineError>> {
        let mut reader = LineReader::new();
        let mut lines = Vec::new();
        for segment in segments {
            reader.feed(segment);
            while let Some(line) = next_line(&mut reader) {
                let failed = line.is_err();
                lines.push(line);
                if failed {
                    return lines;
                }
            }
        }
        lines
    }

    fn texts(input: &[u8]) -> Vec<Vec<u8>> {
        lines_of(&[input])
            .into_iter()
            .map(|line| line.expect("a line"))
            .collect()
    }

    #[test]
    fn a03_a_line_ends_in_lf_and_one_cr_before_it_goes() {
        assert_eq!(
            texts(b"USER a\r\nPASS\nCWD x\r\r\n\r\n\n"),
            [&b"USER a"[..], b"PASS", b"CWD x\r", b"", b""]
        );
        assert_eq!(texts(b"NOOP\n\rQUIT\n\r"), [&b"NOOP"[..], b"QUIT"], "LF CR");
        assert_eq!(texts(b"no end"), Vec::<Vec<u8>>::new());
    }

    #[test]
    fn a06_telnet_commands_vanish_wherever_they_are_cut() {
        let input = b"\xff\xf4\xff\xf2AB\xff\xfd\x01OR\xff\xff\r\n";
        let expected = [Ok(b"ABOR\xff".to_vec())];
        for cut in 0..=input.len() {
            assert_eq!(lines_of(&[&input[..cut], &input[cut..]]), expected, "cut at {cut}");
        }
        let bytewise: Vec<&[u8]> = input.chunks(1).collect();
        assert_eq!(lines_of(&bytewise), expected);
    }

    #[test]
    fn a06_a_flood_of_iac_is_not_kept() {
        let mut reader = LineReader::new();
        for _ in 0..1_000 {
            reader.feed(&[0xff, 0xf4].repeat(2_048));
        }
        assert_eq!(reader.pending_len(), 0);
    }

    #[test]
    fn a01_a02_the_limit_is_exact_in_any_segmentation() {
        for (length, served) in [(LIMIT - 2, true), (LIMIT, true), (LIMIT + 1, false), (LIMIT + 2, false)] {
            for end in [&b"\r\n"[..], b"\n"] {
                let line = [&vec![b'A'; length][..], end].concat();
                let bytewise: Vec<&[u8]> = line.chunks(1).collect();
                for segments in [vec![&line[..]], bytewise] {
                    let lines = lines_of(&segments);
                    assert_eq!(lines.len(), 1, "{length}");
                    assert_eq!(lines[0].is_ok(), served, "{length} bytes and {end:?}");
                }
            }
        }
        let endless = lines_of(&[&[b'A'; LIMIT + 2]]);
        assert_eq!(endless, [Err(LineError::TooLong)], "no line end has to come");
    }

    #[test]
    fn a_tls_handshake_is_recognised_without_a_line_end() {
        assert_eq!(lines_of(&[b"\x16", b"\x03"]), [Err(LineError::ForeignProtocol)]);
        assert_eq!(texts(b"\x16x\n"), [b"\x16x"]);
    }

    #[test]
    fn a_line_that_acts_out_of_its_turn_is_seen_where_it_waits() {
        let mut reader = LineReader::new();
        reader.feed(b"NOOP\r\nabo");
        assert!(!reader.holds(Interruption::Abort));
        reader.feed(b"r\r\n\rABOR\nABORT\nQUIT");
        assert!(reader.holds(Interruption::Abort));
        assert!(!reader.holds(Interruption::Quit), "its line has not ended");
        assert_eq!(reader.peek_line(LIMIT), Some(Ok(&b"NOOP"[..])));
        assert_eq!(next_line(&mut reader), Some(Ok(b"NOOP".to_vec())));
        assert!(reader.holds(Interruption::Abort));
        assert_eq!(next_line(&mut reader), Some(Ok(b"abor".to_vec())));
        assert!(
            reader.holds(Interruption::Abort),
            "the CR of a LF CR is no part of the second"
        );
        assert_eq!(next_line(&mut reader), Some(Ok(b"ABOR".to_vec())));
        assert!(!reader.holds(Interruption::Abort), "ABORT is another word");
        reader.feed(b" now\n");
        assert!(reader.holds(Interruption::Quit));
        reader.clear();
        assert!(!reader.holds(Interruption::Quit));
    }

    #[test]
    fn an_emptied_reader_holds_no_memory() {
        let mut reader = LineReader::new();
        reader.feed(b"NOOP\r\n");
        assert!(next_line(&mut reader).is_some());
        assert_eq!(reader.pending.capacity(), 0);
    }

    fn wire() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![
            Just(b'\r'),
            Just(b'\n'),
            Just(255_u8),
            Just(244),
            Just(253),
            any::<u8>()
        ];
        proptest::collection::vec(byte, 0..200)
    }

    proptest! {
        /// Whenever it is asked, in whatever pieces the lines come and go.
        #[test]
        fn lines_out_of_turn_are_counted_right(
            lines in proptest::collection::vec(
                prop_oneof![Just("NOOP"), Just("ABOR"), Just("quit x"), Just("\r\rABOR"), Just("")],
                0..60,
            ),
            pieces in proptest::collection::vec((1..40_usize, 0..6_usize, any::<bool>()), 0..60),
        ) {
            let wire: Vec<u8> = lines.iter().flat_map(|line| format!("{line}\r\n").into_bytes()).collect();
            let mut reader = LineReader::new();
            let (mut fed, mut taken) = (0, 0);
            for (length, takes, asks) in pieces {
                let to = (fed + length).min(wire.len());
                reader.feed(&wire[fed..to]);
                fed = to;
                for _ in 0..takes {
                    taken += usize::from(next_line(&mut reader).is_some());
                }
                if asks {
                    let complete = wire[..fed].iter().filter(|byte| **byte == b'\n').count();
                    let waiting = &lines[taken..complete];
                    prop_assert_eq!(reader.holds(Interruption::Abort), waiting.contains(&"ABOR"));
                    prop_assert_eq!(reader.holds(Interruption::Quit), waiting.contains(&"quit x"));
                }
            }
        }

        #[test]
        fn a15_any_segmentation_gives_the_same_lines(input in wire(), cuts in proptest::collection::vec(0..200_usize, 0..10)) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(input.len())).collect();
            cuts.sort_unstable();
            let mut segments = Vec::new();
            let mut from = 0;
            for to in cuts.into_iter().chain([input.len()]) {
                segments.push(&input[from..to]);
                from = to;
            }
            prop_assert_eq!(lines_of(&segments), lines_of(&[&input[..]]));
        }
    }
}
