//! `pump send|receive FILE ROUNDS`: moves a file over loopback in several ways, and compares the processor time of
//! each.
//!
//! One thread has both ends of the connection, and only one of them is measured. So nothing else runs meanwhile.

use rustix::fs::{MemfdFlags, memfd_create, sendfile};
use rustix::pipe::{SpliceFlags, fcntl_setpipe_size, pipe, splice};
use rustix::time::{ClockId, clock_gettime};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::{fd::OwnedFd, unix::fs::FileExt};
use std::{env, error::Error};

/// Most bytes of one step.
const STEP: usize = 256 * 1024;
const BUFFER: usize = 64 * 1024;

/// Moves up to [`STEP`] bytes between the file, from an offset on, and the socket; returns how many.
type Pump = fn(&File, u64, &TcpStream, &Pipe) -> io::Result<usize>;

struct Pipe {
    reader: OwnedFd,
    writer: OwnedFd,
}

/// A name, the size of the pipe, and what moves the bytes.
type Way = (&'static str, usize, Pump);
const SENDING: &[Way] = &[("read, write", BUFFER, read_write), ("sendfile", BUFFER, send_file)];
const RECEIVING: &[Way] = &[
    ("read, write", BUFFER, store),
    ("splice, 64 KiB", 64 * 1024, splice_file),
    ("splice, 1 MiB", 1024 * 1024, splice_file),
];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [direction, path, rounds] = arguments.as_slice() else {
        return Err("usage: pump send|receive FILE ROUNDS".into());
    };
    let is_sending = direction == "send";
    let ways = if is_sending { SENDING } else { RECEIVING };
    let mut results = vec![(Vec::new(), Vec::new()); ways.len()];
    for _ in 0..rounds.parse()? {
        let mut first = None;
        for (way, (costs, ratios)) in ways.iter().zip(&mut results) {
            let cost = measure(path, is_sending, way)?;
            costs.push(cost);
            ratios.push(cost / *first.get_or_insert(cost));
        }
    }
    println!("                ms of processor time per GiB   relative");
    for ((name, ..), (costs, ratios)) in ways.iter().zip(results) {
        println!("{name:<15} {:>28.0} {:>10.2}", median(costs), median(ratios));
    }
    Ok(())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// Moves the file once; returns milliseconds per GiB.
fn measure(path: &str, is_sending: bool, &(_, pipe_size, pump): &Way) -> Result<f64, Box<dyn Error>> {
    let (file, size) = (File::open(path)?, fs::metadata(path)?.len());
    // In memory, so that no disk is measured.
    let stored = File::from(memfd_create("stored", MemfdFlags::CLOEXEC)?);
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let socket = TcpStream::connect(listener.local_addr()?)?;
    let (mut peer, _) = listener.accept()?;
    socket.set_nonblocking(true)?;
    peer.set_nonblocking(true)?;
    let (reader, writer) = pipe()?;
    fcntl_setpipe_size(&writer, pipe_size)?;
    let pipe = Pipe { reader, writer };
    let (mut moved, mut given, mut spent) = (0, 0, 0.0);
    let mut drain = vec![0; 4 * STEP];
    while moved < size {
        if !is_sending {
            given += unless_blocked(send_file(&file, given, &peer, &pipe))? as u64;
        }
        let began = processor_time();
        let count = unless_blocked(pump(if is_sending { &file } else { &stored }, moved, &socket, &pipe))?;
        spent += processor_time() - began;
        moved += count as u64;
        if is_sending {
            unless_blocked(peer.read(&mut drain))?;
        }
    }
    Ok(spent * 1e3 * f64::from(1 << 30) / size as f64)
}

/// Of this thread, in the program and in the kernel, in seconds.
fn processor_time() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn unless_blocked(result: io::Result<usize>) -> io::Result<usize> {
    match result {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
        other => other,
    }
}

/// From the kernel into the program, and back into the kernel.
fn read_write(file: &File, offset: u64, mut socket: &TcpStream, _: &Pipe) -> io::Result<usize> {
    let mut buffer = vec![0; BUFFER];
    let mut sent = 0;
    while sent < STEP {
        let count = file.read_at(&mut buffer, offset + sent as u64)?;
        match unless_blocked(socket.write(buffer.get(..count).unwrap_or_default()))? {
            0 => break,
            count => sent += count,
        }
    }
    Ok(sent)
}

/// Inside the kernel.
fn send_file(file: &File, mut offset: u64, socket: &TcpStream, _: &Pipe) -> io::Result<usize> {
    Ok(sendfile(socket, file, Some(&mut offset), STEP)?)
}

fn store(file: &File, offset: u64, mut socket: &TcpStream, _: &Pipe) -> io::Result<usize> {
    let mut buffer = vec![0; BUFFER];
    let mut stored = 0;
    while stored < STEP {
        let count = unless_blocked(socket.read(&mut buffer))?;
        if count == 0 {
            break;
        }
        file.write_all_at(buffer.get(..count).unwrap_or_default(), offset + stored as u64)?;
        stored += count;
    }
    Ok(stored)
}

/// Inside the kernel, from the socket into the pipe, and from the pipe into the file.
fn splice_file(file: &File, mut offset: u64, socket: &TcpStream, pipe: &Pipe) -> io::Result<usize> {
    let mut stored = 0;
    while stored < STEP {
        let filled = splice(socket, None, &pipe.writer, None, STEP - stored, SpliceFlags::NONBLOCK);
        let mut held = unless_blocked(filled.map_err(io::Error::from))?;
        if held == 0 {
            break;
        }
        stored += held;
        while held > 0 {
            held -= splice(&pipe.reader, None, file, Some(&mut offset), held, SpliceFlags::empty())?;
        }
    }
    Ok(stored)
}
