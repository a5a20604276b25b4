//! The state machine of one FTP session: commands in, replies and requests to the connection out.
//!
//! A session gets the client's lines and the results of work that it started, and returns [`Step`]s; it knows no socket
//! and no descriptor. Time and files are passed in with [`Context`]. This file decides when a line is answered. A
//! running transfer keeps the parameters that it was started with, so later commands do not affect it (threat B06).

mod addressing;
mod changing;
mod completion;
mod digest;
mod directory_listing;
mod effect;
mod login;
mod long_answer;
mod naming;
mod notice;
mod outcome;
mod parameters;
mod protection;
mod refusal;
mod retrieval;
mod state;
mod status;
mod step;
mod storing;
mod visit;

pub use notice::{Ending, LoginFailure, Notice};
pub use outcome::{Outcome, Transfer, TransferKind};
pub use step::{Context, PassiveAddress, Step};

use crate::ftp::command::{Command, CommandError, CommandLine, Representation};
use crate::ftp::line::{LineError, LineReader};
use crate::ftp::reply::{self, Reply};
use state::{Activity, Client, Login, Part, Protection, State, User};
use std::borrow::Cow;
use std::net::SocketAddr;

/// Longest line before and after login, in bytes without the line terminator.
const LINE_MAX_BEFORE_LOGIN: usize = 1024;
const LINE_MAX: usize = 4096;
/// Consecutive bad commands after which the connection is closed.
const BAD_COMMANDS_BEFORE_LOGIN: u32 = 10;
const BAD_COMMANDS: u32 = 50;

/// The session of one control connection.
#[derive(Debug)]
pub struct Session {
    client: Client,
    state: State,
    protection: Protection,
    bad_commands: u32,
    failed_logins: u8,
    /// The result of the last command, until [`take_notice`](Session::take_notice).
    notice: Option<Box<Notice>>,
    /// The last user who logged in, kept after logout.
    last_user: Option<Cow<'static, [u8]>>,
    ending: Option<Ending>,
}

impl Session {
    /// A new session with the client at `address`. `number` identifies it in logs.
    pub fn new(number: u64, address: SocketAddr) -> Self {
        Self {
            client: Client {
                session: number,
                address: SocketAddr::new(address.ip().to_canonical(), address.port()),
            },
            state: State::Login(Login::Start),
            protection: Protection::Clear,
            bad_commands: 0,
            failed_logins: 0,
            notice: None,
            last_user: None,
            ending: None,
        }
    }

    /// Answers the next command, if there is one that may be answered now. `None`: no line has arrived, or it has to
    /// wait for a transfer, an answer, a port or a password.
    ///
    /// `bulk_left`: how much of this turn's budget costly commands may still use, in bytes of bulk data.
    pub fn next(&mut self, input: &mut LineReader, bulk_left: &mut usize, context: &Context<'_>) -> Option<Step> {
        let activity = match &mut self.state {
            State::Login(_) => return self.next_command(input, bulk_left, context),
            State::Verifying { .. } | State::Closing => return None,
            State::Visit(_, activity) => activity,
        };
        match activity {
            Activity::Idle => self.next_command(input, bulk_left, context),
            Activity::Transferring(_) => next_interruption(input),
            Activity::Answering(answer) if input.holds_abor() => {
                // ABOR itself is answered later, as the next command.
                let reply = answer.aborted();
                *activity = Activity::Idle;
                Some(reply.into())
            }
            Activity::Answering(_) | Activity::AwaitingPort(_) => None,
        }
    }

    fn next_command(&mut self, input: &mut LineReader, bulk_left: &mut usize, context: &Context<'_>) -> Option<Step> {
        let line = match input.peek_line(self.line_limit())? {
            Ok(line) => CommandLine::parse(line),
            Err(error) => return Some(self.unreadable(error)),
        };
        let cost = self.cost_of(&line);
        if cost > 0 && *bulk_left == 0 {
            // Parsed again in its turn: keeping the command until then would make every session larger.
            return Some(Step::Postpone);
        }
        *bulk_left = bulk_left.saturating_sub(cost);
        input.skip_line();
        let step = self.answer(line, context);
        if let Step::StartTls(_) = step
            && input.pending_len() > 0
        {
            // Sent in clear, perhaps by somebody else: it must not be answered inside TLS (threat E01).
            return Some(self.close(reply::DATA_BEHIND_AUTH, Ending::PlaintextBehindAuth));
        }
        Some(step)
    }

    /// The cost of `line` in bytes of bulk data: a whole turn's budget if a file has to be read (SIZE in TYPE A).
    /// Before login no command accesses the file system, so all are free.
    fn cost_of(&self, line: &CommandLine) -> usize {
        let State::Visit(visit, _) = &self.state else {
            return 0;
        };
        match &line.command {
            Ok(Command::Size(_)) if visit.representation == Representation::Ascii => usize::MAX,
            Ok(_) | Err(_) => line.cost(visit.working_directory.as_bytes().len()),
        }
    }

    fn answer(&mut self, line: CommandLine, context: &Context<'_>) -> Step {
        let is_logging_in = self.is_logging_in();
        if is_logging_in && line.needs_login() {
            return reply::NOT_LOGGED_IN.into();
        }
        if context.tls.is_none()
            && let Some(error) = line.refusal_without_tls()
        {
            return self.refuse(error);
        }
        let command = match line.command {
            Ok(command) => command,
            Err(error) => return self.refuse(error),
        };
        if !is_logging_in && !matches!(command, Command::Noop) {
            self.bad_commands = 0;
        }
        if let Some(refusal) = self.refuse_unencrypted(&command, context) {
            return refusal;
        }
        match command {
            Command::Auth(_) | Command::ProtectionBufferSize | Command::Prot(_) | Command::Ccc => {
                self.protect(&command, context)
            }
            // USER and REIN start a new login: nothing that the last user has set is kept (threat B04).
            Command::User(name) => {
                self.state = State::Login(Login::UserGiven(User::named(&name, context)));
                let step = Step::Disarm(reply::USER_OK);
                // A client could repeat USER endlessly without a password, so it counts as a bad command (threat F12).
                if is_logging_in {
                    self.count_bad_command(step)
                } else {
                    step
                }
            }
            Command::Rein => {
                self.state = State::Login(Login::Start);
                Step::Disarm(reply::READY_FOR_NEW_USER)
            }
            Command::Quit => self.close(reply::GOODBYE, Ending::Quit),
            command if is_logging_in => self.command_in_login(command, context),
            command => self.command_in_visit(command, context),
        }
    }

    fn refuse(&mut self, error: CommandError) -> Step {
        if let State::Visit(visit, _) = &mut self.state {
            visit.part = Part::Whole;
            visit.renaming = None;
        }
        let step = match (error, Reply::to_refused(error)) {
            (CommandError::ForeignProtocol, Some(reply)) => return self.close(reply, Ending::ForeignProtocol),
            // An older address does not stay armed (threat B10).
            (CommandError::BadAddress | CommandError::UnsupportedProtocol, Some(reply)) => Step::Disarm(reply),
            (_, Some(reply)) => Step::Reply(reply),
            // A blank line gets no reply, but it counts as a bad command.
            (_, None) => Step::Ignore,
        };
        self.count_bad_command(step)
    }

    /// Counts a bad command; closes the session if the limit is exceeded. `step` is the command's answer.
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
        self.end(Ending::TooManyBadCommands);
        Step::Close {
            reply: match step {
                Step::Reply(last) | Step::Disarm(last) => Some(last),
                _ => None,
            },
            farewell: reply::TOO_MANY_BAD_COMMANDS,
            is_mid_line: false,
        }
    }

    /// Closes the session after a line that could not be read.
    fn unreadable(&mut self, error: LineError) -> Step {
        let (farewell, ending) = match error {
            LineError::TooLong => (reply::LINE_TOO_LONG, Ending::LineTooLong),
            // Usually a TLS handshake.
            LineError::ForeignProtocol => (reply::UNKNOWN_COMMAND, Ending::ForeignProtocol),
        };
        self.end(ending);
        Step::Close {
            reply: None,
            farewell,
            is_mid_line: true,
        }
    }

    /// Closes the session with a last reply: 221, or 421 (RFC 959 §5.4).
    pub fn close(&mut self, farewell: Reply, ending: Ending) -> Step {
        self.end(ending);
        Step::Close {
            reply: None,
            farewell,
            is_mid_line: false,
        }
    }

    fn end(&mut self, ending: Ending) {
        self.set_ending(ending);
        self.state = State::Closing;
    }

    /// The longest line accepted in the current state.
    fn line_limit(&self) -> usize {
        if self.is_logging_in() {
            LINE_MAX_BEFORE_LOGIN
        } else {
            LINE_MAX
        }
    }
}

/// During a transfer only STAT, if it is the first waiting line, and ABOR are answered.
fn next_interruption(input: &mut LineReader) -> Option<Step> {
    if input.is_stat_next() {
        input.skip_line();
        return Some(Step::ReportProgress);
    }
    input.holds_abor().then_some(Step::AbortTransfer)
}

#[cfg(test)]
mod tests;
