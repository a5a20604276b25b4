//! The transfer log in xferlog form, which existing tools read (xferlog(5)): one line for each file sent or received.
//!
//! The file is opened so that writing to it never waits; a line that cannot be written is dropped and counted.

use crate::ftp::command::Representation;
use crate::ftp::timestamp::Timestamp;
use crate::records::log_file::{LogFile, LogKind, Reopened};
use crate::shown_name::{is_commanding, push_replacing};
use crate::transfer::Direction;
use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

/// An open transfer log.
#[derive(Debug)]
pub struct TransferLog {
    file: LogFile,
    dropped: u64,
}

/// One line's facts.
#[derive(Debug)]
pub struct LoggedTransfer<'transfer> {
    pub ended: Timestamp,
    pub took: Duration,
    pub peer: IpAddr,
    /// The account's name; `None`: an anonymous client.
    pub account: Option<&'transfer [u8]>,
    pub bytes: u64,
    /// The virtual path.
    pub path: &'transfer [u8],
    pub representation: Representation,
    pub direction: Direction,
    pub complete: bool,
}

impl TransferLog {
    /// Opens or creates `path` for appending; `owner`: whom a new file is given to.
    pub fn open(path: &Path, owner: Option<(u32, u32)>) -> io::Result<Self> {
        Ok(Self {
            file: LogFile::open(path, LogKind::Plain, owner)?,
            dropped: 0,
        })
    }

    /// Opens the file anew, after something has moved it away; on failure the old one stays in use.
    pub fn reopen(&mut self) -> io::Result<Reopened> {
        self.file.reopen()
    }

    /// Whether the process could make the file anew after it was moved away.
    pub fn can_be_made_anew(&self) -> bool {
        self.file.can_be_made_anew()
    }

    /// Appends a line.
    pub fn write(&mut self, transfer: &LoggedTransfer<'_>) {
        if self.file.append(&line(transfer)).is_err() {
            self.dropped += 1;
            if self.dropped.is_power_of_two() {
                log::warn!(
                    "{} lines of the transfer log could not be written to {}",
                    self.dropped,
                    self.file.path().display()
                );
            }
        }
    }
}

fn line(transfer: &LoggedTransfer<'_>) -> Vec<u8> {
    let mut line = Vec::with_capacity(128);
    transfer.ended.write_xferlog(&mut line);
    let seconds = transfer.took.as_secs();
    line.extend_from_slice(format!(" {seconds} {} {} ", transfer.peer, transfer.bytes).as_bytes());
    push_name(&mut line, transfer.path);
    let kind = match transfer.representation {
        Representation::Ascii => 'a',
        Representation::Image => 'b',
    };
    let direction = match transfer.direction {
        Direction::ToClient => 'o',
        Direction::FromClient => 'i',
    };
    let completion = if transfer.complete { 'c' } else { 'i' };
    line.extend_from_slice(format!(" {kind} _ {direction} ").as_bytes());
    match transfer.account {
        None => line.extend_from_slice(b"a anonymous"),
        Some(name) => {
            line.extend_from_slice(b"r ");
            push_name(&mut line, name);
        }
    }
    line.extend_from_slice(format!(" ftp 0 * {completion}\n").as_bytes());
    line
}

/// Fields are separated by blanks, so a name contains none, and nothing that controls a terminal (threat I01).
fn push_name(line: &mut Vec<u8>, name: &[u8]) {
    push_replacing(line, name, b'_', |character| {
        character == ' ' || is_commanding(character)
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i01_names_in_the_log_command_no_terminal_and_begin_no_line() {
        for (name, written) in [
            ("grüße/日本".as_bytes(), "grüße/日本".as_bytes()),
            (b"a b\r\n\x1b[2J", b"a_b___[2J"),
            ("\u{9b}2J\u{202e}gpj.exe\u{2028}".as_bytes(), b"_2J_gpj.exe_"),
            (b"csi\x9b2J\xe9", b"csi_2J\xe9"),
        ] {
            let mut line = Vec::new();
            push_name(&mut line, name);
            assert_eq!(line, written, "{}", name.escape_ascii());
        }
    }

    #[test]
    fn a_line_has_the_fields_of_xferlog() {
        let download = LoggedTransfer {
            ended: Timestamp::from_unix(1_795_474_361),
            took: Duration::from_millis(2_900),
            peer: "192.0.2.7".parse().expect("an address"),
            account: None,
            bytes: 5_368_709_120,
            path: b"/a b\n.bin",
            representation: Representation::Image,
            direction: Direction::ToClient,
            complete: true,
        };
        let upload = LoggedTransfer {
            account: Some(b"J\xfcrgen\tKlein x"),
            representation: Representation::Ascii,
            direction: Direction::FromClient,
            complete: false,
            ..download
        };
        let start = "Mon Nov 23 22:52:41 2026 2 192.0.2.7 5368709120 /a_b_.bin";
        assert_eq!(
            line(&download),
            format!("{start} b _ o a anonymous ftp 0 * c\n").into_bytes()
        );
        let name = b"J\xfcrgen_Klein_x";
        assert_eq!(
            line(&upload),
            [start.as_bytes(), b" a _ i r ", name, b" ftp 0 * i\n"].concat(),
            "as many fields as ever"
        );
    }
}
