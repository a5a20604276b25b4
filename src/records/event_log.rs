//! `--events`: a line of JSON for each connection, login, transfer, change and refusal, so that other programs can act
//! on them.
//!
//! A reader that is slow or gone costs lines, which are counted, and never the loop's time. Names are bytes: what is
//! not UTF-8 in them, and every control character, is written as `\xNN`, and a backslash as `\\`, so that every line
//! can be read and the bytes be had again.

use crate::ftp::timestamp::Timestamp;
use crate::records::counters::Counters;
use crate::records::event::Event;
use crate::records::happening::{Happening, Who};
use crate::records::log_file::{LogFile, LogKind, Reopened};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What a pipe takes whole or not at all (PIPE_BUF).
const LINE_MAX: usize = 4096;

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
    /// `-` is standard output; everything else a file or FIFO that is appended to. `owner`: whom a new file is given
    /// to.
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

    /// Appends an event. One that cannot be written at once is dropped and counted.
    pub(crate) fn append(&mut self, happening: &Happening<'_>, who: Who<'_>, counters: &mut Counters) {
        if !self.write(&Event::of(happening, who, now())) {
            counters.events_dropped += 1;
            let dropped = counters.events_dropped;
            if dropped.is_power_of_two() {
                log::warn!("{dropped} lines of events could not be written");
            }
        }
    }

    /// Whether the line was taken, whole.
    fn write(&mut self, event: &Event<'_>) -> bool {
        let Ok(mut line) = serde_json::to_vec(event) else {
            return false;
        };
        line.push(b'\n');
        line.len() <= LINE_MAX
            && match &mut self.sink {
                Sink::StandardOutput => takes_a_line() && write_at_once(&mut io::stdout().lock(), &line),
                Sink::File(file) => file.append(&line).is_ok(),
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

/// The time of day, to the millisecond.
fn now() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    iso_time(since)
}

/// `2026-11-24T08:00:00.123Z`
fn iso_time(since_epoch: Duration) -> String {
    let seconds = i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX);
    let time = Timestamp::from_unix(seconds);
    let mut digits = Vec::new();
    time.write_compact(&mut digits);
    let digits = String::from_utf8_lossy(&digits).into_owned();
    let part = |range| digits.get(range).unwrap_or_default();
    format!(
        "{}-{}-{}T{}:{}:{}.{:03}Z",
        part(0..4),
        part(4..6),
        part(6..8),
        part(8..10),
        part(10..12),
        part(12..14),
        since_epoch.subsec_millis()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_to_the_millisecond() {
        assert_eq!(iso_time(Duration::from_millis(7)), "1970-01-01T00:00:00.007Z");
        assert_eq!(
            iso_time(Duration::from_millis(1_795_474_361_999)),
            "2026-11-23T22:52:41.999Z"
        );
    }
}
