//! Lines of the transfer log, in the xferlog format that existing tools read (xferlog(5)): one for each file sent or
//! received.

use crate::ftp::command::Representation;
use crate::ftp::timestamp::Timestamp;
use crate::shown_name::{is_commanding, push_replacing};
use crate::transfer::Direction;
use std::net::IpAddr;
use std::time::Duration;

/// What a line contains.
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

impl LoggedTransfer<'_> {
    /// The line, with its line end.
    pub fn line(&self) -> Vec<u8> {
        let mut line = Vec::with_capacity(128);
        self.ended.write_xferlog(&mut line);
        let seconds = self.took.as_secs();
        line.extend_from_slice(format!(" {seconds} {} {} ", self.peer, self.bytes).as_bytes());
        push_name(&mut line, self.path);
        let kind = match self.representation {
            Representation::Ascii => 'a',
            Representation::Image => 'b',
        };
        let direction = match self.direction {
            Direction::ToClient => 'o',
            Direction::FromClient => 'i',
        };
        let completion = if self.complete { 'c' } else { 'i' };
        line.extend_from_slice(format!(" {kind} _ {direction} ").as_bytes());
        match self.account {
            None => line.extend_from_slice(b"a anonymous"),
            Some(name) => {
                line.extend_from_slice(b"r ");
                push_name(&mut line, name);
            }
        }
        line.extend_from_slice(format!(" ftp 0 * {completion}\n").as_bytes());
        line
    }
}

/// Blanks separate fields, so those in a name are replaced, as are characters that control a terminal (threat I01).
fn push_name(line: &mut Vec<u8>, name: &[u8]) {
    push_replacing(line, name, b'_', |character| {
        character == ' ' || is_commanding(character)
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i01_names_in_the_transfer_log_contain_no_blanks_and_no_controls() {
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
            download.line(),
            format!("{start} b _ o a anonymous ftp 0 * c\n").into_bytes()
        );
        let name = b"J\xfcrgen_Klein_x";
        assert_eq!(
            upload.line(),
            [start.as_bytes(), b" a _ i r ", name, b" ftp 0 * i\n"].concat(),
            "the number of fields is the same"
        );
    }
}
