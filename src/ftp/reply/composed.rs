//! Replies with a number, an address, a time or a path in them.
//!
//! No text contains a client's bytes, except for the paths of 257, MLST, HASH, MFMT and MFF, and the name of STOU.

use super::fixed::{BAD_ARGUMENT, BAD_PARAMETER, NOT_IMPLEMENTED, UNKNOWN_COMMAND, UNSUPPORTED_PROTOCOL};
use super::{Form, Reply};
use crate::ftp::command::{
    CommandError, DeflateLevel, Digest, Representation, TLS_VERBS, Transmission, served_site_words, served_verbs,
};
use crate::ftp::{listing::Facts, path::VirtualPath, timestamp::Timestamp};
use std::iter::repeat_n;
use std::net::{IpAddr, SocketAddrV4};
use std::time::Duration;

impl Reply {
    /// The reply to a line that is not a command; a blank one gets none.
    pub fn to_refused(error: CommandError) -> Option<Self> {
        match error {
            CommandError::Blank => None,
            CommandError::Unknown | CommandError::ForeignProtocol => Some(UNKNOWN_COMMAND),
            CommandError::BadArgument | CommandError::BadAddress => Some(BAD_ARGUMENT),
            CommandError::NotImplemented => Some(NOT_IMPLEMENTED),
            CommandError::BadParameter => Some(BAD_PARAMETER),
            CommandError::UnsupportedProtocol => Some(UNSUPPORTED_PROTOCOL),
        }
    }

    /// 220: the greeting.
    pub fn banner(text: &str) -> Self {
        Self::with_text(220, text)
    }

    /// 200 for SITE CHMOD: the mode that is set, which may have more bits than requested.
    pub fn mode_set(mode: u32) -> Self {
        Self::with_text(200, format!("Mode set to {mode:04o}"))
    }

    /// 550 for an unexpected error of the system; `reason` is the name of its error number.
    pub fn action_failed(reason: &str) -> Self {
        Self::with_text(550, format!("Action failed ({reason})"))
    }

    /// 257 for PWD: the path in quotes; quotes and 0xFF (Telnet's IAC) within are doubled.
    pub fn working_directory(path: &VirtualPath) -> Self {
        Self::quoted_path(path, b" is the current directory")
    }

    fn quoted_path(path: &VirtualPath, rest: &[u8]) -> Self {
        let quoted = [b"\"", &doubling(b'"', path.as_bytes())[..], b"\""].concat();
        Self::with_path(257, "", &quoted, rest)
    }

    /// A text with a path in it, in which 0xFF, Telnet's IAC, is doubled.
    fn with_path(code: u16, before: impl Into<Vec<u8>>, path: &[u8], after: &[u8]) -> Self {
        let mut text = before.into();
        text.extend(doubling(0xff, path));
        text.extend_from_slice(after);
        Self::with_text(code, text)
    }

    /// 227: exactly this form, since clients look for the six numbers (RFC 959 §4.2.2).
    pub fn passive(address: SocketAddrV4) -> Self {
        let [a, b, c, d] = address.ip().octets();
        let [high, low] = address.port().to_be_bytes();
        Self::with_text(227, format!("Entering Passive Mode ({a},{b},{c},{d},{high},{low})"))
    }

    /// 229: exactly this form (RFC 2428 §3).
    pub fn extended_passive(port: u16) -> Self {
        Self::with_text(229, format!("Entering Extended Passive Mode (|||{port}|)"))
    }

    /// 150 for a binary download: the size is read by clients, so the name, which may contain numbers, stays out.
    pub fn opening_binary(bytes: u64) -> Self {
        Self::with_text(150, format!("Opening BINARY mode data connection ({bytes} bytes)"))
    }

    /// 350 for REST.
    pub fn restarting_at(offset: u64) -> Self {
        Self::with_text(350, format!("Restarting at {offset}"))
    }

    /// 350 for RANG (draft-bryan-ftp-range §4.4).
    pub fn restricted_to(first: u64, last: u64) -> Self {
        Self::with_text(350, format!("Restarting at {first}, ending at {last}"))
    }

    /// 213 for HASH: name, first and last octet, digest in lower case, path (draft-bryan-ftpext-hash §3).
    pub fn hash(digest: Digest, first: u64, last: u64, bytes: &[u8], path: &VirtualPath) -> Self {
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let before = format!("{} {first}-{last} {digits} ", digest.name());
        Self::with_path(213, before, path.as_bytes(), b"")
    }

    /// A first or inner line of a reply that ends with a digest, under the code of its last line.
    pub fn still_reading(code: u16, bytes_left: u64) -> Self {
        Self {
            form: Form::Opening,
            ..Self::with_text(code, format!("Still reading, {bytes_left} bytes left"))
        }
    }

    /// 250 for XCRC and its kind: the digest alone, in upper case, like the servers that introduced them.
    pub fn checksum(bytes: &[u8]) -> Self {
        let digits: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
        Self::with_text(250, digits)
    }

    /// 200 for OPTS HASH: the name alone (draft-bryan-ftpext-hash §3.2).
    pub fn digest_in_use(digest: Digest) -> Self {
        Self::with_text(200, digest.name())
    }

    /// 213 for SIZE (RFC 3659 §4) and AVBL (draft-peterson-streamlined-ftp-command-extensions §4): digits only.
    pub fn size(bytes: u64) -> Self {
        Self::with_text(213, bytes.to_string())
    }

    /// 213 for MDTM: fourteen digits (RFC 3659 §3).
    pub fn modification_time(time: Timestamp) -> Self {
        let mut text = Vec::new();
        time.write_compact(&mut text);
        Self::with_text(213, text)
    }

    /// 213 for STAT during a transfer: clients read the first number.
    pub fn transfer_status(moved: u64) -> Self {
        Self::with_text(213, format!("Status: {moved} bytes transferred"))
    }

    /// 150 for STOU: the name that was chosen (RFC 1123 §4.1.2.9).
    pub fn opening_unique(name: &[u8]) -> Self {
        Self::with_path(150, "FILE: ", name, b"")
    }

    /// 226 for an upload to `/null`, which is counted and discarded.
    pub fn swallowed(bytes: u64, crc32: u32, took: Duration) -> Self {
        let rate = bytes as f64 / took.as_secs_f64().max(1e-6) / f64::from(1 << 20);
        Self::with_text(
            226,
            format!("{bytes} bytes swallowed, {rate:.1} MiB/s, CRC-32 {crc32:08x}"),
        )
    }

    /// 257 for MKD (RFC 959 appendix II).
    pub fn directory_made(path: &VirtualPath) -> Self {
        Self::quoted_path(path, b" created")
    }

    /// 213 for MFMT and MFF: the facts as they are now (draft-somers-ftp-mfxx §3).
    pub fn facts_set(facts: &[u8], path: &VirtualPath) -> Self {
        Self::with_path(213, [facts, b" "].concat(), path.as_bytes(), b"")
    }

    /// 211 for FEAT: a feature a line (RFC 2389 §3).
    pub fn features(features: &[String]) -> Self {
        Self::with_text(211, format!("Features:\n{}\nEnd", features.join("\n")))
    }

    /// 200 for OPTS MLST: the facts that are on now (RFC 3659 §7.9).
    pub fn mlst_options(facts: Facts) -> Self {
        let on: String = Facts::NAMES
            .iter()
            .filter(|(fact, _)| facts.contains(*fact))
            .map(|(_, name)| format!("{name};"))
            .collect();
        Self::with_text(200, format!("MLST OPTS {on}"))
    }

    /// 250 for MLST: exactly three lines (RFC 3659 §7.2).
    pub fn facts(facts: &[u8], path: &VirtualPath) -> Self {
        let before = [b"Listing path\n", facts, b" "].concat();
        Self::with_path(250, before, path.as_bytes(), b"\nEnd")
    }

    /// 200 for OPTS MODE Z LEVEL: the level in use, which may be lower than requested.
    pub fn deflate_level(level: DeflateLevel) -> Self {
        Self::with_text(200, format!("MODE Z LEVEL set to {}", level.number()))
    }

    /// 211 for STAT: the state of the session; nothing about the server.
    pub fn session_status(
        peer: IpAddr,
        representation: Representation,
        transmission: Transmission,
        is_read_only: bool,
    ) -> Self {
        let transmission = match transmission {
            Transmission::Stream => "stream",
            Transmission::Deflate => "deflate",
        };
        let representation = match representation {
            Representation::Ascii => "ASCII",
            Representation::Image => "binary",
        };
        let rights = if is_read_only { ", read-only" } else { "" };
        Self::with_text(
            211,
            format!(
                "Status of the session\nConnected from {peer}\nLogged in{rights}\n\
                 Type {representation}, mode {transmission}\nEnd"
            ),
        )
    }

    /// 214 for HELP: the verbs.
    pub fn help(has_tls: bool) -> Self {
        let mut verbs = served_verbs();
        verbs.retain(|verb| has_tls || !TLS_VERBS.contains(verb));
        let rows: Vec<String> = verbs.chunks(10).map(|row| row.join(" ")).collect();
        Self::with_text(214, format!("These commands are understood:\n{}\nEnd", rows.join("\n")))
    }

    /// 214 for SITE HELP.
    pub fn site_help() -> Self {
        let words = served_site_words().join(" ");
        Self::with_text(214, format!("These SITE commands are understood:\n{words}\nEnd"))
    }
}

/// `bytes` with every `special` in them doubled.
fn doubling(special: u8, bytes: &[u8]) -> Vec<u8> {
    let count = |byte: u8| if byte == special { 2 } else { 1 };
    bytes.iter().flat_map(|byte| repeat_n(*byte, count(*byte))).collect()
}
