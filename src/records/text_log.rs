//! Log lines to standard error, without waiting for the reader.
//!
//! `simple_logger` formats and writes the lines. This wrapper first checks that a line can be written without blocking:
//! a pipe that is not read, a full disk or a reader that has gone costs lines, which are counted, but never blocks or
//! ends the loop (threat G14).

use super::log_file::can_take_line;
use crate::options::LogLevels;
use log::{Log, Metadata, Record};
use simple_logger::SimpleLogger;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

/// Longest message, in bytes. A path can be long, and longer still when it is escaped (threat I01).
const LONGEST: usize = 1024;

/// Lines that could not be written.
static DROPPED: AtomicU64 = AtomicU64::new(0);

struct NonBlockingLogger {
    lines: SimpleLogger,
}

/// Installs the logger. Call once.
pub fn start(levels: &LogLevels) -> Result<(), log::SetLoggerError> {
    let mut lines = SimpleLogger::new()
        .with_level(levels.default)
        .with_utc_timestamps()
        .with_colors(rustix::termios::isatty(rustix::stdio::stderr()));
    for (module, level) in &levels.modules {
        lines = lines.with_module_level(module, *level);
    }
    log::set_max_level(lines.max_level());
    log::set_boxed_logger(Box::new(NonBlockingLogger { lines }))
}

/// How many lines could not be written.
pub fn dropped() -> u64 {
    DROPPED.load(Ordering::Relaxed)
}

impl Log for NonBlockingLogger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.lines.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if !self.lines.enabled(record.metadata()) {
            return;
        }
        let mut message = record.args().to_string();
        shorten(&mut message);
        // simple_logger panics if it cannot write; that is a lost line, not a reason to end a session.
        let written = can_take_line(rustix::stdio::stderr())
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
