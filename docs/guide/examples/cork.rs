//! `cork FILE`: counts the segments in which bytes leave, without and with `TCP_CORK`.

use rustix::fs::sendfile;
use rustix::net::sockopt::{set_tcp_congestion, set_tcp_cork};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::{env, error::Error};

const LINE: &[u8] = b"a line of a listing\r\n";
const PART: usize = 256 * 1024;

/// Sends the next bytes; 0 after the last.
type Send<'file> = &'file dyn Fn(&mut TcpStream, u64) -> io::Result<usize>;

fn main() -> Result<(), Box<dyn Error>> {
    let file = File::open(env::args().nth(1).ok_or("usage: cork FILE")?)?;
    println!("segments                         without  with cork");
    for (name, send) in [
        ("10 lines, a write for each", &ten_lines as Send<'_>),
        ("4 MiB, 256 KiB in each sendfile", &|socket, offset| {
            sixteen_parts(&file, socket, offset)
        }),
    ] {
        println!("{name:<32} {:>7} {:>10}", median(false, send)?, median(true, send)?);
    }
    Ok(())
}

fn ten_lines(socket: &mut TcpStream, offset: u64) -> io::Result<usize> {
    match offset / LINE.len() as u64 {
        0..10 => socket.write(LINE),
        _ => Ok(0),
    }
}

fn sixteen_parts(file: &File, socket: &mut TcpStream, mut offset: u64) -> io::Result<usize> {
    match (16 * PART as u64).saturating_sub(offset) {
        0 => Ok(0),
        left => Ok(sendfile(socket, file, Some(&mut offset), PART.min(left as usize))?),
    }
}

/// Of many short rounds, because what others send meanwhile is counted as well.
fn median(is_corked: bool, send: Send<'_>) -> Result<u64, Box<dyn Error>> {
    let counts: Result<Vec<u64>, _> = (0..101).map(|_| count(is_corked, send)).collect();
    let mut counts = counts?;
    counts.sort_unstable();
    Ok(counts.get(50).copied().unwrap_or_default())
}

fn count(is_corked: bool, send: Send<'_>) -> Result<u64, Box<dyn Error>> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let mut socket = TcpStream::connect(listener.local_addr()?)?;
    let (mut client, _) = listener.accept()?;
    socket.set_nonblocking(true)?;
    client.set_nonblocking(true)?;
    socket.set_nodelay(true)?;
    set_tcp_cork(&socket, is_corked)?;
    // The plainest congestion control, so that all machines count alike.
    set_tcp_congestion(&socket, "reno")?;
    let (mut offset, mut received, mut buffer) = (0, 0, vec![0; 1 << 20]);
    let before = segments_sent()?;
    loop {
        let count = unless_blocked(send(&mut socket, offset))?;
        offset += count.unwrap_or_default() as u64;
        received += unless_blocked(client.read(&mut buffer))?.unwrap_or_default() as u64;
        if count == Some(0) {
            // Sends what was held back.
            set_tcp_cork(&socket, false)?;
            if received == offset {
                return Ok(segments_sent()? - before);
            }
        }
    }
}

fn unless_blocked(result: io::Result<usize>) -> io::Result<Option<usize>> {
    match result {
        Ok(count) => Ok(Some(count)),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}

/// Segments with data that this machine has sent since it started.
fn segments_sent() -> Result<u64, Box<dyn Error>> {
    let counters = fs::read_to_string("/proc/net/netstat")?;
    let mut lines = counters.lines();
    let [names, values] = [lines.next(), lines.next()].map(|line| line.unwrap_or_default().split(' '));
    let found = names.zip(values).find(|(name, _)| *name == "TCPOrigDataSent");
    Ok(found.ok_or("the kernel does not count segments")?.1.parse()?)
}
