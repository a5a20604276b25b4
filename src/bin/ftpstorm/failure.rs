//! Why an operation failed; the report counts equal failures together.

use crate::reply_reader::{ReplyError, ServerReply};
use rustix::io::Errno;
use std::fmt;
use std::io::{self, ErrorKind};
use std::rc::Rc;

/// Longest text of a reply that is kept, in characters.
const TEXT_MAX: usize = 80;

/// Why an operation failed. Equal failures are counted together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Failure {
    /// A connection could not be made, or broke.
    Connection {
        which: ConnectionKind,
        broke: Break,
    },
    /// ftpstorm's own machine refused: no descriptors, no local ports, or an address that is not its own. Says nothing
    /// about the server.
    Local(ErrorKind),
    /// A reply with another code than the step allows.
    Reply(ReplySummary),
    /// A reply that no command was waiting for.
    Unsolicited(ReplySummary),
    /// Bytes that are no reply.
    Malformed(ReplyError),
    /// A transfer ended well, with other bytes or another number of them.
    WrongBytes,
    /// Downloads of one file had different sizes.
    SizesDiffer,
    /// A 227 or 229 without an address.
    NoAddress(ReplySummary),
    TimedOut(Awaited),
}

/// Which of a client's two connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConnectionKind {
    Control,
    Data,
}

/// How a connection failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Break {
    Refused,
    /// The attempt to connect got no answer.
    ConnectTimedOut,
    Unreachable,
    Reset,
    /// Closed by the server while the client needed it.
    Closed,
    Other(ErrorKind),
}

/// What a client waited for when it timed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Awaited {
    Greeting,
    Reply,
    Data,
}

/// A reply's code and the beginning of its first line, without control characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReplySummary {
    pub code: u16,
    text: Rc<str>,
}

impl From<ReplyError> for Failure {
    fn from(error: ReplyError) -> Self {
        Failure::Malformed(error)
    }
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

impl Failure {
    /// What a socket error means.
    pub fn of(which: ConnectionKind, error: &io::Error) -> Self {
        let broke = match Errno::from_io_error(error) {
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
        };
        Failure::Connection { which, broke }
    }

    /// The same failure without the text of its reply: of too many different texts only the codes are counted.
    pub fn without_text(&self) -> Self {
        let cut = |reply: &ReplySummary| ReplySummary {
            code: reply.code,
            text: "…".into(),
        };
        match self {
            Failure::Reply(reply) => Failure::Reply(cut(reply)),
            Failure::Unsolicited(reply) => Failure::Unsolicited(cut(reply)),
            Failure::NoAddress(reply) => Failure::NoAddress(cut(reply)),
            Failure::Connection { .. }
            | Failure::Local(_)
            | Failure::Malformed(_)
            | Failure::WrongBytes
            | Failure::SizesDiffer
            | Failure::TimedOut(_) => self.clone(),
        }
    }

    /// Whether it says something about the server, not about the machine that ftpstorm runs on.
    pub fn concerns_server(&self) -> bool {
        !matches!(self, Failure::Local(_))
    }
}

impl fmt::Display for ReplySummary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.code, self.text)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Connection { which, broke } => {
                formatter.write_str(match which {
                    ConnectionKind::Control => "control connection ",
                    ConnectionKind::Data => "data connection ",
                })?;
                match broke {
                    Break::Refused => formatter.write_str("refused"),
                    Break::ConnectTimedOut => formatter.write_str("timed out connecting"),
                    Break::Unreachable => formatter.write_str("failed: host unreachable"),
                    Break::Reset => formatter.write_str("reset"),
                    Break::Closed => formatter.write_str("closed by the server"),
                    Break::Other(kind) => write!(formatter, "failed: {kind}"),
                }
            }
            Failure::Local(kind) => write!(formatter, "ftpstorm could not open a connection: {kind}"),
            Failure::Reply(reply) => write!(formatter, "reply {reply}"),
            Failure::Unsolicited(reply) => write!(formatter, "unsolicited reply {reply}"),
            Failure::Malformed(ReplyError::BareLineFeed) => formatter.write_str("reply line ends in a bare LF"),
            Failure::Malformed(ReplyError::NoCode) => formatter.write_str("reply without a code"),
            Failure::Malformed(ReplyError::TooLong) => formatter.write_str("reply without an end"),
            Failure::WrongBytes => formatter.write_str("wrong bytes"),
            Failure::SizesDiffer => formatter.write_str("size differs from the first download"),
            Failure::NoAddress(reply) => write!(formatter, "no address announced: {reply}"),
            Failure::TimedOut(Awaited::Greeting) => formatter.write_str("timed out waiting for the greeting"),
            Failure::TimedOut(Awaited::Reply) => formatter.write_str("timed out waiting for a reply"),
            Failure::TimedOut(Awaited::Data) => formatter.write_str("timed out in a transfer"),
        }
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
        let of = |errno: Errno| Failure::of(ConnectionKind::Control, &io::Error::from(errno));
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
