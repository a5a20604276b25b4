//! What is recorded of a session: its events, as log lines and as lines of `--events`. `docs/operating.md` lists all
//! lines and fields.
//!
//! A log line begins with session and client. Names that a client chose come later, in quotes, so programs such as
//! fail2ban can rely on the beginning.

use crate::ftp::command::Representation;
use crate::ftp::timestamp::Timestamp;
use crate::session::{Ending, LoginFailure, Notice, Outcome, Transfer};
use crate::shown_name::Shown;
use crate::transfer::Direction;
use log::Level;
use serde::{Serialize, Serializer};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The log target of these lines, for `--log-level session=…`. It does not depend on the module that logs them.
pub const TARGET: &str = "loopftpd::session";
/// The version of the fields of `--events`. It changes when a field is removed or changes its meaning, not when one is
/// added.
const SCHEMA: u32 = 1;
/// Bytes that a name may take in a line of `--events`.
const EVENT_NAME_LIMIT: usize = 1500;
/// Bytes that a path may take in a log line. A line has two at most; longer ones are cut.
const LOGGED_NAME_LIMIT: usize = 320;
/// Bytes that a user name may take in a log line.
const LOGGED_USER_LIMIT: usize = 160;
/// Bytes that a record shows of a name that could not log in: people type their passwords there (threat F08).
const FAILED_USER_LIMIT: usize = 32;

/// Something that has happened in a session, with its fields in `--events`, in their order.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum SessionEvent<'session> {
    Connect,
    Login {
        ok: bool,
        ms: u64,
        outcome: String,
    },
    Transfer(EndedTransfer<'session>),
    Change {
        verb: &'static str,
        path: Name<'session>,
        /// The new path, if it was a rename.
        to: Option<Name<'session>>,
    },
    Refusal {
        verb: &'static str,
        path: Name<'session>,
        code: u16,
    },
    Disconnect {
        bytes_sent: u64,
        bytes_received: u64,
        ms: u64,
        outcome: Ending,
    },
}

/// A file sent or received, or a part of one.
#[derive(Debug, Serialize)]
pub struct EndedTransfer<'session> {
    pub verb: &'static str,
    pub direction: Direction,
    /// The virtual path.
    pub path: Name<'session>,
    #[serde(rename = "type")]
    pub representation: Representation,
    pub bytes: u64,
    pub seconds: f64,
    pub ms: u64,
    /// Of the last reply.
    pub code: u16,
    pub ok: bool,
    pub outcome: &'static str,
}

/// A name from a client.
#[derive(Clone, Copy, Debug)]
pub struct Name<'session>(pub &'session [u8]);

/// The session that an event belongs to.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'session> {
    pub session: u64,
    pub client: SocketAddr,
    /// The name that has logged in; for a login, the name that was tried.
    pub user: Option<&'session [u8]>,
}

/// A line of `--events`.
#[derive(Serialize)]
struct EventLine<'line> {
    schema: u32,
    /// UTC in ISO 8601.
    time: String,
    session: u64,
    peer: IpAddr,
    port: u16,
    user: Option<Shown<'line>>,
    #[serde(flatten)]
    event: &'line SessionEvent<'line>,
}

impl<'session> SessionEvent<'session> {
    /// The event that `notice` reports. `took`: the time since the client could log in.
    pub fn of(notice: &'session Notice, took: Duration) -> Self {
        match notice {
            Notice::LoggedIn => SessionEvent::Login {
                ok: true,
                ms: milliseconds(took),
                outcome: "ok".to_owned(),
            },
            Notice::LoginFailed { why, .. } => SessionEvent::login_failed(*why, took),
            Notice::Changed { verb, path, to } => SessionEvent::Change {
                verb,
                path: Name(path.as_bytes()),
                to: to.as_ref().map(|to| Name(to.as_bytes())),
            },
            Notice::Refused { verb, path, code } => SessionEvent::Refusal {
                verb,
                path: Name(path.as_bytes()),
                code: *code,
            },
        }
    }

    /// A login that failed. `took`: the time since the client could log in.
    pub fn login_failed(why: LoginFailure, took: Duration) -> Self {
        SessionEvent::Login {
            ok: false,
            ms: milliseconds(took),
            outcome: why.to_string(),
        }
    }

    /// The session's end, `took` after its beginning.
    pub fn disconnect(ending: Ending, bytes_sent: u64, bytes_received: u64, took: Duration) -> Self {
        SessionEvent::Disconnect {
            bytes_sent,
            bytes_received,
            ms: milliseconds(took),
            outcome: ending,
        }
    }

    /// The level of its log line.
    pub fn level(&self, origin: Origin<'_>) -> Level {
        match self {
            SessionEvent::Connect => Level::Debug,
            SessionEvent::Login { ok: false, .. } => Level::Warn,
            // Connections that only check whether the port answers are not worth a line.
            SessionEvent::Disconnect { outcome, .. }
                if origin.user.is_none() && *outcome != Ending::ForeignProtocol =>
            {
                Level::Debug
            }
            SessionEvent::Login { .. }
            | SessionEvent::Transfer(_)
            | SessionEvent::Change { .. }
            | SessionEvent::Refusal { .. }
            | SessionEvent::Disconnect { .. } => Level::Info,
        }
    }

    /// The line of the log, without level and time.
    pub fn log_line(&self, origin: Origin<'_>) -> String {
        let shown = |Name(name)| Shown::within(LOGGED_NAME_LIMIT, name).quoted();
        // `SITE CHMOD` as `SITE-CHMOD`: fields end at blanks.
        let one_word = |verb: &str| verb.replace(' ', "-");
        let (kind, fields) = match self {
            SessionEvent::Connect => ("connected", String::new()),
            SessionEvent::Login { ok, ms, outcome } => {
                let kind = if *ok { "login" } else { "login failed" };
                (kind, format!(" ms={ms} outcome={outcome}"))
            }
            SessionEvent::Transfer(EndedTransfer {
                verb,
                path,
                bytes,
                ms,
                outcome,
                ..
            }) => {
                let path = shown(*path);
                let fields = format!(" verb={verb} path={path} bytes={bytes} ms={ms} outcome={outcome}");
                ("transfer", fields)
            }
            SessionEvent::Change { verb, path, to } => {
                let to = to.map(|to| format!(" to={}", shown(to))).unwrap_or_default();
                let fields = format!(" verb={} path={}{to} outcome=ok", one_word(verb), shown(*path));
                ("change", fields)
            }
            SessionEvent::Refusal { verb, path, code } => {
                let (verb, path) = (one_word(verb), shown(*path));
                let fields = format!(" verb={verb} path={path} code={code} outcome=refused");
                ("refused", fields)
            }
            SessionEvent::Disconnect {
                bytes_sent,
                bytes_received,
                ms,
                outcome,
            } => {
                let bytes = format!(" bytes_sent={bytes_sent} bytes_received={bytes_received}");
                ("session ended", format!("{bytes} ms={ms} outcome={outcome}"))
            }
        };
        let user = self.shown_user(origin, LOGGED_USER_LIMIT);
        let user = user.map(|user| format!(" user={}", user.quoted())).unwrap_or_default();
        let Origin { session, client, .. } = origin;
        format!("{kind} session={session} client={client}{user}{fields}")
    }

    /// The line of `--events` for an event that happens now, with its line end.
    pub fn event_line(&self, origin: Origin<'_>) -> serde_json::Result<Vec<u8>> {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut line = serde_json::to_vec(&self.at(since_epoch, origin))?;
        line.push(b'\n');
        Ok(line)
    }

    fn at<'line>(&'line self, since_epoch: Duration, origin: Origin<'line>) -> EventLine<'line> {
        let seconds = i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX);
        let time = Timestamp::from_unix(seconds).iso();
        EventLine {
            schema: SCHEMA,
            time: format!("{time}.{:03}Z", since_epoch.subsec_millis()),
            session: origin.session,
            peer: origin.client.ip(),
            port: origin.client.port(),
            user: self.shown_user(origin, EVENT_NAME_LIMIT),
            event: self,
        }
    }

    /// The user's name, in at most `limit` bytes.
    fn shown_user<'origin>(&self, origin: Origin<'origin>, limit: usize) -> Option<Shown<'origin>> {
        let limit = match self {
            SessionEvent::Login { ok: false, .. } => FAILED_USER_LIMIT,
            _ => limit,
        };
        origin.user.map(|user| Shown::within(limit, user))
    }
}

impl<'session> EndedTransfer<'session> {
    /// `transfer`, which moved `bytes`. `took`: from the transfer command to the last byte.
    pub fn new(
        transfer: &'session Transfer,
        direction: Direction,
        outcome: Outcome,
        bytes: u64,
        took: Duration,
    ) -> Self {
        Self {
            verb: transfer.verb,
            direction,
            path: Name(transfer.path.as_bytes()),
            representation: transfer.representation,
            bytes,
            seconds: took.as_secs_f64(),
            ms: milliseconds(took),
            code: outcome.reply().code(),
            ok: outcome.is_success(),
            outcome: outcome.word(),
        }
    }
}

fn milliseconds(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}

impl Serialize for Name<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Shown::within(EVENT_NAME_LIMIT, self.0).serialize(serializer)
    }
}

#[cfg(test)]
mod tests;
