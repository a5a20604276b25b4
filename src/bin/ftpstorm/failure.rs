//! Why an operation failed; the report counts equal failures together.

use crate::reply_reader::{ReplyError, ServerReply};
use rustix::io::Errno;
use serde::{Serialize, Serializer};
use std::fmt;
use std::io::{self, ErrorKind};
use std::rc::Rc;
use thiserror::Error;

/// Longest text of a reply that is kept, in characters.
const TEXT_MAX: usize = 80;

/// Why an operation failed. Equal failures are counted together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Error)]
pub enum Failure {
    #[error("control connection {0}")]
    Control(Break),
    #[error("data connection {0}")]
    Data(Break),
    /// ftpstorm's own machine refused: no descriptors, no local ports, or an address that is not its own. Says nothing
    /// about the server.
    #[error("ftpstorm could not open a connection: {0}")]
    Local(ErrorKind),
    /// A reply with another code than the step allows.
    #[error("reply {0}")]
    Reply(ReplySummary),
    /// A reply that no command was waiting for.
    #[error("unsolicited reply {0}")]
    Unsolicited(ReplySummary),
    /// Bytes that are no reply.
    #[error("{0}")]
    Malformed(#[from] ReplyError),
    /// A transfer ended well, with other bytes or another number of them.
    #[error("wrong bytes")]
    WrongBytes,
    #[error("size differs from the first download")]
    SizesDiffer,
    /// A 227 or 229 without an address.
    #[error("no address announced: {0}")]
    NoAddress(ReplySummary),
    #[error("timed out {0}")]
    TimedOut(Awaited),
}

/// How a connection could not be made, or broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Error)]
pub enum Break {
    #[error("refused")]
    Refused,
    /// The attempt to connect got no answer.
    #[error("timed out connecting")]
    ConnectTimedOut,
    #[error("failed: host unreachable")]
    Unreachable,
    #[error("reset")]
    Reset,
    /// The client still needed it.
    #[error("closed by the server")]
    Closed,
    #[error("failed: {0}")]
    Other(ErrorKind),
}

/// What a client waited for when it timed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Error)]
pub enum Awaited {
    #[error("waiting for the greeting")]
    Greeting,
    #[error("waiting for a reply")]
    Reply,
    #[error("in a transfer")]
    Data,
}

/// A reply's code and the beginning of its first line, without control characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReplySummary {
    pub code: u16,
    text: Rc<str>,
}

impl From<&ServerReply> for ReplySummary {
    fn from(reply: &ServerReply) -> Self {
        let line = reply.text.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let text: String = String::from_utf8_lossy(line)
            .chars()
            .filter(|character| !character.is_control())
            .take(TEXT_MAX)
            .collect();
        Self {
            code: reply.code,
            text: text.trim().into(),
        }
    }
}

impl fmt::Display for ReplySummary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.code, self.text)
    }
}

/// In the JSON report a failure is its text.
impl Serialize for Failure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Failure {
    /// What an error of a control connection's socket means.
    pub fn of_control(error: io::Error) -> Self {
        Self::of(&error, Failure::Control)
    }

    /// What an error of a data connection's socket means.
    pub fn of_data(error: io::Error) -> Self {
        Self::of(&error, Failure::Data)
    }

    fn of(error: &io::Error, connection: fn(Break) -> Self) -> Self {
        connection(match Errno::from_io_error(error) {
            Some(
                Errno::MFILE
                | Errno::NFILE
                | Errno::NOBUFS
                | Errno::NOMEM
                | Errno::ADDRNOTAVAIL
                | Errno::ADDRINUSE
                | Errno::AFNOSUPPORT
                | Errno::ACCESS
                | Errno::PERM
                | Errno::INVAL,
            ) => return Failure::Local(error.kind()),
            Some(Errno::CONNREFUSED) => Break::Refused,
            Some(Errno::TIMEDOUT) => Break::ConnectTimedOut,
            Some(Errno::HOSTUNREACH | Errno::NETUNREACH) => Break::Unreachable,
            // Written to after the server reset it.
            Some(Errno::CONNRESET | Errno::PIPE) => Break::Reset,
            Some(_) | None => Break::Other(error.kind()),
        })
    }

    /// The same failure without the text of its reply: of too many different texts only the codes are counted.
    pub fn without_text(mut self) -> Self {
        if let Failure::Reply(reply) | Failure::Unsolicited(reply) | Failure::NoAddress(reply) = &mut self {
            reply.text = "…".into();
        }
        self
    }

    /// Whether it says something about the server, not about the machine that ftpstorm runs on.
    pub fn concerns_server(&self) -> bool {
        !matches!(self, Failure::Local(_))
    }
}

/// How often something happened: `once`, `3 times`.
pub fn times(count: u64) -> String {
    if count == 1 {
        "once".to_owned()
    } else {
        format!("{count} times")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replys_text_is_kept_short_and_harmless() {
        let summary = |text: &[u8]| {
            ReplySummary::from(&ServerReply {
                code: 550,
                text: text.to_vec(),
            })
            .to_string()
        };
        assert_eq!(summary(b"No such file\nmore"), "550 No such file");
        assert_eq!(summary(b"a\x1b[31mb\xff"), "550 a[31mb\u{fffd}");
        assert_eq!(summary(&[b'x'; 500]).len(), "550 ".len() + TEXT_MAX);
    }

    #[test]
    fn errors_of_the_own_machine_do_not_concern_the_server() {
        let of = |errno: Errno| Failure::of_control(io::Error::from(errno));
        for (errno, text) in [
            (Errno::CONNREFUSED, "control connection refused"),
            (Errno::TIMEDOUT, "control connection timed out connecting"),
            (Errno::CONNRESET, "control connection reset"),
            (Errno::HOSTUNREACH, "control connection failed: host unreachable"),
        ] {
            assert!(of(errno).concerns_server());
            assert_eq!(of(errno).to_string(), text);
        }
        for errno in [Errno::MFILE, Errno::ADDRNOTAVAIL, Errno::NFILE] {
            assert!(!of(errno).concerns_server(), "{errno}");
        }
    }
}
