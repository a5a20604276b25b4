//! `size32 127.0.0.1:PORT DIR`: the server with threads, but it counts the bytes of a file in 32 bits.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::{env, error::Error, fs::File, thread};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [address, root] = arguments.as_slice() else {
        return Err("usage: size32 127.0.0.1:PORT DIR".into());
    };
    let (address, root): (SocketAddr, PathBuf) = (address.parse()?, root.into());
    if !address.ip().is_loopback() {
        return Err("this server is for learning: loopback addresses only".into());
    }
    let listener = TcpListener::bind(address)?;
    loop {
        let (control, peer) = listener.accept()?;
        let root = root.clone();
        thread::spawn(move || {
            if let Err(error) = serve(control, &root) {
                eprintln!("{peer}: {error}");
            }
        });
    }
}

/// Talks with one client until it leaves.
fn serve(mut control: TcpStream, root: &Path) -> io::Result<()> {
    control.set_nodelay(true)?;
    let mut passive = None;
    write!(control, "220 Ready\r\n")?;
    for line in BufReader::new(control.try_clone()?).lines() {
        let line = line?;
        match line.split_once(' ').unwrap_or((&line, "")) {
            ("USER", _) => write!(control, "331 Any password\r\n")?,
            ("PASS", _) => write!(control, "230 Logged in\r\n")?,
            ("TYPE" | "NOOP", _) => write!(control, "200 OK\r\n")?,
            ("PASV", _) => {
                let listener = TcpListener::bind((control.local_addr()?.ip(), 0))?;
                let (ip, port) = (listener.local_addr()?.ip(), listener.local_addr()?.port());
                let host = ip.to_string().replace('.', ",");
                write!(control, "227 Connect to ({host},{},{})\r\n", port >> 8, port & 255)?;
                passive = Some(listener);
            }
            ("RETR", name) => send(&mut control, passive.take(), open(root, name))?,
            ("QUIT", _) => return write!(control, "221 Bye\r\n"),
            _ => write!(control, "502 Not implemented\r\n")?,
        }
    }
    Ok(())
}

/// Waits for the data connection, and sends everything over it.
fn send(
    control: &mut TcpStream,
    passive: Option<TcpListener>,
    source: io::Result<(i32, Box<dyn Read>)>,
) -> io::Result<()> {
    let (Some(listener), Ok((size, mut source))) = (passive, source) else {
        return write!(control, "550 No such file, or no PASV before\r\n");
    };
    write!(control, "150 Here it comes\r\n")?;
    let (mut data, _) = listener.accept()?;
    let mut sent: i32 = 0;
    while sent < size {
        let wanted = (size - sent).min(65_536);
        sent += io::copy(&mut source.by_ref().take(wanted as u64), &mut data)? as i32;
    }
    drop(data);
    write!(control, "226 Done\r\n")
}

/// A file directly in the directory: no `..`, no `/`, and no way out.
fn open(root: &Path, name: &str) -> io::Result<(i32, Box<dyn Read>)> {
    match Path::new(name).file_name() {
        Some(plain) if plain == name => {
            let file = File::open(root.join(plain))?;
            // The bug: an `int` holds sizes up to 2 GiB. `as` cuts off what does not fit, as C does.
            Ok((file.metadata()?.len() as i32, Box::new(file)))
        }
        _ => Err(io::ErrorKind::NotFound.into()),
    }
}
