//! Parses bytes into replies, strictly: the form that a client can read from any server (RFC 959 §4.2).
//!
//! Bytes may arrive in any segmentation and give the same replies. A malformed reply is an error that says how, because
//! a client that guesses hides a server's mistakes. What is buffered is bounded by [`REPLY_MAX`].

/// Longest reply, all its lines together.
pub const REPLY_MAX: usize = 1024 * 1024;

/// The reply reader of one control connection.
#[derive(Debug, Default)]
pub struct ReplyReader {
    pending: Vec<u8>,
    start: usize,
    /// The multi-line reply that is being read.
    open: Option<ServerReply>,
    /// A reply was malformed: where the next one begins cannot be known.
    is_broken: bool,
}

/// A reply as a client sees it: the code, and the text with its lines separated by LF.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerReply {
    pub code: u16,
    pub text: Vec<u8>,
}

/// How a reply is malformed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum ReplyError {
    #[error("reply line ends in a bare LF")]
    BareLineFeed,
    /// A first line does not begin with three digits, 100 to 599, and a space or hyphen.
    #[error("reply without a code")]
    NoCode,
    /// No end within [`REPLY_MAX`].
    #[error("reply without an end")]
    TooLong,
}

impl ReplyReader {
    /// Takes bytes as they were read from the socket; after an error they are dropped.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.is_broken {
            return;
        }
        if self.start > 0 {
            self.pending.drain(..self.start);
            self.start = 0;
        }
        self.pending.extend_from_slice(bytes);
    }

    /// The next whole reply; `None` until more bytes arrive. An error is returned once; nothing is read after it.
    pub fn next_reply(&mut self) -> Option<Result<ServerReply, ReplyError>> {
        let next = self.read_reply();
        if matches!(next, Some(Err(_))) {
            *self = Self {
                is_broken: true,
                ..Self::default()
            };
        }
        next
    }

    fn read_reply(&mut self) -> Option<Result<ServerReply, ReplyError>> {
        loop {
            let (_, rest) = self.pending.split_at(self.start);
            let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
                let held = rest.len() + self.open.as_ref().map_or(0, |reply| reply.text.len());
                return (held > REPLY_MAX).then_some(Err(ReplyError::TooLong));
            };
            let (line, _) = rest.split_at(end);
            let read = match line.strip_suffix(b"\r") {
                None => Err(ReplyError::BareLineFeed),
                Some(line) => take_line(&mut self.open, line),
            };
            self.start += end + 1;
            if let Some(outcome) = read.transpose() {
                return Some(outcome);
            }
        }
    }
}

/// `Ok(None)`: the reply has more lines.
fn take_line(open: &mut Option<ServerReply>, line: &[u8]) -> Result<Option<ServerReply>, ReplyError> {
    let Some(mut reply) = open.take() else {
        let (code, is_last, text) = split_line(line).ok_or(ReplyError::NoCode)?;
        let text = text.to_vec();
        let reply = ServerReply { code, text };
        if is_last {
            return Ok(Some(reply));
        }
        *open = Some(reply);
        return Ok(None);
    };
    reply.text.push(b'\n');
    match split_line(line) {
        Some((code, true, text)) if code == reply.code => {
            reply.text.extend_from_slice(text);
            Ok(Some(reply))
        }
        Some(_) | None => {
            reply.text.extend_from_slice(line);
            if reply.text.len() > REPLY_MAX {
                return Err(ReplyError::TooLong);
            }
            *open = Some(reply);
            Ok(None)
        }
    }
}

/// The code of a line, whether the line may be the last of its reply (a space or nothing follows the code, not a
/// hyphen), and its text.
fn split_line(line: &[u8]) -> Option<(u16, bool, &[u8])> {
    let (digits, rest) = line.split_first_chunk::<3>()?;
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let code = digits.iter().fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
    if !(100..600).contains(&code) {
        return None;
    }
    match rest {
        [] => Some((code, true, &[])),
        [b' ', text @ ..] => Some((code, true, text)),
        [b'-', text @ ..] => Some((code, false, text)),
        [..] => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn replies(bytes: &[u8]) -> Vec<Result<(u16, String), ReplyError>> {
        let mut reader = ReplyReader::default();
        reader.feed(bytes);
        std::iter::from_fn(|| reader.next_reply())
            .map(|reply| reply.map(|reply| (reply.code, String::from_utf8_lossy(&reply.text).into_owned())))
            .collect()
    }

    #[test]
    fn single_and_multi_line_replies() {
        assert_eq!(replies(b"220 Welcome\r\n"), [Ok((220, "Welcome".into()))]);
        assert_eq!(replies(b"226\r\n"), [Ok((226, String::new()))]);
        assert_eq!(
            replies(b"211-Features:\r\n SIZE\r\n211-no end yet\r\n 211 nor this\r\n211 End\r\n200 ok\r\n"),
            [
                Ok((211, "Features:\n SIZE\n211-no end yet\n 211 nor this\nEnd".into())),
                Ok((200, "ok".into()))
            ]
        );
        assert_eq!(replies(b"150 Here\r\n226 "), [Ok((150, "Here".into()))]);
    }

    #[test]
    fn a_malformed_reply_is_an_error_that_says_how() {
        assert_eq!(replies(b"220 Welcome\n"), [Err(ReplyError::BareLineFeed)]);
        for bad in [&b"Welcome\r\n"[..], b"2x0 a\r\n", b"\r\n", b"999 a\r\n", b"220_a\r\n"] {
            assert_eq!(replies(bad), [Err(ReplyError::NoCode)]);
        }
        assert_eq!(replies(&vec![b'2'; REPLY_MAX + 1]), [Err(ReplyError::TooLong)]);
    }

    #[test]
    fn nothing_is_read_after_an_error() {
        let mut reader = ReplyReader::default();
        reader.feed(b"nonsense\r\n200 ok\r\n");
        assert_eq!(reader.next_reply(), Some(Err(ReplyError::NoCode)));
        reader.feed(b"200 ok\r\n");
        assert_eq!(reader.next_reply(), None);
    }

    proptest! {
        #[test]
        fn segmentation_changes_nothing(cut in 0_usize..60) {
            let bytes = b"220-Hello\r\n there\r\n220 End\r\n331 Please\r\n230 In\r\n";
            let cut = cut.min(bytes.len());
            let mut reader = ReplyReader::default();
            let mut codes = Vec::new();
            for part in [&bytes[..cut], &bytes[cut..]] {
                reader.feed(part);
                while let Some(reply) = reader.next_reply() {
                    codes.push(reply.expect("well formed").code);
                }
            }
            prop_assert_eq!(codes, [220, 331, 230]);
        }
    }
}
