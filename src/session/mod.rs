//! One conversation: what a client may say now, what it is answered, and what its connection is asked to do about it.
//!
//! A session is handed what the client has said and how things ended, and returns [`Step`]s; it knows no socket and no
//! descriptor. Time and the files are handed in with [`Context`]. Which line may be answered when is decided here: a
//! transfer keeps what it was started with, so no later command reaches it (threat B06).

mod addressing;
mod begun;
mod changing;
mod client;
mod context;
mod digest;
mod ending;
mod listing;
mod login;
mod long_answer;
mod naming;
mod navigation;
mod notice;
mod outcome;
mod parameters;
mod refusal;
mod retrieval;
mod state;
mod step;
mod storing;
mod transfer_record;
mod visit;

pub use context::Context;
pub use ending::{Ending, LoginFailure};
pub use notice::Notice;
pub use outcome::Outcome;
pub use step::{PassiveAddress, Step};
pub use transfer_record::{Transfer, TransferKind};

use crate::ftp::command::{Command, CommandError, CommandLine, Representation};
use crate::ftp::interruption::Interruption;
use crate::ftp::line::{LineError, LineReader};
use crate::ftp::reply::{self, Reply};
use crate::shown_name::Shown;
use crate::transfer::Budget;
use client::Client;
use long_answer::AnswerProgress;
use refusal::Refusal;
use state::{Doing, Login, Part, PassiveForm, State};
use std::mem;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

/// Longest line before and after login, in bytes without the line end.
const LINE_MAX_BEFORE_LOGIN: usize = 1024;
const LINE_MAX: usize = 4096;
/// Bad commands in a row before the connection is closed.
const BAD_COMMANDS_BEFORE_LOGIN: u32 = 10;
const BAD_COMMANDS: u32 = 50;

/// One control connection's conversation.
#[derive(Debug)]
pub struct Session {
    client: Client,
    state: State,
    bad_commands: u32,
    failed_logins: u8,
    /// What has happened since it was last asked.
    notice: Option<Box<Notice>>,
    /// Who logged in last, also when that visit is over.
    last_user: Option<Box<[u8]>>,
    ending: Option<Ending>,
}

impl Session {
    /// A fresh conversation with the client at that address. `number` names it in logs.
    pub fn new(number: u64, address: SocketAddr) -> Self {
        Self {
            client: Client::new(number, address),
            state: State::Login(Login::Start),
            bad_commands: 0,
            failed_logins: 0,
            notice: None,
            last_user: None,
            ending: None,
        }
    }

    /// Answers the next command, if there is one that may be answered now. `None`: none has been said, or it has to
    /// wait for what is under way.
    ///
    /// `bulk_left`: what commands that cost something may still use of the turn, in bytes of bulk data.
    pub fn next(&mut self, input: &mut LineReader, bulk_left: &mut usize, context: &Context<'_>) -> Option<Step> {
        match &mut self.state {
            State::Login(_) | State::Visit(_, Doing::Nothing) => self.next_command(input, bulk_left, context),
            State::Visit(_, Doing::Transferring(_)) => next_interruption(input),
            State::Visit(_, doing @ Doing::Answering(_)) if input.holds(Interruption::Abort) => {
                // The ABOR's own reply comes in its turn.
                match mem::replace(doing, Doing::Nothing) {
                    Doing::Answering(answer) => Some(answer.aborted().into()),
                    Doing::Nothing | Doing::AwaitingPort(_) | Doing::Transferring(_) => None,
                }
            }
            State::Visit(_, Doing::Answering(_) | Doing::AwaitingPort(_))
            | State::Verifying { .. }
            | State::Closing => None,
        }
    }

    fn next_command(&mut self, input: &mut LineReader, bulk_left: &mut usize, context: &Context<'_>) -> Option<Step> {
        let line = match input.peek_line(self.line_limit())? {
            Ok(line) => CommandLine::parse(line),
            Err(error) => return Some(self.unreadable(error)),
        };
        let cost = self.cost_of(&line);
        if cost > 0 && *bulk_left == 0 {
            return Some(Step::Postpone);
        }
        *bulk_left = bulk_left.saturating_sub(cost);
        input.skip_line();
        Some(self.answer(line, context))
    }

    /// What answering `line` costs, as so many bytes of bulk data; all of a turn's where a whole file has to be read
    /// (SIZE in TYPE A). Before login nothing is looked up.
    fn cost_of(&self, line: &CommandLine) -> usize {
        let State::Visit(visit, _) = &self.state else {
            return 0;
        };
        match line.command() {
            Ok(Command::Size(_)) if visit.representation == Representation::Ascii => usize::MAX,
            Ok(_) | Err(_) => line.cost(visit.working_directory.as_bytes().len()),
        }
    }

    fn answer(&mut self, line: CommandLine, context: &Context<'_>) -> Step {
        if self.is_logging_in() && line.needs_login() {
            return reply::NOT_LOGGED_IN.into();
        }
        let recorded_verb = line.recorded_verb();
        let command = match line.into_command() {
            Ok(command) => command,
            Err(error) => return self.refuse(error),
        };
        match &self.state {
            // USER costs nothing to say, so a client that says nothing else is counted like one that babbles (F12).
            State::Login(_) if matches!(command, Command::User(_)) => {
                let step = self.command_in_login(command, context);
                self.count_bad_command(step)
            }
            State::Login(_) => self.command_in_login(command, context),
            State::Visit(..) => self.command_in_visit(command, recorded_verb, context),
            State::Verifying { .. } | State::Closing => reply::BAD_SEQUENCE.into(),
        }
    }

    fn refuse(&mut self, error: CommandError) -> Step {
        if let State::Visit(visit, _) = &mut self.state {
            visit.part = Part::Whole;
            visit.renaming = None;
        }
        // A blank line is answered with nothing, but it is counted.
        let reply = Reply::to_refused(error);
        match (error, reply) {
            (CommandError::ForeignProtocol, Some(reply)) => self.close(reply, Ending::ForeignProtocol),
            (CommandError::BadAddress, Some(reply)) => self.count_bad_command(Step::Disarm(reply)),
            (_, Some(reply)) => self.count_bad_command(reply.into()),
            (_, None) => self.count_bad_command(Step::Ignore),
        }
    }

    /// Counts the command that `step` answers; ends the conversation if it was one too many.
    fn count_bad_command(&mut self, step: Step) -> Step {
        self.bad_commands += 1;
        let limit = if self.is_logging_in() {
            BAD_COMMANDS_BEFORE_LOGIN
        } else {
            BAD_COMMANDS
        };
        if self.bad_commands <= limit {
            return step;
        }
        let mut closing = self.close(reply::TOO_MANY_BAD_COMMANDS, Ending::TooManyBadCommands);
        if let (Step::Close { reply, .. }, Step::Reply(last) | Step::Disarm(last)) = (&mut closing, step) {
            *reply = Some(last);
        }
        closing
    }

    /// Answers a line that could not be read; the connection ends.
    fn unreadable(&mut self, error: LineError) -> Step {
        let (farewell, ending) = match error {
            LineError::TooLong => (reply::LINE_TOO_LONG, Ending::LineTooLong),
            // A TLS handshake.
            LineError::ForeignProtocol => (reply::UNKNOWN_COMMAND, Ending::ForeignProtocol),
        };
        let mut closing = self.close(farewell, ending);
        if let Step::Close { is_mid_line, .. } = &mut closing {
            *is_mid_line = true;
        }
        closing
    }

    /// Says `farewell` (421, RFC 959 §5.4) and ends the conversation.
    pub fn close(&mut self, farewell: Reply, ending: Ending) -> Step {
        self.ends(ending);
        self.state = State::Closing;
        Step::Close {
            reply: None,
            farewell,
            is_mid_line: false,
        }
    }

    /// A passive port is armed: tells the client where (227 or 229).
    pub fn passive_armed(&mut self, address: PassiveAddress) -> Step {
        let reply = match (self.awaited_port(), address) {
            (None, _) => return Step::Ignore,
            (Some(PassiveForm::Passive), PassiveAddress::V4(address)) => Reply::passive(address),
            (Some(PassiveForm::Passive), PassiveAddress::PortOnly(_)) => reply::USE_EPSV,
            (Some(PassiveForm::Extended), PassiveAddress::V4(address)) => Reply::extended_passive(address.port()),
            (Some(PassiveForm::Extended), PassiveAddress::PortOnly(port)) => Reply::extended_passive(port),
        };
        reply.into()
    }

    /// No passive port came free in time.
    pub fn passive_refused(&mut self) -> Step {
        self.awaited_port().map_or(Step::Ignore, |_| reply::PASSIVE_BUSY.into())
    }

    /// The wait for a port is over. `None`: there was none.
    fn awaited_port(&mut self) -> Option<PassiveForm> {
        match &mut self.state {
            State::Visit(_, doing) => match *doing {
                Doing::AwaitingPort(form) => {
                    *doing = Doing::Nothing;
                    Some(form)
                }
                Doing::Nothing | Doing::Transferring(_) | Doing::Answering(_) => None,
            },
            State::Login(_) | State::Verifying { .. } | State::Closing => None,
        }
    }

    /// What is said when the running transfer starts, or waits for its data connection: 150 (RFC 959 §5.4).
    pub fn opening(&self) -> Option<&Reply> {
        self.transfer().map(|transfer| &transfer.opening)
    }

    /// STAT during a transfer (RFC 959 §4.1.3): how much has been moved.
    pub fn transfer_status(&self, moved: u64) -> Reply {
        Reply::transfer_status(moved)
    }

    /// The running transfer has ended: what it was, and its last reply. The next command can be answered.
    pub fn transfer_ended(&mut self, outcome: Outcome) -> Option<(Transfer, Reply)> {
        let State::Visit(_, doing) = &mut self.state else {
            return None;
        };
        match mem::replace(doing, Doing::Nothing) {
            Doing::Transferring(transfer) => {
                if let Outcome::NotStored(error) = outcome {
                    self.client.log_unexpected(&Refusal::Storage(error));
                }
                Some((*transfer, outcome.reply()))
            }
            other @ (Doing::Nothing | Doing::AwaitingPort(_) | Doing::Answering(_)) => {
                *doing = other;
                None
            }
        }
    }

    /// Goes on with a long answer, at most `budget` far, and appends what is to be said to `out`; `buffer` is lent for
    /// the call. [`Step::Answer`]: there is more to come.
    pub fn advance_answer(&mut self, out: &mut Vec<u8>, buffer: &mut [u8], budget: &mut Budget, now: Instant) -> Step {
        let State::Visit(visit, doing) = &mut self.state else {
            return Step::Ignore;
        };
        let mut answer = match mem::replace(doing, Doing::Nothing) {
            Doing::Answering(answer) => answer,
            other @ (Doing::Nothing | Doing::AwaitingPort(_) | Doing::Transferring(_)) => {
                *doing = other;
                return Step::Ignore;
            }
        };
        match answer.advance(out, buffer, budget, now) {
            AnswerProgress::MoreToCome => {
                *doing = Doing::Answering(answer);
                Step::Answer
            }
            AnswerProgress::Finished => match answer.into_transfer() {
                Some((transfer, text)) => {
                    let (begun, step) = visit.send_text(transfer, text);
                    *doing = begun;
                    step
                }
                None => Step::Ignore,
            },
        }
    }
}

/// During a transfer only STAT, when nothing waits before it, and ABOR are listened to.
fn next_interruption(input: &mut LineReader) -> Option<Step> {
    if let Some(Ok(line)) = input.peek_line(LINE_MAX)
        && let Ok(Command::StatSession) = Command::parse(line)
    {
        input.skip_line();
        return Some(Step::ReportProgress);
    }
    input.holds(Interruption::Abort).then_some(Step::AbortTransfer)
}

/// What is known of a conversation from outside.
impl Session {
    /// What has happened, once.
    pub fn take_notice(&mut self) -> Option<Box<Notice>> {
        self.notice.take()
    }

    /// The number that names this session in logs.
    pub fn number(&self) -> u64 {
        self.client.session
    }

    /// The client's address; a v4-mapped one is IPv4.
    pub fn peer(&self) -> IpAddr {
        self.client.ip()
    }

    /// The client's address and port.
    pub fn client(&self) -> SocketAddr {
        self.client.address
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

    /// Whether the next command can be answered.
    pub fn is_ready(&self) -> bool {
        matches!(self.state, State::Login(_) | State::Visit(_, Doing::Nothing))
    }

    /// Whether nobody has logged in yet.
    pub fn is_logging_in(&self) -> bool {
        matches!(self.state, State::Login(_) | State::Verifying { .. })
    }

    /// Whether a password is being verified.
    pub fn is_verifying(&self) -> bool {
        matches!(self.state, State::Verifying { .. })
    }

    /// Whether it waits for a passive port.
    pub fn is_awaiting_port(&self) -> bool {
        matches!(self.state, State::Visit(_, Doing::AwaitingPort(_)))
    }

    /// Whether a long answer is under way.
    pub fn is_answering(&self) -> bool {
        matches!(self.state, State::Visit(_, Doing::Answering(_)))
    }

    /// The running transfer, if there is one.
    pub fn transfer(&self) -> Option<&Transfer> {
        match &self.state {
            State::Visit(_, Doing::Transferring(transfer)) => Some(transfer),
            State::Visit(_, Doing::Nothing | Doing::AwaitingPort(_) | Doing::Answering(_))
            | State::Login(_)
            | State::Verifying { .. }
            | State::Closing => None,
        }
    }

    /// Whether ABOR would end what is under way, so that it is worth looking for one behind many other commands.
    pub fn can_be_aborted(&self) -> bool {
        self.is_answering() || self.transfer().is_some()
    }

    /// Whether what is under way goes on although the client has closed its end: it said QUIT before, or it gets a
    /// port at once.
    pub fn outlives_client(&self, input: &mut LineReader) -> bool {
        self.is_awaiting_port() || input.holds(Interruption::Quit)
    }

    /// The longest line accepted now.
    fn line_limit(&self) -> usize {
        if self.is_logging_in() {
            LINE_MAX_BEFORE_LOGIN
        } else {
            LINE_MAX
        }
    }

    /// The state as a person would name it.
    pub fn state_name(&self) -> String {
        match &self.state {
            State::Login(login) => format!("Login({})", login.name()),
            State::Verifying { .. } => "Verifying".to_owned(),
            State::Visit(_, Doing::Nothing) => "Ready".to_owned(),
            State::Visit(_, Doing::AwaitingPort(_)) => "AwaitingPort".to_owned(),
            State::Visit(_, Doing::Transferring(transfer)) => format!(
                "Transferring({} {})",
                transfer.verb,
                Shown::whole(transfer.path.as_bytes())
            ),
            State::Visit(_, Doing::Answering(_)) => "Answering".to_owned(),
            State::Closing => "Closing".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
