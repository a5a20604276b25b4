//! Telnet commands among the bytes of the control connection, which are dropped (RFC 959 §3.1.1.1, RFC 854).
//!
//! Negotiation is never answered.

const IAC: u8 = 255;
const WILL: u8 = 251;
const DONT: u8 = 254;

/// Drops Telnet commands byte by byte; a segment may end within one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum TelnetFilter {
    #[default]
    Text,
    AfterIac,
    /// After IAC WILL, WONT, DO or DONT: the option is the next byte.
    AfterNegotiation,
}

impl TelnetFilter {
    /// Whether the next byte is text. IAC IAC is one 0xFF.
    pub(super) fn keeps(&mut self, byte: u8) -> bool {
        let (next, is_text) = match (*self, byte) {
            (TelnetFilter::Text, IAC) => (TelnetFilter::AfterIac, false),
            (TelnetFilter::Text, _) | (TelnetFilter::AfterIac, IAC) => (TelnetFilter::Text, true),
            (TelnetFilter::AfterIac, WILL..=DONT) => (TelnetFilter::AfterNegotiation, false),
            (TelnetFilter::AfterIac | TelnetFilter::AfterNegotiation, _) => (TelnetFilter::Text, false),
        };
        *self = next;
        is_text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(bytes: &[u8]) -> Vec<u8> {
        let mut filter = TelnetFilter::default();
        bytes.iter().copied().filter(|byte| filter.keeps(*byte)).collect()
    }

    #[test]
    fn a06_commands_are_dropped_with_their_options() {
        assert_eq!(text_of(b"\xff\xf4\xff\xf2ABOR"), b"ABOR", "IP, DM");
        assert_eq!(text_of(b"A\xff\xfd\x01B\xff\xfe\xffC"), b"ABC", "DO 1, DONT 255");
        assert_eq!(
            text_of(b"\xff\xff\xff"),
            b"\xff",
            "an escaped byte, and the start of a command"
        );
        assert_eq!(text_of(b"\xfb\xfe"), b"\xfb\xfe", "negotiation without IAC is text");
    }
}
