//! `together 127.0.0.1:PORT DIR`: the server with threads, which saves a packet: its `150` and `226` leave together.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::{env, error::Error, fs, fs::File, thread};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [address, root] = arguments.as_slice() else {
        return Err("usage: together 127.0.0.1:PORT DIR".into());
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
            ("PWD", _) => write!(control, "257 \"/\"\r\n")?,
            ("CWD", _) => write!(control, "250 OK\r\n")?,
            ("SIZE", name) => match fs::metadata(root.join(name)) {
                Ok(found) => write!(control, "213 {}\r\n", found.len())?,
                Err(_) => write!(control, "550 No such file\r\n")?,
            },
            ("PASV", _) => {
                let listener = TcpListener::bind((control.local_addr()?.ip(), 0))?;
                let (ip, port) = (listener.local_addr()?.ip(), listener.local_addr()?.port());
                let host = ip.to_string().replace('.', ",");
                write!(control, "227 Connect to ({host},{},{})\r\n", port >> 8, port & 255)?;
                passive = Some(listener);
            }
            ("LIST", _) => send(&mut control, passive.take(), listing(root))?,
            ("RETR", name) => send(&mut control, passive.take(), open(root, name))?,
            ("QUIT", _) => return write!(control, "221 Bye\r\n"),
            _ => write!(control, "502 Not implemented\r\n")?,
        }
    }
    Ok(())
}

/// Waits for the data connection, and sends everything over it.
fn send(control: &mut TcpStream, passive: Option<TcpListener>, source: io::Result<Box<dyn Read>>) -> io::Result<()> {
    let (Some(listener), Ok(mut source)) = (passive, source) else {
        return write!(control, "550 No such file, or no PASV before\r\n");
    };
    let (mut data, _) = listener.accept()?;
    match io::copy(&mut source, &mut data) {
        Ok(_) => drop(data),
        Err(_) => return write!(control, "426 Transfer aborted\r\n"),
    }
    write!(control, "150 Here it comes\r\n226 Done\r\n")
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
