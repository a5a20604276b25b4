//! Both ends of TLS connections in one thread: the server's socket, and a client of rustls, joined by queues of bytes.

use super::scratch::WRITE_MAX;
use super::*;
use crate::options::{TlsOptions, TlsResumption};
use crate::reactor::socket::{Handshake, TcpSocket};
use mio::{Interest, Registry, Token};
use rustls::SupportedProtocolVersion;
use rustls::client::{ClientConfig, ClientConnection};
use rustls::pki_types::ServerName;
use rustls::version::{TLS12, TLS13};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::mem;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::BorrowedFd;
use std::rc::Rc;
use std::sync::Arc;
use tempfile::TempDir;

/// What is between client and server.
#[derive(Debug, Default)]
struct Wire {
    to_server: VecDeque<u8>,
    to_client: VecDeque<u8>,
    /// The client has closed the TCP connection.
    is_closed: bool,
    /// Most bytes that one read or write moves, 0 for as many as wanted.
    segment: usize,
    /// Bytes that fit on the way to the client.
    room: usize,
}

/// The server's end.
#[derive(Debug)]
struct WireSocket(Rc<RefCell<Wire>>);

impl TcpSocket for WireSocket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut wire = self.0.borrow_mut();
        if wire.to_server.is_empty() {
            return if wire.is_closed {
                Ok(0)
            } else {
                Err(ErrorKind::WouldBlock.into())
            };
        }
        let size = if wire.segment == 0 {
            buffer.len()
        } else {
            wire.segment.min(buffer.len())
        };
        wire.to_server.read(&mut buffer[..size])
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut wire = self.0.borrow_mut();
        let room = wire.room.saturating_sub(wire.to_client.len());
        let size = if wire.segment == 0 {
            bytes.len()
        } else {
            wire.segment.min(bytes.len())
        };
        match size.min(room) {
            0 => Err(ErrorKind::WouldBlock.into()),
            size => wire.to_client.write(&bytes[..size]),
        }
    }

    fn shut_down_writing(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn reset_on_close(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn is_connected(&self) -> io::Result<bool> {
        Ok(true)
    }

    fn local_address(&self) -> io::Result<IpAddr> {
        Ok(Ipv4Addr::LOCALHOST.into())
    }

    fn register(&mut self, _: &Registry, _: Token, _: Interest, _: bool) -> io::Result<()> {
        Ok(())
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

fn acceptor(resumption: TlsResumption, accepts_truncation: bool) -> (Rc<TlsAcceptor>, TempDir) {
    let directory = TempDir::new().expect("a directory");
    let made = SelfSigned::in_directory(directory.path(), vec!["localhost".to_owned()]).expect("a certificate");
    let files = CertificateFiles::locate(&made.certificate, &made.key, false).expect("its files");
    let certificates = Certificates::load(&[files]).expect("valid files");
    let options = TlsOptions {
        resumption,
        accepts_truncation,
        ..TlsOptions::default()
    };
    let acceptor = TlsAcceptor::new(certificates, &options).expect("settings");
    (Rc::new(acceptor), directory)
}

/// A client's settings, which its connections share, and with them the sessions that it can resume.
fn client_config(version: &'static SupportedProtocolVersion, protocols: &[&str]) -> Arc<ClientConfig> {
    let mut config = ClientConfig::clone(&harness::stream::client_config(version));
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    Arc::new(config)
}

/// A connection: both ends, and what is between them.
struct Pair {
    wire: Rc<RefCell<Wire>>,
    client: ClientConnection,
    received: Vec<u8>,
}

impl Pair {
    fn new(config: &Arc<ClientConfig>) -> Self {
        let name = ServerName::try_from("localhost").expect("a name");
        let wire = Wire {
            room: usize::MAX,
            ..Wire::default()
        };
        Self {
            wire: Rc::new(RefCell::new(wire)),
            client: ClientConnection::new(Arc::clone(config), name).expect("a client"),
            received: Vec::new(),
        }
    }

    fn socket(&self) -> Box<dyn TcpSocket> {
        Box::new(WireSocket(Rc::clone(&self.wire)))
    }

    /// The client reads what has arrived and sends what it has to.
    fn exchange(&mut self) {
        let mut wire = self.wire.borrow_mut();
        while !wire.to_client.is_empty() {
            let mut part: VecDeque<u8> = wire.to_client.iter().take(4096).copied().collect();
            let before = part.len();
            self.client.read_tls(&mut part).expect("bytes");
            wire.to_client.drain(..before - part.len());
            self.client.process_new_packets().expect("TLS");
            let mut plaintext = [0; 1 << 14];
            while let Ok(count @ 1..) = self.client.reader().read(&mut plaintext) {
                self.received.extend_from_slice(&plaintext[..count]);
            }
        }
        while self.client.wants_write() {
            self.client.write_tls(&mut wire.to_server).expect("room");
        }
    }

    /// Both ends take turns until the handshake is complete; returns whether it resumed a session.
    fn shake_hands(&mut self, server: &mut TlsSocket) -> bool {
        for _ in 0..10_000 {
            self.exchange();
            if let Handshake::Complete { is_resumed } = server.handshake().expect("a handshake") {
                self.exchange();
                assert!(!self.client.is_handshaking());
                return is_resumed;
            }
        }
        panic!("the handshake makes no progress");
    }

    fn received(&mut self) -> Vec<u8> {
        self.exchange();
        mem::take(&mut self.received)
    }
}

const BOTH: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];

#[test]
fn bytes_arrive_whatever_the_segments() {
    let (acceptor, _directory) = acceptor(TlsResumption::Accept, false);
    let message: Vec<u8> = (0..40_000_u32).map(|number| number as u8).collect();
    for version in BOTH {
        for segment in [0, 1, 2, 5, 16, 255, 1448, 16_384] {
            let mut pair = Pair::new(&client_config(version, &[]));
            pair.wire.borrow_mut().segment = segment;
            let (mut server, _) = acceptor.accept(pair.socket()).expect("a connection");
            pair.shake_hands(&mut server);
            // To the server.
            let mut sent = 0;
            let mut received = Vec::new();
            let mut buffer = [0; 1000];
            while received.len() < message.len() {
                sent += pair.client.writer().write(&message[sent..]).expect("room");
                pair.exchange();
                while let Ok(count) = server.read(&mut buffer) {
                    received.extend_from_slice(&buffer[..count]);
                }
            }
            assert_eq!(received, message, "segments of {segment}");
            // To the client.
            let mut sent = 0;
            let mut received = Vec::new();
            while sent < message.len() {
                sent += server.write(&message[sent..]).expect("room");
                received.extend(pair.received());
            }
            received.extend(pair.received());
            assert_eq!(received, message, "segments of {segment}");
            assert_eq!(
                server.read(&mut buffer).expect_err("nothing").kind(),
                ErrorKind::WouldBlock
            );
        }
    }
}

#[test]
fn e19_a_client_that_does_not_read_makes_the_server_keep_one_write() {
    let (acceptor, _directory) = acceptor(TlsResumption::Accept, false);
    let mut pair = Pair::new(&client_config(&TLS13, &[]));
    let (mut server, _) = acceptor.accept(pair.socket()).expect("a connection");
    pair.shake_hands(&mut server);
    pair.wire.borrow_mut().room = 10_000;
    let zeros = vec![0; 4 * WRITE_MAX];
    assert_eq!(
        server.write(&zeros).expect("taken"),
        WRITE_MAX,
        "what is kept is bounded"
    );
    let refused = server.write(&zeros).expect_err("no room");
    assert_eq!(refused.kind(), ErrorKind::WouldBlock);
    assert_eq!(
        server.shut_down_writing().expect_err("not all is sent").kind(),
        ErrorKind::WouldBlock
    );
    let mut received = 0;
    while received < WRITE_MAX {
        received += pair.received().len();
        let _ = server.flush();
    }
    assert_eq!(received, WRITE_MAX);
    server.shut_down_writing().expect("all is sent");
    pair.exchange();
    assert_eq!(pair.client.reader().read(&mut [0]).expect("close_notify"), 0);
}

#[test]
fn e05_e06_an_end_without_close_notify_is_reported_for_uploads_only() {
    for version in BOTH {
        for accepts_truncation in [false, true] {
            let (acceptor, _directory) = acceptor(TlsResumption::Accept, accepts_truncation);
            let config = client_config(version, &[]);
            let mut control = Pair::new(&config);
            let (mut server, client) = acceptor.accept(control.socket()).expect("a connection");
            control.shake_hands(&mut server);
            for says_goodbye in [false, true] {
                let mut data = Pair::new(&config);
                let mut upload = client.accept_upload(data.socket()).expect("a connection");
                data.shake_hands(&mut upload);
                data.client.writer().write_all(b"tail").expect("room");
                if says_goodbye {
                    data.client.send_close_notify();
                }
                data.exchange();
                data.wire.borrow_mut().is_closed = true;
                let mut buffer = [0; 100];
                assert_eq!(upload.read(&mut buffer).expect("bytes"), 4);
                let end = upload.read(&mut buffer).map_err(|error| error.kind());
                let is_complete = says_goodbye || accepts_truncation;
                assert_eq!(
                    end,
                    if is_complete {
                        Ok(0)
                    } else {
                        Err(ErrorKind::UnexpectedEof)
                    }
                );
            }
        }
    }
}

#[test]
fn e07_e08_e09_data_connections_resume_the_sessions_of_their_control_connection_only() {
    let (acceptor, _directory) = acceptor(TlsResumption::Require, false);
    for version in BOTH {
        let (own, other) = (client_config(version, &[]), client_config(version, &[]));
        let mut control = Pair::new(&own);
        let (mut server, client) = acceptor.accept(control.socket()).expect("a connection");
        assert!(!control.shake_hands(&mut server), "a new session");
        // So many that the tickets of the control connection alone would not last.
        for number in 0..100 {
            let mut data = Pair::new(&own);
            let socket = data.socket();
            let accepted = if number % 3 == 0 {
                client.accept_upload(socket)
            } else {
                client.accept_download(socket)
            };
            assert!(
                data.shake_hands(&mut accepted.expect("a connection")),
                "data connection {number}"
            );
        }
        // A stranger without a ticket, and one with the ticket of another control connection.
        for _ in 0..2 {
            let mut data = Pair::new(&other);
            let mut server = client.accept_download(data.socket()).expect("a connection");
            assert!(!data.shake_hands(&mut server), "a stranger");
        }
        // The same client after it has logged out and in again.
        let mut again = Pair::new(&own);
        let (mut server, new) = acceptor.accept(again.socket()).expect("a connection");
        assert!(
            !again.shake_hands(&mut server),
            "old tickets are worth nothing on a new control connection"
        );
        let mut data = Pair::new(&own);
        let mut server = new.accept_download(data.socket()).expect("a connection");
        assert!(data.shake_hands(&mut server));
    }
}

#[test]
fn e13_a_client_that_offers_only_other_protocols_is_refused() {
    let (acceptor, _directory) = acceptor(TlsResumption::Accept, false);
    for (protocols, is_accepted) in [
        (vec![], true),
        (vec!["ftp"], true),
        (vec!["ftp-data"], true),
        (vec!["x-filezilla-ftp", "http/1.1"], true),
        (vec!["h2"], false),
        (vec!["http/1.1", "smtp"], false),
    ] {
        let mut pair = Pair::new(&client_config(&TLS13, &protocols));
        let (mut server, _) = acceptor.accept(pair.socket()).expect("a connection");
        pair.exchange();
        assert_eq!(server.handshake().is_ok(), is_accepted, "{protocols:?}");
        let mut wire = pair.wire.borrow_mut();
        pair.client.read_tls(&mut wire.to_client).expect("an answer");
        let answer = pair
            .client
            .process_new_packets()
            .map(|_| ())
            .map_err(|error| error.to_string());
        let alert = "received fatal alert: NoApplicationProtocol";
        assert_eq!(
            answer,
            if is_accepted { Ok(()) } else { Err(alert.to_owned()) },
            "{protocols:?}"
        );
    }
}

#[test]
fn e11_what_is_not_tls_ends_the_connection_and_costs_little() {
    let (acceptor, _directory) = acceptor(TlsResumption::Accept, false);
    let hello_of_64_kib = [&[22, 3, 1, 0x40, 0, 1, 0, 0xff, 0xff][..], &[0; 16_379]].concat();
    for garbage in [
        &b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..],
        b"USER anonymous\r\n",
        b"\0\0\0\0\0\0\0\0",
        b"\x16\x03\x01\xff\xff",
        b"\x17\x03\x03\x00\x01x",
        b"\x15\x03\x03\x00\x02\x01\x00",
        b"\x16\x03\x01\x00\x00",
        &hello_of_64_kib.repeat(9),
    ] {
        let pair = Pair::new(&client_config(&TLS13, &[]));
        pair.wire.borrow_mut().to_server.extend(garbage);
        pair.wire.borrow_mut().is_closed = true;
        let (mut server, _) = acceptor.accept(pair.socket()).expect("a connection");
        let failed = server.handshake();
        assert!(
            failed.is_err(),
            "{:?}: {failed:?}",
            String::from_utf8_lossy(&garbage[..8.min(garbage.len())])
        );
    }
    // One byte at a time, and no end.
    let mut pair = Pair::new(&client_config(&TLS13, &[]));
    pair.exchange();
    let hello: Vec<u8> = pair.wire.borrow_mut().to_server.drain(..).collect();
    let (mut server, _) = acceptor.accept(pair.socket()).expect("a connection");
    for byte in &hello[..hello.len() - 1] {
        pair.wire.borrow_mut().to_server.push_back(*byte);
        assert_eq!(server.handshake().expect("incomplete"), Handshake::UnderWay);
    }
    assert!(pair.wire.borrow().to_client.is_empty());
}
