//! Arguments that are one word, one number or one path, and those of the digest commands.
//!
//! Paths keep their blanks; keywords and numbers lose them.

use super::{
    Command, CommandError, DeflateLevel, Digest, DigestRequest, EpsvArgument, ListArgument, PathArgument,
    ProtectionLevel, Representation, SecurityMechanism, Transmission,
};
use crate::ftp::{listing::Facts, password::Password};
use crate::units::parse_digits;

/// Longest user name in bytes (threat A20).
pub const USER_NAME_MAX: usize = 128;

pub(super) type Parsed = Result<Command, CommandError>;

/// The first word, and everything after the one space after it.
pub(super) fn split_word(argument: &[u8]) -> (&[u8], &[u8]) {
    let mut parts = argument.splitn(2, |byte| *byte == b' ');
    (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
}

fn words(argument: &[u8]) -> impl Iterator<Item = &[u8]> {
    argument.split(|byte| *byte == b' ').filter(|word| !word.is_empty())
}

pub(super) fn optional_path(argument: &[u8]) -> Option<PathArgument> {
    (!argument.is_empty()).then(|| PathArgument(argument.to_vec()))
}

pub(super) fn required_path(argument: &[u8]) -> Result<PathArgument, CommandError> {
    optional_path(argument).ok_or(CommandError::BadArgument)
}

/// Digits only, up to the largest file offset.
pub(super) fn number(argument: &[u8]) -> Result<u64, CommandError> {
    std::str::from_utf8(argument.trim_ascii())
        .ok()
        .and_then(parse_digits)
        .filter(|number| i64::try_from(*number).is_ok())
        .ok_or(CommandError::BadArgument)
}

/// The meaning of the keyword that is the whole argument.
fn keyword<Meaning: Copy>(argument: &[u8], keywords: &[(&[u8], Meaning)]) -> Result<Meaning, CommandError> {
    let given = argument.trim_ascii();
    match keywords.iter().find(|(keyword, _)| given.eq_ignore_ascii_case(keyword)) {
        Some((_, meaning)) => Ok(*meaning),
        None if given.is_empty() => Err(CommandError::BadArgument),
        None => Err(CommandError::BadParameter),
    }
}

/// A mechanism other than TLS is answered by the session, which knows whether TLS could be had instead.
pub(super) fn security_mechanism(argument: &[u8]) -> Parsed {
    let tls = SecurityMechanism::Tls;
    match keyword(argument, &[(b"TLS", tls), (b"TLS-C", tls)]) {
        Ok(mechanism) => Ok(Command::Auth(mechanism)),
        Err(CommandError::BadParameter) => Ok(Command::Auth(SecurityMechanism::Other)),
        Err(error) => Err(error),
    }
}

pub(super) fn protection_buffer_size(argument: &[u8]) -> Parsed {
    number(argument).map(|_| Command::ProtectionBufferSize)
}

pub(super) fn protection_level(argument: &[u8]) -> Parsed {
    let levels: [(&[u8], ProtectionLevel); 4] = [
        (b"C", ProtectionLevel::Clear),
        (b"S", ProtectionLevel::Unsupported),
        (b"E", ProtectionLevel::Unsupported),
        (b"P", ProtectionLevel::Private),
    ];
    keyword(argument, &levels).map(Command::Prot)
}

/// Groups of `-letters` are taken off the front; the rest, with its blanks, is one path.
pub(super) fn list_argument(argument: &[u8]) -> ListArgument {
    let mut all = false;
    let mut rest = argument;
    while let Some(group) = rest.strip_prefix(b"-") {
        let (letters, after) = split_word(group);
        let is_option = |letter: &u8| letter.is_ascii_alphanumeric() || *letter == b'-';
        if !letters.iter().all(is_option) {
            break;
        }
        all |= letters.iter().any(|letter| letter.eq_ignore_ascii_case(&b'a'));
        rest = after;
    }
    ListArgument {
        all,
        path: optional_path(rest),
        literal: argument.starts_with(b"-").then(|| PathArgument(argument.to_vec())),
    }
}

pub(super) fn user_name(argument: &[u8]) -> Parsed {
    match argument.trim_ascii() {
        name if name.is_empty() || name.len() > USER_NAME_MAX => Err(CommandError::BadArgument),
        name => Ok(Command::User(name.to_vec())),
    }
}

/// Anonymous clients may give any text, also none.
pub(super) fn password(argument: &[u8]) -> Parsed {
    if argument.len() > Password::LONGEST {
        return Err(CommandError::BadArgument);
    }
    Ok(Command::Pass(Password::new(argument.to_vec())))
}

/// HOST: any name is accepted (RFC 7151).
pub(super) fn host(argument: &[u8]) -> Parsed {
    required_path(argument.trim_ascii()).map(|_| Command::Host)
}

pub(super) fn structure(argument: &[u8]) -> Parsed {
    keyword(argument, &[(b"F", ())]).map(|()| Command::Structure)
}

pub(super) fn transmission(argument: &[u8]) -> Parsed {
    keyword(argument, &[(b"S", Transmission::Stream), (b"Z", Transmission::Deflate)]).map(Command::Mode)
}

pub(super) fn representation(argument: &[u8]) -> Parsed {
    match argument.trim_ascii().to_ascii_uppercase().as_slice() {
        b"" => Err(CommandError::BadArgument),
        b"A" | b"A N" | b"AN" => Ok(Command::Type(Representation::Ascii)),
        b"I" | b"I N" | b"L 8" | b"L8" => Ok(Command::Type(Representation::Image)),
        _ => Err(CommandError::BadParameter),
    }
}

/// `ALLO n` or `ALLO n R m`; nothing has to be allocated.
pub(super) fn allocation(argument: &[u8]) -> Parsed {
    let mut words = words(argument);
    number(words.next().unwrap_or_default())?;
    if let Some(word) = words.next() {
        if !word.eq_ignore_ascii_case(b"R") {
            return Err(CommandError::BadArgument);
        }
        number(words.next().unwrap_or_default())?;
    }
    match words.next() {
        None => Ok(Command::Allo),
        Some(_) => Err(CommandError::BadArgument),
    }
}

pub(super) fn extended_passive(argument: &[u8]) -> Parsed {
    let protocol = match argument.trim_ascii() {
        b"" => EpsvArgument::Any,
        b"1" => EpsvArgument::Ipv4,
        b"2" => EpsvArgument::Ipv6,
        all if all.eq_ignore_ascii_case(b"ALL") => EpsvArgument::All,
        other => return number(other).and(Err(CommandError::UnsupportedProtocol)),
    };
    Ok(Command::Epsv(protocol))
}

/// `OPTS UTF8 [ON]`.
pub(super) fn options_utf8(value: &[u8]) -> Parsed {
    match value.trim_ascii() {
        on if on.is_empty() || on.eq_ignore_ascii_case(b"ON") => Ok(Command::OptsUtf8),
        _ => Err(CommandError::BadArgument),
    }
}

pub(super) fn options_mlst(facts: &[u8]) -> Parsed {
    Ok(Command::OptsMlst(Facts::from_names(facts.trim_ascii())))
}

/// `Z LEVEL n`; zlib's other parameters are not offered.
pub(super) fn options_mode(value: &[u8]) -> Parsed {
    let upper = value.to_ascii_uppercase();
    let mut words = words(&upper);
    match (words.next(), words.next(), words.next(), words.next()) {
        (Some(b"Z"), Some(b"LEVEL"), Some(level), None) => DeflateLevel::granted(number(level)?),
        _ => None,
    }
    .map(Command::OptsDeflate)
    .ok_or(CommandError::BadArgument)
}

/// `OPTS HASH name`; without a name it asks which one is in use.
pub(super) fn options_hash(value: &[u8]) -> Parsed {
    let name = value.trim_ascii();
    let digest = Digest::from_name(name);
    if digest.is_none() && !name.is_empty() {
        return Err(CommandError::BadParameter);
    }
    Ok(Command::OptsHash(digest))
}

/// `RANG first last`, both included; `RANG 1 0` resets the range (draft-bryan-ftp-range).
pub(super) fn range(argument: &[u8]) -> Parsed {
    let (first, last) = split_word(argument.trim_ascii());
    match (number(first)?, number(last)?) {
        (1, 0) => Ok(Command::Range(None)),
        (first, last) if first <= last => Ok(Command::Range(Some((first, last)))),
        _ => Err(CommandError::BadArgument),
    }
}

/// `XCRC path`, or with quotes `XCRC "path" first past`.
pub(super) fn checksum(digest: Digest, argument: &[u8]) -> Parsed {
    let quoted = argument.strip_prefix(b"\"").and_then(|rest| {
        let mut around_quote = rest.rsplitn(2, |byte| *byte == b'"');
        let numbers = around_quote.next()?;
        Some((around_quote.next()?, numbers))
    });
    let (path, numbers) = quoted.unwrap_or((argument, b""));
    let mut numbers = words(numbers);
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
