//! What a session reports for logs and events: results of commands, and why it ended.
//!
//! Notices are made only if a log or `--events` records them. Transfers are recorded when they end.

use super::state::Visit;
use super::step::Step;
use crate::ftp::command::Command;
use crate::ftp::path::VirtualPath;
use serde::Serialize;
use std::fmt;

/// The result of a command: a login, a change, or a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    LoggedIn,
    LoginFailed {
        user: Vec<u8>,
        why: LoginFailure,
    },
    /// A change without a transfer. `to`: the new path if it was a rename.
    Changed {
        verb: &'static str,
        path: VirtualPath,
        to: Option<VirtualPath>,
    },
    /// A refused transfer or change. `code`: that of the reply.
    Refused {
        verb: &'static str,
        path: VirtualPath,
        code: u16,
    },
}

/// Why a login failed. Records show the variant's name in kebab case, so it does not change between versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LoginFailure {
    /// The password is wrong, or the user does not exist.
    WrongPassword,
    /// Too many logins from the address failed; the password was not verified.
    Blocked,
    TooManySessions,
    /// The account's root directory cannot be opened.
    RootMissing,
}

/// Why a session ended. Records show the variant's name in kebab case, so it does not change between versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// The client sent QUIT.
    Quit,
    /// The client closed the control connection without QUIT.
    ClientClosed,
    /// The control connection was lost.
    ConnectionLost,
    LoginTimeout,
    IdleTimeout,
    /// The client did not read its replies.
    RepliesNotRead,
    TooManyFailedLogins,
    /// The account has reached its limit of sessions.
    TooManySessions,
    /// The login waited too long in the queue for password verification.
    LoginBusy,
    TooManyBadCommands,
    LineTooLong,
    /// The client sent HTTP, TLS or another protocol.
    ForeignProtocol,
    /// The TLS handshake failed or took too long.
    HandshakeFailed,
    /// Something was sent in clear between AUTH and the TLS handshake.
    PlaintextBehindAuth,
    /// The session had not logged in and was closed for a new client at the limit of sessions.
    MadeRoom,
    /// The account was changed or removed in the users file.
    AccountChanged,
    /// The disk did not confirm an upload in time.
    DiskTimeout,
    Shutdown,
    /// An error or a panic of the server.
    ServerError,
}

impl fmt::Display for LoginFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(formatter)
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(formatter)
    }
}

/// The verb and the paths of a command, determined before it is carried out.
#[derive(Debug)]
pub(super) struct Subject {
    verb: &'static str,
    path: VirtualPath,
    to: Option<VirtualPath>,
}

impl Subject {
    /// `None` if `command` is not recorded, or only queries something.
    pub(super) fn of(command: &Command, visit: &Visit) -> Option<Self> {
        let (verb, path) = command.recorded_as()?;
        if matches!(command, Command::MdtmOrSet { literal, .. } if visit.exists(literal)) {
            return None;
        }
        let path = visit.working_directory.join(path)?;
        let (path, to) = match (&visit.renaming, command) {
            (Some(from), Command::Rnto(_)) => (from.clone(), Some(path)),
            _ => (path, None),
        };
        Some(Self { verb, path, to })
    }

    /// The notice of a command answered by `step`; `None` if it started a transfer, which is recorded at its end.
    pub(super) fn into_notice(self, step: &Step) -> Option<Notice> {
        let Self { verb, path, to } = self;
        let Step::Reply(reply) = step else {
            return None;
        };
        match reply.code() {
            code @ 400.. => Some(Notice::Refused { verb, path, code }),
            // RNFR has not changed anything yet.
            300..400 => None,
            _ => Some(Notice::Changed { verb, path, to }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_records_are_those_of_the_manual() {
        let manual = include_str!("../../docs/operating.md");
        let row = |start: &str| manual.lines().find(|line| line.starts_with(start)).expect("a row");
        let (logins, sessions) = (row("| logins"), row("| sessions"));
        for why in [
            LoginFailure::WrongPassword,
            LoginFailure::Blocked,
            LoginFailure::TooManySessions,
            LoginFailure::RootMissing,
        ] {
            assert!(logins.contains(&format!("`{why}`")), "{why}");
        }
        for ending in [
            Ending::Quit,
            Ending::ClientClosed,
            Ending::ConnectionLost,
            Ending::LoginTimeout,
            Ending::IdleTimeout,
            Ending::RepliesNotRead,
            Ending::TooManyFailedLogins,
            Ending::TooManySessions,
            Ending::LoginBusy,
            Ending::TooManyBadCommands,
            Ending::LineTooLong,
            Ending::ForeignProtocol,
            Ending::MadeRoom,
            Ending::AccountChanged,
            Ending::DiskTimeout,
            Ending::Shutdown,
            Ending::ServerError,
        ] {
            assert!(sessions.contains(&format!("`{ending}`")), "{ending}");
        }
    }
}
