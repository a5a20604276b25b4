//! `late`: sends a file, changes it, and only then reads what has arrived.

use rustix::fs::{MemfdFlags, memfd_create, sendfile};
use std::error::Error;
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::FileExt;

const OLD: &[u8] = b"The meeting is at nine.";
const NEW: &[u8] = b"The meeting is at five.";

/// Hands the content of the file to the kernel, which returns how many bytes it took.
type Send = fn(&File, &mut TcpStream) -> io::Result<usize>;

fn main() -> Result<(), Box<dyn Error>> {
    for (name, send) in [("write", copy as Send), ("sendfile", send_file)] {
        let file = File::from(memfd_create("file", MemfdFlags::CLOEXEC)?);
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let mut socket = TcpStream::connect(listener.local_addr()?)?;
        let (mut client, _) = listener.accept()?;

        file.write_all_at(OLD, 0)?;
        let count = send(&file, &mut socket)?;
        file.write_all_at(NEW, 0)?;
        drop(socket);

        let mut received = String::new();
        client.read_to_string(&mut received)?;
        println!("{name} sent {count} bytes, and the client reads: {received}");
    }
    Ok(())
}

fn copy(file: &File, socket: &mut TcpStream) -> io::Result<usize> {
    let mut bytes = [0; OLD.len()];
    file.read_exact_at(&mut bytes, 0)?;
    socket.write(&bytes)
}

fn send_file(file: &File, socket: &mut TcpStream) -> io::Result<usize> {
    Ok(sendfile(socket, file, Some(&mut 0), OLD.len())?)
}
