//! A line into a command: one variant a verb, arguments typed, nothing left to be parsed later.
//!
//! The verb is everything up to the first space, in ASCII in any case; the argument is everything after that one space.
//! Paths keep their blanks; keywords and numbers lose them. Bytes that could end a line somewhere else are refused here,
//! before anything is looked up (threat A03).

use super::host_port::{EprtError, parse_eprt, parse_port};
use super::listing::Fact;
use super::password::Password;
use std::net::SocketAddr;

/// Longest user name and password (threat A20).
const USER_MAX: usize = 128;
const PASSWORD_MAX: usize = Password::LONGEST;

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    User(Vec<u8>),
    /// The password is checked for its form and dropped: anonymous clients may say anything.
    Pass,
    Acct,
    Quit,
    Rein,
    Noop,
    Syst,
    Feat,
    Help(Option<Vec<u8>>),
    /// STAT without an argument.
    StatSession,
    StatPath(PathArgument),
    OptsUtf8,
    OptsMlst(Vec<Fact>),
    Clnt,
    Host,
    Type(Representation),
    Mode,
    Structure,
    Allo,
    Pwd,
    Cwd(PathArgument),
    Cdup,
    List(ListArgument),
    Nlst(ListArgument),
    Mlst(Option<PathArgument>),
    Mlsd(Option<PathArgument>),
    Size(PathArgument),
    Mdtm(PathArgument),
    /// `MDTM 20240101000000 name`: sets a time, unless a file has that whole name.
    MdtmOrSet(PathArgument),
    Rest(u64),
    Retr(PathArgument),
    Abor,
    Pasv,
    Epsv(EpsvArgument),
    Port(SocketAddr),
    Eprt(SocketAddr),
    SiteHelp,
    Pret,
    /// A verb that would change something.
    Write,
    Rnto,
}

/// A path as the client wrote it, free of control bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathArgument(pub Vec<u8>);

/// The argument of LIST and NLST.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListArgument {
    /// `-a` or `-A` was among the options.
    pub all: bool,
    /// What is left behind the options.
    pub path: Option<PathArgument>,
    /// The whole argument, if it began with options: a file of that very name comes first.
    pub literal: Option<PathArgument>,
}

/// How file data is represented (RFC 959 §3.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Representation {
    Ascii,
    Image,
}

/// The argument of EPSV (RFC 2428 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EpsvArgument {
    Any,
    Ipv4,
    Ipv6,
    All,
}

/// Why a line is no command that can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandError {
    /// Nothing but blanks: not answered.
    Blank,
    Unknown,
    /// HTTP, SMTP or SSH: somebody was led to the wrong port, or leads somebody's browser here (threat A11).
    ForeignProtocol,
    BadArgument,
    /// PORT or EPRT with something that is no address: what was armed before must not stand (threat B10).
    BadAddress,
    NotImplemented,
    BadParameter,
    UnsupportedProtocol,
}

/// First words of other protocols' clients.
const FOREIGN: [&[u8]; 11] = [
    b"GET", b"POST", b"PUT", b"HEAD", b"DELETE", b"OPTIONS", b"CONNECT", b"TRACE", b"PATCH", b"EHLO", b"HELO",
];

/// Verbs that are understood and refused.
const NOT_IMPLEMENTED: [&[u8]; 28] = [
    b"SMNT", b"LANG", b"AUTH", b"ADAT", b"PBSZ", b"PROT", b"CCC", b"CONF", b"ENC", b"MIC", b"HASH", b"RANG", b"XCRC",
    b"XMD5", b"XSHA", b"XSHA1", b"XSHA256", b"XSHA512", b"MD5", b"MMD5", b"AVBL", b"COMB", b"THMB", b"DSIZ", b"RMDA",
    b"CSID", b"LPRT", b"LPSV",
];

/// Every verb that is served, for HELP and for the test of every verb in every state.
pub const SERVED_VERBS: [&str; 51] = [
    "ABOR", "ACCT", "ALLO", "APPE", "CDUP", "CLNT", "CWD", "DELE", "EPRT", "EPSV", "FEAT", "HELP", "HOST", "LIST",
    "MDTM", "MFCT", "MFF", "MFMT", "MKD", "MLSD", "MLST", "MODE", "NLST", "NOOP", "OPTS", "PASS", "PASV", "PORT",
    "PRET", "PWD", "QUIT", "REIN", "REST", "RETR", "RMD", "RNFR", "RNTO", "SITE", "SIZE", "STAT", "STOR", "STOU",
    "STRU", "SYST", "TYPE", "USER", "XCUP", "XCWD", "XMKD", "XPWD", "XRMD",
];

impl Command {
    /// Reads a line without its line end.
    pub fn parse(line: &[u8]) -> Result<Command, CommandError> {
        if line.iter().all(|byte| *byte == b' ') {
            return Err(CommandError::Blank);
        }
        let (verb, argument) = match line.iter().position(|byte| *byte == b' ') {
            Some(space) => (
                line.get(..space).unwrap_or_default(),
                line.get(space + 1..).unwrap_or_default(),
            ),
            None => (line, &b""[..]),
        };
        let verb = verb.to_ascii_uppercase();
        if FOREIGN.contains(&verb.as_slice()) || verb.starts_with(b"SSH-") {
            return Err(CommandError::ForeignProtocol);
        }
        let command = by_verb(&verb, argument);
        if command != Err(CommandError::Unknown) && argument.iter().any(u8::is_ascii_control) {
            // PORT's argument is refused like any other, but it also disarms.
            return Err(match verb.as_slice() {
                b"PORT" | b"EPRT" => CommandError::BadAddress,
                _ => CommandError::BadArgument,
            });
        }
        command
    }
}

fn by_verb(verb: &[u8], argument: &[u8]) -> Result<Command, CommandError> {
    let path = || required_path(argument);
    Ok(match verb {
        b"USER" => Command::User(user_name(argument)?),
        b"PASS" if argument.len() > PASSWORD_MAX => return Err(CommandError::BadArgument),
        b"PASS" => Command::Pass,
        b"ACCT" => Command::Acct,
        b"QUIT" => Command::Quit,
        b"REIN" => Command::Rein,
        b"NOOP" => Command::Noop,
        b"SYST" => Command::Syst,
        b"FEAT" => Command::Feat,
        b"HELP" => Command::Help(optional(argument)),
        b"STAT" => optional(argument).map_or(Command::StatSession, |path| Command::StatPath(PathArgument(path))),
        b"OPTS" => options(argument)?,
        b"CLNT" => Command::Clnt,
        b"HOST" if argument.trim_ascii().is_empty() => return Err(CommandError::BadArgument),
        b"HOST" => Command::Host,
        b"TYPE" => Command::Type(representation(argument)?),
        b"MODE" => keyword_only(argument, b"S", Command::Mode)?,
        b"STRU" => keyword_only(argument, b"F", Command::Structure)?,
        b"ALLO" => allocation(argument)?,
        b"PWD" | b"XPWD" => Command::Pwd,
        b"CWD" | b"XCWD" => Command::Cwd(PathArgument(argument.to_vec())),
        b"CDUP" | b"XCUP" => Command::Cdup,
        b"LIST" => Command::List(ListArgument::parse(argument)),
        b"NLST" => Command::Nlst(ListArgument::parse(argument)),
        b"MLST" => Command::Mlst(optional(argument).map(PathArgument)),
        b"MLSD" => Command::Mlsd(optional(argument).map(PathArgument)),
        b"SIZE" => Command::Size(path()?),
        b"MDTM" if starts_with_time(argument) => Command::MdtmOrSet(path()?),
        b"MDTM" => Command::Mdtm(path()?),
        b"REST" => Command::Rest(number(argument)?),
        b"RETR" => Command::Retr(path()?),
        b"ABOR" => Command::Abor,
        b"PASV" => Command::Pasv,
        b"EPSV" => Command::Epsv(extended_passive(argument)?),
        b"PORT" => Command::Port(parse_port(argument).ok_or(CommandError::BadAddress)?),
        b"EPRT" => Command::Eprt(parse_eprt(argument).map_err(|error| match error {
            EprtError::Syntax => CommandError::BadAddress,
            EprtError::Protocol => CommandError::UnsupportedProtocol,
        })?),
        b"SITE" => site(argument)?,
        b"PRET" => Command::Pret,
        b"STOU" => Command::Write,
        b"STOR" | b"APPE" | b"DELE" | b"MKD" | b"XMKD" | b"RMD" | b"XRMD" | b"RNFR" | b"MFMT" | b"MFF" | b"MFCT" => {
            path()?;
            Command::Write
        }
        b"RNTO" => {
            path()?;
            Command::Rnto
        }
        known if NOT_IMPLEMENTED.contains(&known) => return Err(CommandError::NotImplemented),
        _ => return Err(CommandError::Unknown),
    })
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

    /// Takes `-letters` groups off the front; the rest, with its blanks, is one path.
    fn parse(argument: &[u8]) -> Self {
        let mut all = false;
        let mut rest = argument;
        while let Some(group) = rest.strip_prefix(b"-") {
            let end = group.iter().position(|byte| *byte == b' ').unwrap_or(group.len());
            let letters = group.get(..end).unwrap_or_default();
            if !letters
                .iter()
                .all(|letter| letter.is_ascii_alphanumeric() || *letter == b'-')
            {
                break;
            }
            all |= letters.iter().any(|letter| letter.eq_ignore_ascii_case(&b'a'));
            rest = group.get(end + 1..).unwrap_or_default();
        }
        Self {
            all,
            path: optional(rest).map(PathArgument),
            literal: argument.starts_with(b"-").then(|| PathArgument(argument.to_vec())),
        }
    }
}

fn optional(argument: &[u8]) -> Option<Vec<u8>> {
    (!argument.is_empty()).then(|| argument.to_vec())
}

fn required_path(argument: &[u8]) -> Result<PathArgument, CommandError> {
    optional(argument).map(PathArgument).ok_or(CommandError::BadArgument)
}

fn user_name(argument: &[u8]) -> Result<Vec<u8>, CommandError> {
    let name = argument.trim_ascii();
    if name.is_empty() || name.len() > USER_MAX {
        return Err(CommandError::BadArgument);
    }
    Ok(name.to_vec())
}

/// Digits only, up to the largest file offset.
fn number(argument: &[u8]) -> Result<u64, CommandError> {
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

fn representation(argument: &[u8]) -> Result<Representation, CommandError> {
    match argument.trim_ascii().to_ascii_uppercase().as_slice() {
        b"" => Err(CommandError::BadArgument),
        b"A" | b"A N" | b"AN" => Ok(Representation::Ascii),
        b"I" | b"I N" | b"L 8" | b"L8" => Ok(Representation::Image),
        _ => Err(CommandError::BadParameter),
    }
}

fn keyword_only(argument: &[u8], keyword: &[u8], command: Command) -> Result<Command, CommandError> {
    match argument.trim_ascii() {
        b"" => Err(CommandError::BadArgument),
        given if given.eq_ignore_ascii_case(keyword) => Ok(command),
        _ => Err(CommandError::BadParameter),
    }
}

/// `ALLO n` or `ALLO n R m`; nothing has to be allocated.
fn allocation(argument: &[u8]) -> Result<Command, CommandError> {
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
        None => Ok(Command::Allo),
        Some(_) => Err(CommandError::BadArgument),
    }
}

fn extended_passive(argument: &[u8]) -> Result<EpsvArgument, CommandError> {
    match argument.trim_ascii() {
        b"" => Ok(EpsvArgument::Any),
        b"1" => Ok(EpsvArgument::Ipv4),
        b"2" => Ok(EpsvArgument::Ipv6),
        all if all.eq_ignore_ascii_case(b"ALL") => Ok(EpsvArgument::All),
        other => number(other).and(Err(CommandError::UnsupportedProtocol)),
    }
}

/// `OPTS UTF8 [ON]` and `OPTS MLST fact;fact;` (RFC 2389 §4). What is unknown gets 501: some clients take any 4xx here for
/// "restart not allowed".
fn options(argument: &[u8]) -> Result<Command, CommandError> {
    let upper = argument.trim_ascii().to_ascii_uppercase();
    let mut words = upper.splitn(2, |byte| *byte == b' ');
    let (name, value) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    match (name, value.trim_ascii()) {
        (b"UTF8" | b"UTF-8", b"" | b"ON") => Ok(Command::OptsUtf8),
        (b"MLST", facts) => Ok(Command::OptsMlst(
            facts.split(|byte| *byte == b';').filter_map(Fact::from_name).collect(),
        )),
        _ => Err(CommandError::BadArgument),
    }
}

fn site(argument: &[u8]) -> Result<Command, CommandError> {
    let word = argument
        .trim_ascii()
        .split(|byte| *byte == b' ')
        .next()
        .unwrap_or_default()
        .to_ascii_uppercase();
    match word.as_slice() {
        b"" => Err(CommandError::BadArgument),
        b"HELP" => Ok(Command::SiteHelp),
        b"CHMOD" | b"UTIME" | b"UMASK" | b"SYMLINK" | b"MKDIR" | b"RMDIR" => Ok(Command::Write),
        _ => Err(CommandError::NotImplemented),
    }
}

fn starts_with_time(argument: &[u8]) -> bool {
    argument
        .split_at_checked(14)
        .is_some_and(|(time, rest)| time.iter().all(u8::is_ascii_digit) && rest.len() > 1 && rest.starts_with(b" "))
}

#[cfg(test)]
mod tests;
