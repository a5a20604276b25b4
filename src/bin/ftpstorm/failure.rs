//! Why an operation failed, in the few words that the table counts by.

use loopftpd::ftp::reply_reader::ReplyError;
use std::fmt;
use std::io::{self, ErrorKind};

/// Why an operation failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Failure {
    /// The control or data connection could not be made.
    Connect(ErrorKind),
    /// A reply with another code than the step allows.
    Reply(u16),
    /// A reply that no command was waiting for.
    Unasked(u16),
    /// Bytes that are no reply.
    Malformed(ReplyForm),
    /// The server closed or reset the control connection.
    ControlLost,
    /// The data connection broke.
    DataLost,
    /// A transfer ended well, with other bytes or another number of them.
    WrongBytes,
    /// A 227 or 229 without an address.
    NoAddress,
    TimedOut,
}

/// [`ReplyError`], in an order that a table can sort by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReplyForm {
    BareLineFeed,
    NoCode,
    TooLong,
}

impl From<ReplyError> for Failure {
    fn from(error: ReplyError) -> Self {
        Failure::Malformed(match error {
            ReplyError::BareLineFeed => ReplyForm::BareLineFeed,
            ReplyError::NoCode => ReplyForm::NoCode,
            ReplyError::TooLong => ReplyForm::TooLong,
        })
    }
}

impl Failure {
    pub fn connecting(error: &io::Error) -> Self {
        Failure::Connect(error.kind())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Connect(kind) => write!(formatter, "connecting: {kind}"),
            Failure::Reply(code) => write!(formatter, "reply {code}"),
            Failure::Unasked(code) => write!(formatter, "unasked reply {code}"),
            Failure::Malformed(ReplyForm::BareLineFeed) => formatter.write_str("reply line ends in LF alone"),
            Failure::Malformed(ReplyForm::NoCode) => formatter.write_str("reply without a code"),
            Failure::Malformed(ReplyForm::TooLong) => formatter.write_str("reply without an end"),
            Failure::ControlLost => formatter.write_str("control connection lost"),
            Failure::DataLost => formatter.write_str("data connection lost"),
            Failure::WrongBytes => formatter.write_str("wrong bytes"),
            Failure::NoAddress => formatter.write_str("no address announced"),
            Failure::TimedOut => formatter.write_str("timed out"),
        }
    }
}
