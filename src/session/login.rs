//! Who is there: USER, PASS, ACCT, REIN, HOST, and what may be said before login (RFC 959 §4.1.1, RFC 7151).
//!
//! Every USER is answered 331 and every wrong login with the same 530 after the same work, so that nobody learns which
//! names exist (threats F01, F02). Before login no reply may carry anything of the client's (threat A12) or tell of the
//! server (B14). Passwords are verified elsewhere, because that takes long; the session waits, the loop does not.

use super::ending::{Ending, LoginFailure};
use super::notice::Notice;
use super::state::{Doing, Login, State, User, Visit};
use super::step::Step;
use super::{Context, Session};
use crate::accounts::{ANONYMOUS, Account, Claim, Password};
use crate::ftp::command::{Command, Digest};
use crate::ftp::listing::Facts;
use crate::ftp::path::VirtualPath;
use crate::ftp::reply::{self, Reply};
use crate::shown_name::Shown;
use crate::storage::Storage;
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
            Command::User(name) => {
                *login = Login::UserGiven(User::named(&name, context));
                reply::USER_OK
            }
            Command::Pass(password) => {
                let login = mem::take(login);
                return self.password(login, password, context);
            }
            Command::Quit => return self.close(reply::GOODBYE, Ending::Quit),
            Command::Host => match login {
                Login::Start => reply::HOST_OK,
                Login::UserGiven(_) => reply::BAD_SEQUENCE,
            },
            Command::Rein => {
                *login = Login::Start;
                reply::READY_FOR_NEW_USER
            }
            Command::Acct => reply::ACCOUNT_NOT_NEEDED,
            Command::Noop => reply::NOOP_OK,
            Command::Syst => reply::SYSTEM_TYPE,
            Command::Feat => context.features.reply(Facts::all(), Digest::DEFAULT),
            Command::Help => Reply::help(),
            Command::OptsUtf8 => reply::UTF8_ON,
            Command::Clnt => reply::CLIENT_NOTED,
            // Nothing else gets here: a command needs a login unless its row in the table of verbs says otherwise.
            _ => reply::NOT_LOGGED_IN,
        }
        .into()
    }

    fn password(&mut self, login: Login, password: Password, context: &Context<'_>) -> Step {
        let (user, hash, account) = match login {
            Login::Start => return reply::BAD_SEQUENCE.into(),
            Login::UserGiven(User::Anonymous(rights)) => {
                let visit = Visit::anonymous(Rc::clone(context.storage), rights);
                return self.enter(ANONYMOUS, visit, context).into();
            }
            Login::UserGiven(User::Account(account)) => (account.name.clone(), account.password.clone(), Some(account)),
            // The same work for a name that nobody has.
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

    /// Whether the password is the account's is known now.
    pub fn password_verified(&mut self, matches: bool, context: &Context<'_>) -> Step {
        let (user, account) = match mem::replace(&mut self.state, State::Login(Login::Start)) {
            State::Verifying { user, account } => (user, account),
            // Nothing asked for it.
            state @ (State::Login(_) | State::Visit(..) | State::Closing) => {
                self.state = state;
                return Step::Ignore;
            }
        };
        // The users file may have been read again since USER: what is not in force any more lets nobody in (F10).
        let in_force = |account: &Arc<Account>| context.accounts.find(&account.name) == Some(account);
        let Some(account) = account.filter(|account| matches && in_force(account)) else {
            return self.login_failed(&user, context);
        };
        let Some(presence) = context.attendance.enter(&account) else {
            self.note_failed_login(&user, LoginFailure::TooManySessions, context);
            return self.close(reply::TOO_MANY_OF_ACCOUNT, Ending::TooManySessions);
        };
        match root_of(&account, context) {
            Some(storage) => {
                let rights = account.rights;
                self.enter(&user, Visit::new(storage, rights, Some((account, presence))), context)
            }
            None => {
                self.note_failed_login(&user, LoginFailure::RootMissing, context);
                reply::ROOT_MISSING
            }
        }
        .into()
    }

    fn note_failed_login(&mut self, user: &[u8], why: LoginFailure, context: &Context<'_>) {
        if context.wants_notices {
            let user = user.to_vec();
            self.notice = Some(Box::new(Notice::LoginFailed { user, why }));
        }
    }

    fn login_failed(&mut self, user: &[u8], context: &Context<'_>) -> Step {
        self.note_failed_login(user, LoginFailure::WrongPassword, context);
        self.failed_logins = self.failed_logins.saturating_add(1);
        if self.failed_logins >= FAILED_LOGINS {
            return self.close(reply::TOO_MANY_FAILED_LOGINS, Ending::TooManyFailedLogins);
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
        self.state = State::Visit(visit, Doing::Nothing);
        reply
    }

    fn visit(&self) -> Option<&Visit> {
        match &self.state {
            State::Visit(visit, _) => Some(visit),
            State::Login(_) | State::Verifying { .. } | State::Closing => None,
        }
    }

    /// The account that has logged in.
    pub fn account(&self) -> Option<&Arc<Account>> {
        self.visit().and_then(Visit::account)
    }

    /// Who has logged in: an account's name, or that of everyone without one.
    pub fn user(&self) -> Option<&[u8]> {
        self.visit()
            .map(|visit| visit.account().map_or(ANONYMOUS, |account| &*account.name))
    }
}

/// What an account can see: its own root and what is beneath it. `None`: there is no such directory.
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
