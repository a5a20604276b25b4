//! A client that survives whatever a faulty server does, and knows when its conversation was cut off.

use super::super::tests::passive_port;
use super::faulty_server::{PASSWORD, PATIENCE};
use socket2::SockRef;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

/// Why a conversation ended early.
#[derive(Debug)]
pub enum Stop {
    /// The server closed the connection, or refused something: allowed.
    Refused,
    /// What must never happen.
    Violation(String),
}

pub type Said<T> = Result<T, Stop>;

pub fn violation<T>(what: impl Into<String>) -> Said<T> {
    Err(Stop::Violation(what.into()))
}

/// Fails with `what` unless it `holds`.
pub fn must(holds: bool, what: &str) -> Said<()> {
    if holds { Ok(()) } else { violation(what) }
}

pub struct Client {
    control: BufReader<TcpStream>,
    address: SocketAddr,
}

/// A data connection that is made, or will come.
pub enum Data {
    Passive(TcpStream),
    Active(TcpListener),
}

impl Client {
    pub fn greeted(address: SocketAddr) -> Said<Self> {
        let stream = connect(address)?;
        let mut client = Self {
            control: BufReader::new(stream),
            address,
        };
        client.reply_of(&[220])?;
        Ok(client)
    }

    pub fn logged_in(address: SocketAddr, user: &str) -> Said<Self> {
        let mut client = Self::greeted(address)?;
        client.ask(&format!("USER {user}"), &[331])?;
        client.ask(&format!("PASS {PASSWORD}"), &[230])?;
        client.ask("TYPE I", &[200])?;
        Ok(client)
    }

    /// The next reply: its code and its text.
    pub fn reply(&mut self) -> Said<(u16, String)> {
        let mut reply = String::new();
        loop {
            let start = reply.len();
            match self.control.read_line(&mut reply) {
                Ok(0) => return Err(Stop::Refused),
                Ok(_) => {}
                Err(error) => return Err(stop_of(&error, "a reply")),
            }
            let line = reply.get(start..).unwrap_or_default();
            if !line.ends_with("\r\n") {
                return Err(Stop::Refused);
            }
            if line.get(3..4) == Some(" ") && line.get(..3) == reply.get(..3) {
                let Some(code) = reply.get(..3).and_then(|code| code.parse().ok()) else {
                    return violation(format!("no reply: {reply}"));
                };
                return Ok((code, reply));
            }
        }
    }

    pub fn send(&mut self, line: &str) -> Said<()> {
        let sent = self.control.get_mut().write_all(format!("{line}\r\n").as_bytes());
        sent.map_err(|_| Stop::Refused)
    }

    /// The reply to `line`, if it has one of these codes; others must be failures.
    pub fn ask(&mut self, line: &str, codes: &[u16]) -> Said<String> {
        self.send(line)?;
        self.reply_of(codes)
    }

    pub fn reply_of(&mut self, codes: &[u16]) -> Said<String> {
        let (code, text) = self.reply()?;
        match code {
            code if codes.contains(&code) => Ok(text),
            400..600 => Err(Stop::Refused),
            _ => violation(format!("{codes:?} expected: {text}")),
        }
    }

    pub fn passive(&mut self) -> Said<Data> {
        let text = self.ask("PASV", &[227])?;
        let address = SocketAddr::new(self.address.ip(), passive_port(&text));
        Ok(Data::Passive(connect(address)?))
    }

    pub fn active(&mut self) -> Said<Data> {
        let listener = TcpListener::bind("127.0.0.1:0").map_err(|_| Stop::Refused)?;
        let limited = SockRef::from(&listener).set_read_timeout(Some(PATIENCE));
        let port = limited.and_then(|()| listener.local_addr());
        let port = port.map_err(|_| Stop::Refused)?.port();
        self.ask(&format!("PORT 127,0,0,1,{},{}", port >> 8, port & 0xff), &[200])?;
        Ok(Data::Active(listener))
    }

    /// The transfer begins.
    pub fn begin(&mut self, line: &str, data: Data) -> Said<TcpStream> {
        self.ask(line, &[150])?;
        match data {
            Data::Passive(stream) => Ok(stream),
            Data::Active(listener) => match listener.accept() {
                Ok((stream, _)) => {
                    let limited = stream.set_read_timeout(Some(PATIENCE));
                    limited.map(|()| stream).map_err(|_| Stop::Refused)
                }
                Err(error) => Err(stop_of(&error, "the server's connection")),
            },
        }
    }

    /// What a download that ended with a 226 has sent.
    pub fn fetch(&mut self, line: &str, data: Data) -> Said<Vec<u8>> {
        let stream = self.begin(line, data)?;
        self.receive(stream)
    }

    /// The rest of such a download.
    pub fn receive(&mut self, mut stream: TcpStream) -> Said<Vec<u8>> {
        let mut bytes = Vec::new();
        let read = stream.read_to_end(&mut bytes);
        if let Err(error) = &read
            && is_timeout(error)
        {
            return violation("the data never ends");
        }
        drop(stream);
        self.reply_of(&[226])?;
        must(read.is_ok(), "a 226 for data that ended with a reset")?;
        Ok(bytes)
    }

    /// An upload that ended with a 226, 250 or such; the text of its 150 and of its last reply.
    pub fn store(&mut self, line: &str, data: Data, bytes: &[u8]) -> Said<String> {
        let mut stream = self.begin(line, data)?;
        // The server may refuse the rest.
        let _ = stream.write_all(bytes);
        drop(stream);
        self.reply_of(&[226, 250])
    }

    /// An upload that is reset in the middle.
    pub fn break_off(&mut self, line: &str, data: Data, bytes: &[u8]) -> Said<()> {
        let mut stream = self.begin(line, data)?;
        let _ = stream.write_all(bytes);
        let _ = SockRef::from(&stream).set_linger(Some(std::time::Duration::ZERO));
        drop(stream);
        let (code, text) = self.reply()?;
        must(code >= 400, &format!("success of an upload that was reset: {text}"))
    }

    /// A download that is aborted; both replies.
    pub fn abort(&mut self, line: &str, data: Data) -> Said<()> {
        let mut stream = self.begin(line, data)?;
        self.send("ABOR")?;
        let _ = stream.read_to_end(&mut Vec::new());
        drop(stream);
        let (first, text) = self.reply()?;
        must(first == 226 || first >= 400, &text)?;
        self.reply_of(&[226]).map(drop)
    }
}

fn connect(address: SocketAddr) -> Said<TcpStream> {
    let connected = TcpStream::connect(address);
    let limited = connected.and_then(|stream| stream.set_read_timeout(Some(PATIENCE)).map(|()| stream));
    limited.map_err(|_| Stop::Refused)
}

fn is_timeout(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

fn stop_of(error: &std::io::Error, awaited: &str) -> Stop {
    if is_timeout(error) {
        Stop::Violation(format!("{awaited} never comes"))
    } else {
        Stop::Refused
    }
}
