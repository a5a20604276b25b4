//! Lines of the transfer log, in the xferlog format that existing tools read (xferlog(5)): one for each file sent or
//! received.

use super::session_event::EndedTransfer;
use crate::ftp::command::Representation;
use crate::ftp::timestamp::Timestamp;
use crate::shown_name::{is_commanding, push_replacing};
use crate::transfer::Direction;
use std::net::IpAddr;

/// The line of a transfer that has ended now, with its line end. `account`: the name; `None`: an anonymous client.
pub fn line(transfer: &EndedTransfer<'_>, now: Timestamp, peer: IpAddr, account: Option<&[u8]>) -> Vec<u8> {
    let mut line = Vec::with_capacity(128);
    let (ended, seconds) = (now.xferlog(), transfer.ms / 1_000);
    line.extend_from_slice(format!("{ended} {seconds} {peer} {} ", transfer.bytes).as_bytes());
    push_name(&mut line, transfer.path.0);
    let kind = match transfer.representation {
        Representation::Ascii => 'a',
        Representation::Image => 'b',
    };
    let direction = match transfer.direction {
        Direction::ToClient => 'o',
        Direction::FromClient => 'i',
    };
    line.extend_from_slice(format!(" {kind} _ {direction} ").as_bytes());
    match account {
        None => line.extend_from_slice(b"a anonymous"),
        Some(name) => {
            line.extend_from_slice(b"r ");
            push_name(&mut line, name);
        }
    }
    let completion = if transfer.ok { 'c' } else { 'i' };
    line.extend_from_slice(format!(" ftp 0 * {completion}\n").as_bytes());
    line
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
    use crate::records::session_event::Name;

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
        let download = EndedTransfer {
            verb: "RETR",
            direction: Direction::ToClient,
            path: Name(b"/a b\n.bin"),
            representation: Representation::Image,
            bytes: 5_368_709_120,
            seconds: 2.9,
            ms: 2_900,
            code: 226,
            ok: true,
            outcome: "complete",
        };
        let upload = EndedTransfer {
            representation: Representation::Ascii,
            direction: Direction::FromClient,
            ok: false,
            ..download
        };
        let now = Timestamp::from_unix(1_795_474_361);
        let peer = IpAddr::from([192, 0, 2, 7]);
        let start = "Mon Nov 23 22:52:41 2026 2 192.0.2.7 5368709120 /a_b_.bin";
        assert_eq!(
            line(&download, now, peer, None),
            format!("{start} b _ o a anonymous ftp 0 * c\n").into_bytes()
        );
        let name = b"J\xfcrgen_Klein_x";
        assert_eq!(
            line(&upload, now, peer, Some(b"J\xfcrgen\tKlein x")),
            [start.as_bytes(), b" a _ i r ", name, b" ftp 0 * i\n"].concat(),
            "the number of fields is the same"
        );
    }
}
