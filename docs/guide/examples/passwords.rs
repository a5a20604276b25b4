//! `passwords 127.0.0.1:PORT loop|thread`: logs clients in whose password is `secret`. It hashes passwords in the loop,
//! or in a thread of their own.

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, Waker};
use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::{env, error::Error, net::SocketAddr, thread};

const LISTENER: Token = Token(0);
const RESULTS: Token = Token(1);
const MOST_WAITING: usize = 100;
/// bcrypt, with 2¹⁰ rounds.
const HASH: &str = "$2b$10$abcdefghijklmnopqrstuuqflPDzB6gcMhKa1rZqKiun2YGL5sa2u";

/// Takes its time, on purpose: a thief who has the hash has to spend it on each guess.
fn is_right(password: &str) -> bool {
    bcrypt::verify(password, HASH).unwrap_or_default()
}

struct Client {
    control: TcpStream,
    token: Token,
    input: Vec<u8>,
    /// Its next line is answered when the password has been checked.
    is_waiting: bool,
}

/// The queues to and from the thread that hashes.
struct Hasher {
    jobs: SyncSender<(Token, String)>,
    results: Receiver<(Token, bool)>,
}

impl Hasher {
    fn start(waker: Waker) -> Self {
        let (jobs, submitted) = sync_channel::<(Token, String)>(MOST_WAITING);
        let (finished, results) = sync_channel(MOST_WAITING);
        thread::spawn(move || {
            for (token, password) in submitted {
                if finished.send((token, is_right(&password))).is_err() || waker.wake().is_err() {
                    return;
                }
            }
        });
        Self { jobs, results }
    }

    /// A result, if one is ready.
    fn finished(&self) -> Option<(Token, bool)> {
        self.results.try_recv().ok()
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [address, place] = arguments.as_slice() else {
        return Err("usage: passwords 127.0.0.1:PORT loop|thread".into());
    };
    let address: SocketAddr = address.parse()?;
    if !address.ip().is_loopback() {
        return Err("this server is for learning: loopback addresses only".into());
    }
    let mut listener = TcpListener::bind(address)?;
    let (mut poll, mut events) = (Poll::new()?, Events::with_capacity(64));
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let hasher = match place.as_str() {
        "thread" => Some(Hasher::start(Waker::new(poll.registry(), RESULTS)?)),
        _ => None,
    };
    // Tokens are not used again, so a result never finds another client than its own.
    let (mut clients, mut tokens) = (HashMap::<Token, Client>::new(), (2..).map(Token));
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            match event.token() {
                LISTENER => {
                    while let Ok((mut control, _)) = listener.accept() {
                        let token = tokens.next().ok_or("no more numbers")?;
                        poll.registry().register(&mut control, token, Interest::READABLE)?;
                        control.set_nodelay(true)?;
                        if control.write_all(b"220 Ready\r\n").is_ok() {
                            clients.insert(token, Client::new(control, token));
                        }
                    }
                }
                RESULTS => {
                    while let Some((token, is_right)) = hasher.as_ref().and_then(Hasher::finished) {
                        serve(&mut clients, token, |client| {
                            client.answer_password(is_right)?;
                            client.advance(hasher.as_ref())
                        });
                    }
                }
                token => serve(&mut clients, token, |client| client.advance(hasher.as_ref())),
            }
        }
    }
}

/// Serves a client that is still there, and removes it if that fails.
fn serve(clients: &mut HashMap<Token, Client>, token: Token, step: impl FnOnce(&mut Client) -> io::Result<()>) {
    if let Some(client) = clients.get_mut(&token)
        && step(client).is_err()
    {
        clients.remove(&token);
    }
}

impl Client {
    fn new(control: TcpStream, token: Token) -> Self {
        Self {
            control,
            token,
            input: Vec::new(),
            is_waiting: false,
        }
    }

    /// Does all that can be done without waiting.
    fn advance(&mut self, hasher: Option<&Hasher>) -> io::Result<()> {
        let mut chunk = [0; 1024];
        loop {
            match self.control.read(&mut chunk) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => self.input.extend(chunk.iter().take(count)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        while !self.is_waiting
            && let Some(end) = self.input.iter().position(|byte| *byte == b'\n')
        {
            let line: Vec<u8> = self.input.drain(..=end).collect();
            self.answer(String::from_utf8_lossy(&line).trim_end(), hasher)?;
        }
        Ok(())
    }

    fn answer(&mut self, line: &str, hasher: Option<&Hasher>) -> io::Result<()> {
        match (line.split_once(' ').unwrap_or((line, "")), hasher) {
            (("USER", _), _) => self.control.write_all(b"331 The password, please\r\n"),
            (("PASS", password), None) => self.answer_password(is_right(password)),
            (("PASS", password), Some(hasher)) => match hasher.jobs.try_send((self.token, password.to_owned())) {
                Ok(()) => {
                    self.is_waiting = true;
                    Ok(())
                }
                Err(_) => self.control.write_all(b"421 Too many logins, try again later\r\n"),
            },
            (("TYPE" | "NOOP", _), _) => self.control.write_all(b"200 OK\r\n"),
            (("QUIT", _), _) => {
                self.control.write_all(b"221 Bye\r\n")?;
                Err(ErrorKind::UnexpectedEof.into())
            }
            _ => self.control.write_all(b"502 Not implemented\r\n"),
        }
    }

    fn answer_password(&mut self, is_right: bool) -> io::Result<()> {
        self.is_waiting = false;
        self.control.write_all(if is_right {
            b"230 Logged in\r\n"
        } else {
            b"530 Wrong password\r\n"
        })
    }
}
