//! Processor time and memory of this process, from a file that is opened before the process is confined.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::{SystemTime, UNIX_EPOCH};

/// The open `/proc/self/stat`, if the system has one.
#[derive(Debug, Default)]
pub struct ProcessFile {
    file: Option<File>,
    started: f64,
    /// Asked for at the start: the answers may need a system call that is not allowed later.
    ticks_per_second: f64,
    page_size: u64,
}

/// What it says now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProcessFigures {
    pub cpu_seconds: f64,
    pub virtual_bytes: u64,
    pub resident_bytes: u64,
}

impl ProcessFile {
    pub fn open() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            file: File::open("/proc/self/stat").ok(),
            started: now.map_or(0.0, |now| now.as_secs_f64()),
            ticks_per_second: rustix::param::clock_ticks_per_second() as f64,
            page_size: rustix::param::page_size() as u64,
        }
    }

    /// When the process started to prepare, in seconds since 1970.
    pub fn started(&self) -> f64 {
        self.started
    }

    pub fn read(&self) -> Option<ProcessFigures> {
        let mut buffer = [0; 1024];
        let length = self.file.as_ref()?.read_at(&mut buffer, 0).ok()?;
        self.parse(std::str::from_utf8(buffer.get(..length)?).ok()?)
    }

    /// The line of `/proc/self/stat` (proc_pid_stat(5)).
    fn parse(&self, text: &str) -> Option<ProcessFigures> {
        // The name of the program comes before, in brackets, and may contain anything.
        let (_, fields) = text.rsplit_once(')')?;
        let mut fields = fields.split_whitespace().skip(11).map(str::parse::<u64>);
        let (user, system) = (fields.next()?.ok()?, fields.next()?.ok()?);
        let mut fields = fields.skip(7);
        let (virtual_bytes, pages) = (fields.next()?.ok()?, fields.next()?.ok()?);
        Some(ProcessFigures {
            cpu_seconds: (user + system) as f64 / self.ticks_per_second,
            virtual_bytes,
            resident_bytes: pages * self.page_size,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_found_behind_any_program_name() {
        let file = ProcessFile {
            file: None,
            started: 0.0,
            ticks_per_second: 100.0,
            page_size: 4_096,
        };
        for name in ["loopftpd", "a) S 1 (b", ""] {
            let line = format!(
                "7 ({name}) S 1 7 7 0 -1 4194560 300 0 0 0 150 50 0 0 20 0 2 0 900 5000000 25 18446744073709551615 1\n"
            );
            let expected = ProcessFigures {
                cpu_seconds: 2.0,
                virtual_bytes: 5_000_000,
                resident_bytes: 25 * 4_096,
            };
            assert_eq!(file.parse(&line), Some(expected), "{name}");
        }
        assert_eq!(file.parse("7 (loopftpd) S 1"), None);
    }

    #[test]
    fn the_file_can_be_read_again_and_again() {
        let file = ProcessFile::open();
        let before = file.read().expect("a line");
        let after = file.read().expect("a line");
        assert!(before.resident_bytes > 100_000 && before.virtual_bytes >= before.resident_bytes);
        assert!(after.cpu_seconds >= before.cpu_seconds);
    }
}
