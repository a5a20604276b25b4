//! Times and modes that clients set: MDTM, MFMT, MFF (draft-somers-ftp-mfxx), SITE UTIME, SITE CHMOD.
//!
//! A number is digits only and a time is fourteen of them. An argument that is wrong anywhere is refused as a whole,
//! so that nothing is half changed.

use super::arguments::{Parsed, optional_path, required_path, split_word};
use super::{Command, CommandError, FactChange, PathArgument};
use crate::ftp::timestamp::Timestamp;
use std::collections::HashSet;
use std::mem::discriminant;

/// Permission bits that can be set: never set-id or sticky ones (threat H13).
const SETTABLE_MODE: u32 = 0o777;

/// `MDTM path`, or `MDTM time path`, as old clients set times.
pub(super) fn modification_time(argument: &[u8]) -> Parsed {
    let literal = required_path(argument)?;
    Ok(match split_time(argument) {
        Some((time, path)) => Command::MdtmOrSet {
            literal,
            time: Timestamp::parse_compact(time),
            path,
        },
        None => Command::Mdtm(literal),
    })
}

/// `MFMT time path`.
pub(super) fn set_modified(argument: &[u8]) -> Parsed {
    let (digits, path) = split_word(argument);
    Ok(Command::SetModified(time(digits)?, required_path(path)?))
}

/// `MFF fact=value;fact=value; path`.
pub(super) fn set_facts(argument: &[u8]) -> Parsed {
    let (facts, path) = split_word(argument);
    let changes: Vec<FactChange> = facts
        .strip_suffix(b";")
        .ok_or(CommandError::BadArgument)?
        .split(|byte| *byte == b';')
        .map(fact_change)
        .collect::<Result<_, _>>()?;
    // Each fact once: a line has room for two hundred, and each is a change of its own.
    let kinds: HashSet<_> = changes.iter().map(discriminant).collect();
    if kinds.len() < changes.len() {
        return Err(CommandError::BadArgument);
    }
    Ok(Command::SetFacts(changes, required_path(path)?))
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
pub(super) fn site_chmod(argument: &[u8]) -> Parsed {
    let (digits, path) = split_word(argument);
    Ok(Command::SiteChmod(mode(digits)?, required_path(path)?))
}

/// `SITE UTIME time path`, or `SITE UTIME path access modification creation UTC`.
pub(super) fn site_utime(argument: &[u8]) -> Parsed {
    if let Some((digits, path)) = split_time(argument) {
        return Ok(Command::SiteUtime(time(digits)?, path));
    }
    let mut words = argument.rsplitn(5, |byte| *byte == b' ');
    match (words.next(), words.next(), words.next(), words.next(), words.next()) {
        (Some(zone), Some(_creation), Some(modified), Some(_access), Some(path))
            if zone.eq_ignore_ascii_case(b"UTC") =>
        {
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

/// A fraction may follow (RFC 3659 §2.3); only whole seconds are stored.
fn time(digits: &[u8]) -> Result<Timestamp, CommandError> {
    let mut parts = digits.splitn(2, |byte| *byte == b'.');
    let (whole, fraction) = (parts.next().unwrap_or_default(), parts.next());
    Timestamp::parse_compact(whole)
        .filter(|_| fraction.is_none_or(|digits| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)))
        .ok_or(CommandError::BadArgument)
}

/// Fourteen digits, a space, and a path.
fn split_time(argument: &[u8]) -> Option<(&[u8], PathArgument)> {
    let (time, path) = split_word(argument);
    let is_time = time.len() == 14 && time.iter().all(u8::is_ascii_digit);
    optional_path(path).filter(|_| is_time).map(|path| (time, path))
}
