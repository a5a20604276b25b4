//! Who is there: USER, PASS, ACCT, REIN, HOST, and what may be said before login (RFC 959 §4.1.1, RFC 7151).
//!
//! Every USER is answered 331 and every wrong login with the same 530 after the same work, so that nobody learns which
//! names exist (threats F01, F02). Before login no reply may carry anything of the client's (threat A12) or tell of the
//! server (B14). Passwords are verified elsewhere, because that takes long; the session waits, the loop does not.

use super::answer::Answer;
use super::ending::{Ending, LoginFailure};
use super::notice::Notice;
use super::request::Request;
use super::state::{Login, State, User, Visit};
use super::{Context, Session};
use crate::accounts::{Account, Claim, Password};
use crate::ftp::command::{Command, Digest};
use crate::ftp::listing::Facts;
use crate::ftp::path::VirtualPath;
use crate::ftp::reply::{self, Reply};
use crate::shown_name::Shown;
use crate::storage::Storage;
use std::rc::Rc;
use std::sync::Arc;

/// Failed logins before the connection is closed (threat F03).
const FAILED_LOGINS: u8 = 3;

/// What clients without an account are called, however they spell it.
const ANONYMOUS: &[u8] = b"anonymous";

impl Session {
    pub(super) fn command_in_login(&mut self, login: Login, command: Command, context: &Context<'_>) -> Answer {
        match command {
            Command::User(name) => {
                self.state = State::Login(Login::UserGiven(User::named(&name, context)));
                reply::USER_OK.into()
            }
            Command::Pass(password) => self.password(login, password, context),
            Command::Quit => Answer::ReplyAndRequest(reply::GOODBYE, Request::Close),
            Command::Host => {
                let answer = match login {
                    Login::Start => reply::HOST_OK,
                    Login::UserGiven(_) => reply::BAD_SEQUENCE,
                };
                self.state = State::Login(login);
                answer.into()
            }
            Command::Rein => {
                self.state = State::Login(Login::Start);
                reply::READY_FOR_NEW_USER.into()
            }
            Command::Acct => self.stay(login, reply::ACCOUNT_NOT_NEEDED),
            Command::Noop => self.stay(login, reply::NOOP_OK),
            Command::Syst => self.stay(login, reply::SYSTEM_TYPE),
            Command::Feat => self.stay(login, context.features.reply(Facts::ALL, Digest::DEFAULT)),
            Command::Help => self.stay(login, Reply::help()),
            Command::OptsUtf8 => self.stay(login, reply::UTF8_ON),
            Command::Clnt => self.stay(login, reply::CLIENT_NOTED),
            // Nothing else gets here: a command needs a login unless its row in the table of verbs says otherwise.
            _ => self.stay(login, reply::NOT_LOGGED_IN),
        }
    }

    fn stay(&mut self, login: Login, reply: Reply) -> Answer {
        self.state = State::Login(login);
        reply.into()
    }

    fn password(&mut self, login: Login, password: Password, context: &Context<'_>) -> Answer {
        match login {
            Login::Start => {
                self.state = State::Login(Login::Start);
                reply::BAD_SEQUENCE.into()
            }
            Login::UserGiven(User::Anonymous(rights)) => {
                let visit = Visit::anonymous(Rc::clone(context.storage), rights);
                self.enter(ANONYMOUS, visit, context).into()
            }
            Login::UserGiven(User::Account(account)) => {
                let claim = Claim {
                    user: account.name.clone(),
                    hash: account.password.clone(),
                    password,
                };
                self.state = State::Verifying {
                    user: account.name.clone(),
                    account: Some(account),
                };
                Request::VerifyPassword(claim).into()
            }
            // The same work for a name that nobody has.
            Login::UserGiven(User::Unknown(user)) => match context.accounts.stand_in(&user) {
                Some(hash) => {
                    self.state = State::Verifying {
                        user: user.clone(),
                        account: None,
                    };
                    Request::VerifyPassword(Claim { user, hash, password }).into()
                }
                None => {
                    self.state = State::Login(Login::Start);
                    self.login_failed(&user, context)
                }
            },
        }
    }

    /// The loop knows now whether the password is the account's.
    pub fn password_verified(&mut self, matches: bool, context: &Context<'_>, out: &mut Vec<u8>) -> Option<Request> {
        let (user, account) = match std::mem::replace(&mut self.state, State::Login(Login::Start)) {
            State::Verifying { user, account } => {
                // The users file may have been read again since USER: what is not in force any more lets nobody in
                // (F10).
                let in_force = |account: &Arc<Account>| context.accounts.find(&account.name) == Some(account);
                (user, account.filter(|account| matches && in_force(account)))
            }
            state @ (State::Login(_)
            | State::Ready(_)
            | State::AwaitingPort(..)
            | State::Transferring(..)
            | State::Answering(_)
            | State::Closing) => {
                self.state = state;
                return None;
            }
        };
        let Some(account) = account else {
            return self.login_failed(&user, context).write_to(out);
        };
        let Some(presence) = context.attendance.enter(&account) else {
            self.note_failed_login(&user, LoginFailure::TooManySessions, context);
            return Some(self.dismiss(&reply::TOO_MANY_OF_ACCOUNT, Ending::TooManySessions, out));
        };
        let reply = match root_of(&account, context) {
            Some(storage) => {
                let rights = account.rights;
                self.enter(&user, Visit::new(storage, rights, Some((account, presence))), context)
            }
            None => {
                self.note_failed_login(&user, LoginFailure::RootMissing, context);
                reply::ROOT_MISSING
            }
        };
        reply.write_to(out);
        None
    }

    fn note_failed_login(&mut self, user: &[u8], why: LoginFailure, context: &Context<'_>) {
        if context.wants_notices {
            let user = user.to_vec();
            self.notice = Some(Box::new(Notice::LoginFailed { user, why }));
        }
    }

    fn login_failed(&mut self, user: &[u8], context: &Context<'_>) -> Answer {
        self.note_failed_login(user, LoginFailure::WrongPassword, context);
        self.failed_logins = self.failed_logins.saturating_add(1);
        if self.failed_logins >= FAILED_LOGINS {
            return Answer::ReplyAndRequest(reply::TOO_MANY_FAILED_LOGINS, self.close(Ending::TooManyFailedLogins));
        }
        reply::LOGIN_INCORRECT.into()
    }

    fn enter(&mut self, user: &[u8], visit: Visit, context: &Context<'_>) -> Reply {
        if context.wants_notices {
            self.notice = Some(Box::new(Notice::LoggedIn { user: user.to_vec() }));
        }
        self.last_user = Some(user.into());
        self.bad_commands = 0;
        let reply = if visit.rights.allows_changes() {
            reply::LOGGED_IN
        } else {
            reply::LOGGED_IN_READ_ONLY
        };
        self.state = State::Ready(visit);
        reply
    }

    /// The account that has logged in.
    pub fn account(&self) -> Option<&Arc<Account>> {
        match &self.state {
            State::Ready(visit)
            | State::AwaitingPort(visit, _)
            | State::Transferring(visit, _)
            | State::Answering(visit) => visit.account(),
            State::Login(_) | State::Verifying { .. } | State::Closing => None,
        }
    }

    /// Who has logged in: an account's name, or that of everyone without one.
    pub fn user(&self) -> Option<&[u8]> {
        let is_visit = match &self.state {
            State::Ready(_) | State::AwaitingPort(..) | State::Transferring(..) | State::Answering(_) => true,
            State::Login(_) | State::Verifying { .. } | State::Closing => false,
        };
        let account = self.account().map(|account| &*account.name);
        is_visit.then(|| account.unwrap_or(ANONYMOUS))
    }
}

/// What an account can see: its own root and what is beneath it. `None`: there is no such directory.
fn root_of(account: &Account, context: &Context<'_>) -> Option<Rc<dyn Storage>> {
    if account.root == VirtualPath::ROOT {
        return Some(Rc::clone(context.storage));
    }
    let root = context.storage.beneath(&account.root);
    if let Err(error) = &root {
        log::warn!(
            "account {}: root {} cannot be opened: {}",
            Shown::whole(&account.name),
            Shown::whole(account.root.as_bytes()),
            error.word()
        );
    }
    root.ok()
}
