//! The server's certificates and keys: read from PEM files, checked, and chosen by the name that a client asks for.

use crate::outside_file::OutsideFile;
use rustix::fs::{Mode, OFlags};
use rustls::client::verify_server_name;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use sha2::{Digest, Sha256};
use std::io::{self, Read};
use std::os::fd::BorrowedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};

/// Largest file that is read: a chain of many certificates has some 10 KiB.
const SIZE_MAX: u64 = 1 << 20;
/// Mode bits that let everybody read or write a key. A group may: many systems have one for keys.
const EVERYBODY: u32 = 0o006;

/// Why a certificate or key cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{}: {reason}", .path.display())]
pub struct CertificateError {
    pub path: PathBuf,
    pub reason: String,
}

impl CertificateError {
    pub(super) fn about(path: &Path, reason: impl Into<String>) -> Self {
        Self {
            path: path.to_path_buf(),
            reason: reason.into(),
        }
    }
}

/// Where one certificate and its key are. It can be sent to another thread, and the files are read again at a reload.
#[derive(Debug)]
pub struct CertificateFiles {
    certificate: OutsideFile,
    key: OutsideFile,
    /// Whether a key that everybody can read is accepted.
    accepts_open_key: bool,
}

impl CertificateFiles {
    /// Finds the directories of both files.
    ///
    /// # Errors
    ///
    /// A directory cannot be opened.
    pub fn locate(certificate: &Path, key: &Path, accepts_open_key: bool) -> Result<Self, CertificateError> {
        let locate = |path: &Path| {
            OutsideFile::locate(path)
                .map_err(|error| CertificateError::about(path, format!("cannot be opened: {error}")))
        };
        Ok(Self {
            certificate: locate(certificate)?,
            key: locate(key)?,
            accepts_open_key,
        })
    }

    /// The directories in which the files are opened again.
    pub fn directories(&self) -> [BorrowedFd<'_>; 2] {
        [self.certificate.directory(), self.key.directory()]
    }

    /// Reads and checks both files.
    ///
    /// # Errors
    ///
    /// A file is missing, has the wrong mode or is not PEM; the certificate has expired; the key is of another
    /// certificate (threats E16, E17).
    fn load(&self) -> Result<Arc<CertifiedKey>, CertificateError> {
        let about_certificate = |reason: String| CertificateError::about(self.certificate.path(), reason);
        let about_key = |reason: String| CertificateError::about(self.key.path(), reason);
        let (pem, _) = content(&self.certificate)?;
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&pem)
            .collect::<Result<_, _>>()
            .map_err(|error| about_certificate(format!("not valid PEM: {error}")))?;
        check_dates(&chain).map_err(about_certificate)?;
        let (pem, mode) = content(&self.key)?;
        if mode & EVERYBODY != 0 && !self.accepts_open_key {
            return Err(about_key(format!(
                "everybody can read this key (mode {:04o}); chmod 600 it, or give --insecure-tls-key",
                mode & 0o7777
            )));
        }
        let key = PrivateKeyDer::from_pem_slice(&pem)
            .map_err(|error| about_key(format!("expected a private key in PEM: {error}")))?;
        CertifiedKey::from_der(chain, key, &ring::default_provider())
            .map(Arc::new)
            .map_err(|error| match error {
                rustls::Error::InconsistentKeys(_) => {
                    about_key(format!("not the key of {}", self.certificate.path().display()))
                }
                error => about_key(format!("cannot be used: {error}")),
            })
    }
}

/// The content of a file and its mode, both of the open descriptor.
fn content(place: &OutsideFile) -> Result<(Vec<u8>, u32), CertificateError> {
    let unreadable = |error: io::Error| CertificateError::about(place.path(), format!("cannot be read: {error}"));
    let mut file = place.open(OFlags::RDONLY, Mode::empty()).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(CertificateError::about(place.path(), "is not a file"));
    }
    let mut content = Vec::new();
    let mut limited = (&mut file).take(SIZE_MAX + 1);
    limited.read_to_end(&mut content).map_err(unreadable)?;
    if content.len() as u64 > SIZE_MAX {
        return Err(CertificateError::about(place.path(), "larger than 1 MiB"));
    }
    Ok((content, metadata.mode()))
}

/// Refuses a certificate that clients would refuse because of its dates. Who issued it is for clients to judge, so the
/// last certificate of the chain is trusted here.
fn check_dates(chain: &[CertificateDer<'static>]) -> Result<(), String> {
    let (Some(own), Some(last)) = (chain.first(), chain.last()) else {
        return Err("contains no certificate".to_owned());
    };
    let unreadable = |error: webpki::Error| format!("the certificate cannot be read: {error}");
    let certificate = EndEntityCert::try_from(own).map_err(unreadable)?;
    let anchors = [anchor_from_trusted_cert(last).map_err(unreadable)?];
    let verified = certificate.verify_for_usage(
        webpki::ALL_VERIFICATION_ALGS,
        &anchors,
        chain,
        UnixTime::now(),
        KeyUsage::server_auth(),
        None,
        None,
    );
    match verified {
        Err(webpki::Error::CertExpired { time, not_after }) => {
            let days = (time.as_secs().saturating_sub(not_after.as_secs())) / (24 * 60 * 60);
            Err(format!("the certificate expired {days} days ago"))
        }
        Err(webpki::Error::CertNotValidYet { .. }) => {
            Err("the certificate is not valid yet; is the clock right?".to_owned())
        }
        // Self-made certificates violate rules that do not matter here.
        Ok(_) | Err(_) => Ok(()),
    }
}

/// All certificates of the server, the first of which is the default.
#[derive(Debug)]
pub struct Certificates(Vec<Arc<CertifiedKey>>);

impl Certificates {
    /// Reads the files.
    ///
    /// # Errors
    ///
    /// See [`CertificateError`]; there is at least one file.
    pub fn load(files: &[CertificateFiles]) -> Result<Self, CertificateError> {
        files
            .iter()
            .map(CertificateFiles::load)
            .collect::<Result<Vec<_>, _>>()
            .map(Self)
    }

    /// The SHA-256 fingerprint of each certificate, as clients show it.
    pub fn fingerprints(&self) -> Vec<String> {
        let certificates = self.0.iter().filter_map(|key| key.cert.first());
        certificates
            .map(|certificate| {
                let digest = Sha256::digest(certificate);
                let bytes: Vec<String> = digest.iter().map(|byte| format!("{byte:02X}")).collect();
                bytes.join(":")
            })
            .collect()
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let default = self.0.first()?;
        let Some(name) = hello.server_name().and_then(|name| ServerName::try_from(name).ok()) else {
            return Some(Arc::clone(default));
        };
        let named = self.0.iter().find(|key| {
            let parsed = key.cert.first().map(ParsedCertificate::try_from);
            parsed.is_some_and(|parsed| parsed.is_ok_and(|parsed| verify_server_name(&parsed, &name).is_ok()))
        });
        // A client that verifies names refuses the default; one that does not is served.
        Some(Arc::clone(named.unwrap_or(default)))
    }
}
