//! A client's control connection: lines out, replies in.

use crate::failure::Failure;
use crate::reply_reader::{ReplyReader, ServerReply};
use mio::net::TcpStream;
use std::io::{ErrorKind, Read, Write};

/// The control connection.
#[derive(Debug)]
pub struct ControlConnection {
    stream: TcpStream,
    replies: ReplyReader,
    unsent: Vec<u8>,
}

impl ControlConnection {
    pub fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            replies: ReplyReader::default(),
            unsent: Vec::new(),
        }
    }

    /// Whether the connection is established.
    pub fn is_connected(&self) -> bool {
        self.stream.peer_addr().is_ok()
    }

    /// Sends a line; what the socket does not take now waits for [`flush`](Self::flush).
    pub fn send(&mut self, line: &str) -> Result<(), Failure> {
        self.unsent.extend_from_slice(line.as_bytes());
        self.unsent.extend_from_slice(b"\r\n");
        self.flush()
    }

    /// Sends raw bytes, as far as the socket takes them; returns how many it took.
    pub fn push(&mut self, bytes: &[u8]) -> Result<usize, Failure> {
        write(&mut self.stream, bytes)
    }

    pub fn flush(&mut self) -> Result<(), Failure> {
        while !self.unsent.is_empty() {
            match write(&mut self.stream, &self.unsent)? {
                0 => break,
                count => drop(self.unsent.drain(..count)),
            }
        }
        Ok(())
    }

    /// Reads what has arrived. `to_the_end`: the event reported the server's end, so a short read proves nothing.
    /// `Ok(false)`: the server has closed the connection.
    pub fn receive(&mut self, scratch: &mut [u8], to_the_end: bool) -> Result<bool, Failure> {
        loop {
            match self.stream.read(scratch) {
                Ok(0) => return Ok(false),
                Ok(count) => {
                    self.replies.feed(scratch.get(..count).unwrap_or_default());
                    if count < scratch.len() && !to_the_end {
                        // The socket is empty, and the next byte or the end brings an event.
                        return Ok(true);
                    }
                }
                Err(error) => match error.kind() {
                    ErrorKind::Interrupted => {}
                    ErrorKind::WouldBlock | ErrorKind::NotConnected => return Ok(true),
                    _ => return Err(Failure::of_control(error)),
                },
            }
        }
    }

    /// The next reply that has arrived whole.
    pub fn next_reply(&mut self) -> Result<Option<ServerReply>, Failure> {
        self.replies.next_reply().transpose().map_err(Failure::from)
    }
}

/// Returns how many bytes the socket took; 0 if it takes none now.
fn write(stream: &mut TcpStream, bytes: &[u8]) -> Result<usize, Failure> {
    loop {
        match stream.write(bytes) {
            Ok(count) => return Ok(count),
            Err(error) => match error.kind() {
                ErrorKind::Interrupted => {}
                ErrorKind::WouldBlock | ErrorKind::NotConnected => return Ok(0),
                _ => return Err(Failure::of_control(error)),
            },
        }
    }
}
