//! Login: USER, PASS, ACCT, REIN, HOST, and the other commands allowed before it (RFC 959 §4.1.1, RFC 7151).
//!
//! Every USER is answered 331, and every failed login with the same 530 after the same amount of work, so that clients
//! cannot find out which users exist (threats F01, F02). Before login, no reply repeats input (threat A12) or describes
//! the server (threat B14). Passwords are verified on the slow-work thread.

use super::Session;
use super::notice::{Ending, LoginFailure, Notice};
use super::state::{Activity, Login, State, User, Visit};
use super::step::{Context, Step};
use crate::accounts::{ANONYMOUS, Account, Claim, Password};
use crate::ftp::command::{Command, Digest};
use crate::ftp::listing::Facts;
use crate::ftp::path::VirtualPath;
use crate::ftp::reply::{self, Reply};
use crate::shown_name::Shown;
use crate::storage::Storage;
use std::borrow::Cow;
use std::mem;
use std::rc::Rc;
use std::sync::Arc;

/// Failed logins before the connection is closed (threat F03).
const FAILED_LOGINS: u8 = 3;

impl Session {
    pub(super) fn command_in_login(&mut self, command: Command, context: &Context<'_>) -> Step {
        let State::Login(login) = &mut self.state else {
            return reply::BAD_SEQUENCE.into();
        };
        match command {
            Command::Pass(password) => {
                let login = mem::take(login);
                return self.password(login, password, context);
            }
            Command::Host => match login {
                Login::Start => reply::HOST_OK,
                Login::UserGiven(_) => reply::BAD_SEQUENCE,
            },
            Command::Acct => reply::ACCOUNT_NOT_NEEDED,
            Command::Noop => reply::NOOP_OK,
            Command::Syst => reply::SYSTEM_TYPE,
            Command::Feat => context.features().reply(Facts::all(), Digest::DEFAULT),
            Command::Help => Reply::help(context.tls.is_some()),
            Command::OptsUtf8 => reply::UTF8_ON,
            Command::Clnt => reply::CLIENT_NOTED,
            // Not reached: the table of verbs says which commands are allowed before login.
            _ => reply::NOT_LOGGED_IN,
        }
        .into()
    }

    fn password(&mut self, login: Login, password: Password, context: &Context<'_>) -> Step {
        let (user, hash, account) = match login {
            Login::Start => return reply::BAD_SEQUENCE.into(),
            Login::UserGiven(User::Anonymous(rights)) => {
                let visit = Visit::new(Rc::clone(context.storage), rights, None);
                return self.log_in(visit, context).into();
            }
            Login::UserGiven(User::Account(account)) => (account.name.clone(), account.password.clone(), Some(account)),
            // An unknown user takes the same work as a known one.
            Login::UserGiven(User::Unknown(user)) => match context.accounts.decoy_hash(&user) {
                Some(hash) => (user, hash, None),
                None => return self.login_failed(&user, context),
            },
        };
        self.state = State::Verifying {
            user: user.clone(),
            account,
        };
        Step::VerifyPassword(Box::new(Claim { user, hash, password }))
    }

    /// The result of [`Step::VerifyPassword`].
    pub fn password_verified(&mut self, matches: bool, context: &Context<'_>) -> Step {
        let (user, account) = match mem::replace(&mut self.state, State::Login(Login::Start)) {
            State::Verifying { user, account } => (user, account),
            // No verification was running.
            state @ (State::Login(_) | State::Visit(..) | State::Closing) => {
                self.state = state;
                return Step::Ignore;
            }
        };
        // The users file may have been reloaded since USER: an account that has changed is refused (threat F10).
        let is_current = |account: &Arc<Account>| context.accounts.find(&account.name) == Some(account);
        let Some(account) = account.filter(|account| matches && is_current(account)) else {
            return self.login_failed(&user, context);
        };
        let Some(presence) = context.attendance.enter(&account) else {
            self.record_failed_login(&user, LoginFailure::TooManySessions, context);
            return self.close(reply::TOO_MANY_OF_ACCOUNT, Ending::TooManySessions);
        };
        match root_of(&account, context) {
            Some(storage) => {
                let rights = account.rights;
                self.log_in(Visit::new(storage, rights, Some((account, presence))), context)
            }
            None => {
                self.record_failed_login(&user, LoginFailure::RootMissing, context);
                reply::ROOT_MISSING
            }
        }
        .into()
    }

    fn record_failed_login(&mut self, user: &[u8], why: LoginFailure, context: &Context<'_>) {
        if context.wants_notices {
            let user = user.to_vec();
            self.notice = Some(Box::new(Notice::LoginFailed { user, why }));
        }
    }

    fn login_failed(&mut self, user: &[u8], context: &Context<'_>) -> Step {
        self.record_failed_login(user, LoginFailure::WrongPassword, context);
        self.failed_logins = self.failed_logins.saturating_add(1);
        if self.failed_logins >= FAILED_LOGINS {
            return self.close(reply::TOO_MANY_FAILED_LOGINS, Ending::TooManyFailedLogins);
        }
        reply::LOGIN_INCORRECT.into()
    }

    fn log_in(&mut self, visit: Visit, context: &Context<'_>) -> Reply {
        if context.wants_notices {
            self.notice = Some(Box::new(Notice::LoggedIn));
        }
        // Most sessions are anonymous; they need no copy of the name.
        self.last_user = Some(match visit.account() {
            Some(account) => Cow::Owned(account.name.to_vec()),
            None => Cow::Borrowed(ANONYMOUS),
        });
        self.bad_commands = 0;
        let reply = if visit.rights.allows_changes() {
            reply::LOGGED_IN
        } else {
            reply::LOGGED_IN_READ_ONLY
        };
        self.state = State::Visit(visit, Activity::Idle);
        reply
    }

    fn visit(&self) -> Option<&Visit> {
        match &self.state {
            State::Visit(visit, _) => Some(visit),
            State::Login(_) | State::Verifying { .. } | State::Closing => None,
        }
    }

    /// The account of the logged-in user; `None` also for an anonymous client.
    pub fn account(&self) -> Option<&Arc<Account>> {
        self.visit().and_then(Visit::account)
    }

    /// The logged-in user: the account's name, or `anonymous`.
    pub fn user(&self) -> Option<&[u8]> {
        self.visit()
            .map(|visit| visit.account().map_or(ANONYMOUS, |account| &*account.name))
    }
}

/// The files under the account's root. `None`: the directory cannot be opened.
fn root_of(account: &Account, context: &Context<'_>) -> Option<Rc<dyn Storage>> {
    if account.root == VirtualPath::ROOT {
        return Some(Rc::clone(context.storage));
    }
    let root = context.storage.subtree(&account.root);
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
