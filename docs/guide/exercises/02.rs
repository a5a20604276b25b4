//! Exercise 02: a client that says nothing must not keep the others waiting for longer than a second.
//!
//! Stay with one thread and blocking calls. `TcpStream` has a method for this.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};

/// Serves one client after the other.
pub fn serve(listener: TcpListener) {
    for control in listener.incoming().flatten() {
        if let Err(error) = talk(control) {
            eprintln!("the client is gone: {error}");
        }
    }
}

fn talk(mut control: TcpStream) -> io::Result<()> {
    control.write_all(b"220 Ready\r\n")?;
    for line in BufReader::new(control.try_clone()?).lines() {
        if line? == "QUIT" {
            return control.write_all(b"221 Bye\r\n");
        }
        control.write_all(b"502 Not implemented\r\n")?;
    }
    Ok(())
}
