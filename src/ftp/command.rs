//! A line into a command: one variant per verb, arguments typed, nothing left to be parsed later.
//!
//! The verb is everything up to the first space, in ASCII in any case; the argument is everything after that one space.
//! What the verb alone decides is in the table of [`verbs`]. Bytes that could end a line elsewhere are refused here,
//! before anything is looked up (threat A03).

mod arguments;
mod cost;
mod digests;
mod times_and_modes;
mod type_and_mode;
mod verb;
mod verbs;

pub use arguments::{EpsvArgument, ListArgument, USER_NAME_MAX};
pub use digests::{Digest, DigestRequest};
pub use times_and_modes::FactChange;
pub use type_and_mode::{DeflateLevel, Representation, Transmission};
pub use verbs::{SERVED_SITE_WORDS, SERVED_VERBS};

use super::listing::Facts;
use super::password::Password;
use super::timestamp::Timestamp;
use arguments::split_word;
use cost::Cost;
use std::net::SocketAddr;
use verb::Verb;

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    User(Vec<u8>),
    Pass(Password),
    Acct,
    Quit,
    Rein,
    Noop,
    Syst,
    Feat,
    Help,
    /// STAT without an argument.
    StatSession,
    StatPath(PathArgument),
    OptsUtf8,
    OptsMlst(Facts),
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
    /// The server chooses a name, made from the given one.
    Stou(Option<PathArgument>),
    Dele(PathArgument),
    Mkd(PathArgument),
    Rmd(PathArgument),
    Rnfr(PathArgument),
    Rnto(PathArgument),
    /// MFMT (draft-somers-ftp-mfxx).
    SetModified(Timestamp, PathArgument),
    /// MFF (draft-somers-ftp-mfxx): the changes in the order given.
    SetFacts(Vec<FactChange>, PathArgument),
    /// SITE UTIME in both of its forms.
    SiteUtime(Timestamp, PathArgument),
    /// SITE CHMOD: permission bits, `0o777` at the most.
    SiteChmod(u32, PathArgument),
    /// HASH (draft-bryan-ftpext-hash), XCRC, XMD5, XSHA and their kind.
    Digest(DigestRequest),
    /// `OPTS HASH name`; `None` asks which digest is in use.
    OptsHash(Option<Digest>),
    /// RANG: the first and the last byte that the next HASH or RETR covers; `None` resets it.
    Range(Option<(u64, u64)>),
    Avbl(Option<PathArgument>),
}

/// A path as the client wrote it, free of control bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathArgument(pub Vec<u8>);

/// Why a line is not a command that can be carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// Not answered.
    #[error("nothing but blanks")]
    Blank,
    #[error("unknown verb")]
    Unknown,
    /// HTTP, SMTP or SSH: a client on the wrong port, or a browser that somebody misdirects (threat A11).
    #[error("another protocol")]
    ForeignProtocol,
    #[error("bad argument")]
    BadArgument,
    /// PORT or EPRT without a readable address: an older address must not stay armed (threat B10).
    #[error("bad address")]
    BadAddress,
    #[error("not implemented")]
    NotImplemented,
    #[error("not implemented for that parameter")]
    BadParameter,
    #[error("network protocol not supported")]
    UnsupportedProtocol,
}

/// A parsed line: the row of its verb, and the command or why there is none.
///
/// A line is parsed once; what the server has to know of it before it answers it is asked here.
#[derive(Debug)]
pub struct CommandLine {
    /// `None`: the verb is not served.
    verb: Option<&'static Verb>,
    command: Result<Command, CommandError>,
    /// Bytes, without the line end.
    length: usize,
}

impl CommandLine {
    /// Parses a line without its line end.
    pub fn parse(line: &[u8]) -> Self {
        let (name, argument) = split_word(line);
        let (verb, command) = match verbs::served(name).map(|verb| verb.parse(argument)) {
            Some((verb, command)) => (Some(verb), command),
            None if line.iter().all(|byte| *byte == b' ') => (None, Err(CommandError::Blank)),
            None => (None, Err(verbs::unserved(name, argument))),
        };
        Self {
            verb,
            command,
            length: line.len(),
        }
    }

    /// The command, or why the line is refused.
    pub fn command(&self) -> Result<&Command, CommandError> {
        self.command.as_ref().map_err(|error| *error)
    }

    /// The command, or why the line is refused.
    pub fn into_command(self) -> Result<Command, CommandError> {
        self.command
    }

    /// Whether it is refused before login. Verbs that are not served keep their own replies, 500 and 502.
    pub fn needs_login(&self) -> bool {
        self.verb.is_some_and(|verb| verb.needs_login)
    }

    /// What answering it costs, in bytes of bulk data. `directory_bytes`: length of the working directory's path, which
    /// the file system may have to walk.
    pub fn cost(&self, directory_bytes: usize) -> usize {
        let cost = self.verb.map_or(Cost::Nothing, |verb| verb.cost);
        cost.in_bytes(directory_bytes + self.length)
    }

    /// The verb under which logs and events record how the command ended (`SITE CHMOD` is one); `None`: they do not.
    pub fn recorded_verb(&self) -> Option<&'static str> {
        self.verb.and_then(Verb::recorded_as)
    }
}

impl Command {
    /// Parses a line without its line end.
    pub fn parse(line: &[u8]) -> Result<Command, CommandError> {
        CommandLine::parse(line).into_command()
    }

    /// The path that the command is about, if one was given.
    pub fn path(&self) -> Option<&PathArgument> {
        match self {
            Command::StatPath(path)
            | Command::Cwd(path)
            | Command::Size(path)
            | Command::Mdtm(path)
            | Command::MdtmOrSet { path, .. }
            | Command::Retr(path)
            | Command::Stor(path)
            | Command::Appe(path)
            | Command::Dele(path)
            | Command::Mkd(path)
            | Command::Rmd(path)
            | Command::Rnfr(path)
            | Command::Rnto(path)
            | Command::SetModified(_, path)
            | Command::SetFacts(_, path)
            | Command::SiteUtime(_, path)
            | Command::SiteChmod(_, path)
            | Command::Digest(DigestRequest::Hash(path) | DigestRequest::Checksum { path, .. }) => Some(path),
            Command::Mlst(path) | Command::Mlsd(path) | Command::Stou(path) | Command::Avbl(path) => path.as_ref(),
            Command::List(argument) | Command::Nlst(argument) => argument.path.as_ref(),
            Command::User(_)
            | Command::Pass(_)
            | Command::Acct
            | Command::Quit
            | Command::Rein
            | Command::Noop
            | Command::Syst
            | Command::Feat
            | Command::Help
            | Command::StatSession
            | Command::OptsUtf8
            | Command::OptsMlst(_)
            | Command::Clnt
            | Command::Host
            | Command::Type(_)
            | Command::Mode(_)
            | Command::OptsDeflate(_)
            | Command::Structure
            | Command::Allo
            | Command::Pwd
            | Command::Cdup
            | Command::Rest(_)
            | Command::Abor
            | Command::Pasv
            | Command::Epsv(_)
            | Command::Port(_)
            | Command::Eprt(_)
            | Command::SiteHelp
            | Command::Pret
            | Command::OptsHash(_)
            | Command::Range(_) => None,
        }
    }
}

impl PathArgument {
    /// Whether only a directory can have this path, by its end.
    pub fn names_directory(&self) -> bool {
        names_directory(&self.0)
    }
}

/// Whether only a directory can have this path, by its end.
pub fn names_directory(path: &[u8]) -> bool {
    [&b"/"[..], b"/.", b"/.."].iter().any(|end| path.ends_with(end))
}

#[cfg(test)]
mod tests;
