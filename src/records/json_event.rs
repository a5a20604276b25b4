//! A session's event as a line of `--events`, with the fields that `docs/operating.md` lists.

use super::session_event::{Origin, SessionEvent, milliseconds};
use crate::ftp::command::Representation;
use crate::ftp::timestamp::Timestamp;
use crate::session::TransferKind;
use crate::shown_name::Shown;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The version of the fields. It changes when a field is removed or changes its meaning, not when one is added.
const SCHEMA: u32 = 1;
/// Bytes that a name may take. The limits of log lines are lower.
const NAME_LIMIT: usize = 1500;

/// The line of an event that happens now, with its line end.
pub(crate) fn line(event: &SessionEvent<'_>, origin: Origin<'_>) -> serde_json::Result<Vec<u8>> {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut line = serde_json::to_vec(&JsonEvent {
        time: iso_time(since_epoch),
        event,
        origin,
    })?;
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

/// An event and its time, UTC in ISO 8601.
struct JsonEvent<'event> {
    time: String,
    event: &'event SessionEvent<'event>,
    origin: Origin<'event>,
}

impl Serialize for JsonEvent<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { time, event, origin } = self;
        let mut fields = serializer.serialize_map(None)?;
        fields.serialize_entry("schema", &SCHEMA)?;
        fields.serialize_entry("time", time)?;
        fields.serialize_entry("session", &origin.session)?;
        fields.serialize_entry("peer", &origin.client.ip())?;
        fields.serialize_entry("port", &origin.client.port())?;
        let user_limit = event.user_limit(NAME_LIMIT);
        fields.serialize_entry("user", &origin.user.map(|user| Shown::within(user_limit, user)))?;
        serialize_event(event, &mut fields)?;
        fields.end()
    }
}

/// The fields that depend on the kind of event.
fn serialize_event<M: SerializeMap>(event: &SessionEvent<'_>, fields: &mut M) -> Result<(), M::Error> {
    let shown = |name| Shown::within(NAME_LIMIT, name);
    match *event {
        SessionEvent::Connected => fields.serialize_entry("event", "connect"),
        SessionEvent::LoggedIn { took } => {
            fields.serialize_entry("event", "login")?;
            fields.serialize_entry("ok", &true)?;
            fields.serialize_entry("ms", &milliseconds(took))?;
            fields.serialize_entry("outcome", "ok")
        }
        SessionEvent::LoginFailed { why, took } => {
            fields.serialize_entry("event", "login")?;
            fields.serialize_entry("ok", &false)?;
            fields.serialize_entry("ms", &milliseconds(took))?;
            fields.serialize_entry("outcome", why.word())
        }
        SessionEvent::Transferred {
            transfer,
            outcome,
            bytes,
            took,
        } => {
            let direction = match transfer.kind {
                TransferKind::Download | TransferKind::Listing => "out",
                TransferKind::Upload => "in",
            };
            let representation = match transfer.representation {
                Representation::Ascii => 'A',
                Representation::Image => 'I',
            };
            fields.serialize_entry("event", "transfer")?;
            fields.serialize_entry("verb", transfer.verb)?;
            fields.serialize_entry("direction", direction)?;
            fields.serialize_entry("path", &shown(transfer.path.as_bytes()))?;
            fields.serialize_entry("type", &representation)?;
            fields.serialize_entry("bytes", &bytes)?;
            fields.serialize_entry("seconds", &took.as_secs_f64())?;
            fields.serialize_entry("ms", &milliseconds(took))?;
            fields.serialize_entry("code", &outcome.reply().code())?;
            fields.serialize_entry("ok", &outcome.is_success())?;
            fields.serialize_entry("outcome", outcome.word())
        }
        SessionEvent::Changed { verb, path, to } => {
            fields.serialize_entry("event", "change")?;
            fields.serialize_entry("verb", verb)?;
            fields.serialize_entry("path", &shown(path))?;
            fields.serialize_entry("to", &to.map(shown))
        }
        SessionEvent::Refused { verb, path, code } => {
            fields.serialize_entry("event", "refusal")?;
            fields.serialize_entry("verb", verb)?;
            fields.serialize_entry("path", &shown(path))?;
            fields.serialize_entry("code", &code)
        }
        SessionEvent::Ended {
            ending,
            sent,
            received,
            took,
        } => {
            fields.serialize_entry("event", "disconnect")?;
            fields.serialize_entry("bytes_sent", &sent)?;
            fields.serialize_entry("bytes_received", &received)?;
            fields.serialize_entry("ms", &milliseconds(took))?;
            fields.serialize_entry("outcome", ending.word())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::session_event::tests::{aborted, long_names, origin, upload};
    use crate::session::{Ending, LoginFailure};
    use serde_json::Value;

    fn line(event: &SessionEvent<'_>, origin: Origin<'_>) -> String {
        let time = "2026-11-24T08:00:00.123Z".to_owned();
        serde_json::to_string(&JsonEvent { time, event, origin }).expect("JSON")
    }

    fn alice() -> Origin<'static> {
        origin(Some(b"alice"))
    }

    #[test]
    fn i09_every_event_can_be_read_back() {
        let odd = b"/a\"b\\c\xff\xfe\x1b[2J \xe2\x82\xac\xc2\x9b";
        let refused = SessionEvent::Refused {
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
    fn a_transfer_has_all_its_fields_in_order() {
        let transfer = upload();
        assert_eq!(
            line(&aborted(&transfer), alice()),
            concat!(
                r#"{"schema":1,"time":"2026-11-24T08:00:00.123Z","session":7,"peer":"192.0.2.1","port":40000,"#,
                r#""user":"alice","event":"transfer","verb":"STOR","direction":"in","path":"/x","type":"I","bytes":7,"#,
                r#""seconds":1.5,"ms":1500,"code":426,"ok":false,"outcome":"aborted"}"#
            )
        );
    }

    #[test]
    fn other_events_have_all_their_fields_in_order() {
        let took = Duration::from_millis(2);
        let why = LoginFailure::WrongPassword;
        let ended = SessionEvent::Ended {
            ending: Ending::Quit,
            sent: 1,
            received: 2,
            took,
        };
        let renamed = SessionEvent::Changed {
            verb: "RNTO",
            path: b"/a",
            to: Some(b"/b"),
        };
        for (event, expected) in [
            (SessionEvent::Connected, r#""event":"connect""#),
            (
                SessionEvent::LoggedIn { took },
                r#""event":"login","ok":true,"ms":2,"outcome":"ok""#,
            ),
            (
                SessionEvent::LoginFailed { why, took },
                r#""event":"login","ok":false,"ms":2,"outcome":"wrong-password""#,
            ),
            (renamed, r#""event":"change","verb":"RNTO","path":"/a","to":"/b""#),
            (
                ended,
                r#""event":"disconnect","bytes_sent":1,"bytes_received":2,"ms":2,"outcome":"quit""#,
            ),
        ] {
            let line = line(&event, origin(None));
            assert!(line.ends_with(&format!(r#""user":null,{expected}}}"#)), "{line}");
        }
    }

    #[test]
    fn f08_only_the_start_of_a_name_that_could_not_log_in_is_shown() {
        let failed = SessionEvent::LoginFailed {
            why: LoginFailure::WrongPassword,
            took: Duration::ZERO,
        };
        let password = [b'p'; 40];
        let read: Value = serde_json::from_str(&line(&failed, origin(Some(&password)))).expect("JSON");
        assert_eq!(read["user"], format!("{}…", "p".repeat(32)));
    }

    #[test]
    fn i01_the_longest_names_fit_into_one_write_to_a_pipe() {
        for (long, user) in long_names() {
            let renamed = SessionEvent::Changed {
                verb: "RNTO",
                path: &long,
                to: Some(&long),
            };
            let line = line(&renamed, origin(Some(&user)));
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
