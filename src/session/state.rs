//! Where a conversation can stand, and what each place remembers.

use super::request::PassiveForm;
use crate::ftp::command::Representation;
use crate::ftp::listing::Facts;
use crate::ftp::path::VirtualPath;
use crate::ftp::reply::Reply;

/// Where the conversation stands. Each variant carries what only it has.
#[derive(Debug)]
pub(super) enum State {
    Login(Login),
    Ready(Visit),
    /// PASV or EPSV was accepted; the loop has not named a port yet.
    AwaitingPort(Visit, PassiveForm),
    Transferring(Visit, Transfer),
    /// STAT with a path: lines go out over the control connection.
    ListingOnControl(Visit),
    Closing,
}

/// How far a login has come.
#[derive(Debug)]
pub(super) enum Login {
    Start,
    UserGiven(User),
}

/// What a name leads to once PASS comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum User {
    Anonymous,
    Unknown,
}

impl Login {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Login::Start => "no user",
            Login::UserGiven(User::Anonymous) => "anonymous",
            Login::UserGiven(User::Unknown) => "unknown user",
        }
    }
}

impl User {
    pub(super) fn named(name: &[u8]) -> Self {
        if name.eq_ignore_ascii_case(b"anonymous") || name.eq_ignore_ascii_case(b"ftp") {
            User::Anonymous
        } else {
            User::Unknown
        }
    }
}

/// A logged-in client's surroundings.
#[derive(Debug)]
pub(super) struct Visit {
    pub(super) working_directory: VirtualPath,
    pub(super) representation: Representation,
    /// Where the next transfer starts (REST); 0 when not set.
    pub(super) restart: u64,
    /// EPSV ALL was given: no other way of making data connections may be used (RFC 2428 §4).
    pub(super) extended_only: bool,
    pub(super) facts: Facts,
}

/// What is known of a running transfer, for logs and STAT.
#[derive(Clone, Debug)]
pub struct Transfer {
    pub verb: &'static str,
    pub path: VirtualPath,
    /// Whether it belongs into the transfer log (a file, not a listing).
    pub is_file: bool,
    pub representation: Representation,
    pub opening: Reply,
}

impl Visit {
    pub(super) fn new() -> Self {
        Self {
            working_directory: VirtualPath::ROOT,
            representation: Representation::Ascii,
            restart: 0,
            extended_only: false,
            facts: Facts::ALL,
        }
    }
}
