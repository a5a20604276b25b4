//! Log lines to standard error, without ever waiting for whoever reads them.
//!
//! The lines are made and written by `simple_logger`. This room stands before it and looks whether a line can be
//! written now: a pipe that nobody empties, a full disk or a reader that has gone costs lines, which are counted, and
//! never the loop's time or life (threat G14).

use crate::options::LogLevels;
use log::{Log, Metadata, Record};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use simple_logger::SimpleLogger;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

/// Longest message, in bytes: a path can be long, and longer still with its bytes escaped (threat I01).
const LONGEST: usize = 1024;

/// Lines that could not be written.
static DROPPED: AtomicU64 = AtomicU64::new(0);

struct NeverWaiting {
    lines: SimpleLogger,
}

/// Makes the logger the process's own. Call once.
pub fn start(levels: &LogLevels) -> Result<(), log::SetLoggerError> {
    let mut lines = SimpleLogger::new()
        .with_level(levels.default)
        .with_utc_timestamps()
        .with_colors(rustix::termios::isatty(rustix::stdio::stderr()));
    for (module, level) in &levels.modules {
        lines = lines.with_module_level(module, *level);
    }
    log::set_max_level(lines.max_level());
    log::set_boxed_logger(Box::new(NeverWaiting { lines }))
}

/// How many lines could not be written so far.
pub fn dropped() -> u64 {
    DROPPED.load(Ordering::Relaxed)
}

impl Log for NeverWaiting {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.lines.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if !self.lines.enabled(record.metadata()) {
            return;
        }
        // The library panics when it cannot write; that is a lost line, not a reason to end a session.
        let mut message = record.args().to_string();
        shorten(&mut message);
        let written = can_be_written()
            && catch_unwind(AssertUnwindSafe(|| {
                let metadata = record.metadata().clone();
                self.lines.log(
                    &Record::builder()
                        .metadata(metadata)
                        .args(format_args!("{message}"))
                        .build(),
                );
            }))
            .is_ok();
        if !written {
            DROPPED.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn flush(&self) {}
}

fn shorten(message: &mut String) {
    if message.len() > LONGEST {
        message.truncate(message.floor_char_boundary(LONGEST - '…'.len_utf8()));
        message.push('…');
    }
}

/// Whether standard error takes a line now. A pipe that is "writable" takes 4,096 bytes, more than any line of ours.
fn can_be_written() -> bool {
    let stderr = rustix::stdio::stderr();
    let mut watched = [PollFd::new(&stderr, PollFlags::OUT)];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    let ready = poll(&mut watched, Some(&at_once));
    let [watched] = watched;
    let events = watched.revents();
    ready.is_ok() && events.contains(PollFlags::OUT) && !events.intersects(PollFlags::ERR | PollFlags::NVAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i01_a_long_message_is_cut_between_characters() {
        let mut short = "ü".repeat(LONGEST / 2);
        shorten(&mut short);
        assert_eq!(short, "ü".repeat(LONGEST / 2));
        let mut long = format!("a{}", "ü".repeat(LONGEST));
        shorten(&mut long);
        assert!(long.len() <= LONGEST && long.ends_with("ü…"), "{}", long.len());
    }
}
