//! What the exercises have to do. There is nothing to change here.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

pub fn c01(data_address: fn(&str) -> Option<SocketAddr>) -> Result<(), String> {
    for (reply, expected) in [
        ("227 Entering Passive Mode (127,0,0,1,117,48)", Some("127.0.0.1:30000")),
        ("227 Connect to (127,0,0,1,0,21), please", Some("127.0.0.1:21")),
        ("227 (10,1,2,3,255,255)", Some("10.1.2.3:65535")),
        ("227 (127,0,0,1,256,0)", None),
        ("227 (127,0,0,1,117)", None),
        ("425 No port is free", None),
    ] {
        let found = data_address(reply).map(|address| address.to_string());
        if found.as_deref() != expected {
            return Err(format!("{reply:?} gives {found:?} instead of {expected:?}"));
        }
    }
    Ok(())
}

pub fn c02(serve: fn(TcpListener)) -> Result<(), String> {
    let address = serving(serve)?;
    let _silent = greeted(address, "the first client")?;
    let _second = greeted(address, "a second client, while the first says nothing,")?;
    Ok(())
}

/// Starts a server in a thread of its own; returns its address.
fn serving(serve: impl FnOnce(TcpListener) + Send + 'static) -> Result<SocketAddr, String> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(|error| error.to_string())?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    thread::spawn(move || serve(listener));
    Ok(address)
}

/// A client that has read the greeting, within three seconds.
fn greeted(address: SocketAddr, who: &str) -> Result<TcpStream, String> {
    let greeting = || {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(3)))?;
        let mut line = String::new();
        BufReader::new(&stream).read_line(&mut line)?;
        Ok((stream, line))
    };
    match greeting() {
        Ok((stream, line)) if line.starts_with("220") => Ok(stream),
        Ok((_, line)) => Err(format!("{who} reads {line:?} instead of 220")),
        Err(error) => {
            let error: std::io::Error = error;
            Err(format!("{who} gets no greeting: {error}"))
        }
    }
}
