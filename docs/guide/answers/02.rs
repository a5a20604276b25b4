//! Answer 02: with a timeout, `read` returns an error instead of waiting on.
//! A slow client is now cut off, and the others still wait for up to a second: one thread that blocks cannot do better.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

/// Serves one client after the other.
pub fn serve(listener: TcpListener) {
    for control in listener.incoming().flatten() {
        if let Err(error) = talk(control) {
            eprintln!("the client is gone: {error}");
        }
    }
}

fn talk(mut control: TcpStream) -> io::Result<()> {
    control.set_read_timeout(Some(Duration::from_secs(1)))?;
    control.write_all(b"220 Ready\r\n")?;
    for line in BufReader::new(control.try_clone()?).lines() {
        if line? == "QUIT" {
            return control.write_all(b"221 Bye\r\n");
        }
        control.write_all(b"502 Not implemented\r\n")?;
    }
    Ok(())
}
