//! `--tls-self-signed`: a key and a certificate that are made once and kept.
//!
//! Clients that trust a certificate when they first see it complain if it changes, so it is made only where there is
//! none.

use super::certificates::CertificateError;
use rcgen::generate_simple_self_signed;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The files of a self-signed certificate.
#[derive(Debug)]
pub struct SelfSigned {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl SelfSigned {
    /// Finds the files in `directory`, or makes them: an ECDSA P-256 key and a certificate for `names`, both readable
    /// by the owner only. The directory is created if its parent exists.
    ///
    /// # Errors
    ///
    /// A file cannot be written, or only one of the two exists.
    pub fn in_directory(directory: &Path, names: Vec<String>) -> Result<Self, CertificateError> {
        let (certificate, key) = (directory.join("cert.pem"), directory.join("key.pem"));
        match (certificate.exists(), key.exists()) {
            (true, true) => {}
            (false, false) => make(directory, &certificate, &key, names)?,
            (true, false) | (false, true) => {
                let reason = "has only one of cert.pem and key.pem; remove it, or add the other";
                return Err(CertificateError::about(directory, reason));
            }
        }
        Ok(Self { certificate, key })
    }
}

fn make(directory: &Path, certificate: &Path, key: &Path, names: Vec<String>) -> Result<(), CertificateError> {
    let made = generate_simple_self_signed(names)
        .map_err(|error| CertificateError::about(directory, format!("cannot make a certificate: {error}")))?;
    match fs::DirBuilder::new().mode(0o700).create(directory) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            return Err(CertificateError::about(
                directory,
                format!("cannot be created: {error}"),
            ));
        }
        Ok(()) | Err(_) => {}
    }
    // The key first: a certificate without its key is found at the next start.
    for (path, pem) in [(key, made.signing_key.serialize_pem()), (certificate, made.cert.pem())] {
        write_private(path, pem.as_bytes())
            .map_err(|error| CertificateError::about(path, format!("cannot be written: {error}")))?;
    }
    Ok(())
}

/// Never writes into a file that exists.
fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}
