//! Arguments that are one word, one number or one path.
//!
//! Paths keep their blanks; keywords and numbers lose them.

use super::error::CommandError;
use super::path_argument::PathArgument;
use crate::ftp::password::Password;

/// Longest user name in bytes (threat A20).
pub const USER_NAME_MAX: usize = 128;

/// The argument of LIST and NLST.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListArgument {
    /// `-a` or `-A` was among the options.
    pub all: bool,
    /// What follows the options.
    pub path: Option<PathArgument>,
    /// The whole argument, if it begins with options: a file with that literal name takes precedence.
    pub literal: Option<PathArgument>,
}

/// The argument of EPSV (RFC 2428 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EpsvArgument {
    Any,
    Ipv4,
    Ipv6,
    All,
}

impl ListArgument {
    /// A path that is not to be read as options.
    pub fn of_path(path: PathArgument) -> Self {
        Self {
            all: false,
            path: Some(path),
            literal: None,
        }
    }

    /// Takes groups of `-letters` off the front; the rest, with its blanks, is one path.
    pub(super) fn parse(argument: &[u8]) -> Self {
        let mut all = false;
        let mut rest = argument;
        while let Some(group) = rest.strip_prefix(b"-") {
            let (letters, behind) = split_word(group);
            if !letters
                .iter()
                .all(|letter| letter.is_ascii_alphanumeric() || *letter == b'-')
            {
                break;
            }
            all |= letters.iter().any(|letter| letter.eq_ignore_ascii_case(&b'a'));
            rest = behind;
        }
        Self {
            all,
            path: optional_path(rest),
            literal: argument.starts_with(b"-").then(|| PathArgument(argument.to_vec())),
        }
    }
}

/// The first word, and everything after the one space behind it.
pub(super) fn split_word(argument: &[u8]) -> (&[u8], &[u8]) {
    let mut parts = argument.splitn(2, |byte| *byte == b' ');
    (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
}

pub(super) fn optional_path(argument: &[u8]) -> Option<PathArgument> {
    (!argument.is_empty()).then(|| PathArgument(argument.to_vec()))
}

pub(super) fn required_path(argument: &[u8]) -> Result<PathArgument, CommandError> {
    optional_path(argument).ok_or(CommandError::BadArgument)
}

/// Digits only, up to the largest file offset.
pub(super) fn number(argument: &[u8]) -> Result<u64, CommandError> {
    let digits = argument.trim_ascii();
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(CommandError::BadArgument);
    }
    std::str::from_utf8(digits)
        .ok()
        .and_then(|digits| digits.parse::<i64>().ok())
        .and_then(|number| u64::try_from(number).ok())
        .ok_or(CommandError::BadArgument)
}

/// The meaning of the keyword that is the whole argument.
pub(super) fn keyword<Meaning: Copy>(argument: &[u8], keywords: &[(&[u8], Meaning)]) -> Result<Meaning, CommandError> {
    let given = argument.trim_ascii();
    if given.is_empty() {
        return Err(CommandError::BadArgument);
    }
    keywords
        .iter()
        .find(|(keyword, _)| given.eq_ignore_ascii_case(keyword))
        .map(|(_, meaning)| *meaning)
        .ok_or(CommandError::BadParameter)
}

pub(super) fn user_name(argument: &[u8]) -> Result<Vec<u8>, CommandError> {
    let name = argument.trim_ascii();
    if name.is_empty() || name.len() > USER_NAME_MAX {
        return Err(CommandError::BadArgument);
    }
    Ok(name.to_vec())
}

/// Anonymous clients may give any text, also none.
pub(super) fn password(argument: &[u8]) -> Result<Password, CommandError> {
    if argument.len() > Password::LONGEST {
        return Err(CommandError::BadArgument);
    }
    Ok(Password::new(argument.to_vec()))
}

/// HOST: any name is accepted (RFC 7151).
pub(super) fn host(argument: &[u8]) -> Result<(), CommandError> {
    if argument.trim_ascii().is_empty() {
        return Err(CommandError::BadArgument);
    }
    Ok(())
}

pub(super) fn structure(argument: &[u8]) -> Result<(), CommandError> {
    keyword(argument, &[(b"F", ())])
}

/// `ALLO n` or `ALLO n R m`; nothing has to be allocated.
pub(super) fn allocation(argument: &[u8]) -> Result<(), CommandError> {
    let mut words = argument
        .trim_ascii()
        .split(|byte| *byte == b' ')
        .filter(|word| !word.is_empty());
    number(words.next().unwrap_or_default())?;
    if let Some(word) = words.next() {
        if !word.eq_ignore_ascii_case(b"R") {
            return Err(CommandError::BadArgument);
        }
        number(words.next().unwrap_or_default())?;
    }
    match words.next() {
        None => Ok(()),
        Some(_) => Err(CommandError::BadArgument),
    }
}

pub(super) fn extended_passive(argument: &[u8]) -> Result<EpsvArgument, CommandError> {
    match argument.trim_ascii() {
        b"" => Ok(EpsvArgument::Any),
        b"1" => Ok(EpsvArgument::Ipv4),
        b"2" => Ok(EpsvArgument::Ipv6),
        all if all.eq_ignore_ascii_case(b"ALL") => Ok(EpsvArgument::All),
        other => number(other).and(Err(CommandError::UnsupportedProtocol)),
    }
}

/// `OPTS UTF8 [ON]`.
pub(super) fn options_utf8(value: &[u8]) -> Result<(), CommandError> {
    match value.trim_ascii() {
        b"" => Ok(()),
        on if on.eq_ignore_ascii_case(b"ON") => Ok(()),
        _ => Err(CommandError::BadArgument),
    }
}
