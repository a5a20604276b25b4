//! The commands: one variant per verb, arguments typed, nothing left to be parsed later.

use super::arguments::{EpsvArgument, ListArgument};
use super::digests::{Digest, DigestRequest};
use super::path_argument::PathArgument;
use super::times_and_modes::FactChange;
use super::type_and_mode::{DeflateLevel, Representation, Transmission};
use crate::ftp::listing::Facts;
use crate::ftp::password::Password;
use crate::ftp::timestamp::Timestamp;
use std::net::SocketAddr;

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

impl Command {
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
