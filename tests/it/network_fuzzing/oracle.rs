//! What must be true of every reply, whatever was sent.

use crate::grid::canary::reveals;
use std::collections::BTreeMap;

/// What one session, or many, have sent and received.
#[derive(Debug, Default)]
pub struct Seen {
    pub sessions: u64,
    /// Complete lines that were handed to the kernel.
    pub messages: u64,
    pub data_bytes: u64,
    /// Complete replies by their code.
    pub replies: BTreeMap<u16, u64>,
    pub has_secret: bool,
    /// Final replies beyond one for each line.
    pub unasked: bool,
}

impl Seen {
    pub fn add(&mut self, other: &Self) {
        self.sessions += other.sessions;
        self.messages += other.messages;
        self.data_bytes += other.data_bytes;
        for (code, count) in &other.replies {
            *self.replies.entry(*code).or_default() += count;
        }
    }

    pub fn reply_count(&self) -> u64 {
        self.replies.values().sum()
    }
}

/// Checks what one session receives.
#[derive(Debug, Default)]
pub struct Judge {
    /// Bytes of a line that is not complete.
    line: Vec<u8>,
    /// The code of a reply of several lines that is not complete.
    open: Option<u16>,
    seen: Seen,
}

impl Judge {
    /// Bytes of the control connection; returns the passive ports that were announced. `Err`: a reply has a wrong form.
    pub fn replies(&mut self, bytes: &[u8]) -> Result<Vec<u16>, String> {
        let mut ports = Vec::new();
        for byte in bytes {
            self.line.push(*byte);
            if *byte == b'\n' {
                let line = std::mem::take(&mut self.line);
                self.seen.has_secret |= reveals(&line);
                ports.extend(self.complete_line(&line).map_err(|what| format!("{what}: {line:?}"))?);
            }
        }
        Ok(ports)
    }

    fn complete_line(&mut self, line: &[u8]) -> Result<Option<u16>, &'static str> {
        let text = line.strip_suffix(b"\r\n").ok_or("no CR LF at the end")?;
        if text.iter().any(u8::is_ascii_control) {
            return Err("control bytes");
        }
        // Names of files are repeated byte by byte, in any encoding.
        let text = String::from_utf8_lossy(text);
        let code = text.get(..3).and_then(|code| code.parse().ok());
        match (self.open, code, text.as_bytes().get(3)) {
            (None, Some(code), Some(b' ' | b'-')) if !matches!(code, 100..600) => Err("no code of FTP"),
            (None, Some(code), Some(b'-')) => {
                self.open = Some(code);
                Ok(None)
            }
            (open, Some(code), Some(b' ')) if open.is_none_or(|open| open == code) => {
                self.open = None;
                *self.seen.replies.entry(code).or_default() += 1;
                Ok(passive_port(code, &text))
            }
            (Some(open), code, next) if line.starts_with(b" ") || code == Some(open) && next == Some(&b'-') => Ok(None),
            _ => Err("not the form of a reply"),
        }
    }

    /// Bytes of a data connection.
    pub fn data(&mut self, bytes: &[u8]) {
        self.seen.data_bytes += bytes.len() as u64;
        self.seen.has_secret |= reveals(bytes);
    }

    /// After the last byte of a session that has sent `bytes`.
    pub fn finish(mut self, bytes: &[u8]) -> Seen {
        let lines = bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
        let finals: u64 = self.seen.replies.range(200..).map(|(_, count)| count).sum();
        self.seen.sessions = 1;
        self.seen.messages = lines;
        // Without being asked the server greets, and says why it ends the session.
        self.seen.unasked = finals > lines + 2;
        self.seen
    }
}

/// The port of a 227 or 229.
fn passive_port(code: u16, text: &str) -> Option<u16> {
    let numbers: Vec<u16> = text
        .split(|letter: char| !letter.is_ascii_digit())
        .filter_map(|word| word.parse().ok())
        .collect();
    match (code, &numbers[..]) {
        (227, [.., high, low]) => Some(high * 256 + low),
        (229, [.., port]) => Some(*port),
        _ => None,
    }
}

#[test]
fn the_oracle_of_network_fuzzing_finds_wrong_replies() {
    for wrong in [
        "200 no CR\n",
        "200 control \x07 byte\r\n",
        "700 no code\r\n",
        "20 short\r\n",
        "200\r\n",
        "words\r\n",
        "211-begun\r\nwords\r\n",
        "211-begun\r\n212 end\r\n",
    ] {
        assert!(Judge::default().replies(wrong.as_bytes()).is_err(), "{wrong:?}");
    }
    let mut judge = Judge::default();
    let good = "220 Welcome\r\n211-Features:\r\n MLST\r\n211 End\r\n227 Entering Passive Mode (127,0,0,1,4,1)\r\n";
    assert_eq!(judge.replies(good.as_bytes()), Ok(vec![1025]));
    // The beginning of a line is no complete reply.
    assert_eq!(judge.replies(b"2"), Ok(vec![]));
    let seen = judge.finish(b"");
    assert_eq!((seen.reply_count(), seen.unasked, seen.has_secret), (3, true, false));
    let mut judge = Judge::default();
    judge.data(b"x canary-7f3a91c2");
    assert!(judge.finish(b"").has_secret);
}
