//! What is recorded of a session: one log line for each finished thing, and the same as an event of `--events`.
//!
//! A line begins with the session's part: which, whose address, who; a client has no say in what stands before its own
//! name, and names stand between quotes, so that programs such as fail2ban can rely on it. `docs/operating.md` lists
//! all lines.

use crate::session::{Ending, LoginFailure, Notice, Outcome, Transfer};
use crate::shown_name::Shown;
use log::Level;
use std::fmt::{self, Write};
use std::net::SocketAddr;
use std::time::Duration;

/// What these lines are of, for `--log-level session=…`, wherever in the source they come from.
pub const TARGET: &str = "loopftpd::session";
/// Bytes that a path may take of a line of the log, of which there are two at the most; longer ones lose their ends.
const NAME_IN_LINE: usize = 320;
/// The same for the name of who has logged in.
const USER_IN_LINE: usize = 160;
/// The same for a name that nobody could log in by: people type their passwords there (threat F08).
pub(super) const GUESS_SHOWN: usize = 32;

/// Something that is finished.
#[derive(Debug)]
pub enum Happening<'loop_> {
    Connected,
    LoggedIn {
        user: &'loop_ [u8],
        took: Duration,
    },
    LoginFailed {
        user: &'loop_ [u8],
        why: LoginFailure,
        took: Duration,
    },
    Transferred {
        transfer: &'loop_ Transfer,
        outcome: Outcome,
        bytes: u64,
        took: Duration,
    },
    Changed {
        verb: &'static str,
        path: &'loop_ [u8],
        to: Option<&'loop_ [u8]>,
    },
    Refused {
        verb: &'static str,
        path: &'loop_ [u8],
        code: u16,
    },
    Ended {
        ending: Ending,
        sent: u64,
        received: u64,
        took: Duration,
    },
}

/// Whose it is.
#[derive(Clone, Copy, Debug)]
pub struct Who<'session> {
    pub session: u64,
    pub client: SocketAddr,
    /// Who has logged in.
    pub user: Option<&'session [u8]>,
}

impl<'loop_> Happening<'loop_> {
    pub fn of(notice: &'loop_ Notice, took: Duration) -> Self {
        match notice {
            Notice::LoggedIn { user } => Happening::LoggedIn { user, took },
            Notice::LoginFailed { user, why } => Happening::LoginFailed { user, why: *why, took },
            Notice::Changed { verb, path, to } => Happening::Changed {
                verb,
                path: path.as_bytes(),
                to: to.as_ref().map(|to| to.as_bytes()),
            },
            Notice::Refused { verb, path, code } => Happening::Refused {
                verb,
                path: path.as_bytes(),
                code: *code,
            },
        }
    }

    pub fn level(&self, who: Who<'_>) -> Level {
        match self {
            Happening::Connected => Level::Debug,
            Happening::LoginFailed { .. } => Level::Warn,
            // A connection that only checks whether the port answers is of no interest.
            Happening::Ended { ending, .. } if who.user.is_none() && *ending != Ending::ForeignProtocol => Level::Debug,
            Happening::LoggedIn { .. }
            | Happening::Transferred { .. }
            | Happening::Changed { .. }
            | Happening::Refused { .. }
            | Happening::Ended { .. } => Level::Info,
        }
    }
}

/// A line of the log.
pub struct Line<'line>(pub &'line Happening<'line>, pub Who<'line>);

impl fmt::Display for Line<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Line(happening, who) = self;
        let shown = |name| Shown::within(NAME_IN_LINE, name).quoted();
        formatter.write_str(match happening {
            Happening::Connected => "connected",
            Happening::LoggedIn { .. } => "login",
            Happening::LoginFailed { .. } => "login failed",
            Happening::Transferred { .. } => "transfer",
            Happening::Changed { .. } => "change",
            Happening::Refused { .. } => "refused",
            Happening::Ended { .. } => "session ended",
        })?;
        write!(formatter, " session={} client={}", who.session, who.client)?;
        match (happening, who.user) {
            (Happening::LoginFailed { user, .. }, _) => {
                write!(formatter, " user={}", Shown::within(GUESS_SHOWN, user).quoted())?;
            }
            (_, Some(user)) => write!(formatter, " user={}", Shown::within(USER_IN_LINE, user).quoted())?,
            (_, None) => {}
        }
        match happening {
            Happening::Connected => Ok(()),
            Happening::LoggedIn { took, .. } => write!(formatter, " ms={} outcome=ok", milliseconds(*took)),
            Happening::LoginFailed { why, took, .. } => {
                write!(formatter, " ms={} outcome={}", milliseconds(*took), why.word())
            }
            Happening::Transferred {
                transfer,
                outcome,
                bytes,
                took,
            } => write!(
                formatter,
                " verb={} path={} bytes={bytes} ms={} outcome={}",
                transfer.verb,
                shown(transfer.path.as_bytes()),
                milliseconds(*took),
                outcome.word()
            ),
            Happening::Changed { verb, path, to } => {
                write!(formatter, " verb={} path={}", OneWord(verb), shown(path))?;
                if let Some(to) = to {
                    write!(formatter, " to={}", shown(to))?;
                }
                formatter.write_str(" outcome=ok")
            }
            Happening::Refused { verb, path, code } => {
                write!(
                    formatter,
                    " verb={} path={} code={code} outcome=refused",
                    OneWord(verb),
                    shown(path)
                )
            }
            Happening::Ended {
                ending,
                sent,
                received,
                took,
            } => write!(
                formatter,
                " bytes_sent={sent} bytes_received={received} ms={} outcome={}",
                milliseconds(*took),
                ending.word()
            ),
        }
    }
}

/// `SITE CHMOD` as `SITE-CHMOD`: fields end at blanks.
struct OneWord<'verb>(&'verb str);

impl fmt::Display for OneWord<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            formatter.write_char(if character == ' ' { '-' } else { character })?;
        }
        Ok(())
    }
}

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
    use crate::storage::StorageError;

    fn who(user: Option<&[u8]>) -> Who<'_> {
        Who {
            session: 7,
            client: "192.0.2.1:40000".parse().expect("an address"),
            user,
        }
    }

    pub(in crate::records) fn alice() -> Who<'static> {
        who(Some(b"alice"))
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

    #[test]
    fn a_transfer_says_what_and_how_much_and_how_it_ended() {
        let transfer = upload();
        let aborted = Happening::Transferred {
            transfer: &transfer,
            outcome: Outcome::Aborted,
            bytes: 7,
            took: Duration::from_millis(1500),
        };
        assert_eq!(
            Line(&aborted, alice()).to_string(),
            "transfer session=7 client=192.0.2.1:40000 user=\"alice\" verb=STOR path=\"/x\" bytes=7 ms=1500 outcome=aborted"
        );
        let full = Happening::Transferred {
            transfer: &transfer,
            outcome: Outcome::NotStored(StorageError::NoSpace),
            bytes: 7,
            took: Duration::ZERO,
        };
        assert!(Line(&full, who(None)).to_string().ends_with(" ms=0 outcome=disk-full"));
    }

    /// Whatever a client calls itself and its files: the address stands before it, and its own words stay between
    /// quotes.
    #[test]
    fn i01_no_name_can_pretend_to_be_another_field_or_line() {
        let name = "x\" client=203.0.113.9:1\nlogin failed session=1 client=203.0.113.9:1 \u{202e}".as_bytes();
        let failed = Happening::LoginFailed {
            user: name,
            why: LoginFailure::WrongPassword,
            took: Duration::ZERO,
        };
        let changed = Happening::Changed {
            verb: "SITE CHMOD",
            path: name,
            to: Some(name),
        };
        for happening in [failed, changed] {
            let line = Line(&happening, who(Some(name))).to_string();
            let (before, _) = line.split_once(" user=").expect("a user");
            assert!(before.ends_with("client=192.0.2.1:40000"), "{line}");
            assert!(
                !line.contains(['\n', '\u{202e}']) && !line.replace("\\\"", "").contains("\" client="),
                "{line}"
            );
        }
    }

    #[test]
    fn i01_the_longest_names_leave_room_for_the_rest_of_the_line() {
        for filling in [
            &b"x"[..],
            b"\"",
            b"\\",
            b"\xff",
            b"\x1b",
            "€".as_bytes(),
            "\u{9b}".as_bytes(),
        ] {
            let long = filling.repeat(4000 / filling.len());
            let renamed = Happening::Changed {
                verb: "RNTO",
                path: &long,
                to: Some(&long),
            };
            let user = filling.repeat(128 / filling.len());
            let line = Line(&renamed, who(Some(&user))).to_string();
            assert!(
                line.ends_with("…\" outcome=ok") && line.len() <= 1024,
                "{}: {line}",
                line.len()
            );
        }
    }
}
