//! A client that records everything the server sends to it.

use super::{connect, passive_port};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

/// A client on its own thread, with a transcript of all that it receives.
pub(super) struct RecordingClient {
    reader: BufReader<TcpStream>,
    pub(super) transcript: Vec<u8>,
}

impl RecordingClient {
    pub(super) fn greet(address: SocketAddr) -> Self {
        let mut client = Self {
            reader: BufReader::new(connect(address)),
            transcript: Vec::new(),
        };
        client.reply();
        client
    }

    fn send(&mut self, lines: &str) {
        let mut stream = self.reader.get_ref();
        stream.write_all(lines.as_bytes()).expect("the server takes it");
    }

    /// The next reply. The transcript omits passive ports, because they differ between runs.
    fn reply(&mut self) -> String {
        let mut reply = String::new();
        loop {
            let start = reply.len();
            let count = self.reader.read_line(&mut reply).expect("a line");
            assert!(count > 0, "the server closed the connection: {reply}");
            if reply.get(start + 3..start + 4) == Some(" ") && reply.get(..3) == reply.get(start..start + 3) {
                break;
            }
        }
        let shown = if reply.starts_with("227") { "227\n" } else { &reply };
        self.transcript.extend_from_slice(shown.as_bytes());
        reply
    }

    fn ask(&mut self, line: &str) -> String {
        self.send(&format!("{line}\r\n"));
        self.reply()
    }

    fn data(&mut self) -> TcpStream {
        let reply = self.ask("PASV");
        connect(SocketAddr::from(([127, 0, 0, 1], passive_port(&reply))))
    }

    fn fetch(&mut self, line: &str) {
        let mut data = self.data();
        self.ask(line);
        data.read_to_end(&mut self.transcript).expect("the data");
        self.reply();
    }

    /// Active mode: the server connects.
    fn fetch_actively(&mut self, line: &str) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("bound").port();
        self.send(&format!("EPRT |1|127.0.0.1|{port}|\r\n"));
        self.reply();
        self.send(&format!("{line}\r\n"));
        let (mut data, _) = listener.accept().expect("the server connects");
        self.reply();
        data.read_to_end(&mut self.transcript).expect("the data");
        self.reply();
    }

    fn store(&mut self, line: &str, bytes: &[u8]) {
        let mut data = self.data();
        self.ask(line);
        data.write_all(bytes).expect("the server takes it");
        drop(data);
        self.reply();
    }

    /// All kinds of traffic: replies, pipelined lines, listings, files in both types and modes, in both directions.
    pub(super) fn converse(&mut self, own: &str) {
        for line in ["USER anonymous", "PASS x", "TYPE I", "OPTS MLST type;size;", "FEAT"] {
            self.ask(line);
        }
        self.ask(&format!("MKD {own}"));
        self.ask(&format!("CWD {own}"));
        let content: Vec<u8> = (0..400_000_u32).map(|number| (number % 97) as u8 + b' ').collect();
        self.store("STOR big", &content);
        self.store("APPE big", b"\nmore\n");
        self.ask("REST 399990");
        self.fetch("RETR big");
        self.fetch("RETR big");
        self.fetch_actively("RETR big");
        self.ask("TYPE A");
        self.fetch("RETR big");
        self.store("STOR text", b"one\r\ntwo\r\n");
        self.ask("SIZE text");
        self.ask("TYPE I");
        self.ask("MODE Z");
        self.fetch("RETR big");
        self.fetch("MLSD");
        self.ask("MODE S");
        self.fetch("NLST");
        self.fetch("LIST nothing*");
        self.ask("STAT nothing*");
        self.ask("XCRC big");
        // A transfer that is aborted while the TCP window is full.
        let mut data = self.data();
        self.ask("RETR big");
        self.send("NOOP\r\nABOR\r\n");
        let _ = data.read_to_end(&mut Vec::new());
        let replies: Vec<String> = (0..3).map(|_| self.reply()).collect();
        assert!(replies[2].starts_with("226"), "{replies:?}");
        self.transcript.truncate(self.transcript.len() - replies.concat().len());
        // A passive port without a connection, replaced by another.
        self.ask("PASV");
        self.ask("EPSV ALL");
        for round in 0..40 {
            self.send(&format!(
                "NOOP\r\nRNFR big\r\nRNTO big{round}\r\nRNFR big{round}\r\nRNTO big\r\n"
            ));
        }
        for _ in 0..5 * 40 {
            self.reply();
        }
        self.ask("DELE big");
        self.ask("QUIT");
    }
}
