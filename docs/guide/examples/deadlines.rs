//! `deadlines 127.0.0.1:PORT pause|bytes|lines`: answers `200 OK` to each line. A second of silence is the end.

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use std::collections::{BTreeSet, HashMap};
use std::io::{self, BufRead, BufReader, ErrorKind::WouldBlock, Write};
use std::time::{Duration, Instant};
use std::{env, error::Error, net::SocketAddr};

const PATIENCE: Duration = Duration::from_secs(1);

struct Client {
    stream: BufReader<TcpStream>,
    line: Vec<u8>,
    /// When it has to leave.
    due: Instant,
}

/// When clients have to be looked at, the earliest first. Each client has one entry, which may be too early.
type Deadlines = BTreeSet<(Instant, Token)>;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [address, mode] = arguments.as_slice() else {
        return Err("usage: deadlines 127.0.0.1:PORT pause|bytes|lines".into());
    };
    let address: SocketAddr = address.parse()?;
    if !address.ip().is_loopback() {
        return Err("this server is for learning: loopback addresses only".into());
    }
    let mut listener = TcpListener::bind(address)?;
    let (mut poll, mut events) = (Poll::new()?, Events::with_capacity(64));
    poll.registry().register(&mut listener, Token(0), Interest::READABLE)?;
    let (mut clients, mut tokens) = (HashMap::new(), (1..).map(Token));
    let mut deadlines = Deadlines::new();
    let mut now = Instant::now();
    loop {
        let timeout = match deadlines.first() {
            // The bug: this second begins again with every event, whoever caused it.
            Some(_) if mode == "pause" => Some(PATIENCE),
            Some((at, _)) => Some(at.saturating_duration_since(now)),
            None => None,
        };
        poll.poll(&mut events, timeout)?;
        now = Instant::now();
        while let Ok((mut stream, _)) = listener.accept() {
            let (token, due) = (tokens.next().ok_or("no more numbers")?, now + PATIENCE);
            poll.registry().register(&mut stream, token, Interest::READABLE)?;
            let (stream, line) = (BufReader::new(stream), Vec::new());
            clients.insert(token, Client { stream, line, due });
            deadlines.insert((due, token));
        }
        for event in &events {
            if let Some(client) = clients.get_mut(&event.token())
                && client.serve(now, mode == "bytes").is_err()
            {
                // Its entry stays, and will find nobody.
                clients.remove(&event.token());
            }
        }
        if mode != "pause" || events.is_empty() {
            send_away(&mut clients, &mut deadlines, now);
        }
    }
}

/// Closes the connections whose deadline has passed.
fn send_away(clients: &mut HashMap<Token, Client>, deadlines: &mut Deadlines, now: Instant) {
    while let Some((at, token)) = deadlines.pop_first() {
        if at > now {
            deadlines.insert((at, token));
            return;
        }
        match clients.get_mut(&token) {
            // It has moved later meanwhile.
            Some(client) if client.due > now => drop(deadlines.insert((client.due, token))),
            Some(client) => {
                let _ = client.stream.get_mut().write(b"421 Timeout\r\n");
                clients.remove(&token);
            }
            None => {}
        }
    }
}

impl Client {
    fn serve(&mut self, now: Instant, counts_bytes: bool) -> io::Result<()> {
        loop {
            let before = self.line.len();
            let read = self.stream.read_until(b'\n', &mut self.line);
            if counts_bytes && self.line.len() > before {
                self.due = now + PATIENCE;
            }
            match read {
                Ok(_) if self.line.ends_with(b"\n") => {
                    self.line.clear();
                    self.due = now + PATIENCE;
                    self.stream.get_mut().write_all(b"200 OK\r\n")?;
                }
                Ok(_) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Err(error) if error.kind() == WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }
}
