//! What others may want to know of a conversation: logins, changes, refusals. Transfers are told of when they end.
//!
//! Made only when a log or `--events` takes it; the session itself never reads one.

use super::ending::LoginFailure;
use super::state::Visit;
use super::visit::Step;
use crate::ftp::command::{Command, PathArgument};
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
    /// `None`: nobody wants to know.
    pub(super) fn of(command: &Command, visit: &Visit) -> Option<Self> {
        if matches!(command, Command::Stou(None)) {
            // The name is yet to be made.
            let path = visit.working_directory.clone();
            return Some(Self {
                verb: "STOU",
                path,
                to: None,
            });
        }
        let (verb, argument) = verb_and_path(command)?;
        if let Command::MdtmOrSet { literal, .. } = command
            && visit.has(literal)
        {
            // It asks for a time.
            return None;
        }
        let path = visit.working_directory.join(&argument.0).ok()?;
        Some(match (&visit.renaming, command) {
            (Some(from), Command::Rnto(_)) => Self {
                verb,
                path: from.clone(),
                to: Some(path),
            },
            _ => Self { verb, path, to: None },
        })
    }

    /// What became of it; `None` while a transfer of it runs.
    pub(super) fn outcome(self, step: &Step) -> Option<Notice> {
        let Step::Stay(answer) = step else {
            return None;
        };
        let Self { verb, path, to } = self;
        match answer.final_code()? {
            code @ 400.. => Some(Notice::Refused { verb, path, code }),
            // RNFR has not renamed anything yet.
            300..400 => None,
            _ => Some(Notice::Changed { verb, path, to }),
        }
    }
}

fn verb_and_path(command: &Command) -> Option<(&'static str, &PathArgument)> {
    Some(match command {
        Command::Retr(path) => ("RETR", path),
        Command::Stor(path) => ("STOR", path),
        Command::Appe(path) => ("APPE", path),
        Command::Stou(Some(path)) => ("STOU", path),
        Command::Dele(path) => ("DELE", path),
        Command::Mkd(path) => ("MKD", path),
        Command::Rmd(path) => ("RMD", path),
        Command::Rnfr(path) => ("RNFR", path),
        Command::Rnto(path) => ("RNTO", path),
        Command::SetModified(_, path) => ("MFMT", path),
        Command::SetFacts(_, path) => ("MFF", path),
        Command::MdtmOrSet { path, .. } => ("MDTM", path),
        Command::SiteUtime(_, path) => ("SITE UTIME", path),
        Command::SiteChmod(_, path) => ("SITE CHMOD", path),
        _ => return None,
    })
}
