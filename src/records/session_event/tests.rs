//! Log lines and lines of `--events`, with names that try to be more than names.

use super::*;
use crate::ftp::path::VirtualPath;
use crate::ftp::reply;
use crate::session::TransferKind;
use crate::storage::StorageError;
use serde_json::Value;

fn origin(user: Option<&[u8]>) -> Origin<'_> {
    Origin {
        session: 7,
        client: "192.0.2.1:40000".parse().expect("an address"),
        user,
    }
}

fn json(event: &SessionEvent<'_>, origin: Origin<'_>) -> String {
    let time = Duration::from_millis(1_795_474_361_999);
    serde_json::to_string(&event.at(time, origin)).expect("JSON")
}

fn wrong_password() -> SessionEvent<'static> {
    SessionEvent::login_failed(LoginFailure::WrongPassword, Duration::from_millis(2))
}

fn changed<'name>(verb: &'static str, path: &'name [u8], to: &'name [u8]) -> SessionEvent<'name> {
    SessionEvent::Change {
        verb,
        path: Name(path),
        to: Some(Name(to)),
    }
}

/// Names of 4,000 bytes, of every kind of byte that a record escapes, with user names of 128 bytes.
fn long_names() -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
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
fn every_event_has_all_its_fields_in_order() {
    let upload = Transfer {
        verb: "STOR",
        path: VirtualPath::ROOT.join(b"x").expect("short"),
        kind: TransferKind::Upload,
        representation: Representation::Image,
        opening: reply::OPENING_UPLOAD,
        mode_z_place: None,
    };
    let ended = |outcome, took| {
        let ended = EndedTransfer::new(&upload, Direction::FromClient, outcome, 7, Duration::from_millis(took));
        SessionEvent::Transfer(ended)
    };
    let logged_in = Notice::LoggedIn;
    for (event, fields, begins, ends) in [
        (SessionEvent::Connect, r#""event":"connect""#, "connected", ""),
        (
            SessionEvent::of(&logged_in, Duration::from_millis(2)),
            r#""event":"login","ok":true,"ms":2,"outcome":"ok""#,
            "login",
            " ms=2 outcome=ok",
        ),
        (
            wrong_password(),
            r#""event":"login","ok":false,"ms":2,"outcome":"wrong-password""#,
            "login failed",
            " ms=2 outcome=wrong-password",
        ),
        (
            ended(Outcome::Aborted, 1500),
            concat!(
                r#""event":"transfer","verb":"STOR","direction":"in","path":"/x","type":"I","bytes":7,"#,
                r#""seconds":1.5,"ms":1500,"code":426,"ok":false,"outcome":"aborted""#
            ),
            "transfer",
            " verb=STOR path=\"/x\" bytes=7 ms=1500 outcome=aborted",
        ),
        (
            ended(Outcome::NotStored(StorageError::NoSpace), 0),
            concat!(
                r#""event":"transfer","verb":"STOR","direction":"in","path":"/x","type":"I","bytes":7,"#,
                r#""seconds":0.0,"ms":0,"code":452,"ok":false,"outcome":"disk-full""#
            ),
            "transfer",
            " verb=STOR path=\"/x\" bytes=7 ms=0 outcome=disk-full",
        ),
        (
            changed("RNTO", b"/a", b"/b"),
            r#""event":"change","verb":"RNTO","path":"/a","to":"/b""#,
            "change",
            " verb=RNTO path=\"/a\" to=\"/b\" outcome=ok",
        ),
        (
            SessionEvent::Change {
                verb: "SITE CHMOD",
                path: Name(b"/a"),
                to: None,
            },
            r#""event":"change","verb":"SITE CHMOD","path":"/a","to":null"#,
            "change",
            " verb=SITE-CHMOD path=\"/a\" outcome=ok",
        ),
        (
            SessionEvent::Refusal {
                verb: "DELE",
                path: Name(b"/a"),
                code: 550,
            },
            r#""event":"refusal","verb":"DELE","path":"/a","code":550"#,
            "refused",
            " verb=DELE path=\"/a\" code=550 outcome=refused",
        ),
        (
            SessionEvent::disconnect(Ending::Quit, 1, 2, Duration::from_millis(2)),
            r#""event":"disconnect","bytes_sent":1,"bytes_received":2,"ms":2,"outcome":"quit""#,
            "session ended",
            " bytes_sent=1 bytes_received=2 ms=2 outcome=quit",
        ),
    ] {
        for (user, in_json, in_log) in [(None, "null", ""), (Some(&b"al"[..]), r#""al""#, " user=\"al\"")] {
            let time_and_peer = r#""time":"2026-11-23T22:52:41.999Z","session":7,"peer":"192.0.2.1","port":40000"#;
            let expected = format!(r#"{{"schema":1,{time_and_peer},"user":{in_json},{fields}}}"#);
            assert_eq!(json(&event, origin(user)), expected);
            let expected = format!("{begins} session=7 client=192.0.2.1:40000{in_log}{ends}");
            assert_eq!(event.log_line(origin(user)), expected);
        }
    }
}

#[test]
fn i09_every_event_can_be_read_back() {
    let refused = SessionEvent::Refusal {
        verb: "STOR",
        path: Name(b"/a\"b\\c\xff\xfe\x1b[2J \xe2\x82\xac\xc2\x9b"),
        code: 553,
    };
    let line = refused.event_line(origin(Some(b"alice"))).expect("JSON");
    let line = line.strip_suffix(b"\n").expect("a line");
    let read: Value = serde_json::from_slice(line).expect("JSON");
    assert_eq!(read["path"], "/a\"b\\\\c\\xff\\xfe\\x1b[2J €\\xc2\\x9b");
    assert_eq!(read["code"], 553);
    assert!(line.iter().all(|byte| *byte >= b' '), "{}", line.escape_ascii());
}

/// The client's address comes before the names that the client chose, and those stay within their quotes.
#[test]
fn i01_no_name_can_imitate_another_field_or_line() {
    let name = "x\" client=203.0.113.9:1\nlogin failed session=1 client=203.0.113.9:1 \u{202e}".as_bytes();
    for event in [wrong_password(), changed("SITE CHMOD", name, name)] {
        let line = event.log_line(origin(Some(name)));
        let (before, _) = line.split_once(" user=").expect("a user");
        assert!(before.ends_with("client=192.0.2.1:40000"), "{line}");
        assert!(
            !line.contains(['\n', '\u{202e}']) && !line.replace("\\\"", "").contains("\" client="),
            "{line}"
        );
    }
}

#[test]
fn f08_only_the_start_of_a_name_that_could_not_log_in_is_shown() {
    let password = [b'p'; 40];
    let read: Value = serde_json::from_str(&json(&wrong_password(), origin(Some(&password)))).expect("JSON");
    assert_eq!(read["user"], format!("{}…", "p".repeat(32)));
}

#[test]
fn i01_the_longest_names_fit_into_one_write_to_a_pipe_and_into_a_log_line() {
    for (long, user) in long_names() {
        let renamed = changed("RNTO", &long, &long);
        let event = json(&renamed, origin(Some(&user)));
        assert!(event.len() < 4096, "{}", event.len());
        let name = long.get(..254).expect("long enough");
        let shown = Shown::within(EVENT_NAME_LIMIT, name).to_string();
        assert!(!shown.ends_with('…'), "a name in the root is whole, whatever its bytes");
        let line = renamed.log_line(origin(Some(&user)));
        assert!(line.ends_with("…\" outcome=ok"), "{line}");
        assert!(line.len() <= 1024, "there is room for the rest: {}", line.len());
    }
}

#[test]
fn times_have_milliseconds() {
    let event = SessionEvent::Connect;
    let line = event.at(Duration::from_millis(7), origin(None));
    assert_eq!(line.time, "1970-01-01T00:00:00.007Z");
}

#[test]
fn sessions_that_never_logged_in_end_quietly_unless_they_spoke_another_protocol() {
    let level = |ending, user| SessionEvent::disconnect(ending, 0, 0, Duration::ZERO).level(origin(user));
    assert_eq!(level(Ending::ClientClosed, None), Level::Debug);
    assert_eq!(level(Ending::ForeignProtocol, None), Level::Info);
    assert_eq!(level(Ending::ClientClosed, Some(b"alice")), Level::Info);
}

#[test]
fn an_event_has_what_its_notice_reports() {
    let [path, to] = [b"old", b"new"].map(|name| VirtualPath::ROOT.join(name).expect("short"));
    let notice = Notice::Changed {
        verb: "RNTO",
        path,
        to: Some(to),
    };
    let line = SessionEvent::of(&notice, Duration::ZERO).log_line(origin(None));
    assert!(
        line.ends_with(" verb=RNTO path=\"/old\" to=\"/new\" outcome=ok"),
        "{line}"
    );
}
