//! Answer 15: anybody can connect to a port. A connection from another address is closed, and the wait goes on:
//! returning an error would let a stranger spoil the transfer instead of stealing it.

use std::io;
use std::net::{IpAddr, TcpListener, TcpStream};

/// Waits at a port that was announced to the client at this address; returns the client's data connection.
pub fn data_connection(listener: &TcpListener, client: IpAddr) -> io::Result<TcpStream> {
    loop {
        let (data, peer) = listener.accept()?;
        if peer.ip() == client {
            return Ok(data);
        }
    }
}
