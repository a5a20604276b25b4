//! The fields of an event of `--events`, as `docs/operating.md` lists them.

use crate::ftp::command::Representation;
use crate::ftp::timestamp::Timestamp;
use crate::records::happening::{GUESS_SHOWN, Happening, Who, milliseconds};
use crate::session::TransferKind;
use crate::shown_name::Shown;
use serde::Serialize;
use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The version of the fields. It changes when a field changes its meaning or goes, not when one is added.
const SCHEMA: u32 = 1;
/// Bytes that a name takes at most. The log's limits are lower, because its lines are shorter.
const NAME_LIMIT: usize = 1500;

/// One event; its JSON has the fields in this order.
#[derive(Serialize)]
pub(crate) struct Event<'event> {
    schema: u32,
    time: String,
    session: u64,
    peer: IpAddr,
    port: u16,
    user: Option<Shown<'event>>,
    #[serde(flatten)]
    kind: EventKind<'event>,
}

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum EventKind<'event> {
    Connect,
    Login {
        ok: bool,
        ms: u64,
        outcome: &'static str,
    },
    Transfer {
        verb: &'static str,
        direction: &'static str,
        path: Shown<'event>,
        r#type: char,
        bytes: u64,
        seconds: f64,
        ms: u64,
        code: u16,
        ok: bool,
        outcome: &'static str,
    },
    Change {
        verb: &'static str,
        path: Shown<'event>,
        to: Option<Shown<'event>>,
    },
    Refusal {
        verb: &'static str,
        path: Shown<'event>,
        code: u16,
    },
    Disconnect {
        bytes_sent: u64,
        bytes_received: u64,
        ms: u64,
        outcome: &'static str,
    },
}

/// The line of an event that happens now, with its line end.
pub(crate) fn line(happening: &Happening<'_>, who: Who<'_>) -> serde_json::Result<Vec<u8>> {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut line = serde_json::to_vec(&Event::of(happening, who, iso_time(since_epoch)))?;
    line.push(b'\n');
    Ok(line)
}

/// `2026-11-24T08:00:00.123Z`
fn iso_time(since_epoch: Duration) -> String {
    let seconds = i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX);
    format!(
        "{}.{:03}Z",
        Timestamp::from_unix(seconds).iso(),
        since_epoch.subsec_millis()
    )
}

impl<'event> Event<'event> {
    /// `time`: UTC in ISO 8601.
    fn of(happening: &Happening<'event>, who: Who<'event>, time: String) -> Self {
        let shown = |name| Shown::within(NAME_LIMIT, name);
        Self {
            schema: SCHEMA,
            time,
            session: who.session,
            peer: who.client.ip(),
            port: who.client.port(),
            user: match happening {
                Happening::LoginFailed { user, .. } => Some(Shown::within(GUESS_SHOWN, user)),
                Happening::Connected
                | Happening::LoggedIn { .. }
                | Happening::Transferred { .. }
                | Happening::Changed { .. }
                | Happening::Refused { .. }
                | Happening::Ended { .. } => who.user.map(shown),
            },
            kind: EventKind::of(happening, shown),
        }
    }
}

impl<'event> EventKind<'event> {
    fn of(happening: &Happening<'event>, shown: impl Fn(&'event [u8]) -> Shown<'event>) -> Self {
        match *happening {
            Happening::Connected => EventKind::Connect,
            Happening::LoggedIn { took, .. } => EventKind::Login {
                ok: true,
                ms: milliseconds(took),
                outcome: "ok",
            },
            Happening::LoginFailed { why, took, .. } => EventKind::Login {
                ok: false,
                ms: milliseconds(took),
                outcome: why.word(),
            },
            Happening::Transferred {
                transfer,
                outcome,
                bytes,
                took,
            } => EventKind::Transfer {
                verb: transfer.verb,
                direction: match transfer.kind {
                    TransferKind::Download | TransferKind::Listing => "out",
                    TransferKind::Upload => "in",
                },
                path: shown(transfer.path.as_bytes()),
                r#type: match transfer.representation {
                    Representation::Ascii => 'A',
                    Representation::Image => 'I',
                },
                bytes,
                seconds: took.as_secs_f64(),
                ms: milliseconds(took),
                code: outcome.reply().code(),
                ok: outcome.is_success(),
                outcome: outcome.word(),
            },
            Happening::Changed { verb, path, to } => EventKind::Change {
                verb,
                path: shown(path),
                to: to.map(shown),
            },
            Happening::Refused { verb, path, code } => EventKind::Refusal {
                verb,
                path: shown(path),
                code,
            },
            Happening::Ended {
                ending,
                sent,
                received,
                took,
            } => EventKind::Disconnect {
                bytes_sent: sent,
                bytes_received: received,
                ms: milliseconds(took),
                outcome: ending.word(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::happening::tests::{alice, upload};
    use crate::session::Outcome;
    use serde_json::{Value, json};

    fn line(happening: &Happening<'_>, who: Who<'_>) -> String {
        let event = Event::of(happening, who, "2026-11-24T08:00:00.123Z".to_owned());
        serde_json::to_string(&event).expect("JSON")
    }

    #[test]
    fn i09_every_event_can_be_read_back() {
        let odd = b"/a\"b\\c\xff\xfe\x1b[2J \xe2\x82\xac\xc2\x9b";
        let refused = Happening::Refused {
            verb: "STOR",
            path: odd,
            code: 553,
        };
        let line = line(&refused, alice());
        let read: Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(read["path"], "/a\"b\\\\c\\xff\\xfe\\x1b[2J €\\xc2\\x9b");
        assert_eq!(read["code"], 553);
        assert!(line.bytes().all(|byte| byte >= b' '), "{line}");
    }

    #[test]
    fn a_transfer_has_all_its_fields() {
        let transfer = upload();
        let aborted = Happening::Transferred {
            transfer: &transfer,
            outcome: Outcome::Aborted,
            bytes: 7,
            took: Duration::from_millis(1500),
        };
        let read: Value = serde_json::from_str(&line(&aborted, alice())).expect("JSON");
        assert_eq!(
            read,
            json!({ "schema": SCHEMA, "time": "2026-11-24T08:00:00.123Z", "session": 7, "peer": "192.0.2.1",
                    "port": 40000, "user": "alice", "event": "transfer", "verb": "STOR", "direction": "in",
                    "path": "/x", "type": "I", "bytes": 7, "seconds": 1.5, "ms": 1500, "code": 426, "ok": false,
                    "outcome": "aborted" })
        );
    }

    #[test]
    fn i01_the_longest_names_fit_into_one_write_to_a_pipe() {
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
            let who = Who {
                user: Some(&user),
                ..alice()
            };
            let line = line(&renamed, who);
            assert!(line.len() < 4096, "{}", line.len());
            let name = long.get(..254).expect("long enough");
            let shown = Shown::within(NAME_LIMIT, name).to_string();
            assert!(!shown.ends_with('…'), "a name in the root is whole, whatever its bytes");
        }
    }

    #[test]
    fn times_have_milliseconds() {
        assert_eq!(iso_time(Duration::from_millis(7)), "1970-01-01T00:00:00.007Z");
        assert_eq!(
            iso_time(Duration::from_millis(1_795_474_361_999)),
            "2026-11-23T22:52:41.999Z"
        );
    }
}
