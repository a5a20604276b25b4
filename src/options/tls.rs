//! The options of FTPS, which belong together: none has a meaning without a certificate.

use super::table::{Given, OptionError};
use super::values::{parse_choice, parse_listen};
use std::net::SocketAddr;
use std::path::PathBuf;

/// What has to be encrypted. Without a certificate nothing can be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsPolicy {
    /// Clients choose.
    #[default]
    Allow,
    /// The control connection, before USER.
    Require,
    /// Data connections too.
    RequireData,
}

/// Whether data connections have to resume the TLS session of their control connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsResumption {
    /// It makes no difference.
    Off,
    /// Those that do not are counted.
    #[default]
    Accept,
    Require,
}

/// The certificate of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsSource {
    /// A certificate and its key each.
    Files(Vec<(PathBuf, PathBuf)>),
    /// Made by the server and kept in this directory.
    SelfSigned(PathBuf),
}

/// The options of FTPS.
#[derive(Clone, Debug, Default)]
pub struct TlsOptions {
    /// `None`: TLS is not offered.
    pub source: Option<TlsSource>,
    pub policy: TlsPolicy,
    pub resumption: TlsResumption,
    /// Where connections are encrypted from their first byte.
    pub listen: Vec<SocketAddr>,
    /// Uploads that end without close_notify are stored.
    pub accepts_truncation: bool,
    /// A key that everybody can read is used.
    pub accepts_open_key: bool,
}

const POLICIES: [(&str, Option<TlsPolicy>); 4] = [
    ("off", None),
    ("allow", Some(TlsPolicy::Allow)),
    ("require", Some(TlsPolicy::Require)),
    ("require-data", Some(TlsPolicy::RequireData)),
];

const RESUMPTION: [(&str, TlsResumption); 3] = [
    ("off", TlsResumption::Off),
    ("accept", TlsResumption::Accept),
    ("require", TlsResumption::Require),
];

impl TlsOptions {
    pub(super) fn parse(given: &Given) -> Result<Self, OptionError> {
        let policy = given.value("tls", |text| parse_choice(text, &POLICIES))?;
        let source = source(given)?;
        let needs_source = ["tls", "listen-tls", "tls-resume", "tls-lenient-eof", "insecure-tls-key"];
        if source.is_none()
            && let Some(option) = needs_source.into_iter().find(|option| given.is_present(option))
        {
            return Err(OptionError(format!(
                "--{option}: needs a certificate: --tls-cert FILE --tls-key FILE, or --tls-self-signed DIR"
            )));
        }
        let listen = given.values("listen-tls", parse_listen)?;
        let Some(policy) = policy else {
            return match listen.first() {
                Some(address) => Err(OptionError(format!("--listen-tls {address}: contradicts --tls off"))),
                None => Ok(Self::default()),
            };
        };
        Ok(Self {
            source,
            policy,
            resumption: given.value("tls-resume", |text| parse_choice(text, &RESUMPTION))?,
            listen,
            accepts_truncation: given.is_present("tls-lenient-eof"),
            accepts_open_key: given.is_present("insecure-tls-key"),
        })
    }
}

fn source(given: &Given) -> Result<Option<TlsSource>, OptionError> {
    let path = |text: &str| Ok::<_, String>(PathBuf::from(text));
    let certificates = given.values("tls-cert", path)?;
    let keys = given.values("tls-key", path)?;
    if certificates.len() != keys.len() {
        return Err(OptionError(format!(
            "--tls-cert: given {} times, and --tls-key {} times; each certificate needs its key",
            certificates.len(),
            keys.len()
        )));
    }
    match given.text("tls-self-signed") {
        Some(_) if !certificates.is_empty() => Err(OptionError("--tls-self-signed: contradicts --tls-cert".to_owned())),
        Some(directory) => Ok(Some(TlsSource::SelfSigned(PathBuf::from(directory)))),
        None if certificates.is_empty() => Ok(None),
        None => Ok(Some(TlsSource::Files(certificates.into_iter().zip(keys).collect()))),
    }
}
