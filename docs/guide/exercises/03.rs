//! Exercise 03: at most `most` clients at a time, each in a thread. The others get `421` and are closed.
//!
//! The server counts its clients. It counts some of them for ever. Which?

use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::{sync::Arc, thread};

/// Serves clients until the listener fails.
pub fn serve(listener: TcpListener, most: usize) {
    let count = Arc::new(AtomicUsize::new(0));
    for mut control in listener.incoming().flatten() {
        if count.load(SeqCst) == most {
            let _ = control.write_all(b"421 Too many clients\r\n");
            continue;
        }
        count.fetch_add(1, SeqCst);
        let count = Arc::clone(&count);
        thread::spawn(move || talk(control, &count));
    }
}

fn talk(mut control: TcpStream, count: &AtomicUsize) -> io::Result<()> {
    control.write_all(b"220 Ready\r\n")?;
    for line in BufReader::new(control.try_clone()?).lines() {
        let line = line?;
        if line == "QUIT" {
            control.write_all(b"221 Bye\r\n")?;
            break;
        }
        control.write_all(b"502 Not implemented\r\n")?;
    }
    count.fetch_sub(1, SeqCst);
    Ok(())
}
