//! A socket with TLS on it, behind the same calls as a plain one.
//!
//! It keeps only what cannot be processed yet: an incomplete record, plaintext that the caller had no room for, records
//! that the socket did not take. All three are bounded, and an idle connection has none. Reading may have to write, and
//! the other way round, so the socket is registered for both.

use super::engine::{EngineError, Outgoing, RECORD_MAX, Request, TlsEngine};
use super::scratch::{READ_MAX, Scratch, WRITE_MAX};
use super::tickets::DataTickets;
use crate::reactor::socket::{Handshake, TcpSocket};
use mio::{Interest, Registry, Token};
use std::cell::RefCell;
use std::io::{self, ErrorKind};
use std::net::IpAddr;
use std::os::fd::BorrowedFd;
use std::rc::Rc;
use std::sync::Arc;

/// Bytes of a handshake that are accepted. A client without a certificate needs less than 4 KiB.
const HANDSHAKE_MAX: usize = 128 * 1024;
/// Bytes of records that may arrive without any plaintext in them, in one read. Records can be empty, and a client that
/// sends them faster than they are decrypted would keep the loop to itself (threat E12).
const EMPTY_MAX: usize = 2 * RECORD_MAX;
/// The least that is read from the socket at once.
const READ_MIN: usize = 4096;

/// What the end of the connection without close_notify means (threat E05).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TruncationPolicy {
    /// The end.
    Accept,
    /// `UnexpectedEof`: somebody may have cut off what follows.
    Report,
}

/// TLS over a socket.
#[derive(Debug)]
pub struct TlsSocket {
    socket: Box<dyn TcpSocket>,
    engine: TlsEngine,
    scratch: Rc<RefCell<Scratch>>,
    truncation: TruncationPolicy,
    /// An incomplete record.
    incomplete: Vec<u8>,
    /// Decrypted, and not read yet from `taken` on.
    plaintext: Vec<u8>,
    taken: usize,
    /// Records that are not written yet.
    unsent: Vec<u8>,
    /// Bytes of the handshake so far.
    handshake_bytes: usize,
    has_sent_close: bool,
    /// Of a data connection, until its handshake is complete.
    issued: Option<Arc<DataTickets>>,
}

impl TlsSocket {
    pub(super) fn new(
        socket: Box<dyn TcpSocket>,
        engine: TlsEngine,
        scratch: Rc<RefCell<Scratch>>,
        truncation: TruncationPolicy,
    ) -> Self {
        Self {
            socket,
            engine,
            scratch,
            truncation,
            incomplete: Vec::new(),
            plaintext: Vec::new(),
            taken: 0,
            unsent: Vec::new(),
            handshake_bytes: 0,
            has_sent_close: false,
            issued: None,
        }
    }

    /// Keeps the tickets that this data connection issues, if it turns out to belong to its session.
    pub(super) fn keeping(self, issued: Arc<DataTickets>) -> Self {
        Self {
            issued: Some(issued),
            ..self
        }
    }

    /// Reads from the socket once and processes the records. `Ok(0)`: the client has closed the connection.
    fn receive(&mut self, wanted: usize) -> io::Result<usize> {
        let mut scratch = self.scratch.borrow_mut();
        let Scratch { incoming, outgoing } = &mut *scratch;
        let before = self.incomplete.len();
        let size = (before + wanted.clamp(READ_MIN, READ_MAX)).min(incoming.len());
        let (window, _) = incoming.split_at_mut(size);
        let (start, room) = window.split_at_mut(before);
        start.copy_from_slice(&self.incomplete);
        let count = self.socket.read(room)?;
        if count == 0 {
            return Ok(0);
        }
        let (arrived, _) = window.split_at_mut(before + count);
        let mut outgoing = Outgoing::new(outgoing);
        let processed = self
            .engine
            .advance(Request::Nothing, arrived, &mut self.plaintext, &mut outgoing);
        // An alert is sent even though the connection cannot go on.
        let sent = send(&mut *self.socket, &mut self.unsent, outgoing.records());
        let used = processed.map_err(broken)?;
        sent?;
        let (_, rest) = arrived.split_at(used);
        self.incomplete = rest.to_vec();
        Ok(count)
    }

    /// Encrypts and sends what is requested.
    fn encode(&mut self, request: Request<'_>) -> io::Result<()> {
        let mut scratch = self.scratch.borrow_mut();
        let mut outgoing = Outgoing::new(&mut scratch.outgoing);
        let used = self
            .engine
            .advance(request, &mut self.incomplete, &mut self.plaintext, &mut outgoing);
        self.incomplete.drain(..used.map_err(broken)?);
        send(&mut *self.socket, &mut self.unsent, outgoing.records())
    }

    fn take_plaintext(&mut self, buffer: &mut [u8]) -> usize {
        let (_, left) = self.plaintext.split_at(self.taken);
        let count = left.len().min(buffer.len());
        let (part, _) = left.split_at(count);
        let (target, _) = buffer.split_at_mut(count);
        target.copy_from_slice(part);
        self.taken += count;
        if self.taken == self.plaintext.len() {
            self.plaintext = Vec::new();
            self.taken = 0;
        }
        count
    }
}

/// Writes `records` behind what is unsent; keeps what the socket does not take.
fn send(socket: &mut dyn TcpSocket, unsent: &mut Vec<u8>, records: &[u8]) -> io::Result<()> {
    if !unsent.is_empty() {
        unsent.extend_from_slice(records);
        return Ok(());
    }
    let (written, result) = write_all(socket, records);
    *unsent = records.split_at(written).1.to_vec();
    match result {
        Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Writes until the socket takes no more; how many bytes it has taken, and why it takes no more.
fn write_all(socket: &mut dyn TcpSocket, bytes: &[u8]) -> (usize, io::Result<()>) {
    let mut written = 0;
    loop {
        let (_, left) = bytes.split_at(written);
        if left.is_empty() {
            return (written, Ok(()));
        }
        match socket.write(left) {
            Ok(count) => written += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return (written, Err(error)),
        }
    }
}

fn broken(error: EngineError) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, error)
}

impl TcpSocket for TlsSocket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut received = 0;
        loop {
            let count = self.take_plaintext(buffer);
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            if self.engine.has_peer_closed() {
                return Ok(0);
            }
            if received > EMPTY_MAX {
                return Err(io::Error::new(
                    ErrorKind::InvalidData,
                    "too many TLS records without data",
                ));
            }
            let count = self.receive(buffer.len())?;
            received += count;
            if count == 0 {
                let is_accepted = self.truncation == TruncationPolicy::Accept || self.has_sent_close;
                return if is_accepted {
                    Ok(0)
                } else {
                    Err(ErrorKind::UnexpectedEof.into())
                };
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.flush()?;
        let (part, _) = bytes.split_at(bytes.len().min(WRITE_MAX));
        self.encode(Request::Encrypt(part))?;
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let (written, result) = write_all(&mut *self.socket, &self.unsent);
        self.unsent.drain(..written);
        if self.unsent.is_empty() {
            self.unsent = Vec::new();
        }
        result
    }

    fn handshake(&mut self) -> io::Result<Handshake> {
        loop {
            match self.flush() {
                Ok(()) if self.engine.is_open() => {
                    let is_resumed = self.engine.is_resumed();
                    if let Some(issued) = self.issued.take().filter(|_| is_resumed) {
                        issued.keep();
                    }
                    return Ok(Handshake::Complete { is_resumed });
                }
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Handshake::UnderWay),
                Err(error) => return Err(error),
            }
            match self.receive(READ_MIN) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => self.handshake_bytes += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Handshake::UnderWay),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            if self.handshake_bytes > HANDSHAKE_MAX {
                return Err(io::Error::new(ErrorKind::InvalidData, "the TLS handshake is too long"));
            }
        }
    }

    fn end_stream(&mut self) -> io::Result<()> {
        if !self.has_sent_close && self.engine.is_open() {
            self.has_sent_close = true;
            self.encode(Request::CloseNotify)?;
        }
        self.flush()
    }

    fn shut_down_writing(&mut self) -> io::Result<()> {
        self.end_stream()?;
        self.socket.shut_down_writing()
    }

    fn reset_on_close(&mut self) -> io::Result<()> {
        self.socket.reset_on_close()
    }

    fn is_connected(&self) -> io::Result<bool> {
        self.socket.is_connected()
    }

    fn local_address(&self) -> io::Result<IpAddr> {
        self.socket.local_address()
    }

    fn register(
        &mut self,
        registry: &Registry,
        token: Token,
        interest: Interest,
        is_registered: bool,
    ) -> io::Result<()> {
        let both = interest | Interest::READABLE | Interest::WRITABLE;
        self.socket.register(registry, token, both, is_registered)
    }

    /// The kernel does not know the keys.
    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    /// Several records can arrive in one read, and a record may not be complete.
    fn is_emptied_by_short_read(&self) -> bool {
        false
    }
}
