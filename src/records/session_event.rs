//! What is recorded of a session: the events that become log lines and lines of `--events`.

use crate::session::{Ending, LoginFailure, Notice, Outcome, Transfer};
use log::Level;
use std::net::SocketAddr;
use std::time::Duration;

/// Bytes that a record shows of a name that could not log in: people type their passwords there (threat F08).
const FAILED_USER_LIMIT: usize = 32;

/// Something that has happened in a session.
#[derive(Debug)]
pub enum SessionEvent<'session> {
    Connected,
    LoggedIn {
        took: Duration,
    },
    LoginFailed {
        why: LoginFailure,
        took: Duration,
    },
    Transferred {
        transfer: &'session Transfer,
        outcome: Outcome,
        bytes: u64,
        took: Duration,
    },
    Changed {
        verb: &'static str,
        path: &'session [u8],
        to: Option<&'session [u8]>,
    },
    Refused {
        verb: &'static str,
        path: &'session [u8],
        code: u16,
    },
    Ended {
        ending: Ending,
        sent: u64,
        received: u64,
        took: Duration,
    },
}

/// The session that an event belongs to.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'session> {
    pub session: u64,
    pub client: SocketAddr,
    /// The name that has logged in; for a login, the name that was tried.
    pub user: Option<&'session [u8]>,
}

impl<'session> SessionEvent<'session> {
    /// The event that `notice` reports. `took`: the time since the client could log in.
    pub fn of(notice: &'session Notice, took: Duration) -> Self {
        match notice {
            Notice::LoggedIn { .. } => SessionEvent::LoggedIn { took },
            Notice::LoginFailed { why, .. } => SessionEvent::LoginFailed { why: *why, took },
            Notice::Changed { verb, path, to } => SessionEvent::Changed {
                verb,
                path: path.as_bytes(),
                to: to.as_ref().map(|to| to.as_bytes()),
            },
            Notice::Refused { verb, path, code } => SessionEvent::Refused {
                verb,
                path: path.as_bytes(),
                code: *code,
            },
        }
    }

    /// The level of its log line.
    pub fn level(&self, origin: Origin<'_>) -> Level {
        match self {
            SessionEvent::Connected => Level::Debug,
            SessionEvent::LoginFailed { .. } => Level::Warn,
            // Connections that only check whether the port answers are not worth a line.
            SessionEvent::Ended { ending, .. } if origin.user.is_none() && *ending != Ending::ForeignProtocol => {
                Level::Debug
            }
            SessionEvent::LoggedIn { .. }
            | SessionEvent::Transferred { .. }
            | SessionEvent::Changed { .. }
            | SessionEvent::Refused { .. }
            | SessionEvent::Ended { .. } => Level::Info,
        }
    }

    /// Bytes of the user name that a record shows, if it shows `limit` of other events.
    pub(super) fn user_limit(&self, limit: usize) -> usize {
        if matches!(self, SessionEvent::LoginFailed { .. }) {
            FAILED_USER_LIMIT.min(limit)
        } else {
            limit
        }
    }
}

/// A duration as records give it.
pub(super) fn milliseconds(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::ftp::command::Representation;
    use crate::ftp::path::VirtualPath;
    use crate::ftp::reply;
    use crate::session::TransferKind;

    pub(in crate::records) fn origin(user: Option<&[u8]>) -> Origin<'_> {
        Origin {
            session: 7,
            client: "192.0.2.1:40000".parse().expect("an address"),
            user,
        }
    }

    /// `upload`, aborted after 7 bytes and 1.5 s.
    pub(in crate::records) fn aborted(upload: &Transfer) -> SessionEvent<'_> {
        SessionEvent::Transferred {
            transfer: upload,
            outcome: Outcome::Aborted,
            bytes: 7,
            took: Duration::from_millis(1500),
        }
    }

    pub(in crate::records) fn upload() -> Transfer {
        Transfer {
            verb: "STOR",
            path: VirtualPath::ROOT.join(b"x").expect("short"),
            kind: TransferKind::Upload,
            representation: Representation::Image,
            opening: reply::OPENING_UPLOAD,
            mode_z_place: None,
        }
    }

    /// Names of 4,000 bytes, of every kind of byte that a record escapes, with user names of 128 bytes.
    pub(in crate::records) fn long_names() -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
        let pieces: [&[u8]; 7] = [
            b"x",
            b"\"",
            b"\\",
            b"\xff",
            b"\x1b",
            "€".as_bytes(),
            "\u{9b}".as_bytes(),
        ];
        let repeated = |piece: &[u8], length| piece.repeat(length / piece.len());
        (pieces.into_iter()).map(move |piece| (repeated(piece, 4000), repeated(piece, 128)))
    }

    #[test]
    fn sessions_that_never_logged_in_end_quietly_unless_they_spoke_another_protocol() {
        let ended = |ending| SessionEvent::Ended {
            ending,
            sent: 0,
            received: 0,
            took: Duration::ZERO,
        };
        let alice = origin(Some(b"alice"));
        assert_eq!(ended(Ending::ClientClosed).level(origin(None)), Level::Debug);
        assert_eq!(ended(Ending::ForeignProtocol).level(origin(None)), Level::Info);
        assert_eq!(ended(Ending::ClientClosed).level(alice), Level::Info);
    }

    #[test]
    fn an_event_has_what_its_notice_reports() {
        let path = VirtualPath::ROOT.join(b"old").expect("short");
        let to = VirtualPath::ROOT.join(b"new").expect("short");
        let notice = Notice::Changed {
            verb: "RNTO",
            path,
            to: Some(to),
        };
        let SessionEvent::Changed { verb, path, to } = SessionEvent::of(&notice, Duration::ZERO) else {
            panic!("a change");
        };
        assert_eq!((verb, path, to), ("RNTO", &b"/old"[..], Some(&b"/new"[..])));
    }
}
