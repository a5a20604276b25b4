//! Who is there: USER, PASS, ACCT, REIN, HOST, and what may be said before login (RFC 959 §4.1.1, RFC 7151).
//!
//! Every USER is answered 331 and every wrong login with the same 530, so that nobody learns which names exist. Before
//! login no reply may carry anything of the client's (threat A12) or tell of the server (B14).

use super::answer::Answer;
use super::request::Request;
use super::state::{Login, State, User, Visit};
use super::{Context, Session};
use crate::ftp::command::{Command, Digest};
use crate::ftp::listing::Facts;
use crate::ftp::reply::{self, Reply};
use std::rc::Rc;

/// Failed logins before the connection is closed (threat F03).
const FAILED_LOGINS: u8 = 3;

impl Session {
    pub(super) fn command_in_login(&mut self, login: Login, command: Command, context: &Context<'_>) -> Answer {
        match command {
            Command::User(name) => {
                self.state = State::Login(Login::UserGiven(User::named(&name, context)));
                reply::USER_OK.into()
            }
            Command::Pass(_) => self.password(&login, context),
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
            Command::Feat => self.stay(login, Reply::features(Facts::ALL, Digest::DEFAULT)),
            Command::Help(_) => self.stay(login, Reply::help()),
            Command::OptsUtf8 => self.stay(login, reply::UTF8_ON),
            Command::Clnt => self.stay(login, reply::CLIENT_NOTED),
            Command::StatSession
            | Command::StatPath(_)
            | Command::OptsMlst(_)
            | Command::Type(_)
            | Command::Mode(_)
            | Command::OptsDeflate(_)
            | Command::Structure
            | Command::Allo
            | Command::Pwd
            | Command::Cwd(_)
            | Command::Cdup
            | Command::List(_)
            | Command::Nlst(_)
            | Command::Mlst(_)
            | Command::Mlsd(_)
            | Command::Size(_)
            | Command::Mdtm(_)
            | Command::Rest(_)
            | Command::Retr(_)
            | Command::Abor
            | Command::Pasv
            | Command::Epsv(_)
            | Command::Port(_)
            | Command::Eprt(_)
            | Command::SiteHelp
            | Command::Pret
            | Command::MdtmOrSet { .. }
            | Command::Stor(_)
            | Command::Appe(_)
            | Command::Stou(_)
            | Command::Dele(_)
            | Command::Mkd(_)
            | Command::Rmd(_)
            | Command::Rnfr(_)
            | Command::Rnto(_)
            | Command::SetModified(..)
            | Command::SetFacts(..)
            | Command::SiteUtime(..)
            | Command::SiteChmod(..)
            | Command::Digest(_)
            | Command::OptsHash(_)
            | Command::Range(_)
            | Command::Avbl(_) => self.stay(login, reply::NOT_LOGGED_IN),
        }
    }

    fn stay(&mut self, login: Login, reply: Reply) -> Answer {
        self.state = State::Login(login);
        reply.into()
    }

    fn password(&mut self, login: &Login, context: &Context<'_>) -> Answer {
        match login {
            Login::Start => {
                self.state = State::Login(Login::Start);
                reply::BAD_SEQUENCE.into()
            }
            Login::UserGiven(User::Anonymous(rights)) => {
                self.bad_commands = 0;
                self.state = State::Ready(Visit::new(Rc::clone(context.storage), *rights));
                if rights.allows_changes() {
                    reply::LOGGED_IN.into()
                } else {
                    reply::LOGGED_IN_READ_ONLY.into()
                }
            }
            Login::UserGiven(User::Unknown) => {
                self.state = State::Login(Login::Start);
                self.failed_logins = self.failed_logins.saturating_add(1);
                if self.failed_logins < FAILED_LOGINS {
                    return reply::LOGIN_INCORRECT.into();
                }
                self.state = State::Closing;
                Answer::ReplyAndRequest(reply::TOO_MANY_FAILED_LOGINS, Request::Close)
            }
        }
    }
}
