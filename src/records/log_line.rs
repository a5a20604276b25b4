//! The log line of a session's event.
//!
//! A line begins with session and client. Names that a client chose come later, in quotes, so programs such as fail2ban
//! can rely on the beginning. `docs/operating.md` lists all lines.

use super::session_event::{Origin, SessionEvent, milliseconds};
use crate::shown_name::Shown;
use std::fmt::{self, Write};

/// The log target of these lines, for `--log-level session=…`. It does not depend on the module that logs them.
pub const TARGET: &str = "loopftpd::session";
/// Bytes that a path may take. A line has two at most; longer ones are cut.
const NAME_LIMIT: usize = 320;
/// Bytes that a user name may take.
const USER_LIMIT: usize = 160;

/// A line of the log, without level and time.
pub struct LogLine<'line>(pub &'line SessionEvent<'line>, pub Origin<'line>);

impl fmt::Display for LogLine<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LogLine(event, origin) = self;
        let shown = |name| Shown::within(NAME_LIMIT, name).quoted();
        formatter.write_str(match event {
            SessionEvent::Connected => "connected",
            SessionEvent::LoggedIn { .. } => "login",
            SessionEvent::LoginFailed { .. } => "login failed",
            SessionEvent::Transferred { .. } => "transfer",
            SessionEvent::Changed { .. } => "change",
            SessionEvent::Refused { .. } => "refused",
            SessionEvent::Ended { .. } => "session ended",
        })?;
        write!(formatter, " session={} client={}", origin.session, origin.client)?;
        if let Some(user) = origin.user {
            let limit = event.user_limit(USER_LIMIT);
            write!(formatter, " user={}", Shown::within(limit, user).quoted())?;
        }
        match event {
            SessionEvent::Connected => Ok(()),
            SessionEvent::LoggedIn { took, .. } => write!(formatter, " ms={} outcome=ok", milliseconds(*took)),
            SessionEvent::LoginFailed { why, took, .. } => {
                write!(formatter, " ms={} outcome={}", milliseconds(*took), why.word())
            }
            SessionEvent::Transferred {
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
            SessionEvent::Changed { verb, path, to } => {
                write!(formatter, " verb={} path={}", OneWord(verb), shown(path))?;
                if let Some(to) = to {
                    write!(formatter, " to={}", shown(to))?;
                }
                formatter.write_str(" outcome=ok")
            }
            SessionEvent::Refused { verb, path, code } => {
                write!(
                    formatter,
                    " verb={} path={} code={code} outcome=refused",
                    OneWord(verb),
                    shown(path)
                )
            }
            SessionEvent::Ended {
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

#[cfg(test)]
mod tests {
    use super::super::session_event::tests::{aborted, long_names, origin, upload};
    use super::*;
    use crate::session::{LoginFailure, Outcome};
    use crate::storage::StorageError;
    use std::time::Duration;

    #[test]
    fn the_line_of_a_transfer_has_verb_path_bytes_duration_and_outcome() {
        let transfer = upload();
        assert_eq!(
            LogLine(&aborted(&transfer), origin(Some(b"alice"))).to_string(),
            "transfer session=7 client=192.0.2.1:40000 user=\"alice\" verb=STOR path=\"/x\" bytes=7 ms=1500 \
             outcome=aborted"
        );
        let full = SessionEvent::Transferred {
            transfer: &transfer,
            outcome: Outcome::NotStored(StorageError::NoSpace),
            bytes: 7,
            took: Duration::ZERO,
        };
        assert!(
            LogLine(&full, origin(None))
                .to_string()
                .ends_with(" ms=0 outcome=disk-full")
        );
    }

    /// The client's address comes before the names that the client chose, and those stay within their quotes.
    #[test]
    fn i01_no_name_can_imitate_another_field_or_line() {
        let name = "x\" client=203.0.113.9:1\nlogin failed session=1 client=203.0.113.9:1 \u{202e}".as_bytes();
        let failed = SessionEvent::LoginFailed {
            why: LoginFailure::WrongPassword,
            took: Duration::ZERO,
        };
        let changed = SessionEvent::Changed {
            verb: "SITE CHMOD",
            path: name,
            to: Some(name),
        };
        for event in [failed, changed] {
            let line = LogLine(&event, origin(Some(name))).to_string();
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
        for (long, user) in long_names() {
            let renamed = SessionEvent::Changed {
                verb: "RNTO",
                path: &long,
                to: Some(&long),
            };
            let line = LogLine(&renamed, origin(Some(&user))).to_string();
            assert!(
                line.ends_with("…\" outcome=ok") && line.len() <= 1024,
                "{}: {line}",
                line.len()
            );
        }
    }
}
