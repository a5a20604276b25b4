//! Where a conversation can stand, and what each place remembers.

use super::Context;
use super::long_answer::LongAnswer;
use super::refusal::Refusal;
use super::transfer_record::Transfer;
use crate::accounts::{Account, Presence, Rights, is_anonymous};
use crate::ftp::command::{DeflateLevel, Digest, Representation, Transmission};
use crate::ftp::listing::Facts;
use crate::ftp::path::VirtualPath;
use crate::ftp::reply;
use crate::storage::{Quota, Storage};
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

/// Where the conversation stands. Each variant carries what only it has.
#[derive(Debug)]
pub(super) enum State {
    Login(Login),
    /// PASS was given; whether it is right is being found out. `account`: `None` if no account has the name.
    Verifying {
        user: Box<[u8]>,
        account: Option<Arc<Account>>,
    },
    Visit(Visit, Doing),
    Closing,
}

/// What is under way in a visit. While there is something, later commands wait.
#[derive(Debug)]
pub(super) enum Doing {
    Nothing,
    /// PASV or EPSV was accepted; no port is there yet.
    AwaitingPort(PassiveForm),
    Transferring(Box<Transfer>),
    /// STAT with a path, a digest, or the search for a restart marker.
    Answering(Box<LongAnswer>),
}

/// How 227 and 229 differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PassiveForm {
    /// PASV (RFC 959 §4.1.2).
    Passive,
    /// EPSV (RFC 2428 §3).
    Extended,
}

/// How far a login has come.
#[derive(Debug, Default)]
pub(super) enum Login {
    #[default]
    Start,
    UserGiven(User),
}

/// What a name leads to once PASS comes.
#[derive(Debug)]
pub(super) enum User {
    Anonymous(Rights),
    Account(Arc<Account>),
    Unknown(Box<[u8]>),
}

impl Login {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Login::Start => "no user",
            Login::UserGiven(User::Anonymous(_)) => "anonymous",
            Login::UserGiven(User::Account(_)) => "known user",
            Login::UserGiven(User::Unknown(_)) => "unknown user",
        }
    }
}

impl User {
    pub(super) fn named(name: &[u8], context: &Context<'_>) -> Self {
        if let Some(rights) = context.anonymous.filter(|_| is_anonymous(name)) {
            return User::Anonymous(rights);
        }
        match context.accounts.find(name) {
            Some(account) => User::Account(Arc::clone(account)),
            None => User::Unknown(name.into()),
        }
    }
}

/// A logged-in client's surroundings.
pub(super) struct Visit {
    /// What the client can see; its own root is the root.
    pub(super) storage: Rc<dyn Storage>,
    pub(super) rights: Rights,
    visitor: Option<(Arc<Account>, Presence)>,
    pub(super) working_directory: VirtualPath,
    pub(super) representation: Representation,
    pub(super) transmission: Transmission,
    pub(super) deflate_level: DeflateLevel,
    /// What of its file the next transfer or HASH is about.
    pub(super) part: Part,
    /// EPSV ALL was given: no other way of making data connections may be used (RFC 2428 §4).
    pub(super) extended_only: bool,
    pub(super) facts: Facts,
    /// What HASH answers with.
    pub(super) digest: Digest,
    /// What RNFR named; only the very next command can be its RNTO.
    pub(super) renaming: Option<VirtualPath>,
}

/// A part of a file, named before the file is; used once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Whole,
    /// From that octet on (REST), counted as they are sent in the TYPE that is set then. Never 0.
    From(u64),
    /// From the first to the last octet of the file, both included (RANG).
    Range {
        first: u64,
        last: u64,
    },
}

impl Visit {
    pub(super) fn anonymous(storage: Rc<dyn Storage>, rights: Rights) -> Self {
        Self::new(storage, rights, None)
    }

    /// `visitor`: the account, and its place in the attendance; `None` for an anonymous client.
    pub(super) fn new(storage: Rc<dyn Storage>, rights: Rights, visitor: Option<(Arc<Account>, Presence)>) -> Self {
        Self {
            storage,
            rights,
            visitor,
            working_directory: VirtualPath::ROOT,
            representation: Representation::Ascii,
            transmission: Transmission::Stream,
            deflate_level: DeflateLevel::DEFAULT,
            part: Part::Whole,
            extended_only: false,
            facts: Facts::all(),
            digest: Digest::DEFAULT,
            renaming: None,
        }
    }

    pub(super) fn account(&self) -> Option<&Arc<Account>> {
        self.visitor.as_ref().map(|(account, _)| account)
    }

    /// What uploads are charged to, if this account has a quota; busy while what lies there is still being measured.
    pub(super) fn quota(&self, context: &Context<'_>) -> Result<Option<Quota>, Refusal> {
        match self.account().filter(|account| account.limits.quota.is_any()) {
            None => Ok(None),
            Some(account) => context
                .quotas
                .find(&account.root)
                .filter(|root| root.usage.is_known())
                .map(|root| Some(Quota::new(account.limits.quota, Arc::clone(&root.usage))))
                .ok_or_else(|| reply::QUOTA_NOT_MEASURED.into()),
        }
    }

    /// Fails with the reply that says why not.
    pub(super) fn must_be_allowed(&self, right: Rights) -> Result<(), Refusal> {
        if self.rights.contains(right) {
            return Ok(());
        }
        Err(if self.rights.allows_changes() {
            reply::NOT_ALLOWED.into()
        } else {
            reply::READ_ONLY.into()
        })
    }
}

impl fmt::Debug for Visit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Visit")
            .field("rights", &self.rights)
            .field("working_directory", &self.working_directory)
            .finish_non_exhaustive()
    }
}
