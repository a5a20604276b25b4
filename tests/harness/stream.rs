//! A blocking connection to the server, in clear or over TLS.
//!
//! With `LOOPFTPD_TEST_TLS=1.2` or `1.3` in the environment every server has a certificate, and every client encrypts
//! its connections, so that the same tests check FTPS.

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ClientConfig, ClientConnection, Resumption};
use rustls::crypto::{WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::version::{TLS12, TLS13};
use rustls::{DigitallySignedStruct, SignatureScheme, SupportedProtocolVersion};
use socket2::SockRef;
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::ops::Deref;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

/// The version of TLS that the environment asks for.
pub fn tls_of_environment() -> Option<&'static SupportedProtocolVersion> {
    match std::env::var("LOOPFTPD_TEST_TLS").ok()?.as_str() {
        "1.2" => Some(&TLS12),
        "1.3" => Some(&TLS13),
        other => panic!("LOOPFTPD_TEST_TLS={other}: expected 1.2 or 1.3"),
    }
}

/// The settings of one client: its data connections resume the session of its control connection.
pub fn client_config(version: &'static SupportedProtocolVersion) -> Arc<ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let algorithms = provider.signature_verification_algorithms;
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .expect("a version of rustls")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(TrustsEveryIssuer(algorithms)))
        .with_no_client_auth();
    config.resumption = Resumption::in_memory_sessions(64);
    Arc::new(config)
}

/// Certificates of test servers are self-signed; signatures are checked.
#[derive(Debug)]
struct TrustsEveryIssuer(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for TrustsEveryIssuer {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

/// The client's side of TLS, and what it has decrypted.
#[derive(Debug)]
struct Secure {
    connection: ClientConnection,
    received: VecDeque<u8>,
}

/// A connection. Clones share it; the last one that is dropped ends TLS with close_notify.
#[derive(Debug)]
pub struct Stream {
    tcp: TcpStream,
    tls: Option<Arc<Mutex<Secure>>>,
}

impl Stream {
    /// A connection in clear.
    pub fn plain(tcp: TcpStream) -> Self {
        Self { tcp, tls: None }
    }

    /// Encrypts from now on. The handshake takes place with the first read or write.
    pub fn secure(&mut self, config: &Arc<ClientConfig>) {
        let name = ServerName::try_from("localhost").expect("a name");
        let connection = ClientConnection::new(Arc::clone(config), name).expect("settings that fit together");
        self.tls = Some(Arc::new(Mutex::new(Secure {
            connection,
            received: VecDeque::new(),
        })));
    }

    /// Whether the TLS handshake resumed a session; `None` before it is complete, and in clear.
    pub fn is_resumed(&self) -> Option<bool> {
        let kind = lock(self.tls.as_ref()?).connection.handshake_kind()?;
        Some(kind == rustls::HandshakeKind::Resumed)
    }

    /// The server's certificate; `None` before the handshake, and in clear.
    pub fn certificate(&self) -> Option<Vec<u8>> {
        let tls = lock(self.tls.as_ref()?);
        Some(tls.connection.peer_certificates()?.first()?.to_vec())
    }

    /// Changes the keys of TLS 1.3, which the server has to do too.
    pub fn update_keys(&mut self) {
        let tls = self.tls.as_ref().expect("an encrypted connection");
        lock(tls).connection.refresh_traffic_keys().expect("TLS 1.3");
    }

    /// Completes the TLS handshake.
    ///
    /// # Errors
    ///
    /// The server refuses it, or closes the connection.
    pub fn shake_hands(&mut self) -> io::Result<()> {
        let Some(tls) = self.tls.clone() else {
            return Ok(());
        };
        loop {
            self.send(&tls)?;
            if !lock(&tls).connection.is_handshaking() {
                return Ok(());
            }
            if self.receive(&tls)? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
    }

    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Self {
            tcp: self.tcp.try_clone()?,
            tls: self.tls.clone(),
        })
    }

    /// Ends this direction, TLS included.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        if let Some(tls) = self.tls.as_ref().filter(|_| how != Shutdown::Read) {
            lock(tls).connection.send_close_notify();
            self.send(tls)?;
        }
        self.tcp.shutdown(how)
    }

    /// Ends the connection with a reset.
    pub fn reset(mut self) {
        self.tls = None;
        SockRef::from(&self.tcp)
            .set_linger(Some(Duration::ZERO))
            .expect("our socket");
    }

    /// Closes without close_notify, as somebody who cuts the connection would.
    pub fn cut(mut self) {
        self.tls = None;
    }

    /// Whether nothing that the server said is unread.
    pub fn is_silent(&self) -> bool {
        self.tcp.set_nonblocking(true).expect("our socket");
        let is_silent = match &self.tls {
            None => self
                .tcp
                .peek(&mut [0])
                .is_err_and(|error| error.kind() == ErrorKind::WouldBlock),
            Some(tls) => {
                let end = loop {
                    match self.receive(tls) {
                        Ok(1..) => {}
                        end => break end,
                    }
                };
                lock(tls).received.is_empty() && end.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
            }
        };
        self.tcp.set_nonblocking(false).expect("our socket");
        is_silent
    }

    /// Waits for bytes, without the lock: another clone may write meanwhile.
    fn receive(&self, tls: &Mutex<Secure>) -> io::Result<usize> {
        let mut buffer = [0; 16 * 1024];
        let count = (&self.tcp).read(&mut buffer)?;
        let mut tls = lock(tls);
        let mut arrived = &buffer[..count];
        loop {
            tls.connection.read_tls(&mut arrived)?;
            tls.connection
                .process_new_packets()
                .map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
            let mut part = [0; 16 * 1024];
            while let Ok(length @ 1..) = tls.connection.reader().read(&mut part) {
                tls.received.extend(&part[..length]);
            }
            if arrived.is_empty() {
                return Ok(count);
            }
        }
    }

    fn send(&self, tls: &Mutex<Secure>) -> io::Result<()> {
        let mut tls = lock(tls);
        while tls.connection.wants_write() {
            tls.connection.write_tls(&mut &self.tcp)?;
        }
        Ok(())
    }
}

fn lock(tls: &Mutex<Secure>) -> MutexGuard<'_, Secure> {
    tls.lock().expect("no thread panicked")
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(tls) = self.tls.clone() else {
            return self.tcp.read(buffer);
        };
        self.shake_hands()?;
        loop {
            let mut secure = lock(&tls);
            if !secure.received.is_empty() {
                return secure.received.read(buffer);
            }
            match secure.connection.reader().read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                end => return end,
            }
            drop(secure);
            self.receive(&tls)?;
            self.send(&tls)?;
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(tls) = self.tls.clone() else {
            return self.tcp.write(bytes);
        };
        self.shake_hands()?;
        let count = lock(&tls).connection.writer().write(bytes)?;
        self.send(&tls)?;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl From<TcpStream> for Stream {
    fn from(tcp: TcpStream) -> Self {
        Self::plain(tcp)
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.tcp.as_fd()
    }
}

/// Options and addresses of the TCP connection.
impl Deref for Stream {
    type Target = TcpStream;

    fn deref(&self) -> &TcpStream {
        &self.tcp
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if let Some(tls) = self.tls.take()
            && Arc::strong_count(&tls) == 1
        {
            // A handshake that was not completed, perhaps because the command was refused, is given up. A server that
            // has closed the connection does not need the message.
            if !lock(&tls).connection.is_handshaking() {
                lock(&tls).connection.send_close_notify();
                let _ = self.send(&tls);
            }
        }
    }
}
