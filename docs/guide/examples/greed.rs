//! `greed 127.0.0.1:PORT unlimited|bounded|fair`: answers `200 OK` to each line. How much may one client take of it?

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, event::Event};
use std::collections::{BTreeSet, HashMap};
use std::io::{self, BufRead, BufReader, ErrorKind::WouldBlock, Write};
use std::{env, error::Error, mem, net::SocketAddr, thread::sleep, time::Duration};

#[derive(Clone, Copy)]
struct Limits {
    /// Bytes of replies in the queue of one client, from which on nothing is read from it.
    queued: usize,
    /// Lines of one client in a turn.
    lines: usize,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [address, mode] = arguments.as_slice() else {
        return Err("usage: greed 127.0.0.1:PORT unlimited|bounded|fair".into());
    };
    let address: SocketAddr = address.parse()?;
    if !address.ip().is_loopback() {
        return Err("this server is for learning: loopback addresses only".into());
    }
    let (queued, lines) = match mode.as_str() {
        "unlimited" => (usize::MAX, usize::MAX),
        "bounded" => (8192, usize::MAX),
        _ => (8192, 16),
    };
    let limits = Limits { queued, lines };
    let mut listener = TcpListener::bind(address)?;
    let (mut poll, mut events) = (Poll::new()?, Events::with_capacity(64));
    poll.registry().register(&mut listener, Token(0), Interest::READABLE)?;
    let (mut clients, mut tokens) = (HashMap::new(), (1..).map(Token));
    // Who is to be served in the next turn. A set, so that no client is in it twice.
    let mut ready = BTreeSet::new();
    loop {
        // No sleep while somebody is to be served without an event.
        let timeout = (!ready.is_empty()).then_some(Duration::ZERO);
        poll.poll(&mut events, timeout)?;
        ready.extend(events.iter().map(Event::token));
        while let Ok((mut stream, _)) = listener.accept() {
            let token = tokens.next().ok_or("no more numbers")?;
            let interest = Interest::READABLE | Interest::WRITABLE;
            poll.registry().register(&mut stream, token, interest)?;
            clients.insert(token, Client::new(stream));
        }
        for token in mem::take(&mut ready) {
            match clients.get_mut(&token).map(|client| client.serve(limits)) {
                Some(Ok(Stopped::TurnIsOver)) => drop(ready.insert(token)),
                Some(Ok(Stopped::AwaitsEvent)) | None => {}
                Some(Err(_)) => drop(clients.remove(&token)),
            }
        }
    }
}

/// Why a client is not served any further.
enum Stopped {
    /// There is nothing to read, or no room for replies. An event comes when that changes.
    AwaitsEvent,
    /// There may be more to do, and no event will come for it.
    TurnIsOver,
}

struct Client {
    stream: BufReader<TcpStream>,
    line: Vec<u8>,
    replies: Vec<u8>,
}

impl Client {
    fn new(stream: TcpStream) -> Self {
        let (stream, line, replies) = (BufReader::new(stream), Vec::new(), Vec::new());
        Self { stream, line, replies }
    }

    fn serve(&mut self, limits: Limits) -> io::Result<Stopped> {
        for _ in 0..limits.lines {
            if self.replies.len() >= limits.queued {
                self.flush()?;
            }
            if self.replies.len() >= limits.queued || !self.read_line()? {
                self.flush()?;
                return Ok(Stopped::AwaitsEvent);
            }
            if self.line.starts_with(b"HASH") {
                // It stands for a command that takes a while to compute.
                sleep(Duration::from_millis(1));
            }
            self.line.clear();
            self.replies.extend(b"200 OK\r\n");
        }
        self.flush()?;
        Ok(Stopped::TurnIsOver)
    }

    /// Returns whether `line` is complete. What there is of an incomplete one stays in it.
    fn read_line(&mut self) -> io::Result<bool> {
        match self.stream.read_until(b'\n', &mut self.line) {
            Ok(_) if self.line.ends_with(b"\n") => Ok(true),
            Ok(_) => Err(io::ErrorKind::UnexpectedEof.into()),
            Err(error) if error.kind() == WouldBlock => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Writes as many replies as the kernel takes.
    fn flush(&mut self) -> io::Result<()> {
        while !self.replies.is_empty() {
            match self.stream.get_mut().write(&self.replies) {
                Ok(count) => drop(self.replies.drain(..count)),
                Err(error) if error.kind() == WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
