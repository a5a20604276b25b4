//! Times and modes that clients set: MDTM, MFMT, MFF (draft-somers-ftp-mfxx), SITE UTIME, SITE CHMOD.
//!
//! A number is digits only and a time is fourteen of them. An argument that is wrong anywhere is refused as a whole,
//! so that nothing is half changed.

use super::arguments::{optional_path, required_path, split_word};
use super::error::CommandError;
use super::path_argument::PathArgument;
use crate::ftp::timestamp::Timestamp;
use std::mem;

/// One fact of MFF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactChange {
    Modify(Timestamp),
    UnixMode(u32),
}

/// Permission bits that can be set: never set-id or sticky ones (threat H13).
const SETTABLE_MODE: u32 = 0o777;

/// `time path`, as old clients of MDTM set times. `None`: it is a path. A time that does not exist is `Some((None,
/// _))`.
pub(super) fn time_before_path(argument: &[u8]) -> Option<(Option<Timestamp>, PathArgument)> {
    let (time, path) = split_time(argument)?;
    Some((Timestamp::parse_compact(time), PathArgument(path.to_vec())))
}

/// `MFMT time path`.
pub(super) fn set_modified(argument: &[u8]) -> Result<(Timestamp, PathArgument), CommandError> {
    let (time, path) = split_word(argument);
    Ok((self::time(time)?, required_path(path)?))
}

/// `MFF fact=value;fact=value; path`.
pub(super) fn set_facts(argument: &[u8]) -> Result<(Vec<FactChange>, PathArgument), CommandError> {
    let (facts, path) = split_word(argument);
    let changes: Vec<FactChange> = facts
        .strip_suffix(b";")
        .ok_or(CommandError::BadArgument)?
        .split(|byte| *byte == b';')
        .map(fact_change)
        .collect::<Result<_, _>>()?;
    // Each fact once: a line has room for two hundred, and each is a change of its own.
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
    Ok((changes, required_path(path)?))
}

fn fact_change(fact: &[u8]) -> Result<FactChange, CommandError> {
    let mut parts = fact.splitn(2, |byte| *byte == b'=');
    let (Some(name), Some(value)) = (parts.next(), parts.next()) else {
        return Err(CommandError::BadArgument);
    };
    match name.to_ascii_lowercase().as_slice() {
        b"modify" => Ok(FactChange::Modify(time(value)?)),
        b"unix.mode" => Ok(FactChange::UnixMode(mode(value)?)),
        _ => Err(CommandError::BadParameter),
    }
}

/// `SITE CHMOD mode path`.
pub(super) fn site_chmod(argument: &[u8]) -> Result<(u32, PathArgument), CommandError> {
    let (digits, path) = split_word(argument);
    Ok((mode(digits)?, required_path(path)?))
}

/// `SITE UTIME time path`, or `SITE UTIME path access modification creation UTC`.
pub(super) fn site_utime(argument: &[u8]) -> Result<(Timestamp, PathArgument), CommandError> {
    if let Some((time, path)) = split_time(argument) {
        return Ok((self::time(time)?, PathArgument(path.to_vec())));
    }
    let mut words = argument.rsplitn(5, |byte| *byte == b' ');
    let (zone, _creation, modified) = (words.next(), words.next(), words.next());
    let (_access, path) = (words.next(), words.next());
    match (zone, modified, path) {
        (Some(zone), Some(modified), Some(path)) if zone.eq_ignore_ascii_case(b"UTC") => {
            Ok((time(modified)?, required_path(path)?))
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
    // A fraction may follow (RFC 3659 §2.3); only whole seconds are stored.
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
    (is_time && optional_path(path).is_some()).then_some((time, path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ftp::command::Command;

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
}
