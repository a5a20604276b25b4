//! The commands: one variant per verb, typed so that nothing is left to be parsed later.
//!
//! The verb is everything up to the first space, in ASCII in any case; the argument is everything after that one space.
//! What the verb alone decides is in the table of `verbs.rs`. Bytes that could end a line elsewhere are refused before
//! anything is looked up (threat A03).

mod arguments;
mod command_line;
mod times_and_modes;
mod verb;
mod verbs;

pub use arguments::USER_NAME_MAX;
pub use command_line::CommandLine;
pub use verbs::{TLS_VERBS, served_site_words, served_verbs};

use crate::ftp::{listing::Facts, password::Password, timestamp::Timestamp};
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
    /// HASH (draft-bryan-ftpext-hash), XCRC, XMD5, XSHA and similar.
    Digest(DigestRequest),
    /// `OPTS HASH name`; `None` asks which digest is in use.
    OptsHash(Option<Digest>),
    /// RANG: the first and the last byte that the next HASH or RETR covers; `None` resets it.
    Range(Option<(u64, u64)>),
    Avbl(Option<PathArgument>),
    Auth(SecurityMechanism),
    /// PBSZ: the size does not matter over TLS (RFC 4217 §8).
    ProtectionBufferSize,
    Prot(ProtectionLevel),
    Ccc,
}

/// The argument of AUTH (RFC 2228 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecurityMechanism {
    /// TLS, also called TLS-C: data connections are clear until PROT (RFC 4217 §17).
    Tls,
    Other,
}

/// The argument of PROT (RFC 2228 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtectionLevel {
    Clear,
    /// Over TLS, which has neither of the two levels in between.
    Private,
    Unsupported,
}

impl Command {
    /// Whether it needs a data connection if it is carried out.
    pub fn transfers_data(&self) -> bool {
        matches!(
            self,
            Command::Retr(_)
                | Command::Stor(_)
                | Command::Appe(_)
                | Command::Stou(_)
                | Command::List(_)
                | Command::Nlst(_)
                | Command::Mlsd(_)
        )
    }

    /// The verb and the path under which logs and events record how the command ended, which they do for transfers of
    /// files and for changes. STOU without a name is about the working directory, whose path is empty here.
    pub fn recorded_as(&self) -> Option<(&'static str, &[u8])> {
        let (verb, path) = match self {
            Command::Retr(path) => ("RETR", path),
            Command::Stor(path) => ("STOR", path),
            Command::Appe(path) => ("APPE", path),
            Command::Stou(Some(path)) => ("STOU", path),
            Command::Stou(None) => return Some(("STOU", b"")),
            Command::Dele(path) => ("DELE", path),
            Command::Mkd(path) => ("MKD", path),
            Command::Rmd(path) => ("RMD", path),
            Command::Rnfr(path) => ("RNFR", path),
            Command::Rnto(path) => ("RNTO", path),
            Command::MdtmOrSet { path, .. } => ("MDTM", path),
            Command::SetModified(_, path) => ("MFMT", path),
            Command::SetFacts(_, path) => ("MFF", path),
            Command::SiteUtime(_, path) => ("SITE UTIME", path),
            Command::SiteChmod(_, path) => ("SITE CHMOD", path),
            _ => return None,
        };
        Some((verb, &path.0))
    }
}

/// Why a line is not a command that can be carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandError {
    /// Nothing but blanks: not answered.
    Blank,
    /// No verb that is known.
    Unknown,
    /// HTTP, SMTP or SSH: a client on the wrong port, or a browser that was misdirected (threat A11).
    ForeignProtocol,
    BadArgument,
    /// PORT or EPRT without a readable address: an older address must not stay armed (threat B10).
    BadAddress,
    /// A verb that is known and not served.
    NotImplemented,
    /// A parameter that is known and not served.
    BadParameter,
    /// A network protocol other than 1 (IPv4) and 2 (IPv6).
    UnsupportedProtocol,
}

/// A path as the client wrote it, free of control bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathArgument(pub Vec<u8>);

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

impl ListArgument {
    /// A path that is not to be read as options.
    pub fn of_path(path: PathArgument) -> Self {
        Self {
            path: Some(path),
            ..Self::default()
        }
    }
}

/// The argument of EPSV (RFC 2428 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EpsvArgument {
    Any,
    Ipv4,
    Ipv6,
    All,
}

/// How file data is represented (RFC 959 §3.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub enum Representation {
    #[serde(rename = "A")]
    Ascii,
    #[serde(rename = "I")]
    Image,
}

/// How data is sent over the data connection (RFC 959 §3.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transmission {
    Stream,
    /// MODE Z: the stream is deflated, with a zlib header (draft-preston-ftpext-deflate).
    Deflate,
}

/// The compression level of MODE Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeflateLevel(u8);

impl DeflateLevel {
    /// The level until OPTS sets another: above it, each level takes much more time and saves few bytes.
    pub const DEFAULT: DeflateLevel = DeflateLevel(3);
    /// The highest that is granted: higher levels cost all sessions time and save hardly anything.
    pub const HIGHEST: DeflateLevel = DeflateLevel(6);

    /// The level granted to a client that asks for `wanted`; `None` unless that is one of zlib's levels 1 to 9.
    pub fn granted(wanted: u64) -> Option<Self> {
        let wanted = u8::try_from(wanted).ok().filter(|wanted| (1..=9).contains(wanted))?;
        Some(Self(wanted.min(Self::HIGHEST.0)))
    }

    /// The level as zlib counts.
    pub fn number(self) -> u32 {
        u32::from(self.0)
    }
}

/// A digest algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digest {
    Sha256,
    Sha512,
    Sha1,
    Md5,
    Crc32,
}

/// Which bytes a digest is wanted of, and how the answer looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DigestRequest {
    /// HASH: the digest of OPTS HASH, the bytes of RANG.
    Hash(PathArgument),
    /// XCRC and its kind: the bytes from offset `first` up to, but not including, offset `past`.
    Checksum {
        digest: Digest,
        path: PathArgument,
        first: u64,
        past: Option<u64>,
    },
}

impl Digest {
    /// All, in the order in which FEAT shows them.
    pub const ALL: [Digest; 5] = [Digest::Sha256, Digest::Sha512, Digest::Sha1, Digest::Md5, Digest::Crc32];

    /// The algorithm of HASH until OPTS HASH selects another.
    pub const DEFAULT: Digest = Digest::Sha256;

    /// Its name in HASH and OPTS HASH.
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

/// One fact of MFF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactChange {
    Modify(Timestamp),
    UnixMode(u32),
}

#[cfg(test)]
mod tests;
