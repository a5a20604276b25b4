//! One connection to the status page: its request, its answer, its deadlines.
//!
//! Everything is bounded: the request, the bytes that wait to be written, the bytes written in a turn, and the time
//! without progress (threats N03 and N05).

use super::body::Body;
use super::request::{AllowedHosts, REQUEST_MAX, Refused, TOO_SLOW, parse};
use super::seen::Seen;
use super::sources::Sources;
use super::subscription::Subscription;
use crate::descriptors::Permit;
use crate::reactor::{deadlines::Deadline, socket::TcpSocket};
use std::io::ErrorKind;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// How long the request may take, and how long a viewer may leave an answer unread.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a viewer may take to close after its answer.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// Bytes written to one viewer in a turn.
const BYTES_PER_TURN: usize = 64 * 1024;
/// Bytes that are made ahead of the socket.
const OUTPUT_ENOUGH: usize = 16 * 1024;
/// Bytes that are read and dropped after the answer.
const DROPPED_MAX: usize = 64 * 1024;

/// A connection to the page.
#[derive(Debug)]
pub struct Viewer {
    socket: Box<dyn TcpSocket>,
    pub permit: Permit,
    /// The server's address on this connection.
    own: IpAddr,
    stage: Stage,
    out: Vec<u8>,
    written: usize,
    /// The last time at which bytes moved, or the beginning.
    progress: Instant,
    pub deadline: Deadline,
}

#[derive(Debug)]
enum Stage {
    Request(Vec<u8>),
    Answer(Body),
    /// Our direction is shut down. Closing with unread input would reset the connection and lose the answer's end.
    Closing {
        dropped: usize,
    },
}

/// What is to be done after a viewer was served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// An event or its deadline will show.
    Wait,
    /// Its budget is spent.
    Again,
    /// It is over.
    Remove,
}

impl Viewer {
    pub fn new(socket: Box<dyn TcpSocket>, permit: Permit, own: IpAddr, now: Instant) -> Self {
        Self {
            socket,
            permit,
            own,
            stage: Stage::Request(Vec::new()),
            out: Vec::new(),
            written: 0,
            progress: now,
            deadline: Deadline::new(now),
        }
    }

    pub fn socket(&mut self) -> &mut dyn TcpSocket {
        &mut *self.socket
    }

    /// When its patience ends; `None`: it waits for changes.
    pub fn due(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Request(_) => Some(self.progress + PATIENCE),
            Stage::Answer(_) if self.written < self.out.len() => Some(self.progress + PATIENCE),
            Stage::Answer(_) => None,
            Stage::Closing { .. } => Some(self.progress + CLOSE_TIMEOUT),
        }
    }

    /// Its place in the stream, if it has one.
    pub fn subscription(&self) -> Option<&Subscription> {
        match &self.stage {
            Stage::Answer(Body::Events(subscription)) => Some(subscription),
            Stage::Answer(_) | Stage::Request(_) | Stage::Closing { .. } => None,
        }
    }

    /// The same, to queue a message.
    pub fn subscription_mut(&mut self) -> Option<&mut Subscription> {
        match &mut self.stage {
            Stage::Answer(Body::Events(subscription)) => Some(subscription),
            Stage::Answer(_) | Stage::Request(_) | Stage::Closing { .. } => None,
        }
    }

    /// Its deadline has passed: an unfinished request is answered, anything else is dropped.
    pub fn time_is_up(&mut self, sources: &Sources, seen: &mut Seen<'_>) -> After {
        if !matches!(self.stage, Stage::Request(_)) {
            return After::Remove;
        }
        self.refuse(TOO_SLOW, sources, seen.shared.now);
        self.write(sources, seen)
    }

    /// Answers with a refusal.
    pub fn refuse(&mut self, refused: Refused, sources: &Sources, now: Instant) {
        self.progress = now;
        sources.refuse(refused, &mut self.out);
        self.stage = Stage::Answer(Body::Done);
    }

    /// Reads and writes as far as there is something, and its budget lasts.
    pub fn serve(&mut self, sources: &mut Sources, hosts: &AllowedHosts, seen: &mut Seen<'_>, viewers: usize) -> After {
        let is_ended = self.read(seen);
        // A viewer that has closed its end may still read its answer, but not the endless stream.
        if is_ended && matches!(self.stage, Stage::Closing { .. } | Stage::Answer(Body::Events(_))) {
            return After::Remove;
        }
        if let Stage::Request(request) = &self.stage {
            match parse(request, hosts, self.own) {
                Ok(None) => return if is_ended { After::Remove } else { After::Wait },
                Ok(Some(request)) => {
                    self.progress = seen.shared.now;
                    let body = sources.begin(request, seen, viewers, &mut self.out);
                    self.stage = Stage::Answer(body);
                }
                Err(refused) => self.refuse(refused, sources, seen.shared.now),
            }
        }
        self.write(sources, seen)
    }

    /// Reads what has come, part of a request or to be dropped. Returns whether the viewer has closed its end.
    fn read(&mut self, seen: &mut Seen<'_>) -> bool {
        let mut buffer = [0; 2048];
        loop {
            let count = match self.socket.read(&mut buffer) {
                Ok(0) => return true,
                Ok(count) => count,
                Err(error) => match error.kind() {
                    ErrorKind::Interrupted => continue,
                    ErrorKind::WouldBlock => return false,
                    _ => return true,
                },
            };
            seen.shared.charge(count, 0);
            match &mut self.stage {
                Stage::Request(request) => {
                    request.extend_from_slice(buffer.get(..count).unwrap_or_default());
                    if request.len() > REQUEST_MAX {
                        // What is too long is refused; the rest is dropped after the answer.
                        return false;
                    }
                }
                Stage::Answer(_) => {}
                Stage::Closing { dropped } => {
                    *dropped += count;
                    if *dropped > DROPPED_MAX {
                        return true;
                    }
                }
            }
        }
    }

    fn write(&mut self, sources: &Sources, seen: &mut Seen<'_>) -> After {
        let mut left = BYTES_PER_TURN;
        loop {
            let Stage::Answer(body) = &mut self.stage else {
                return After::Wait;
            };
            if self.out.len() - self.written < OUTPUT_ENOUGH {
                if self.written > 0 {
                    self.out.drain(..self.written);
                    self.written = 0;
                }
                let before = self.out.len();
                while self.out.len() < OUTPUT_ENOUGH && body.push_piece(sources, seen, &mut self.out) {}
                seen.shared.charge(self.out.len() - before, 0);
            }
            let (_, unwritten) = self.out.split_at(self.written);
            if unwritten.is_empty() {
                // The memory of a large answer is not kept.
                self.out = Vec::new();
                return if matches!(body, Body::Done) {
                    self.conclude(seen)
                } else {
                    After::Wait
                };
            }
            if left == 0 {
                return After::Again;
            }
            let (piece, _) = unwritten.split_at(unwritten.len().min(left));
            match self.socket.write(piece) {
                Ok(count) => {
                    self.written += count;
                    left -= count.min(left);
                    self.progress = seen.shared.now;
                }
                Err(error) => match error.kind() {
                    ErrorKind::Interrupted => {}
                    ErrorKind::WouldBlock => return After::Wait,
                    _ => return After::Remove,
                },
            }
        }
    }

    /// Everything is written.
    fn conclude(&mut self, seen: &mut Seen<'_>) -> After {
        self.stage = Stage::Closing { dropped: 0 };
        let is_shut_down = self.socket.shut_down_writing().is_ok();
        if !is_shut_down || self.read(seen) {
            return After::Remove;
        }
        After::Wait
    }
}
