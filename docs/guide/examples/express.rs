//! `express 127.0.0.1:PORT`: sends back what clients send, in capitals. One thread serves all of them.

use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token};
use std::collections::HashMap;
use std::error::Error;
use std::io::{ErrorKind::WouldBlock, Read, Write};
use std::net::SocketAddr;

fn main() -> Result<(), Box<dyn Error>> {
    let address: SocketAddr = std::env::args()
        .nth(1)
        .ok_or("usage: express 127.0.0.1:PORT")?
        .parse()?;
    if !address.ip().is_loopback() {
        return Err("this server is for learning: loopback addresses only".into());
    }
    let mut listener = TcpListener::bind(address)?;
    let (mut poll, mut events) = (Poll::new()?, Events::with_capacity(64));
    poll.registry().register(&mut listener, Token(0), Interest::READABLE)?;
    let (mut clients, mut tokens) = (HashMap::new(), (1..).map(Token));
    loop {
        poll.poll(&mut events, None)?; // The only place that waits, for all sockets at once.
        for event in &events {
            while let Ok((mut client, _)) = listener.accept() {
                let token = tokens.next().ok_or("no more numbers")?;
                poll.registry().register(&mut client, token, Interest::READABLE)?;
                clients.insert(token, client);
            }
            while let Some(client) = clients.get_mut(&event.token()) {
                let mut byte = [0];
                match client.read(&mut byte) {
                    Ok(1..) => client.write_all(&byte.to_ascii_uppercase())?,
                    Err(error) if error.kind() == WouldBlock => break, // Nothing more now: back to the poll.
                    Ok(0) | Err(_) => drop(clients.remove(&event.token())), // The client has gone.
                }
            }
        }
    }
}
