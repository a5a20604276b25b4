//! Arguments of the commands that change files or vouch for them: times, modes, digests, ranges, SITE.
//!
//! Here as everywhere a number is digits only and a time is fourteen of them; what does not fit is refused whole, so
//! that nothing is changed by half an argument.

use super::{Command, CommandError, PathArgument, number, optional, required_path};
use crate::ftp::timestamp::Timestamp;
use std::mem;

/// How the bytes of a file are vouched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digest {
    Sha256,
    Sha512,
    Sha1,
    Md5,
    Crc32,
}

/// Which bytes are to be vouched for, and how the answer looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DigestRequest {
    /// HASH: the digest of OPTS HASH, the bytes of RANG.
    Hash(PathArgument),
    /// XCRC and its like: `first` and `past` are offsets, the latter of the first byte that is left out.
    Checksum {
        digest: Digest,
        path: PathArgument,
        first: u64,
        past: Option<u64>,
    },
}

/// One fact of MFF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactChange {
    Modify(Timestamp),
    UnixMode(u32),
}

/// Permission bits that can be set: never set-id or sticky ones (threat H13).
const SETTABLE_MODE: u32 = 0o777;

impl Digest {
    /// All, in the order in which FEAT shows them.
    pub const ALL: [Digest; 5] = [Digest::Sha256, Digest::Sha512, Digest::Sha1, Digest::Md5, Digest::Crc32];

    /// What HASH answers with until OPTS HASH says otherwise.
    pub const DEFAULT: Digest = Digest::Sha256;

    /// The name of HASH and OPTS HASH.
    pub fn name(self) -> &'static str {
        match self {
            Digest::Sha256 => "SHA-256",
            Digest::Sha512 => "SHA-512",
            Digest::Sha1 => "SHA-1",
            Digest::Md5 => "MD5",
            Digest::Crc32 => "CRC32",
        }
    }

    /// The digest called `name`, in any case.
    pub fn from_name(name: &[u8]) -> Option<Self> {
        Digest::ALL
            .into_iter()
            .find(|digest| digest.name().as_bytes().eq_ignore_ascii_case(name))
    }
}

/// `MDTM path`, or `MDTM time path` as old clients set times.
pub(super) fn modification_time(argument: &[u8]) -> Result<Command, CommandError> {
    let literal = required_path(argument)?;
    Ok(match split_time(argument) {
        Some((time, path)) => Command::MdtmOrSet {
            literal,
            time: Timestamp::parse_compact(time),
            path: PathArgument(path.to_vec()),
        },
        None => Command::Mdtm(literal),
    })
}

/// `MFMT time path`.
pub(super) fn set_modified(argument: &[u8]) -> Result<Command, CommandError> {
    let (time, path) = split_word(argument);
    Ok(Command::SetModified(self::time(time)?, required_path(path)?))
}

/// `MFF fact=value;fact=value; path`.
pub(super) fn set_facts(argument: &[u8]) -> Result<Command, CommandError> {
    let (facts, path) = split_word(argument);
    let changes: Vec<FactChange> = facts
        .strip_suffix(b";")
        .ok_or(CommandError::BadArgument)?
        .split(|byte| *byte == b';')
        .map(fact_change)
        .collect::<Result<_, _>>()?;
    // Each fact once: a line has room for two hundred, each of which would be a change of its own.
    let of_a_kind = |one: &FactChange| mem::discriminant(one);
    let is_repeated = |(at, change)| {
        changes
            .iter()
            .skip(at + 1)
            .any(|other| of_a_kind(other) == of_a_kind(change))
    };
    if changes.iter().enumerate().any(is_repeated) {
        return Err(CommandError::BadArgument);
    }
    Ok(Command::SetFacts(changes, required_path(path)?))
}

fn fact_change(fact: &[u8]) -> Result<FactChange, CommandError> {
    let equals = fact
        .iter()
        .position(|byte| *byte == b'=')
        .ok_or(CommandError::BadArgument)?;
    let (name, value) = (
        fact.get(..equals).unwrap_or_default(),
        fact.get(equals + 1..).unwrap_or_default(),
    );
    match name.to_ascii_lowercase().as_slice() {
        b"modify" => Ok(FactChange::Modify(time(value)?)),
        b"unix.mode" => Ok(FactChange::UnixMode(mode(value)?)),
        _ => Err(CommandError::BadParameter),
    }
}

/// `RANG first last`, both counted; `RANG 1 0` forgets the range (draft-bryan-ftp-range).
pub(super) fn range(argument: &[u8]) -> Result<Command, CommandError> {
    let (first, last) = split_word(argument.trim_ascii());
    let (first, last) = (number(first)?, number(last)?);
    match (first, last) {
        (1, 0) => Ok(Command::Range(None)),
        _ if first <= last => Ok(Command::Range(Some((first, last)))),
        _ => Err(CommandError::BadArgument),
    }
}

/// `XCRC path`, or with quotes `XCRC "path" first past`.
pub(super) fn checksum(digest: Digest, argument: &[u8]) -> Result<Command, CommandError> {
    let quoted = argument.strip_prefix(b"\"").and_then(|rest| {
        let end = rest.iter().rposition(|byte| *byte == b'"')?;
        Some((rest.get(..end)?, rest.get(end + 1..)?))
    });
    let (path, numbers) = quoted.unwrap_or((argument, b""));
    let mut numbers = numbers.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    let first = numbers.next().map_or(Ok(0), number)?;
    let past = numbers.next().map(number).transpose()?;
    if numbers.next().is_some() || past.is_some_and(|past| past < first) {
        return Err(CommandError::BadArgument);
    }
    Ok(Command::Digest(DigestRequest::Checksum {
        digest,
        path: required_path(path)?,
        first,
        past,
    }))
}

/// SITE: what is understood, what is refused politely, and nothing that executes anything (threat A18).
pub(super) fn site(argument: &[u8]) -> Result<Command, CommandError> {
    let (word, rest) = split_word(argument);
    match word.to_ascii_uppercase().as_slice() {
        b"" => Err(CommandError::BadArgument),
        b"HELP" => Ok(Command::SiteHelp),
        b"CHMOD" => {
            let (digits, path) = split_word(rest);
            Ok(Command::SiteChmod(mode(digits)?, required_path(path)?))
        }
        b"UTIME" => site_utime(rest),
        _ => Err(CommandError::NotImplemented),
    }
}

/// `SITE UTIME time path`, or `SITE UTIME path access modification creation UTC`.
fn site_utime(rest: &[u8]) -> Result<Command, CommandError> {
    if let Some((time, path)) = split_time(rest) {
        return Ok(Command::SiteUtime(self::time(time)?, PathArgument(path.to_vec())));
    }
    let mut words = rest.rsplitn(5, |byte| *byte == b' ');
    let (zone, _creation, modified) = (words.next(), words.next(), words.next());
    let (_access, path) = (words.next(), words.next());
    match (zone, modified, path) {
        (Some(zone), Some(modified), Some(path)) if zone.eq_ignore_ascii_case(b"UTC") => {
            Ok(Command::SiteUtime(time(modified)?, required_path(path)?))
        }
        _ => Err(CommandError::BadArgument),
    }
}

/// Three digits, or four of which the first is 0.
fn mode(digits: &[u8]) -> Result<u32, CommandError> {
    if !(3..=4).contains(&digits.len()) || !digits.iter().all(|digit| (b'0'..=b'7').contains(digit)) {
        return Err(CommandError::BadArgument);
    }
    let mode = digits.iter().fold(0, |mode, digit| mode << 3 | u32::from(digit - b'0'));
    if mode & !SETTABLE_MODE == 0 {
        Ok(mode)
    } else {
        Err(CommandError::BadParameter)
    }
}

fn time(digits: &[u8]) -> Result<Timestamp, CommandError> {
    // A fraction may follow (RFC 3659 §2.3); whole seconds are what is kept.
    let whole = match digits.split_at_checked(14) {
        Some((whole, fraction)) if is_fraction(fraction) => whole,
        Some(_) | None => digits,
    };
    Timestamp::parse_compact(whole).ok_or(CommandError::BadArgument)
}

fn is_fraction(text: &[u8]) -> bool {
    text.strip_prefix(b".")
        .is_some_and(|digits| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit))
}

/// Fourteen digits, a space, and something behind it.
fn split_time(argument: &[u8]) -> Option<(&[u8], &[u8])> {
    let (time, path) = split_word(argument);
    let is_time = time.len() == 14 && time.iter().all(u8::is_ascii_digit);
    (is_time && optional(path).is_some()).then_some((time, path))
}

/// The first word, and all that follows the one space behind it.
fn split_word(argument: &[u8]) -> (&[u8], &[u8]) {
    match argument.iter().position(|byte| *byte == b' ') {
        Some(space) => (
            argument.get(..space).unwrap_or_default(),
            argument.get(space + 1..).unwrap_or_default(),
        ),
        None => (argument, b""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Command, CommandError> {
        Command::parse(line.as_bytes())
    }

    fn path(text: &str) -> PathArgument {
        PathArgument(text.as_bytes().to_vec())
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(seconds)
    }

    #[test]
    fn h18_times_are_set_in_five_ways() {
        let time = at(1_704_067_200);
        assert_eq!(
            parsed("MFMT 20240101000000 a b"),
            Ok(Command::SetModified(time, path("a b")))
        );
        assert_eq!(
            parsed("MFMT 20240101000000.123 a"),
            Ok(Command::SetModified(time, path("a")))
        );
        assert_eq!(
            parsed("MFF Modify=20240101000000;UNIX.mode=0644; a b"),
            Ok(Command::SetFacts(
                vec![FactChange::Modify(time), FactChange::UnixMode(0o644)],
                path("a b")
            ))
        );
        assert_eq!(
            parsed("SITE UTIME 20240101000000 a b"),
            Ok(Command::SiteUtime(time, path("a b")))
        );
        assert_eq!(
            parsed("site utime a b 20230101000000 20240101000000 20250101000000 utc"),
            Ok(Command::SiteUtime(time, path("a b")))
        );
        assert_eq!(
            parsed("MDTM 20240101000000 a"),
            Ok(Command::MdtmOrSet {
                literal: path("20240101000000 a"),
                time: Some(time),
                path: path("a")
            })
        );
        assert_eq!(parsed("MDTM 20240101000000"), Ok(Command::Mdtm(path("20240101000000"))));
    }

    #[test]
    fn h18_times_that_do_not_exist_are_refused() {
        for line in [
            "MFMT 20241301000000 a",
            "MFMT 2024010100000 a",
            "MFMT 20240101000000",
            "MFMT 20240101000000.x a",
            "MFMT -0240101000000 a",
            "MFF modify=20241301000000; a",
            "MFF modify=20240101000000 a",
            "MFF modify; a",
            "MFF Modify=20240101000000;UNIX.mode=0644;Modify=20240101000000; a",
            "MFF UNIX.mode=0644;unix.mode=0644; a",
            "SITE UTIME 20241301000000 a",
            "SITE UTIME a 1 2 3 UTC",
            "SITE UTIME a",
        ] {
            assert_eq!(parsed(line), Err(CommandError::BadArgument), "{line}");
        }
        assert_eq!(parsed("MFF create=20240101000000; a"), Err(CommandError::BadParameter));
    }

    #[test]
    fn h13_modes_are_permission_bits_only() {
        assert_eq!(parsed("SITE CHMOD 644 a b"), Ok(Command::SiteChmod(0o644, path("a b"))));
        assert_eq!(parsed("SITE CHMOD 0755 a"), Ok(Command::SiteChmod(0o755, path("a"))));
        assert_eq!(parsed("SITE CHMOD 4755 a"), Err(CommandError::BadParameter));
        for line in [
            "SITE CHMOD 64 a",
            "SITE CHMOD 888 a",
            "SITE CHMOD u+x a",
            "SITE CHMOD 644",
            "SITE CHMOD 00644 a",
        ] {
            assert_eq!(parsed(line), Err(CommandError::BadArgument), "{line}");
        }
    }

    #[test]
    fn digests_are_asked_for_by_name_and_part() {
        assert_eq!(parsed("OPTS HASH sha-1"), Ok(Command::OptsHash(Some(Digest::Sha1))));
        assert_eq!(parsed("OPTS HASH"), Ok(Command::OptsHash(None)));
        assert_eq!(parsed("OPTS HASH MD9"), Err(CommandError::BadParameter));
        let checksum = |first, past| {
            Ok(Command::Digest(DigestRequest::Checksum {
                digest: Digest::Crc32,
                path: path("a b"),
                first,
                past,
            }))
        };
        assert_eq!(parsed("XCRC a b"), checksum(0, None));
        assert_eq!(parsed("XCRC \"a b\""), checksum(0, None));
        assert_eq!(parsed("XCRC \"a b\" 5"), checksum(5, None));
        assert_eq!(parsed("XCRC \"a b\" 5 10"), checksum(5, Some(10)));
        for line in [
            "XCRC",
            "XCRC \"a\" 5 4",
            "XCRC \"a\" x",
            "XCRC \"a\" 1 2 3",
            "XCRC \"\"",
        ] {
            assert_eq!(parsed(line), Err(CommandError::BadArgument), "{line}");
        }
        assert_eq!(parsed("RANG 5 9"), Ok(Command::Range(Some((5, 9)))));
        assert_eq!(parsed("RANG 1 0"), Ok(Command::Range(None)));
        for line in ["RANG", "RANG 5", "RANG 9 5", "RANG -1 5", "RANG 1 2 3"] {
            assert_eq!(parsed(line), Err(CommandError::BadArgument), "{line}");
        }
    }
}
