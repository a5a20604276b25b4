//! `echo_load 127.0.0.1:PORT PID`: sends messages to a server that sends them back, and measures that server.
//!
//! Some clients send a message of 64 bytes each, then all of them wait for their answers, and so on.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;
use std::{env, error::Error, fs, thread};

const MESSAGES: u64 = 20_000;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [address, pid] = arguments.as_slice() else {
        return Err("usage: echo_load 127.0.0.1:PORT PID".into());
    };
    println!("clients   µs of processor time per message   sleeps per message");
    for count in [1, 10, 100] {
        let connect = |_| TcpStream::connect(address).and_then(|client| client.set_nodelay(true).map(|()| client));
        let mut clients = (0..count).map(connect).collect::<io::Result<Vec<_>>>()?;
        round(&mut clients)?;
        // The threads of earlier clients end meanwhile.
        thread::sleep(Duration::from_millis(200));
        let before = usage(pid)?;
        for _ in 0..MESSAGES / count {
            round(&mut clients)?;
        }
        let after = usage(pid)?;
        let each = |before: u64, after: u64| (after - before) as f64 / MESSAGES as f64;
        let (time, sleeps) = (each(before.0, after.0) / 1000.0, each(before.1, after.1));
        println!("{count:7} {time:34.2} {sleeps:20.3}");
    }
    Ok(())
}

fn round(clients: &mut [TcpStream]) -> io::Result<()> {
    let mut message = [7; 64];
    for client in &mut *clients {
        client.write_all(&message)?;
    }
    for client in clients {
        client.read_exact(&mut message)?;
    }
    Ok(())
}

/// Nanoseconds of processor time of all threads of a process, and how often they went to sleep.
fn usage(pid: &str) -> Result<(u64, u64), Box<dyn Error>> {
    let mut usage = (0, 0);
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        let thread = thread?.path();
        // A thread whose client has left may end meanwhile.
        let (Ok(time), Ok(status)) = (
            fs::read_to_string(thread.join("schedstat")),
            fs::read_to_string(thread.join("status")),
        ) else {
            continue;
        };
        let sleeps = status
            .lines()
            .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        usage.0 += time.split(' ').next().unwrap_or_default().parse::<u64>()?;
        usage.1 += sleeps.unwrap_or_default().trim().parse::<u64>()?;
    }
    Ok(usage)
}
