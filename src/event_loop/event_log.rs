//! `--events`: one JSON line for each login, transfer, change and refusal, so that other programs can act on them.
//!
//! A reader that is slow or gone costs lines, which are counted, and never the loop's time. Names are bytes: what is not
//! UTF-8 in them, and every control character, is written as `\xNN`, and a backslash as `\\`, so that every line can be read
//! and the bytes be had again.

use super::connection::Connection;
use super::log_file::{LogFile, LogKind, Reopened};
use super::shared::Shared;
use crate::ftp::command::Representation;
use crate::ftp::timestamp::Timestamp;
use crate::session::{Notice, Outcome, Transfer, TransferKind};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::{Map, Value, json};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

/// What a pipe takes whole or not at all (PIPE_BUF).
const LINE_MAX: usize = 4096;
/// Bytes that a path may take of a line, of which there are two at the most besides the user's name, which is short; longer
/// ones lose their ends.
const NAME_SHOWN: usize = 1500;
/// The same for a name that nobody could log in by: people type their passwords there (threat F08).
const GUESS_SHOWN: usize = 32;

/// Where the lines go.
#[derive(Debug)]
pub struct EventLog {
    sink: Sink,
}

#[derive(Debug)]
enum Sink {
    StandardOutput,
    File(LogFile),
}

impl EventLog {
    /// `-` is standard output; everything else a file or FIFO that is appended to. `owner`: whom a new file is given to.
    pub fn open(path: &Path, owner: Option<(u32, u32)>) -> io::Result<Self> {
        let sink = if path == Path::new("-") {
            Sink::StandardOutput
        } else {
            Sink::File(LogFile::open(path, LogKind::MayBeFifo, owner)?)
        };
        Ok(Self { sink })
    }

    /// Opens the file anew, after something has moved it away; on failure the old one stays in use.
    pub fn reopen(&mut self) -> io::Result<Reopened> {
        match &mut self.sink {
            Sink::StandardOutput => Ok(Reopened::Same),
            Sink::File(file) => file.reopen(),
        }
    }

    /// Whether the process could make the file anew after it was moved away.
    pub fn can_be_made_anew(&self) -> bool {
        match &self.sink {
            Sink::StandardOutput => true,
            Sink::File(file) => file.can_be_made_anew(),
        }
    }

    /// Whether the line was taken, whole.
    fn write(&mut self, event: &Value) -> bool {
        let mut line = event.to_string();
        line.push('\n');
        line.len() <= LINE_MAX
            && match &mut self.sink {
                Sink::StandardOutput => takes_a_line() && write_at_once(&mut io::stdout().lock(), line.as_bytes()),
                Sink::File(file) => file.append(line.as_bytes()).is_ok(),
            }
    }
}

fn write_at_once(sink: &mut impl Write, line: &[u8]) -> bool {
    sink.write_all(line).and_then(|()| sink.flush()).is_ok()
}

/// Whether standard output takes a line now; whoever has it open may not want it non-blocking.
fn takes_a_line() -> bool {
    let stdout = io::stdout();
    let mut watched = [PollFd::from_borrowed_fd(stdout.as_fd(), PollFlags::OUT)];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    let ready = poll(&mut watched, Some(&at_once));
    let [watched] = watched;
    ready.is_ok() && watched.revents() == PollFlags::OUT
}

impl Connection {
    /// Tells of what the session has noticed.
    pub(super) fn tell_notice(&mut self, shared: &mut Shared) {
        if let Some(notice) = self.session.take_notice() {
            let fields = describe_notice(&notice);
            self.tell_event(fields, shared);
        }
    }

    /// Tells of a transfer that has ended.
    pub(super) fn tell_transfer(
        &self,
        transfer: &Transfer,
        outcome: Outcome,
        bytes: u64,
        took: Duration,
        shared: &mut Shared,
    ) {
        if shared.event_log.is_some() {
            self.tell_event(describe_transfer(transfer, outcome, bytes, took), shared);
        }
    }

    fn tell_event(&self, mut fields: Map<String, Value>, shared: &mut Shared) {
        let session = &self.session;
        let user = session.user().map(shown);
        fields.insert("time".into(), json!(iso_time(shared.wall)));
        fields.insert("session".into(), json!(session.number()));
        fields.insert("peer".into(), json!(session.peer().to_string()));
        fields.entry("user").or_insert_with(|| json!(user));
        if let Some(log) = &mut shared.event_log
            && !log.write(&Value::Object(fields))
        {
            let dropped = &mut shared.counters.events_dropped;
            *dropped += 1;
            if dropped.is_power_of_two() {
                log::warn!("{dropped} lines of events could not be written");
            }
        }
    }
}

fn describe_notice(notice: &Notice) -> Map<String, Value> {
    let fields = match notice {
        Notice::LoggedIn { user } => json!({ "event": "login", "user": shown(user), "ok": true }),
        Notice::LoginFailed { user } => {
            json!({ "event": "login", "user": shown_within(GUESS_SHOWN, user), "ok": false })
        }
        Notice::Changed { verb, path, to } => {
            let to = to.as_ref().map(|to| shown(to.as_bytes()));
            json!({ "event": "change", "verb": verb, "path": shown(path.as_bytes()), "to": to })
        }
        Notice::Refused { verb, path, code } => {
            json!({ "event": "refusal", "verb": verb, "path": shown(path.as_bytes()), "code": code })
        }
    };
    into_fields(fields)
}

fn describe_transfer(transfer: &Transfer, outcome: Outcome, bytes: u64, took: Duration) -> Map<String, Value> {
    into_fields(json!({
        "event": "transfer",
        "verb": transfer.verb,
        "direction": match transfer.kind {
            TransferKind::Download | TransferKind::Listing => "out",
            TransferKind::Upload => "in",
        },
        "path": shown(transfer.path.as_bytes()),
        "type": match transfer.representation {
            Representation::Ascii => "A",
            Representation::Image => "I",
        },
        "bytes": bytes,
        "seconds": took.as_secs_f64(),
        "code": outcome.reply().code(),
        "ok": outcome.is_success(),
    }))
}

fn into_fields(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        other => Map::from_iter([("value".to_owned(), other)]),
    }
}

/// Bytes as text from which they can be had again; long ones are cut.
fn shown(bytes: &[u8]) -> String {
    shown_within(NAME_SHOWN, bytes)
}

/// `most`: the bytes that the text may take in a line of JSON, where quotes and backslashes take two.
fn shown_within(most: usize, bytes: &[u8]) -> String {
    let mut text = String::new();
    let mut taken = 0;
    for chunk in bytes.utf8_chunks() {
        let valid = chunk.valid().chars().map(Piece::Character);
        for piece in valid.chain(chunk.invalid().iter().copied().map(Piece::Byte)) {
            let before = text.len();
            piece.write_to(&mut text);
            let added = text.get(before..).unwrap_or_default();
            taken += added.len() + added.matches(['"', '\\']).count();
            if taken > most {
                text.truncate(before);
                text.push('…');
                return text;
            }
        }
    }
    text
}

/// What a name is made of.
enum Piece {
    Character(char),
    /// Not part of any character.
    Byte(u8),
}

impl Piece {
    fn write_to(&self, text: &mut String) {
        let mut buffer = [0; 4];
        match self {
            Piece::Character('\\') => text.push_str("\\\\"),
            Piece::Character(character) if character.is_control() => {
                let bytes = character.encode_utf8(&mut buffer).bytes();
                text.extend(bytes.map(|byte| format!("\\x{byte:02x}")));
            }
            Piece::Character(character) => text.push(*character),
            Piece::Byte(byte) => text.push_str(&format!("\\x{byte:02x}")),
        }
    }
}

/// `2026-11-24T08:00:00Z`
fn iso_time(time: Timestamp) -> String {
    let mut digits = Vec::new();
    time.write_compact(&mut digits);
    let digits = String::from_utf8_lossy(&digits).into_owned();
    let part = |range| digits.get(range).unwrap_or_default();
    format!(
        "{}-{}-{}T{}:{}:{}Z",
        part(0..4),
        part(4..6),
        part(6..8),
        part(8..10),
        part(10..12),
        part(12..14)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ftp::path::VirtualPath;
    use crate::ftp::reply;

    fn path(bytes: &[u8]) -> VirtualPath {
        VirtualPath::ROOT.join(bytes).expect("short")
    }

    #[test]
    fn i09_every_line_can_be_read_back() {
        let odd = b"a\"b\\c\xff\xfe\x1b[2J \xe2\x82\xac\xc2\x9b";
        let notice = Notice::Refused {
            verb: "STOR",
            path: path(odd),
            code: 553,
        };
        let line = Value::Object(describe_notice(&notice)).to_string();
        let read: Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(read["path"], "/a\"b\\\\c\\xff\\xfe\\x1b[2J €\\xc2\\x9b");
        assert_eq!(read["code"], 553);
        assert!(line.bytes().all(|byte| byte >= b' '), "{line}");
    }

    #[test]
    fn a_transfer_says_what_and_how_much() {
        let transfer = Transfer {
            verb: "STOR",
            path: path(b"x"),
            kind: TransferKind::Upload,
            representation: Representation::Image,
            opening: reply::OPENING_UPLOAD,
            mode_z_place: None,
        };
        let fields = describe_transfer(&transfer, Outcome::Aborted, 7, Duration::from_millis(1500));
        assert_eq!(
            Value::Object(fields),
            json!({ "event": "transfer", "verb": "STOR", "direction": "in", "path": "/x", "type": "I", "bytes": 7,
                    "seconds": 1.5, "code": 426, "ok": false })
        );
    }

    #[test]
    fn i01_long_names_are_cut_so_that_a_line_fits_into_a_pipe() {
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
            let text = shown(&long);
            let in_line = json!(text).to_string().len() - 2;
            assert!(text.ends_with('…') && in_line <= NAME_SHOWN + '…'.len_utf8(), "{text}");
            let name = long.get(..254).expect("long enough");
            assert!(!shown(name).ends_with('…'), "a name of any bytes in the root is whole");
        }
        assert_eq!(shown_within(GUESS_SHOWN, &[b'x'; 99]).chars().count(), GUESS_SHOWN + 1);
        assert_eq!(iso_time(Timestamp::from_unix(0)), "1970-01-01T00:00:00Z");
    }
}
