//! A line into a command: one variant a verb, arguments typed, nothing left to be parsed later.
//!
//! The verb is everything up to the first space, in ASCII in any case; the argument is everything after that one space.
//! Paths keep their blanks; keywords and numbers lose them. Bytes that could end a line somewhere else are refused
//! here, before anything is looked up (threat A03).

mod changing;
mod cost;

pub use changing::{Digest, DigestRequest, FactChange};
pub use cost::Cost;

use super::host_port::{EprtError, parse_eprt, parse_port};
use super::listing::Fact;
use super::password::Password;
use super::timestamp::Timestamp;
use std::net::SocketAddr;

/// Longest user name, in bytes (threat A20).
pub const USER_NAME_MAX: usize = 128;
const PASSWORD_MAX: usize = Password::LONGEST;

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    User(Vec<u8>),
    /// Anything: anonymous clients may say what they like.
    Pass(Password),
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
    Mode(Transmission),
    /// `OPTS MODE Z LEVEL n` (draft-preston-ftpext-deflate).
    OptsDeflate(DeflateLevel),
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
    /// `MDTM 20240101000000 name`: sets a time, unless a file has that whole name (`literal`).
    MdtmOrSet {
        literal: PathArgument,
        time: Option<Timestamp>,
        path: PathArgument,
    },
    Rest(u64),
    Retr(PathArgument),
    Abor,
    Pasv,
    Epsv(EpsvArgument),
    Port(SocketAddr),
    Eprt(SocketAddr),
    SiteHelp,
    Pret,
    Stor(PathArgument),
    Appe(PathArgument),
    /// A name of the server's choosing, made from the given one.
    Stou(Option<PathArgument>),
    Dele(PathArgument),
    Mkd(PathArgument),
    Rmd(PathArgument),
    Rnfr(PathArgument),
    Rnto(PathArgument),
    /// MFMT (draft-somers-ftp-mfxx).
    SetModified(Timestamp, PathArgument),
    /// MFF (draft-somers-ftp-mfxx): each change stands in the order given.
    SetFacts(Vec<FactChange>, PathArgument),
    /// SITE UTIME in both of its forms.
    SiteUtime(Timestamp, PathArgument),
    /// SITE CHMOD: permission bits, `0o777` at the most.
    SiteChmod(u32, PathArgument),
    /// HASH (draft-bryan-ftpext-hash), XCRC, XMD5, XSHA and their like.
    Digest(DigestRequest),
    /// `OPTS HASH name`, or without a name the question which is in use.
    OptsHash(Option<Digest>),
    /// RANG: the first and the last byte of what the next HASH or RETR is about; `None` forgets it.
    Range(Option<(u64, u64)>),
    Avbl(Option<PathArgument>),
}

/// A path as the client wrote it, free of control bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathArgument(pub Vec<u8>);

impl PathArgument {
    /// Whether it can be the name of a directory only, by its end.
    pub fn names_directory(&self) -> bool {
        names_directory(&self.0)
    }
}

/// Whether a path can be that of a directory only, by its end.
pub fn names_directory(path: &[u8]) -> bool {
    [&b"/"[..], b"/.", b"/.."].iter().any(|end| path.ends_with(end))
}

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

/// How data goes over the data connection (RFC 959 §3.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transmission {
    Stream,
    /// MODE Z: the stream is deflated, with a zlib header (draft-preston-ftpext-deflate).
    Deflate,
}

/// How hard MODE Z tries to make the stream small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeflateLevel(u8);

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
const NOT_IMPLEMENTED: [&[u8]; 20] = [
    b"SMNT", b"LANG", b"AUTH", b"ADAT", b"PBSZ", b"PROT", b"CCC", b"CONF", b"ENC", b"MIC", b"MD5", b"MMD5", b"COMB",
    b"THMB", b"DSIZ", b"RMDA", b"CSID", b"LPRT", b"LPSV", b"MFCT",
];

/// Every verb that is served, for HELP and for the test of every verb in every state.
pub const SERVED_VERBS: [&str; 59] = [
    "ABOR", "ACCT", "ALLO", "APPE", "AVBL", "CDUP", "CLNT", "CWD", "DELE", "EPRT", "EPSV", "FEAT", "HASH", "HELP",
    "HOST", "LIST", "MDTM", "MFF", "MFMT", "MKD", "MLSD", "MLST", "MODE", "NLST", "NOOP", "OPTS", "PASS", "PASV",
    "PORT", "PRET", "PWD", "QUIT", "RANG", "REIN", "REST", "RETR", "RMD", "RNFR", "RNTO", "SITE", "SIZE", "STAT",
    "STOR", "STOU", "STRU", "SYST", "TYPE", "USER", "XCRC", "XCUP", "XCWD", "XMD5", "XMKD", "XPWD", "XRMD", "XSHA",
    "XSHA1", "XSHA256", "XSHA512",
];

/// A line split into verb and argument, neither of them parsed yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandLine<'line> {
    /// In upper case.
    verb: Vec<u8>,
    argument: &'line [u8],
}

impl<'line> CommandLine<'line> {
    /// Splits a line without its line end.
    pub fn split(line: &'line [u8]) -> Result<Self, CommandError> {
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
        Ok(Self { verb, argument })
    }

    /// The verb in upper case.
    pub fn verb(&self) -> &[u8] {
        &self.verb
    }

    /// Whether the server knows the verb; says nothing about the argument.
    pub fn is_served(&self) -> bool {
        SERVED_VERBS.iter().any(|served| served.as_bytes() == self.verb)
    }

    /// The first word of the argument in upper case: the option that OPTS sets.
    pub fn first_word(&self) -> Vec<u8> {
        let words = self.argument.trim_ascii_start();
        let end = words.iter().position(|byte| *byte == b' ').unwrap_or(words.len());
        words.get(..end).unwrap_or_default().to_ascii_uppercase()
    }

    /// Parses verb and argument.
    pub fn command(&self) -> Result<Command, CommandError> {
        let command = by_verb(&self.verb, self.argument);
        if command != Err(CommandError::Unknown) && self.argument.iter().any(u8::is_ascii_control) {
            // PORT's argument is refused like any other, but it also disarms.
            return Err(match self.verb() {
                b"PORT" | b"EPRT" => CommandError::BadAddress,
                _ => CommandError::BadArgument,
            });
        }
        command
    }
}

impl Command {
    /// Reads a line without its line end.
    pub fn parse(line: &[u8]) -> Result<Command, CommandError> {
        CommandLine::split(line)?.command()
    }
}

fn by_verb(verb: &[u8], argument: &[u8]) -> Result<Command, CommandError> {
    let path = || required_path(argument);
    Ok(match verb {
        b"USER" => Command::User(user_name(argument)?),
        b"PASS" if argument.len() > PASSWORD_MAX => return Err(CommandError::BadArgument),
        b"PASS" => Command::Pass(Password::new(argument.to_vec())),
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
        b"MODE" => keyword_only(argument, b"S", Command::Mode(Transmission::Stream))
            .or_else(|_| keyword_only(argument, b"Z", Command::Mode(Transmission::Deflate)))?,
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
        b"MDTM" => changing::modification_time(argument)?,
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
        b"SITE" => changing::site(argument)?,
        b"PRET" => Command::Pret,
        b"STOR" => Command::Stor(path()?),
        b"APPE" => Command::Appe(path()?),
        b"STOU" => Command::Stou(optional(argument).map(PathArgument)),
        b"DELE" => Command::Dele(path()?),
        b"MKD" | b"XMKD" => Command::Mkd(path()?),
        b"RMD" | b"XRMD" => Command::Rmd(path()?),
        b"RNFR" => Command::Rnfr(path()?),
        b"RNTO" => Command::Rnto(path()?),
        b"MFMT" => changing::set_modified(argument)?,
        b"MFF" => changing::set_facts(argument)?,
        b"HASH" => Command::Digest(DigestRequest::Hash(path()?)),
        b"RANG" => changing::range(argument)?,
        b"AVBL" => Command::Avbl(optional(argument).map(PathArgument)),
        b"XCRC" => changing::checksum(Digest::Crc32, argument)?,
        b"XMD5" => changing::checksum(Digest::Md5, argument)?,
        b"XSHA" | b"XSHA1" => changing::checksum(Digest::Sha1, argument)?,
        b"XSHA256" => changing::checksum(Digest::Sha256, argument)?,
        b"XSHA512" => changing::checksum(Digest::Sha512, argument)?,
        known if NOT_IMPLEMENTED.contains(&known) => return Err(CommandError::NotImplemented),
        _ => return Err(CommandError::Unknown),
    })
}

impl DeflateLevel {
    /// What is used until OPTS says otherwise: above it, each level takes much more time and saves few bytes.
    pub const DEFAULT: DeflateLevel = DeflateLevel(3);
    /// The highest that is granted: the time beyond is that of all sessions, and hardly anything is saved by it.
    pub const HIGHEST: DeflateLevel = DeflateLevel(6);

    /// The level granted to a client that asks for `wanted`, as zlib counts them, from 1 to 9.
    pub fn granted(wanted: u64) -> Option<Self> {
        let wanted = u8::try_from(wanted).ok().filter(|wanted| (1..=9).contains(wanted))?;
        Some(Self(wanted.min(Self::HIGHEST.0)))
    }

    /// The level as zlib counts them.
    pub fn number(self) -> u32 {
        u32::from(self.0)
    }
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
    if name.is_empty() || name.len() > USER_NAME_MAX {
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

/// `OPTS UTF8 [ON]`, `OPTS MLST fact;fact;`, `OPTS HASH name` and `OPTS MODE Z LEVEL n` (RFC 2389 §4). What is unknown
/// gets 501: some clients take any 4xx here for "restart not allowed".
fn options(argument: &[u8]) -> Result<Command, CommandError> {
    let upper = argument.trim_ascii().to_ascii_uppercase();
    let mut words = upper.splitn(2, |byte| *byte == b' ');
    let (name, value) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    match (name, value.trim_ascii()) {
        (b"UTF8" | b"UTF-8", b"" | b"ON") => Ok(Command::OptsUtf8),
        (b"MLST", facts) => Ok(Command::OptsMlst(
            facts.split(|byte| *byte == b';').filter_map(Fact::from_name).collect(),
        )),
        (b"MODE", value) => deflate_level(value),
        (b"HASH", b"") => Ok(Command::OptsHash(None)),
        (b"HASH", digest) => Digest::from_name(digest)
            .map(|digest| Command::OptsHash(Some(digest)))
            .ok_or(CommandError::BadParameter),
        _ => Err(CommandError::BadArgument),
    }
}

/// `Z LEVEL n`; zlib's other knobs are not offered.
fn deflate_level(value: &[u8]) -> Result<Command, CommandError> {
    let mut words = value.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    match (words.next(), words.next(), words.next(), words.next()) {
        (Some(b"Z"), Some(b"LEVEL"), Some(level), None) => DeflateLevel::granted(number(level)?)
            .map(Command::OptsDeflate)
            .ok_or(CommandError::BadArgument),
        _ => Err(CommandError::BadArgument),
    }
}

#[cfg(test)]
mod tests;
