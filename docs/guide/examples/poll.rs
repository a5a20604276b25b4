//! `poll 127.0.0.1:PORT DIR`: the same FTP server on one thread that serves all clients at once, with `mio::Poll`.

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Registry, Token};
use slab::Slab;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::path::{Path, PathBuf};
use std::{env, error::Error, fs, fs::File, mem};

const LISTENER: Token = Token(usize::MAX - 1);

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [address, root] = arguments.as_slice() else {
        return Err("usage: poll 127.0.0.1:PORT DIR".into());
    };
    let (address, root): (SocketAddr, PathBuf) = (address.parse()?, root.into());
    if !address.ip().is_loopback() {
        return Err("this server is for learning: loopback addresses only".into());
    }
    let mut listener = TcpListener::bind(address)?;
    let (mut poll, mut events) = (Poll::new()?, Events::with_capacity(256));
    let mut clients: Slab<Client> = Slab::new();
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            let Token(key) = event.token();
            if event.token() == LISTENER {
                while let Some((mut control, _)) = unless_blocked(listener.accept())? {
                    control.set_nodelay(true)?;
                    let place = clients.vacant_entry();
                    let token = Token(place.key());
                    poll.registry()
                        .register(&mut control, token, Interest::READABLE | Interest::WRITABLE)?;
                    place.insert(Client::new(control, token));
                }
            } else if let Some(client) = clients.get_mut(key)
                && client.advance(&root, poll.registry()).is_err()
            {
                clients.remove(key);
            }
        }
    }
}

/// What a thread kept in its local variables.
struct Client {
    token: Token,
    control: TcpStream,
    input: Vec<u8>,
    output: Vec<u8>,
    data: Data,
}

/// Where a thread stood in `send`.
enum Data {
    None,
    Announced(TcpListener),
    Accepting(TcpListener, Box<dyn Read>),
    /// The bytes are a part of the source that has been read and not written yet.
    Sending(TcpStream, Box<dyn Read>, Vec<u8>),
}

impl Client {
    fn new(control: TcpStream, token: Token) -> Self {
        let (input, output) = (Vec::new(), b"220 Ready\r\n".to_vec());
        Self {
            token,
            control,
            input,
            output,
            data: Data::None,
        }
    }

    /// Does everything that can be done without waiting. An error means that the client has gone.
    fn advance(&mut self, root: &Path, registry: &Registry) -> io::Result<()> {
        let mut chunk = [0; 4096];
        while let Some(count) = unless_blocked(self.control.read(&mut chunk))? {
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.input.extend(chunk.iter().take(count));
        }
        self.flush()?;
        while self.move_data(registry)? {
            let Some(end) = self.input.iter().position(|byte| *byte == b'\n') else {
                break;
            };
            let line: Vec<u8> = self.input.drain(..=end).collect();
            self.answer(String::from_utf8_lossy(&line).trim_end(), root, registry)?;
            self.flush()?;
        }
        self.flush()
    }

    fn flush(&mut self) -> io::Result<()> {
        while !self.output.is_empty() {
            let Some(count) = unless_blocked(self.control.write(&self.output))? else {
                break;
            };
            self.output.drain(..count);
        }
        Ok(())
    }

    fn answer(&mut self, line: &str, root: &Path, registry: &Registry) -> io::Result<()> {
        match line.split_once(' ').unwrap_or((line, "")) {
            ("USER", _) => write!(self.output, "331 Any password\r\n")?,
            ("PASS", _) => write!(self.output, "230 Logged in\r\n")?,
            ("TYPE" | "NOOP", _) => write!(self.output, "200 OK\r\n")?,
            ("PASV", _) => {
                let mut listener = TcpListener::bind((self.control.local_addr()?.ip(), 0).into())?;
                registry.register(&mut listener, self.token, Interest::READABLE)?;
                let (ip, port) = (listener.local_addr()?.ip(), listener.local_addr()?.port());
                let host = ip.to_string().replace('.', ",");
                write!(self.output, "227 Connect to ({host},{},{})\r\n", port >> 8, port & 255)?;
                self.data = Data::Announced(listener);
            }
            ("LIST", _) => self.send(listing(root))?,
            ("RETR", name) => self.send(open(root, name))?,
            ("QUIT", _) => {
                write!(self.output, "221 Bye\r\n")?;
                self.flush()?;
                self.control.shutdown(Shutdown::Both)?;
            }
            _ => write!(self.output, "502 Not implemented\r\n")?,
        }
        Ok(())
    }

    fn send(&mut self, source: io::Result<Box<dyn Read>>) -> io::Result<()> {
        let (Data::Announced(listener), Ok(source)) = (mem::replace(&mut self.data, Data::None), source) else {
            return write!(self.output, "550 No such file, or no PASV before\r\n");
        };
        self.data = Data::Accepting(listener, source);
        write!(self.output, "150 Here it comes\r\n")
    }

    /// Moves the transfer on; returns whether it is over, so that the next command may be answered.
    fn move_data(&mut self, registry: &Registry) -> io::Result<bool> {
        loop {
            match &mut self.data {
                Data::None | Data::Announced(_) => return Ok(true),
                Data::Accepting(listener, source) => {
                    let Some((mut data, _)) = unless_blocked(listener.accept())? else {
                        return Ok(false);
                    };
                    registry.register(&mut data, self.token, Interest::WRITABLE)?;
                    let source = mem::replace(source, Box::new(io::empty()));
                    self.data = Data::Sending(data, source, Vec::new());
                }
                Data::Sending(data, source, rest) => {
                    if rest.is_empty() && source.take(65_536).read_to_end(rest)? == 0 {
                        self.data = Data::None;
                        write!(self.output, "226 Done\r\n")?;
                        continue;
                    }
                    match unless_blocked(data.write(rest)) {
                        Ok(Some(count)) => drop(rest.drain(..count)),
                        Ok(None) => return Ok(false),
                        Err(_) => {
                            self.data = Data::None;
                            write!(self.output, "426 Transfer aborted\r\n")?;
                        }
                    }
                }
            }
        }
    }
}

/// `None` instead of the error that means "not yet".
fn unless_blocked<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}

fn listing(root: &Path) -> io::Result<Box<dyn Read>> {
    let names = fs::read_dir(root)?.map(|entry| Ok(format!("{}\r\n", entry?.file_name().display())));
    Ok(Box::new(io::Cursor::new(names.collect::<io::Result<String>>()?)))
}

/// A file directly in the directory: no `..`, no `/`, and no way out.
fn open(root: &Path, name: &str) -> io::Result<Box<dyn Read>> {
    match Path::new(name).file_name() {
        Some(plain) if plain == name => Ok(Box::new(File::open(root.join(plain))?)),
        _ => Err(io::ErrorKind::NotFound.into()),
    }
}
