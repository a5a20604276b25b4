//! One TLS connection, as bytes in and bytes out.
//!
//! The engine keeps no records: the caller passes in what has arrived and takes away what is to be sent. It has the
//! shape that rustls will have from version 0.24 on, so that only this file changes then.

use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{ConnectionState, EncodeError, EncryptError, UnbufferedStatus};
use rustls::{HandshakeKind, ProtocolVersion, ServerConfig};
use std::fmt;
use std::mem;
use std::sync::Arc;

/// The longest record that may arrive (RFC 5246 §6.2.3; TLS 1.3 allows less).
pub const RECORD_MAX: usize = 5 + 16 * 1024 + 2048;
/// Plaintext of one record.
const RECORD_PLAINTEXT: usize = 16 * 1024;
/// What encryption adds to a record at the most: header, explicit nonce, content type, tag.
const RECORD_OVERHEAD: usize = 64;
/// Room for what TLS itself may have to send along: tickets, a key update, an alert.
const MESSAGES: usize = 16 * 1024;

/// Why a connection cannot go on. An alert for the client may be among what is to be sent.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// What the client sent is not TLS, or violates it, or there is no version or cipher suite in common.
    #[error("{0}")]
    Protocol(rustls::Error),
    /// The room for outgoing records was too small, which the sizes in this file rule out.
    #[error("no room for an outgoing TLS record")]
    NoRoom,
}

/// Outgoing records, in a buffer of the caller's.
#[derive(Debug)]
pub struct Outgoing<'call> {
    buffer: &'call mut [u8],
    filled: usize,
}

impl<'call> Outgoing<'call> {
    pub fn new(buffer: &'call mut [u8]) -> Self {
        Self { buffer, filled: 0 }
    }

    /// The records so far.
    pub fn records(&self) -> &[u8] {
        self.buffer.split_at(self.filled).0
    }

    /// Appends what `encode` writes; it returns the count of bytes.
    fn append<E: Into<EngineError>>(
        &mut self,
        encode: impl FnOnce(&mut [u8]) -> Result<usize, E>,
    ) -> Result<(), EngineError> {
        let (_, free) = self.buffer.split_at_mut(self.filled);
        self.filled += encode(free).map_err(Into::into)?;
        Ok(())
    }
}

impl From<EncodeError> for EngineError {
    fn from(_: EncodeError) -> Self {
        EngineError::NoRoom
    }
}

impl From<EncryptError> for EngineError {
    fn from(_: EncryptError) -> Self {
        EngineError::NoRoom
    }
}

/// Bytes that are needed for the records of `plaintext` bytes, and what TLS may add.
pub const fn room_for(plaintext: usize) -> usize {
    plaintext + (plaintext / RECORD_PLAINTEXT + 1) * RECORD_OVERHEAD + MESSAGES
}

/// What is to be sent, besides what TLS itself has to say.
#[derive(Clone, Copy, Debug)]
pub enum Request<'call> {
    Nothing,
    Encrypt(&'call [u8]),
    /// Nothing more will follow (RFC 5246 §7.2.1).
    CloseNotify,
}

/// The server's side of one TLS connection.
pub struct TlsEngine {
    connection: UnbufferedServerConnection,
    is_open: bool,
    has_peer_closed: bool,
}

impl TlsEngine {
    /// A connection whose handshake has not begun.
    ///
    /// # Errors
    ///
    /// `config` contradicts itself.
    pub fn new(config: Arc<ServerConfig>) -> Result<Self, EngineError> {
        Ok(Self {
            connection: UnbufferedServerConnection::new(config).map_err(EngineError::Protocol)?,
            is_open: false,
            has_peer_closed: false,
        })
    }

    /// Whether the handshake is complete.
    pub fn is_open(&self) -> bool {
        self.is_open
    }

    /// Whether the client has ended its direction with close_notify, so that nothing was cut off.
    pub fn has_peer_closed(&self) -> bool {
        self.has_peer_closed
    }

    /// Whether the handshake resumed a session, so that the client is known to hold its ticket.
    pub fn is_resumed(&self) -> bool {
        self.connection.handshake_kind() == Some(HandshakeKind::Resumed)
    }

    /// The version and cipher suite, for logs.
    fn describe(&self) -> String {
        let version = match self.connection.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => "TLS 1.2",
            Some(ProtocolVersion::TLSv1_3) => "TLS 1.3",
            _ => "TLS",
        };
        match self.connection.negotiated_cipher_suite() {
            Some(suite) => format!("{version}, {}", suite.suite().as_str().unwrap_or("unknown suite")),
            None => version.to_owned(),
        }
    }

    /// Processes the records in `incoming`, and does what is requested once the connection is open. Returns how many
    /// bytes of `incoming` were used: the rest is an incomplete record, to be passed in again with more behind it. What
    /// the records contained is appended to `plaintext`.
    ///
    /// # Errors
    ///
    /// The connection cannot go on.
    pub fn advance(
        &mut self,
        mut request: Request<'_>,
        incoming: &mut [u8],
        plaintext: &mut Vec<u8>,
        outgoing: &mut Outgoing<'_>,
    ) -> Result<usize, EngineError> {
        let mut used = 0;
        loop {
            let (_, unused) = incoming.split_at_mut(used);
            let UnbufferedStatus { discard, state, .. } = self.connection.process_tls_records(unused);
            used += discard;
            match state {
                Ok(ConnectionState::EncodeTlsData(mut message)) => outgoing.append(|room| message.encode(room))?,
                Ok(ConnectionState::TransmitTlsData(sent)) => sent.done(),
                Ok(ConnectionState::ReadTraffic(mut records)) => {
                    while let Some(record) = records.next_record() {
                        let record = record.map_err(EngineError::Protocol)?;
                        used += record.discard;
                        plaintext.extend_from_slice(record.payload);
                    }
                }
                Ok(ConnectionState::PeerClosed) => self.has_peer_closed = true,
                Ok(ConnectionState::WriteTraffic(mut traffic)) => {
                    self.is_open = true;
                    match mem::replace(&mut request, Request::Nothing) {
                        Request::Nothing => return Ok(used),
                        Request::Encrypt(bytes) => outgoing.append(|room| traffic.encrypt(bytes, room))?,
                        Request::CloseNotify => outgoing.append(|room| traffic.queue_close_notify(room))?,
                    }
                }
                // It waits for more bytes, or is closed. Early data is switched off.
                Ok(_) => return Ok(used),
                Err(error) => {
                    let (_, unused) = incoming.split_at_mut(used);
                    self.collect_alert(unused, outgoing);
                    return Err(EngineError::Protocol(error));
                }
            }
        }
    }

    /// After an error: collects the alert for the client.
    fn collect_alert(&mut self, unused: &mut [u8], outgoing: &mut Outgoing<'_>) {
        // Once nothing is left to be sent, it would process records again.
        while self.connection.wants_write() {
            match self.connection.process_tls_records(unused).state {
                Ok(ConnectionState::EncodeTlsData(mut message)) => {
                    if outgoing.append(|room| message.encode(room)).is_err() {
                        return;
                    }
                }
                Ok(ConnectionState::TransmitTlsData(sent)) => sent.done(),
                Ok(_) | Err(_) => return,
            }
        }
    }
}

impl fmt::Debug for TlsEngine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "TlsEngine({})", self.describe())
    }
}
