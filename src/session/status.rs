//! What connections and logs can ask about a session.

use super::Session;
use super::notice::{Ending, Notice};
use super::outcome::Transfer;
use super::state::{Activity, State};
use crate::ftp::line::LineReader;
use crate::shown_name::Shown;
use std::net::{IpAddr, SocketAddr};

impl Session {
    /// The result of the last command, if it is to be recorded. Returned once.
    pub fn take_notice(&mut self) -> Option<Box<Notice>> {
        self.notice.take()
    }

    /// The number that identifies this session in logs.
    pub fn number(&self) -> u64 {
        self.client.session
    }

    /// The client's IP address; an IPv4-mapped one as IPv4.
    pub fn peer(&self) -> IpAddr {
        self.client.ip()
    }

    /// The client's address and port.
    pub fn client(&self) -> SocketAddr {
        self.client.address
    }

    /// The last user who logged in, also after logout.
    pub fn last_user(&self) -> Option<&[u8]> {
        self.last_user.as_deref()
    }

    /// Why the session ended; `None` while it is open.
    pub fn ending(&self) -> Option<Ending> {
        self.ending
    }

    /// Records why the session ends. Only the first reason counts; later ones follow from it.
    pub fn set_ending(&mut self, ending: Ending) {
        self.ending.get_or_insert(ending);
    }

    /// Whether the next command can be answered.
    pub fn is_ready(&self) -> bool {
        matches!(self.state, State::Login(_) | State::Visit(_, Activity::Idle))
    }

    /// Whether no user is logged in.
    pub fn is_logging_in(&self) -> bool {
        matches!(self.state, State::Login(_) | State::Verifying { .. })
    }

    /// Whether a password is being verified.
    pub fn is_verifying(&self) -> bool {
        matches!(self.state, State::Verifying { .. })
    }

    /// Whether PASV or EPSV waits for a free port.
    pub fn is_awaiting_port(&self) -> bool {
        matches!(self.state, State::Visit(_, Activity::AwaitingPort(_)))
    }

    /// Whether a long answer is being made.
    pub fn is_answering(&self) -> bool {
        matches!(self.state, State::Visit(_, Activity::Answering(_)))
    }

    /// The running transfer, if there is one.
    pub fn transfer(&self) -> Option<&Transfer> {
        match &self.state {
            State::Visit(_, Activity::Transferring(transfer)) => Some(transfer),
            State::Visit(_, Activity::Idle | Activity::AwaitingPort(_) | Activity::Answering(_))
            | State::Login(_)
            | State::Verifying { .. }
            | State::Closing => None,
        }
    }

    /// Whether ABOR would end a transfer or an answer, so that input has to be searched for one.
    pub fn can_be_aborted(&self) -> bool {
        self.is_answering() || self.transfer().is_some()
    }

    /// Whether the session continues although the client has closed its end: it sent QUIT before, or waits for a port,
    /// which it gets at once.
    pub fn outlives_client(&self, input: &LineReader) -> bool {
        self.is_awaiting_port() || input.holds_quit()
    }

    /// What the session is doing, in one expression, for traces, summaries and the status page.
    pub fn activity(&self) -> &'static str {
        match &self.state {
            State::Login(login) => login.name(),
            State::Verifying { .. } => "verifying the password",
            State::Visit(_, Activity::Idle) => "ready",
            State::Visit(_, Activity::AwaitingPort(_)) => "waiting for a passive port",
            State::Visit(_, Activity::Transferring(_)) => "transferring",
            State::Visit(_, Activity::Answering(_)) => "making a long answer",
            State::Closing => "closing",
        }
    }

    /// The same, with the transfer's verb and path.
    pub fn state_name(&self) -> String {
        let transfer = self.transfer().map(|transfer| {
            let path = Shown::whole(transfer.path.as_bytes());
            format!(" {} {path}", transfer.verb)
        });
        self.activity().to_owned() + &transfer.unwrap_or_default()
    }
}
