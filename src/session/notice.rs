//! What others may want to know of a conversation: logins, changes, refusals. Transfers are told of when they end.
//!
//! Made only when a log or `--events` takes it; the session itself never reads one.

use super::ending::LoginFailure;
use super::state::Visit;
use super::step::Step;
use crate::ftp::command::Command;
use crate::ftp::path::VirtualPath;

/// Something that happened in a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    LoggedIn {
        user: Vec<u8>,
    },
    LoginFailed {
        user: Vec<u8>,
        why: LoginFailure,
    },
    /// A change that needed no transfer; `to`: the new name of what was renamed.
    Changed {
        verb: &'static str,
        path: VirtualPath,
        to: Option<VirtualPath>,
    },
    /// A transfer or change that was refused, and the code of the reply.
    Refused {
        verb: &'static str,
        path: VirtualPath,
        code: u16,
    },
}

/// What a command is about, noted before it is carried out.
#[derive(Debug)]
pub(super) struct Subject {
    verb: &'static str,
    path: VirtualPath,
    to: Option<VirtualPath>,
}

impl Subject {
    /// What `command` is about, under the verb that records it. `None` if it only asks for something.
    pub(super) fn of(verb: &'static str, command: &Command, visit: &Visit) -> Option<Self> {
        let path = match command {
            Command::Mdtm(_) => return None,
            Command::MdtmOrSet { literal, .. } if visit.has(literal) => return None,
            // The server has not made the name yet.
            Command::Stou(None) => visit.working_directory.clone(),
            named => visit.working_directory.join(&named.path()?.0).ok()?,
        };
        let (path, to) = match (&visit.renaming, command) {
            (Some(from), Command::Rnto(_)) => (from.clone(), Some(path)),
            _ => (path, None),
        };
        Some(Self { verb, path, to })
    }

    /// What became of it; `None` while a transfer of it runs.
    pub(super) fn outcome(self, step: &Step) -> Option<Notice> {
        let Self { verb, path, to } = self;
        match step.final_code()? {
            code @ 400.. => Some(Notice::Refused { verb, path, code }),
            // RNFR has not renamed anything yet.
            300..400 => None,
            _ => Some(Notice::Changed { verb, path, to }),
        }
    }
}
