//! A build without TLS: what would make a TLS connection fails at the start, so no value of these types exists.

use crate::options::TlsOptions;
use crate::reactor::socket::TcpSocket;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// What is wrong: TLS is missing.
#[derive(Debug, thiserror::Error)]
#[error("this loopftpd was built without TLS (the Cargo feature `tls`)")]
pub struct CertificateError;

#[derive(Debug)]
pub struct CertificateFiles(());

#[derive(Debug)]
pub struct Certificates(());

#[derive(Debug)]
pub struct TlsAcceptor(());

#[derive(Debug)]
pub struct ClientTls(());

/// A plain socket, if there were any.
pub type TlsSocket = mio::net::TcpStream;

#[derive(Debug)]
pub struct SelfSigned {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl CertificateFiles {
    /// # Errors
    ///
    /// Always, as in the other functions here.
    pub fn locate(_: &Path, _: &Path, _: bool) -> Result<Self, CertificateError> {
        Err(CertificateError)
    }

    pub fn directories(&self) -> [BorrowedFd<'_>; 0] {
        []
    }
}

impl Certificates {
    pub fn load(_: &[CertificateFiles]) -> Result<Self, CertificateError> {
        Err(CertificateError)
    }

    pub fn fingerprints(&self) -> Vec<String> {
        Vec::new()
    }
}

impl SelfSigned {
    pub fn in_directory(_: &Path, _: Vec<String>) -> Result<Self, CertificateError> {
        Err(CertificateError)
    }
}

impl TlsAcceptor {
    pub fn new(_: Certificates, _: &TlsOptions) -> Result<Self, CertificateError> {
        Err(CertificateError)
    }

    pub fn accept(self: &Rc<Self>, _: Box<dyn TcpSocket>) -> Result<(TlsSocket, ClientTls), CertificateError> {
        Err(CertificateError)
    }
}

impl ClientTls {
    pub fn accept_download(&self, _: Box<dyn TcpSocket>) -> Result<TlsSocket, CertificateError> {
        Err(CertificateError)
    }

    pub fn accept_upload(&self, _: Box<dyn TcpSocket>) -> Result<TlsSocket, CertificateError> {
        Err(CertificateError)
    }
}
