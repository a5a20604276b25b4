//! Results of commands that are recorded: logins, changes, refusals. Transfers are recorded when they end.
//!
//! Notices are made only if a log or `--events` records them.

use super::ending::LoginFailure;
use super::state::Visit;
use super::step::Step;
use crate::ftp::command::Command;
use crate::ftp::path::VirtualPath;

/// The result of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    LoggedIn {
        user: Vec<u8>,
    },
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
        match step.final_code()? {
            code @ 400.. => Some(Notice::Refused { verb, path, code }),
            // RNFR has not changed anything yet.
            300..400 => None,
            _ => Some(Notice::Changed { verb, path, to }),
        }
    }
}
