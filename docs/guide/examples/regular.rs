//! `regular FILE`: how a regular file behaves that was opened with `O_NONBLOCK`.

use mio::{Interest, Poll, Token, unix::SourceFd};
use rustix::fs::{Advice, OFlags, fadvise};
use std::error::Error;
use std::fs::OpenOptions;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: regular FILE")?;
    let non_blocking = OFlags::NONBLOCK.bits() as i32;
    let file = OpenOptions::new().read(true).custom_flags(non_blocking).open(path)?;
    let poll = Poll::new()?;
    let registered = poll
        .registry()
        .register(&mut SourceFd(&file.as_raw_fd()), Token(0), Interest::READABLE);
    println!(
        "registering it: {}",
        registered.map_or_else(|error| error.to_string(), |()| "ok".to_owned())
    );
    // What is written to the disk may leave the memory.
    file.sync_all()?;
    fadvise(&file, 0, None, Advice::DontNeed)?;
    let mut buffer = vec![b'.'; 4 << 20];
    for place in ["not in memory", "in memory"] {
        let began = Instant::now();
        let count = file.read_at(&mut buffer, 0)?;
        println!("{place}: read → {count} bytes after {} µs", began.elapsed().as_micros());
    }
    Ok(())
}
