//! `poll 127.0.0.1:PORT DIR`: the same FTP server on one thread that serves all clients at once, with `mio::Poll`.

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Registry, Token};
use slab::Slab;
use std::io::{self, BufRead, BufReader, Read, Write};
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
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut clients = Slab::new();
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            let token = event.token();
            if token == LISTENER {
                while let Some((mut control, _)) = unless_blocked(listener.accept())? {
                    let place = clients.vacant_entry();
                    poll.registry()
                        .register(&mut control, Token(place.key()), Interest::READABLE)?;
                    control.set_nodelay(true)?;
                    // If the client has gone already, the first `read` will say so.
                    let _ = write!(control, "220 Ready\r\n");
                    // A small buffer: lines are short, and clients are many.
                    let control = BufReader::with_capacity(256, control);
                    let (line, data) = (Vec::new(), Data::None);
                    place.insert(Client { control, line, data });
                }
            } else if let Some(client) = clients.get_mut(token.0)
                && advance(client, token, &root, poll.registry()).is_err()
            {
                clients.remove(token.0);
            }
        }
    }
}

/// What a thread kept in its local variables.
struct Client {
    control: BufReader<TcpStream>,
    /// The next command, as far as it has come.
    line: Vec<u8>,
    data: Data,
}

/// Where a thread was in `send`.
enum Data {
    None,
    Announced(TcpListener),
    Accepting(TcpListener, BufReader<Box<dyn Read>>),
    /// What has been read and not sent is in the buffer.
    Sending(TcpStream, BufReader<Box<dyn Read>>),
}

/// Does everything that can be done without waiting. An error means that the client has to go.
fn advance(client: &mut Client, token: Token, root: &Path, registry: &Registry) -> io::Result<()> {
    while move_data(client, token, registry)?
        && let Some(count) = unless_blocked(client.control.read_until(b'\n', &mut client.line))?
    {
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let line = String::from_utf8_lossy(&mem::take(&mut client.line)).into_owned();
        let (control, line) = (client.control.get_mut(), line.trim_end());
        match line.split_once(' ').unwrap_or((line, "")) {
            ("USER", _) => write!(control, "331 Any password\r\n")?,
            ("PASS", _) => write!(control, "230 Logged in\r\n")?,
            ("TYPE" | "NOOP", _) => write!(control, "200 OK\r\n")?,
            ("PASV", _) => {
                let mut listener = TcpListener::bind((control.local_addr()?.ip(), 0).into())?;
                registry.register(&mut listener, token, Interest::READABLE)?;
                let (ip, port) = (listener.local_addr()?.ip(), listener.local_addr()?.port());
                let host = ip.to_string().replace('.', ",");
                write!(control, "227 Connect to ({host},{},{})\r\n", port >> 8, port & 255)?;
                client.data = Data::Announced(listener);
            }
            ("LIST", _) => send(client, listing(root))?,
            ("RETR", name) => send(client, open(root, name))?,
            ("QUIT", _) => {
                write!(control, "221 Bye\r\n")?;
                control.shutdown(Shutdown::Both)?;
            }
            _ => write!(control, "502 Not implemented\r\n")?,
        }
    }
    Ok(())
}

/// Begins a transfer.
fn send(client: &mut Client, source: io::Result<Box<dyn Read>>) -> io::Result<()> {
    let control = client.control.get_mut();
    let (Data::Announced(listener), Ok(source)) = (mem::replace(&mut client.data, Data::None), source) else {
        return write!(control, "550 No such file, or no PASV before\r\n");
    };
    write!(control, "150 Here it comes\r\n")?;
    client.data = Data::Accepting(listener, BufReader::with_capacity(65_536, source));
    Ok(())
}

/// Moves the transfer on; returns whether there is none, so that the next line may be answered.
fn move_data(client: &mut Client, token: Token, registry: &Registry) -> io::Result<bool> {
    if let Data::Accepting(listener, _) = &client.data {
        let Some((mut data, _)) = unless_blocked(listener.accept())? else {
            return Ok(false);
        };
        registry.register(&mut data, token, Interest::WRITABLE)?;
        if let Data::Accepting(_, source) = mem::replace(&mut client.data, Data::None) {
            client.data = Data::Sending(data, source);
        }
    }
    while let Data::Sending(data, source) = &mut client.data {
        let end = match unless_blocked(data.write(source.fill_buf()?)) {
            Ok(None) => return Ok(false),
            Ok(Some(0)) => "226 Done",
            Ok(Some(count)) => {
                source.consume(count);
                continue;
            }
            Err(_) => "426 Transfer aborted",
        };
        // This closes the data connection.
        client.data = Data::None;
        write!(client.control.get_mut(), "{end}\r\n")?;
    }
    Ok(true)
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
