//! The bare limits: the cost of an FTP server's system calls without the server.
//!
//!     cargo run --release --example limits -- 127.0.0.1:2121 DIR
//!
//! It speaks as much FTP as ftpstorm needs, with fixed replies and a blocking thread for each client, so that the same
//! client measures a server and its limit. It parses only the verb, checks nothing, and opens every path as given: use
//! it on the loopback interface for measurements, never as a server.

use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, Mode, OFlags, RawDir};
use rustix::{fs, pipe};
use socket2::SockRef;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

/// The pipe that an upload is spliced through, and the bytes of one `splice`.
const PIPE_BYTES: usize = 1024 * 1024;
/// The buffer of `getdents64`, as large as glibc's.
const ENTRIES_BYTES: usize = 32 * 1024;
/// Lines that are sent together.
const SEND_FROM: usize = 32 * 1024;
/// As long as a line of `ls -l`, with any name.
const LIST_LINE: &[u8; 72] = b"-rw-r--r--    1 ftp      ftp          1024 Jan 01 00:00 name-of-a-file\r\n";
/// As long as a name.
const NAME_LINE: &[u8; 16] = b"name-of-a-file\r\n";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, directory] = &arguments[..] else {
        eprintln!("limits: expected ADDR:PORT DIR");
        return ExitCode::from(2);
    };
    match serve(address, directory) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("limits: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(address: &str, directory: &str) -> io::Result<()> {
    let root = Arc::new(fs::open(directory, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())?);
    let listener = TcpListener::bind(address)?;
    SockRef::from(&listener).listen(1024)?;
    SockRef::from(&listener).set_tcp_nodelay(true)?;
    println!("ready at {}", listener.local_addr()?);
    loop {
        let (control, _) = listener.accept()?;
        let root = Arc::clone(&root);
        // A client that disconnects ends only its own thread.
        thread::spawn(move || Conversation::new(control, root).and_then(Conversation::hold));
    }
}

/// One client.
struct Conversation {
    control: TcpStream,
    lines: BufReader<TcpStream>,
    root: Arc<OwnedFd>,
    /// The one passive port of this client and the `227` that announces it.
    passive: Option<(TcpListener, String)>,
}

/// What a listing asks the kernel about each entry.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Listing {
    Attributes,
    Names,
}

/// Whether the 150 has been sent.
enum Opening {
    Unsaid,
    Said,
}

impl Conversation {
    fn new(control: TcpStream, root: Arc<OwnedFd>) -> io::Result<Self> {
        Ok(Self {
            lines: BufReader::new(control.try_clone()?),
            control,
            root,
            passive: None,
        })
    }

    fn hold(mut self) -> io::Result<()> {
        self.control.write_all(b"220 Welcome\r\n")?;
        let mut line = String::new();
        while self.lines.read_line(&mut line)? > 0 {
            let (verb, argument) = line.trim_end().split_once(' ').unwrap_or((line.trim_end(), ""));
            let path = match argument.trim_start_matches('/') {
                "" => ".",
                path => path,
            };
            match verb {
                "PASV" => self.announce()?,
                "LIST" => self.list(path, Listing::Attributes)?,
                "NLST" => self.list(path, Listing::Names)?,
                "RETR" => self.retrieve(path)?,
                "STOR" => self.store(path)?,
                "USER" => self.control.write_all(b"331 Any password\r\n")?,
                "PASS" => self.control.write_all(b"230 Logged in\r\n")?,
                "QUIT" => return self.control.write_all(b"221 Goodbye\r\n"),
                _ => self.control.write_all(b"200 Done\r\n")?,
            }
            line.clear();
        }
        Ok(())
    }

    fn announce(&mut self) -> io::Result<()> {
        let announcement = match &self.passive {
            Some((_, announcement)) => announcement,
            None => &self.passive.insert(passive_port()?).1,
        };
        self.control.write_all(announcement.as_bytes())
    }

    /// The client's data connection; corked, as its listener is.
    fn data(&self) -> io::Result<TcpStream> {
        let (listener, _) = self.passive.as_ref().ok_or(io::ErrorKind::NotConnected)?;
        Ok(listener.accept()?.0)
    }

    /// Data that is not sent at once must be announced first, or the client does not read it.
    fn open(&mut self, opening: &mut Opening) -> io::Result<()> {
        match std::mem::replace(opening, Opening::Said) {
            Opening::Said => Ok(()),
            Opening::Unsaid => self.control.write_all(b"150 Opening\r\n"),
        }
    }

    /// The replies of a short transfer are sent together.
    fn finish(&mut self, data: TcpStream, opening: &Opening) -> io::Result<()> {
        drop(data);
        self.control.write_all(match opening {
            Opening::Unsaid => b"150 Opening\r\n226 Complete\r\n",
            Opening::Said => b"226 Complete\r\n",
        })
    }

    fn list(&mut self, path: &str, listing: Listing) -> io::Result<()> {
        let directory = fs::openat(&*self.root, path, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())?;
        let mut data = self.data()?;
        let mut opening = Opening::Unsaid;
        let mut buffer = Vec::with_capacity(ENTRIES_BYTES);
        let mut entries = RawDir::new(&directory, buffer.spare_capacity_mut());
        let mut lines = Vec::with_capacity(SEND_FROM + LIST_LINE.len());
        while let Some(entry) = entries.next() {
            match listing {
                Listing::Attributes => {
                    fs::statat(&directory, entry?.file_name(), AtFlags::SYMLINK_NOFOLLOW)?;
                    lines.extend_from_slice(LIST_LINE);
                }
                Listing::Names => {
                    entry?;
                    lines.extend_from_slice(NAME_LINE);
                }
            }
            if lines.len() >= SEND_FROM {
                self.open(&mut opening)?;
                data.write_all(&lines)?;
                lines.clear();
            }
        }
        data.write_all(&lines)?;
        self.finish(data, &opening)
    }

    fn retrieve(&mut self, path: &str) -> io::Result<()> {
        let file = fs::openat(&*self.root, path, OFlags::RDONLY, Mode::empty())?;
        let mut left = usize::try_from(fs::fstat(&file)?.st_size).unwrap_or(0);
        let data = self.data()?;
        let mut opening = Opening::Unsaid;
        if left > SEND_FROM {
            self.open(&mut opening)?;
        }
        while left > 0 {
            match fs::sendfile(&data, &file, None, left)? {
                0 => break,
                sent => left -= sent,
            }
        }
        self.finish(data, &opening)
    }

    fn store(&mut self, path: &str) -> io::Result<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC;
        let file = fs::openat(&*self.root, path, flags, Mode::from_raw_mode(0o644))?;
        let data = self.data()?;
        let mut opening = Opening::Unsaid;
        self.open(&mut opening)?;
        let (output, input) = pipe::pipe()?;
        pipe::fcntl_setpipe_size(&input, PIPE_BYTES)?;
        loop {
            let mut left = splice(&data, &input, PIPE_BYTES)?;
            if left == 0 {
                return self.finish(data, &opening);
            }
            while left > 0 {
                left -= splice(&output, &file, left)?;
            }
        }
    }
}

fn splice(from: &impl rustix::fd::AsFd, to: &impl rustix::fd::AsFd, bytes: usize) -> io::Result<usize> {
    Ok(pipe::splice(from, None, to, None, bytes, pipe::SpliceFlags::MOVE)?)
}

/// A listener on a port that the system chose, and the reply that announces it.
fn passive_port() -> io::Result<(TcpListener, String)> {
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    SockRef::from(&listener).set_tcp_cork(true)?;
    let port = listener.local_addr()?.port();
    let announcement = format!("227 Passive (127,0,0,1,{},{})\r\n", port / 256, port % 256);
    Ok((listener, announcement))
}
