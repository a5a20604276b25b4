//! One conversation: what a client may say now, what it is answered, and what the event loop is asked to do about it.
//!
//! A session is fed lines and outcomes and writes replies into a buffer; it knows no socket, no clock and no
//! descriptor. Time and the files are handed in with [`Context`]. Whatever is sent belongs to the [`Request::Transfer`]
//! it asked for, so no later command reaches a running transfer (threat B06).

mod answer;
mod changing;
mod data_channel;
mod digest;
mod ending;
mod listing;
mod login;
mod long_answer;
mod naming;
mod navigation;
mod notice;
mod parameters;
mod request;
mod retrieval;
mod state;
mod storage_reply;
mod storing;
mod visit;

pub use ending::{Ending, LoginFailure};
pub use long_answer::{AnswerProgress, LongAnswer};
pub use notice::Notice;
pub use request::{Outcome, PassiveForm, Request};
pub use state::{Transfer, TransferKind};

use crate::accounts::{Accounts, Attendance, Quotas, Rights};
use crate::ftp::command::{Command, CommandError, CommandLine, Representation};
use crate::ftp::features::Features;
use crate::ftp::line::LineError;
use crate::ftp::reply::{self, Reply};
use crate::ftp::timestamp::Timestamp;
use crate::shown_name::Shown;
use crate::storage::{Storage, StorageError, errno_name};
use crate::transfer::ModeZPlaces;
use answer::Answer;
use state::{Login, Part, State, Visit};
use std::mem;
use std::net::{IpAddr, SocketAddr, SocketAddrV4};
use std::rc::Rc;

/// Longest line before and after login, in bytes without the line end.
const LINE_MAX_BEFORE_LOGIN: usize = 1024;
const LINE_MAX: usize = 4096;
/// Bad commands in a row before the connection is closed.
const BAD_COMMANDS_BEFORE_LOGIN: u32 = 10;
const BAD_COMMANDS: u32 = 50;

/// What a session needs to answer a command, lent for the call.
pub struct Context<'loop_> {
    pub storage: &'loop_ Rc<dyn Storage>,
    /// What clients without an account may do; `None`: they are not let in.
    pub anonymous: Option<Rights>,
    pub accounts: &'loop_ Accounts,
    pub attendance: &'loop_ Attendance,
    /// By the accounts' names; one that is missing has not been measured yet.
    pub quotas: &'loop_ Quotas,
    /// What transfers in MODE Z share.
    pub mode_z_places: &'loop_ ModeZPlaces,
    /// Wall-clock time, for the dates of listings only.
    pub wall: Timestamp,
    /// Whether PORT and EPRT are allowed.
    pub active: bool,
    /// What FEAT tells besides what is always there.
    pub features: Features,
    /// Whether anybody reads notices.
    pub wants_notices: bool,
}

/// One control connection's conversation.
#[derive(Debug)]
pub struct Session {
    number: u64,
    client: SocketAddr,
    state: State,
    bad_commands: u32,
    failed_logins: u8,
    /// What has happened since it was last asked.
    notice: Option<Box<Notice>>,
    /// Who logged in last, also when that visit is over.
    last_user: Option<Box<[u8]>>,
    ending: Option<Ending>,
}

/// What the loop should do with the lines that wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attention {
    /// The next line can be answered.
    Commands,
    /// A transfer runs: ABOR ends it, STAT tells of it, everything else waits.
    Transfer,
    /// The loop owes an answer; everything waits, except for an ABOR that ends a long one.
    Waiting,
    /// Nothing is listened to any more.
    Closing,
}

impl Session {
    /// A fresh conversation with the client at that address. `number` names it in logs.
    pub fn new(number: u64, client: SocketAddr) -> Self {
        Self {
            number,
            client: SocketAddr::new(client.ip().to_canonical(), client.port()),
            state: State::Login(Login::Start),
            bad_commands: 0,
            failed_logins: 0,
            notice: None,
            last_user: None,
            ending: None,
        }
    }

    /// What has happened, once.
    pub fn take_notice(&mut self) -> Option<Box<Notice>> {
        self.notice.take()
    }

    /// The number that names this session in logs.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The client's address; a v4-mapped one is IPv4.
    pub fn peer(&self) -> IpAddr {
        self.client.ip()
    }

    /// The client's address and port.
    pub fn client(&self) -> SocketAddr {
        self.client
    }

    /// Who logged in last, also when that visit is over.
    pub fn last_user(&self) -> Option<&[u8]> {
        self.last_user.as_deref()
    }

    /// Why it ended; `None`: it has not.
    pub fn ending(&self) -> Option<Ending> {
        self.ending
    }

    /// It ends. What comes later of the same cause is not the cause.
    pub fn ends(&mut self, ending: Ending) {
        self.ending.get_or_insert(ending);
    }

    /// What may be done with waiting lines now.
    pub fn attention(&self) -> Attention {
        match &self.state {
            State::Login(_) | State::Ready(_) => Attention::Commands,
            State::Transferring(..) => Attention::Transfer,
            State::Verifying { .. } | State::AwaitingPort(..) | State::Answering(_) => Attention::Waiting,
            State::Closing => Attention::Closing,
        }
    }

    /// Whether nobody has logged in yet.
    pub fn is_logging_in(&self) -> bool {
        matches!(self.state, State::Login(_) | State::Verifying { .. })
    }

    /// The longest line accepted now.
    pub fn line_limit(&self) -> usize {
        match &self.state {
            State::Login(_) | State::Verifying { .. } => LINE_MAX_BEFORE_LOGIN,
            State::Ready(_)
            | State::AwaitingPort(..)
            | State::Transferring(..)
            | State::Answering(_)
            | State::Closing => LINE_MAX,
        }
    }

    /// The running transfer, if there is one.
    pub fn transfer(&self) -> Option<&Transfer> {
        match &self.state {
            State::Transferring(_, transfer) => Some(transfer),
            State::Login(_)
            | State::Verifying { .. }
            | State::Ready(_)
            | State::AwaitingPort(..)
            | State::Answering(_)
            | State::Closing => None,
        }
    }

    /// The state as a person would name it.
    pub fn state_name(&self) -> String {
        match &self.state {
            State::Login(login) => format!("Login({})", login.name()),
            State::Verifying { .. } => "Verifying".to_owned(),
            State::Ready(_) => "Ready".to_owned(),
            State::AwaitingPort(..) => "AwaitingPort".to_owned(),
            State::Transferring(_, transfer) => format!(
                "Transferring({} {})",
                transfer.verb,
                Shown::whole(transfer.path.as_bytes())
            ),
            State::Answering(_) => "Answering".to_owned(),
            State::Closing => "Closing".to_owned(),
        }
    }

    /// What answering `line` costs, as so many bytes of bulk data; all of a turn's where a whole file has to be read
    /// (SIZE in TYPE A). Before login nothing is looked up.
    pub fn cost_of(&self, line: &[u8]) -> usize {
        let State::Ready(visit) = &self.state else {
            return 0;
        };
        let line = CommandLine::parse(line);
        match line.command() {
            Ok(Command::Size(_)) if visit.representation == Representation::Ascii => usize::MAX,
            Ok(_) | Err(_) => line.cost(visit.working_directory.as_bytes().len()),
        }
    }

    /// Answers one line. Replies are appended to `out`; what needs a socket is returned.
    pub fn line(&mut self, line: &[u8], context: &Context<'_>, out: &mut Vec<u8>) -> Option<Request> {
        let line = CommandLine::parse(line);
        if self.is_logging_in() && line.needs_login() {
            reply::NOT_LOGGED_IN.write_to(out);
            return None;
        }
        let recorded_verb = line.recorded_verb();
        match line.into_command() {
            Ok(command) => {
                let was_counted = matches!(command, Command::User(_)) && self.is_logging_in();
                let request = self.command(command, recorded_verb, context, out);
                // USER costs nothing to say, so a client that says nothing else is counted like one that babbles (F12).
                if was_counted {
                    return self.count_bad_command(out).or(request);
                }
                request
            }
            Err(error) => self.refuse(error, out),
        }
    }

    /// Answers a line that could not be read; the connection ends.
    pub fn line_error(&mut self, error: LineError, out: &mut Vec<u8>) -> Request {
        let (reply, ending) = match error {
            LineError::TooLong => (reply::LINE_TOO_LONG, Ending::LineTooLong),
            // A TLS handshake.
            LineError::ForeignProtocol => (reply::UNKNOWN_COMMAND, Ending::ForeignProtocol),
        };
        self.dismiss(&reply, ending, out)
    }

    /// Says `farewell` (421, RFC 959 §5.4) and ends the conversation.
    pub fn dismiss(&mut self, farewell: &Reply, ending: Ending, out: &mut Vec<u8>) -> Request {
        farewell.write_to(out);
        self.close(ending)
    }

    fn close(&mut self, ending: Ending) -> Request {
        self.ends(ending);
        self.state = State::Closing;
        Request::Close
    }

    fn command(
        &mut self,
        command: Command,
        recorded_verb: Option<&'static str>,
        context: &Context<'_>,
        out: &mut Vec<u8>,
    ) -> Option<Request> {
        if command == Command::Quit {
            self.ends(Ending::Quit);
        }
        let answer = match mem::replace(&mut self.state, State::Closing) {
            State::Login(login) => self.command_in_login(login, command, context),
            State::Ready(visit) => self.command_in_visit(visit, command, recorded_verb, context),
            // The loop asks `attention` first, so nothing arrives here; were it otherwise, the line would be out of
            // order.
            state @ (State::Verifying { .. }
            | State::AwaitingPort(..)
            | State::Transferring(..)
            | State::Answering(_)
            | State::Closing) => {
                self.state = state;
                reply::BAD_SEQUENCE.into()
            }
        };
        if let Answer::Failed(error) = &answer {
            self.log_unexpected(*error);
        }
        answer.write_to(out)
    }

    /// What clients cannot cause is for the operator.
    fn log_unexpected(&self, error: StorageError) {
        if let StorageError::Unexpected(errno) = error {
            let (number, client, name) = (self.number, self.client, errno_name(errno));
            log::warn!("file system refused session={number} client={client} errno={name} reason=\"{errno}\"");
        }
    }

    fn refuse(&mut self, error: CommandError, out: &mut Vec<u8>) -> Option<Request> {
        if let State::Ready(visit) = &mut self.state {
            visit.part = Part::Whole;
            visit.renaming = None;
        }
        // A blank line is answered with nothing, but it is counted.
        if let Some(reply) = Reply::to_refused(error) {
            reply.write_to(out);
        }
        match error {
            CommandError::ForeignProtocol => Some(self.close(Ending::ForeignProtocol)),
            // Closing disarms too.
            CommandError::BadAddress => self.count_bad_command(out).or(Some(Request::Disarm)),
            CommandError::Blank
            | CommandError::Unknown
            | CommandError::BadArgument
            | CommandError::NotImplemented
            | CommandError::BadParameter
            | CommandError::UnsupportedProtocol => self.count_bad_command(out),
        }
    }

    fn count_bad_command(&mut self, out: &mut Vec<u8>) -> Option<Request> {
        self.bad_commands += 1;
        let limit = if self.is_logging_in() {
            BAD_COMMANDS_BEFORE_LOGIN
        } else {
            BAD_COMMANDS
        };
        (self.bad_commands > limit)
            .then(|| self.dismiss(&reply::TOO_MANY_BAD_COMMANDS, Ending::TooManyBadCommands, out))
    }

    /// The loop has armed a passive port: tells the client where (227 or 229).
    pub fn passive_armed(&mut self, address: PassiveAddress, out: &mut Vec<u8>) {
        if let Some((visit, form)) = self.take_awaiting_port() {
            self.state = State::Ready(visit);
            match (form, address) {
                (PassiveForm::Passive, PassiveAddress::V4(address)) => Reply::passive(address),
                (PassiveForm::Passive, PassiveAddress::PortOnly(_)) => reply::USE_EPSV,
                (PassiveForm::Extended, PassiveAddress::V4(address)) => Reply::extended_passive(address.port()),
                (PassiveForm::Extended, PassiveAddress::PortOnly(port)) => Reply::extended_passive(port),
            }
            .write_to(out);
        }
    }

    /// No passive port came free in time.
    pub fn passive_refused(&mut self, out: &mut Vec<u8>) {
        if let Some((visit, _)) = self.take_awaiting_port() {
            self.state = State::Ready(visit);
            reply::PASSIVE_BUSY.write_to(out);
        }
    }

    fn take_awaiting_port(&mut self) -> Option<(Visit, PassiveForm)> {
        match mem::replace(&mut self.state, State::Closing) {
            State::AwaitingPort(visit, form) => Some((visit, form)),
            state @ (State::Login(_)
            | State::Verifying { .. }
            | State::Ready(_)
            | State::Transferring(..)
            | State::Answering(_)
            | State::Closing) => {
                self.state = state;
                None
            }
        }
    }

    /// The transfer starts, or waits for its data connection: 150 (RFC 959 §5.4).
    pub fn transfer_begins(&self, out: &mut Vec<u8>) {
        if let Some(transfer) = self.transfer() {
            transfer.opening.write_to(out);
        }
    }

    /// The running transfer has ended; its last reply is written and the next command can be answered.
    pub fn transfer_ended(&mut self, outcome: Outcome, out: &mut Vec<u8>) -> Option<Transfer> {
        match mem::replace(&mut self.state, State::Closing) {
            State::Transferring(visit, transfer) => {
                self.state = State::Ready(visit);
                if let Outcome::NotStored(error) = outcome {
                    self.log_unexpected(error);
                }
                outcome.reply().write_to(out);
                Some(transfer)
            }
            state @ (State::Login(_)
            | State::Verifying { .. }
            | State::Ready(_)
            | State::AwaitingPort(..)
            | State::Answering(_)
            | State::Closing) => {
                self.state = state;
                None
            }
        }
    }

    /// STAT during a transfer (RFC 959 §4.1.3): how much has been moved.
    pub fn transfer_status(&self, moved: u64, out: &mut Vec<u8>) {
        Reply::transfer_status(moved).write_to(out);
    }

    /// An answer that took more than a turn is finished: it has been written, or a transfer begins.
    pub fn answer_ended(&mut self, answer: LongAnswer) -> Option<Request> {
        match mem::replace(&mut self.state, State::Closing) {
            State::Answering(visit) => match answer.into_download() {
                Some((download, text)) => {
                    let request = visit.send_text(text);
                    self.state = State::Transferring(visit, download);
                    Some(request)
                }
                None => {
                    self.state = State::Ready(visit);
                    None
                }
            },
            state @ (State::Login(_)
            | State::Verifying { .. }
            | State::Ready(_)
            | State::AwaitingPort(..)
            | State::Transferring(..)
            | State::Closing) => {
                self.state = state;
                None
            }
        }
    }
}

/// Where a passive data connection is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PassiveAddress {
    V4(SocketAddrV4),
    /// The control connection is IPv6: only EPSV can say it.
    PortOnly(u16),
}

#[cfg(test)]
mod tests;
