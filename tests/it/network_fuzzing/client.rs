//! A fuzzing client: it writes in any segments, reads what comes, and opens, closes and resets data connections.

use super::messages::{Chance, upload};
use super::oracle::{Judge, Seen};
use harness::PATIENCE;
use harness::client::reset;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::{Domain, Socket, Type};
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// After this time without any progress clients give up, with a reset or the end of what they send.
const SHORT_PATIENCE: Duration = Duration::from_millis(300);

/// A connection whose reads and writes never block.
fn connect(to: SocketAddr, from: IpAddr) -> TcpStream {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, None).expect("a socket");
    socket
        .bind(&SocketAddr::new(from, 0).into())
        .expect("an address of this machine");
    socket.set_nonblocking(true).expect("ours");
    // It is in progress, or refused: then the first read says so.
    let _ = socket.connect(&to.into());
    socket.set_tcp_nodelay(true).expect("ours");
    socket.into()
}

/// What happened to a read or a write.
enum Moved {
    Bytes(usize),
    Nothing,
    End,
}

fn moved(result: std::io::Result<usize>) -> Moved {
    match result {
        Ok(0) => Moved::End,
        Ok(count) => Moved::Bytes(count),
        Err(error) => match error.kind() {
            // A connection that is not complete is no error yet.
            ErrorKind::WouldBlock | ErrorKind::Interrupted | ErrorKind::NotConnected => Moved::Nothing,
            _ => Moved::End,
        },
    }
}

/// A data connection and what the client will do with it.
struct Data {
    stream: TcpStream,
    to_send: Vec<u8>,
    sent: usize,
    /// It is reset after so many bytes in either direction.
    reset_after: Option<usize>,
    received: usize,
    is_shut: bool,
}

impl Data {
    /// `None`: this client makes no data connection, or one that it resets at once.
    fn connect(to: SocketAddr, from: IpAddr, chance: &mut Chance) -> Option<Self> {
        let kind = chance.below(16);
        if kind == 0 {
            return None;
        }
        let stream = connect(to, from);
        if kind == 1 {
            reset(stream);
            return None;
        }
        Some(Self {
            stream,
            to_send: upload(chance),
            sent: 0,
            reset_after: (kind == 2).then(|| chance.below(5_000)),
            received: 0,
            is_shut: false,
        })
    }

    /// Sends and receives what it can. Returns whether anything moved, and whether it goes on.
    fn step(&mut self, judge: &mut Judge) -> (bool, bool) {
        let mut has_moved = false;
        let mut goes_on = true;
        if self.sent < self.to_send.len() {
            match moved(self.stream.write(&self.to_send[self.sent..])) {
                Moved::Bytes(count) => (self.sent, has_moved) = (self.sent + count, true),
                Moved::Nothing => {}
                Moved::End => goes_on = false,
            }
        } else if !self.is_shut && self.stream.shutdown(Shutdown::Write).is_ok() {
            self.is_shut = true;
        }
        let mut bytes = [0; 16_384];
        match moved(self.stream.read(&mut bytes)) {
            Moved::Bytes(count) => {
                judge.data(&bytes[..count]);
                (self.received, has_moved) = (self.received + count, true);
            }
            Moved::Nothing => {}
            Moved::End => goes_on = false,
        }
        if self.reset_after.is_some_and(|limit| self.sent + self.received > limit) {
            let stream = self.stream.try_clone().expect("a second handle");
            reset(stream);
            goes_on = false;
        }
        (has_moved, goes_on)
    }
}

/// Runs one session to its end. `Err`: what the server did wrong.
pub fn run(server: SocketAddr, own: IpAddr, messages: &[Vec<u8>], chance: &mut Chance) -> Result<Seen, String> {
    let bytes = messages.concat();
    let mut control = connect(server, own);
    let mut judge = Judge::default();
    let mut data: Vec<Data> = Vec::new();
    let mut sent = 0;
    // The longest segment: mostly everything at once, sometimes single bytes.
    let segment = *chance.pick(&[1, 7, 100, 1_000, 1_000, 65_536, 65_536, 65_536]);
    let cut = chance.one_in(16).then(|| chance.below(bytes.len() + 1));
    let end = cut.unwrap_or(bytes.len());
    let is_patient = chance.one_in(2);
    let mut is_shut = false;
    let mut last_progress = Instant::now();
    loop {
        let mut has_moved = false;
        if sent < end {
            let to = end.min(sent + 1 + chance.below(segment));
            match moved(control.write(&bytes[sent..to])) {
                Moved::Bytes(count) => (sent, has_moved) = (sent + count, true),
                Moved::Nothing => {}
                Moved::End => break,
            }
        } else if cut.is_some() {
            reset(control);
            return Ok(judge.finish(&bytes[..sent]));
        }
        let mut buffer = [0; 16_384];
        match moved(control.read(&mut buffer)) {
            Moved::Bytes(count) => {
                has_moved = true;
                for port in judge.replies(&buffer[..count])? {
                    let to = SocketAddr::new(server.ip(), port);
                    data.extend(Data::connect(to, own, chance));
                    // A second connection to the same port gains nothing.
                    if chance.one_in(32) {
                        data.extend(Data::connect(to, own, chance));
                    }
                }
            }
            Moved::Nothing => {}
            Moved::End => break,
        }
        data.retain_mut(|data| {
            let (moves, goes_on) = data.step(&mut judge);
            has_moved |= moves;
            goes_on
        });
        if has_moved {
            last_progress = Instant::now();
            continue;
        }
        let waited = last_progress.elapsed();
        if waited > PATIENCE {
            return Err(format!("no progress for {waited:?} after {sent} of {end} bytes"));
        }
        if sent == end && !is_shut && waited > SHORT_PATIENCE {
            if !is_patient {
                reset(control);
                return Ok(judge.finish(&bytes[..sent]));
            }
            // The server may leave out commands that it has not reached, so this comes late. It must end the session.
            is_shut = control.shutdown(Shutdown::Write).is_ok();
        }
        wait(&control, sent < end, &data);
    }
    Ok(judge.finish(&bytes[..sent]))
}

/// Sleeps until something can move, for some milliseconds at most.
fn wait(control: &TcpStream, is_sending: bool, data: &[Data]) {
    let interest = |sends| {
        if sends {
            PollFlags::IN | PollFlags::OUT
        } else {
            PollFlags::IN
        }
    };
    let mut watched = vec![PollFd::new(control, interest(is_sending))];
    let sends = |data: &Data| data.sent < data.to_send.len() || !data.is_shut;
    watched.extend(data.iter().map(|data| PollFd::new(&data.stream, interest(sends(data)))));
    let limit = Timespec {
        tv_sec: 0,
        tv_nsec: 5_000_000,
    };
    let _ = poll(&mut watched, Some(&limit));
}
