//! `--events`: one JSON line for each login, transfer, change and refusal, so that other programs can act on them.
//!
//! A reader that is slow or gone costs lines, which are counted, and never the loop's time. Names are bytes: what is not
//! UTF-8 in them is shown as `\xNN`, so that every line can be read.

use super::connection::Connection;
use super::shared::Shared;
use crate::ftp::command::Representation;
use crate::ftp::timestamp::Timestamp;
use crate::session::{Notice, Outcome, Transfer, TransferKind};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{self, Mode, OFlags};
use serde_json::{Map, Value, json};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What a pipe takes whole or not at all (PIPE_BUF); longer lines lose the ends of their names.
const LINE_MAX: usize = 4096;
/// Bytes of a name that are shown when the line would be too long.
const NAME_SHOWN: usize = 512;

/// Where the lines go.
#[derive(Debug)]
pub struct EventLog {
    sink: Sink,
    dropped: u64,
}

#[derive(Debug)]
enum Sink {
    StandardOutput,
    File { path: PathBuf, file: File },
}

impl EventLog {
    /// `-` is standard output; everything else a file or FIFO that is appended to.
    pub fn open(path: &Path) -> io::Result<Self> {
        let sink = if path == Path::new("-") {
            Sink::StandardOutput
        } else {
            Sink::File {
                path: path.to_path_buf(),
                file: open(path)?,
            }
        };
        Ok(Self { sink, dropped: 0 })
    }

    /// Opens the file anew, after something has renamed it; on failure the old one stays in use.
    pub fn reopen(&mut self) -> io::Result<()> {
        match &mut self.sink {
            Sink::StandardOutput => {}
            Sink::File { path, file } => *file = open(path)?,
        }
        Ok(())
    }

    /// Lines that could not be written.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    fn write(&mut self, event: &Value) {
        let mut line = event.to_string();
        line.push('\n');
        let written = line.len() <= LINE_MAX
            && match &mut self.sink {
                Sink::StandardOutput => takes_a_line() && write_at_once(&mut io::stdout().lock(), line.as_bytes()),
                Sink::File { file, .. } => write_at_once(file, line.as_bytes()),
            };
        if !written {
            self.dropped += 1;
            if self.dropped.is_power_of_two() {
                log::warn!("{} lines of events could not be written", self.dropped);
            }
        }
    }
}

/// A FIFO without a reader can be opened for both ways only, and never blocks then.
fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::APPEND | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    Ok(fs::open(path, flags, Mode::from_raw_mode(0o640))?.into())
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
        let user = session.account().map(|account| shown(&account.name));
        fields.insert("time".into(), json!(iso_time(shared.wall)));
        fields.insert("session".into(), json!(session.number()));
        fields.insert("peer".into(), json!(session.peer().to_string()));
        fields.entry("user").or_insert_with(|| json!(user));
        if let Some(log) = &mut shared.event_log {
            log.write(&Value::Object(fields));
        }
    }
}

fn describe_notice(notice: &Notice) -> Map<String, Value> {
    let fields = match notice {
        Notice::LoggedIn { user } => json!({ "event": "login", "user": shown(user), "ok": true }),
        Notice::LoginFailed { user } => json!({ "event": "login", "user": shown(user), "ok": false }),
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

/// Bytes as text that can be told apart from other bytes; long ones are cut.
fn shown(bytes: &[u8]) -> String {
    let cut = bytes.get(..NAME_SHOWN).unwrap_or(bytes);
    let mut text = String::new();
    for chunk in cut.utf8_chunks() {
        text.extend(chunk.valid().chars().filter(|character| !character.is_control()));
        for byte in chunk.invalid() {
            text += &format!("\\x{byte:02x}");
        }
    }
    if cut.len() < bytes.len() {
        text.push('…');
    }
    text
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
        assert_eq!(read["path"], "/a\"b\\c\\xff\\xfe[2J €");
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
        let long = vec![b'x'; 4000];
        assert_eq!(shown(&long).chars().count(), NAME_SHOWN + 1);
        assert_eq!(iso_time(Timestamp::from_unix(0)), "1970-01-01T00:00:00Z");
    }
}
