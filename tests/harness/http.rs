//! The status page as a viewer gets it: one request for each connection, byte-exact.

use crate::client::connect;
use crate::server::Server;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// Status line and headers.
    pub head: String,
    /// Without the marks of chunks.
    pub body: String,
}

impl Answer {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let named = |line: &'_ str| {
            line.split_once(": ")
                .is_some_and(|(found, _)| found.eq_ignore_ascii_case(name))
        };
        let line = self.head.lines().find(|line| named(line))?;
        line.split_once(": ").map(|(_, value)| value)
    }

    fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8(bytes.to_vec()).expect("UTF-8");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        let status = head.get(9..12).and_then(|code| code.parse().ok()).expect("a status");
        let mut answer = Self {
            status,
            head: head.to_owned(),
            body: body.to_owned(),
        };
        if answer.header("transfer-encoding") == Some("chunked") && !body.is_empty() {
            answer.body = unchunked(body);
        }
        if let Some(length) = answer.header("content-length").filter(|_| !body.is_empty()) {
            assert_eq!(length, body.len().to_string(), "the length is right");
        }
        answer
    }
}

fn unchunked(mut body: &str) -> String {
    let mut whole = String::new();
    loop {
        let (length, rest) = body.split_once("\r\n").expect("the length of a chunk");
        let length = usize::from_str_radix(length, 16).expect("a number");
        let (chunk, rest) = rest.split_at(length);
        whole += chunk;
        body = rest.strip_prefix("\r\n").expect("the end of a chunk");
        if length == 0 {
            assert_eq!(body, "", "nothing follows");
            return whole;
        }
    }
}

impl Server {
    /// Where its status page is.
    pub fn status_address(&self) -> SocketAddr {
        let output = self.output();
        let mut lines = output.lines();
        let address = lines.find_map(|line| line.strip_prefix("status   http://")?.strip_suffix('/')?.parse().ok());
        address.expect("the address is printed")
    }

    /// The answer to these bytes.
    pub fn ask_status(&self, request: &[u8]) -> Answer {
        let mut stream = connect(self.status_address(), None);
        // A request that is refused midway may be reset.
        let _ = stream.write_all(request);
        let mut bytes = Vec::new();
        match stream.read_to_end(&mut bytes) {
            // What came before the reset is there.
            Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("no answer: {error}"),
            Ok(_) | Err(_) => {}
        }
        Answer::parse(&bytes)
    }

    /// The answer to a usual GET.
    pub fn get_status(&self, target: &str) -> Answer {
        let address = self.status_address();
        self.ask_status(format!("GET {target} HTTP/1.1\r\nHost: {address}\r\n\r\n").as_bytes())
    }

    /// A viewer of the stream of changes.
    pub fn watch_status(&self, target: &str, headers: &str) -> TcpStream {
        let mut stream = connect(self.status_address(), None);
        let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).expect("sent");
        stream
    }
}
