//! A client that sends exact bytes and checks the form of every reply.

use crate::stream::{client_config, tls_of_environment};
use crate::{PATIENCE, Stream};
use rustls::client::ClientConfig;
use socket2::{Domain, Socket, Type};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::Arc;

/// A control connection.
pub struct Client {
    pub stream: Stream,
    reader: BufReader<Stream>,
    server: SocketAddr,
    from: Option<IpAddr>,
    /// `None`: its connections are in clear.
    tls: Option<Arc<ClientConfig>>,
}

/// A reply: its code and its lines, without line ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub code: u16,
    pub lines: Vec<String>,
}

impl Reply {
    pub fn text(&self) -> String {
        self.lines.join("\n")
    }
}

impl Client {
    /// Connects and reads the greeting.
    pub fn connect(server: SocketAddr) -> Self {
        Self::connect_silently(server, None).greeted()
    }

    /// Connects from an address of this machine and reads the greeting.
    pub fn connect_from(server: SocketAddr, from: IpAddr) -> Self {
        Self::connect_silently(server, Some(from)).greeted()
    }

    /// Connects and reads nothing.
    pub fn connect_silently(server: SocketAddr, from: Option<IpAddr>) -> Self {
        Self {
            from,
            ..Self::over(Stream::plain(connect(server, from)), server)
        }
    }

    /// Reads the greeting, and encrypts the connection if the environment asks for it.
    fn greeted(mut self) -> Self {
        self.expect(220);
        if let Some(version) = tls_of_environment() {
            self.secure(client_config(version));
        }
        self
    }

    /// A client on a connection that exists, and from which nothing was read.
    pub fn over(stream: Stream, server: SocketAddr) -> Self {
        let reader = BufReader::new(stream.try_clone().expect("a second handle"));
        Self {
            stream,
            reader,
            server,
            from: None,
            tls: None,
        }
    }

    /// The control connection is encrypted: encrypts data connections from now on.
    pub fn encrypt_data(&mut self, config: Arc<ClientConfig>) {
        assert_eq!(self.code("PBSZ 0"), 200);
        assert_eq!(self.code("PROT P"), 200);
        self.tls = Some(config);
    }

    /// AUTH TLS, and the same for its data connections.
    pub fn secure(&mut self, config: Arc<ClientConfig>) {
        assert_eq!(self.code("AUTH TLS"), 234);
        self.stream.secure(&config);
        self.reader = BufReader::new(self.stream.try_clone().expect("a second handle"));
        self.encrypt_data(config);
    }

    pub fn login(&mut self) {
        assert_eq!(self.command("USER anonymous").code, 331);
        assert_eq!(self.command("PASS me@example.org").code, 230);
        assert_eq!(self.command("TYPE I").code, 200);
    }

    /// Logs in with an account and sets TYPE I.
    pub fn login_as(&mut self, user: &str, password: &str) {
        assert_eq!(self.command(&format!("USER {user}")).code, 331);
        assert_eq!(self.command(&format!("PASS {password}")).code, 230);
        assert_eq!(self.command("TYPE I").code, 200);
    }

    pub fn send(&mut self, line: &str) {
        self.send_bytes(format!("{line}\r\n").as_bytes());
    }

    pub fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the server reads it");
    }

    /// The next reply; fails unless its form is right.
    pub fn reply(&mut self) -> Reply {
        self.reply_or_end().expect("a reply, not the end of the connection")
    }

    /// The next reply, or `None` at the end of the connection.
    pub fn reply_or_end(&mut self) -> Option<Reply> {
        let first = self.line()?;
        let code: u16 = first.get(..3).and_then(|code| code.parse().ok()).expect("a code");
        let mut lines = vec![first.clone()];
        match first.as_bytes().get(3) {
            Some(b' ') => {}
            Some(b'-') => loop {
                let line = self.line().expect("the rest of the reply");
                let is_last = line.starts_with(&format!("{code} "));
                assert!(
                    is_last || line.starts_with(' ') || line.starts_with(&format!("{code}-")),
                    "{line:?}"
                );
                lines.push(line);
                if is_last {
                    break;
                }
            },
            _ => panic!("neither a space nor a dash after the code: {first:?}"),
        }
        Some(Reply { code, lines })
    }

    fn line(&mut self) -> Option<String> {
        let mut line = Vec::new();
        match self.reader.read_until(b'\n', &mut line) {
            Ok(0) => return None,
            Ok(_) => {}
            Err(error) if is_end(&error) => return None,
            Err(error) => panic!("no line: {error}"),
        }
        let text = line.strip_suffix(b"\r\n").expect("CR LF at the end of a reply");
        assert!(!text.iter().any(u8::is_ascii_control), "control bytes in {line:?}");
        Some(String::from_utf8_lossy(text).into_owned())
    }

    pub fn expect(&mut self, code: u16) -> Reply {
        let reply = self.reply();
        assert_eq!(reply.code, code, "{reply:?}");
        reply
    }

    pub fn command(&mut self, line: &str) -> Reply {
        self.send(line);
        self.reply()
    }

    pub fn code(&mut self, line: &str) -> u16 {
        self.command(line).code
    }

    /// Everything that arrives until the connection ends, in any way.
    pub fn remaining_text(&mut self) -> String {
        let mut rest = Vec::new();
        let _ = self.reader.read_to_end(&mut rest);
        String::from_utf8_lossy(&rest).into_owned()
    }

    /// Whether the server has closed; discards everything before that.
    pub fn is_closed(&mut self) -> bool {
        let mut rest = Vec::new();
        match self.reader.read_to_end(&mut rest) {
            Ok(_) => true,
            Err(error) => is_end(&error),
        }
    }

    /// PASV, strictly parsed.
    pub fn passive(&mut self) -> SocketAddr {
        let reply = self.command("PASV");
        assert_eq!(reply.code, 227, "{reply:?}");
        let text = reply.text();
        let numbers: Vec<u16> = text
            .strip_prefix("227 Entering Passive Mode (")
            .and_then(|rest| rest.strip_suffix(')'))
            .expect("the exact form")
            .split(',')
            .map(|number| number.parse().expect("a number"))
            .collect();
        let [a, b, c, d, high, low] = numbers[..] else {
            panic!("six numbers: {text}");
        };
        let octets = [a, b, c, d].map(|number| u8::try_from(number).expect("a byte"));
        SocketAddr::from((octets, high * 256 + low))
    }

    /// EPSV, strictly parsed.
    pub fn extended_passive(&mut self) -> SocketAddr {
        let reply = self.command("EPSV");
        assert_eq!(reply.code, 229, "{reply:?}");
        let text = reply.text();
        let port = text
            .strip_prefix("229 Entering Extended Passive Mode (|||")
            .and_then(|rest| rest.strip_suffix("|)"))
            .and_then(|port| port.parse().ok())
            .expect("the exact form");
        SocketAddr::new(self.server.ip(), port)
    }

    /// PASV and the connection to it.
    pub fn data(&mut self) -> Stream {
        let address = self.passive();
        self.data_connection(connect(address, self.from))
    }

    /// A data connection as this client uses it: encrypted if the control connection is.
    pub fn data_connection(&self, tcp: TcpStream) -> Stream {
        let mut stream = Stream::plain(tcp);
        if let Some(config) = &self.tls {
            stream.secure(config);
        }
        stream
    }

    /// A whole transfer: PASV, connection, command, 150, bytes, 226.
    pub fn fetch(&mut self, command: &str) -> Vec<u8> {
        let mut data = self.data();
        self.send(command);
        self.expect(150);
        let mut bytes = Vec::new();
        data.read_to_end(&mut bytes).expect("the data");
        drop(data);
        self.expect(226);
        bytes
    }

    /// The one reply to a command that must not start a transfer, with a data connection at hand.
    pub fn refusal(&mut self, line: &str) -> String {
        let _data = self.data();
        let reply = self.command(line);
        assert_ne!(reply.code, 150, "{line}");
        reply.text()
    }

    /// A transfer that has begun: PASV, connection, command, 150.
    pub fn begin(&mut self, command: &str) -> Stream {
        let mut data = self.data();
        self.send(command);
        self.expect(150);
        // A server that refuses the handshake says why in its next reply.
        let _ = data.shake_hands();
        data
    }

    /// A whole upload: PASV, connection, command, 150, bytes, end; its last reply, or the refusal instead of a 150.
    pub fn store(&mut self, command: &str, bytes: &[u8]) -> Reply {
        let mut data = self.data();
        let opening = self.command(command);
        if opening.code != 150 {
            return opening;
        }
        let _ = data.shake_hands();
        // A server that refuses the rest closes half-way; the reply has the reason.
        let _ = data.write_all(bytes);
        drop(data);
        self.reply()
    }

    /// An upload that must succeed.
    pub fn stores(&mut self, command: &str, bytes: &[u8]) {
        let reply = self.store(command, bytes);
        assert_eq!(reply.code, 226, "{command}: {reply:?}");
    }

    /// Whether no reply has come yet.
    pub fn is_silent(&mut self) -> bool {
        if !self.reader.buffer().is_empty() {
            return false;
        }
        self.stream.is_silent()
    }

    /// Ends the control connection with a reset.
    pub fn reset(self) {
        drop(self.reader);
        reset(self.stream);
    }

    pub fn fetch_text(&mut self, command: &str) -> String {
        String::from_utf8_lossy(&self.fetch(command)).into_owned()
    }
}

/// Closes with a reset instead of an orderly end.
pub fn reset(stream: impl Into<Stream>) {
    stream.into().reset();
}

/// Whether the server has closed the connection, orderly or not.
fn is_end(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof)
}

/// A connection with a deadline on every wait.
pub fn connect(server: SocketAddr, from: Option<IpAddr>) -> TcpStream {
    let socket = Socket::new(Domain::for_address(server), Type::STREAM, None).expect("a socket");
    if let Some(from) = from {
        socket
            .bind(&SocketAddr::new(from, 0).into())
            .expect("an address of this machine");
    }
    socket
        .connect_timeout(&server.into(), PATIENCE)
        .expect("the server accepts");
    let stream: TcpStream = socket.into();
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream.set_write_timeout(Some(PATIENCE)).expect("a timeout");
    stream.set_nodelay(true).expect("no delay");
    stream
}
