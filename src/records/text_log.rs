//! Log lines to standard error, without waiting for the reader.
//!
//! `simple_logger` formats and writes the lines. This wrapper first checks that standard error takes a line without
//! blocking. If a pipe is full, its reader has gone or the disk is full, lines are dropped and counted; the loop
//! neither blocks nor ends (threat G14).

use super::log_file::can_take_line;
use crate::options::LogLevels;
use log::{Log, Metadata, Record};
use simple_logger::SimpleLogger;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes that a message may take. Paths can be long, and escaping makes them longer (threat I01).
const MESSAGE_LIMIT: usize = 1024;

/// Lines that could not be written.
static DROPPED: AtomicU64 = AtomicU64::new(0);

struct NonBlockingLogger {
    lines: SimpleLogger,
}

/// Installs the logger of the process. It is an error to call this twice.
pub fn start(levels: &LogLevels) -> Result<(), log::SetLoggerError> {
    let logger = NonBlockingLogger::new(levels);
    log::set_max_level(logger.lines.max_level());
    log::set_boxed_logger(Box::new(logger))
}

/// Makes panics leave one line on standard error. Unlike the standard hook, this one looks up no backtrace, which the
/// sandbox would not allow, and does not wait for a reader. It does not use the logger, which may have panicked itself.
pub fn report_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let stderr = rustix::stdio::stderr();
        if can_take_line(stderr) {
            let mut line = panic.to_string().replace('\n', " ");
            shorten(&mut line);
            let _ = rustix::io::write(stderr, format!("{line}\n").as_bytes());
        }
    }));
}

/// How many lines could not be written.
pub fn dropped() -> u64 {
    DROPPED.load(Ordering::Relaxed)
}

impl NonBlockingLogger {
    fn new(levels: &LogLevels) -> Self {
        let mut lines = SimpleLogger::new()
            .with_level(levels.default)
            .with_utc_timestamps()
            .with_colors(rustix::termios::isatty(rustix::stdio::stderr()));
        for (module, level) in &levels.modules {
            lines = lines.with_module_level(module, *level);
        }
        Self { lines }
    }
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
        // simple_logger panics if it cannot write. That costs a line, not a session.
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
    if message.len() > MESSAGE_LIMIT {
        message.truncate(message.floor_char_boundary(MESSAGE_LIMIT - '…'.len_utf8()));
        message.push('…');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::session_event::TARGET;
    use log::{Level, LevelFilter};

    #[test]
    fn a_module_can_have_a_level_of_its_own() {
        let logger = NonBlockingLogger::new(&LogLevels {
            default: LevelFilter::Warn,
            modules: vec![(TARGET.to_owned(), LevelFilter::Debug)],
        });
        let takes = |target, level| logger.enabled(&Metadata::builder().target(target).level(level).build());
        assert!(takes(TARGET, Level::Debug) && !takes(TARGET, Level::Trace));
        assert!(takes("loopftpd::storage", Level::Warn) && !takes("loopftpd::storage", Level::Info));
        assert_eq!(logger.lines.max_level(), LevelFilter::Debug);
    }

    #[test]
    fn i01_a_long_message_is_cut_between_characters() {
        let mut short = "ü".repeat(MESSAGE_LIMIT / 2);
        shorten(&mut short);
        assert_eq!(short, "ü".repeat(MESSAGE_LIMIT / 2));
        let mut long = format!("a{}", "ü".repeat(MESSAGE_LIMIT));
        shorten(&mut long);
        assert!(long.len() <= MESSAGE_LIMIT && long.ends_with("ü…"), "{}", long.len());
    }
}
