//! The states of a session, and what belongs to each.

use super::long_answer::LongAnswer;
use super::outcome::Transfer;
use super::refusal::Refusal;
use super::step::Context;
use crate::accounts::{Account, Presence, Rights, is_anonymous};
use crate::ftp::command::{DeflateLevel, Digest, Representation, Transmission};
use crate::ftp::listing::Facts;
use crate::ftp::path::VirtualPath;
use crate::ftp::reply;
use crate::storage::{Quota, Storage, StorageError, errno_name};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;

/// The client of a session.
#[derive(Clone, Copy, Debug)]
pub(super) struct Client {
    /// The session's number in logs.
    pub(super) session: u64,
    /// An IPv4-mapped IPv6 address is stored as IPv4.
    pub(super) address: SocketAddr,
}

impl Client {
    pub(super) fn ip(&self) -> IpAddr {
        self.address.ip()
    }

    /// Logs an error of the file system that no client can cause.
    pub(super) fn log_unexpected(&self, error: StorageError) {
        if let StorageError::Unexpected(errno) = error {
            let (session, client, name) = (self.session, self.address, errno_name(errno));
            log::warn!("file system refused session={session} client={client} errno={name} reason=\"{errno}\"");
        }
    }
}

/// What of a session is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protection {
    Clear,
    /// The control connection is; data connections after PROT P.
    Encrypted {
        has_buffer_size: bool,
        encrypts_data: bool,
    },
}

/// The state of a session.
#[derive(Debug)]
pub(super) enum State {
    Login(Login),
    /// The password is being verified. `account`: `None` if the user does not exist.
    Verifying {
        user: Box<[u8]>,
        account: Option<Arc<Account>>,
    },
    Visit(Visit, Activity),
    Closing,
}

/// What a logged-in session is doing. Unless it is idle, later commands wait.
#[derive(Debug)]
pub(super) enum Activity {
    Idle,
    /// PASV or EPSV was accepted; no port has been dealt yet.
    AwaitingPort(PassiveForm),
    Transferring(Box<Transfer>),
    /// Making the answer to STAT with a path or to a digest command, or searching for a restart marker.
    Answering(Box<LongAnswer>),
}

/// The command that asked for a passive port; it decides between 227 and 229.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PassiveForm {
    /// PASV (RFC 959 §4.1.2).
    Passive,
    /// EPSV (RFC 2428 §3).
    Extended,
}

/// The steps of a login.
#[derive(Debug, Default)]
pub(super) enum Login {
    #[default]
    Start,
    UserGiven(User),
}

/// The user named by USER, before PASS.
#[derive(Debug)]
pub(super) enum User {
    Anonymous(Rights),
    Account(Arc<Account>),
    Unknown(Box<[u8]>),
}

impl Login {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Login::Start => "login, no user",
            Login::UserGiven(User::Anonymous(_)) => "login, anonymous",
            Login::UserGiven(User::Account(_)) => "login, known user",
            Login::UserGiven(User::Unknown(_)) => "login, unknown user",
        }
    }
}

impl User {
    pub(super) fn named(name: &[u8], context: &Context<'_>) -> Self {
        if let Some(rights) = context.options.anonymous.rights().filter(|_| is_anonymous(name)) {
            return User::Anonymous(rights);
        }
        match context.accounts.find(name) {
            Some(account) => User::Account(Arc::clone(account)),
            None => User::Unknown(name.into()),
        }
    }
}

/// A logged-in session: the user's rights, and the parameters that commands set.
pub(super) struct Visit {
    /// The files that the client can see. Its root is the account's root.
    pub(super) storage: Rc<dyn Storage>,
    pub(super) rights: Rights,
    visitor: Option<(Arc<Account>, Presence)>,
    pub(super) working_directory: VirtualPath,
    pub(super) representation: Representation,
    pub(super) transmission: Transmission,
    pub(super) deflate_level: DeflateLevel,
    /// The part of the file for the next transfer or HASH.
    pub(super) part: Part,
    /// EPSV ALL was given: only EPSV may set up data connections (RFC 2428 §4).
    pub(super) extended_only: bool,
    pub(super) facts: Facts,
    /// The algorithm of HASH.
    pub(super) digest: Digest,
    /// The path given by RNFR; only the next command can be its RNTO.
    pub(super) renaming: Option<VirtualPath>,
}

/// A part of a file, set by REST or RANG before the file is named, and used once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Whole,
    /// REST: from that octet to the end, counted as sent in the current TYPE. Never 0.
    From(u64),
    /// RANG: from the first to the last octet, both included.
    Range {
        first: u64,
        last: u64,
    },
}

impl Visit {
    /// `visitor`: the account and its entry in the count of sessions; `None` for an anonymous client.
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

    /// The account's quota, if it has one. Fails with 450 while its usage is being measured.
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

    /// Fails with 550 if the client does not have `right`.
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
