//! Exercise 15: a server with a hole, which `ftpstorm thief` finds. Whose is the data connection?

use std::io;
use std::net::{IpAddr, TcpListener, TcpStream};

/// Waits at a port that was announced to the client at this address; returns the client's data connection.
pub fn data_connection(listener: &TcpListener, client: IpAddr) -> io::Result<TcpStream> {
    let _ = client;
    let (data, _) = listener.accept()?;
    Ok(data)
}
