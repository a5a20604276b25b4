//! `edge 127.0.0.1:PORT once|drain`: answers `200` to each line. It reads once for each event, or until it would block.

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use std::collections::HashMap;
use std::io::{self, ErrorKind::WouldBlock, Read, Write};
use std::{env, error::Error, net::SocketAddr};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [address, mode] = arguments.as_slice() else {
        return Err("usage: edge 127.0.0.1:PORT once|drain".into());
    };
    let address: SocketAddr = address.parse()?;
    if !address.ip().is_loopback() {
        return Err("this server is for learning: loopback addresses only".into());
    }
    let mut listener = TcpListener::bind(address)?;
    let (mut poll, mut events) = (Poll::new()?, Events::with_capacity(64));
    poll.registry().register(&mut listener, Token(0), Interest::READABLE)?;
    let (mut clients, mut tokens) = (HashMap::new(), (1..).map(Token));
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            while let Ok((mut client, _)) = listener.accept() {
                let token = tokens.next().ok_or("no more numbers")?;
                poll.registry().register(&mut client, token, Interest::READABLE)?;
                clients.insert(token, client);
            }
            let Some(client) = clients.get_mut(&event.token()) else {
                continue;
            };
            let served = if mode == "once" {
                read_once(client)
            } else {
                drain(client)
            };
            match served {
                Err(error) if error.kind() != WouldBlock => drop(clients.remove(&event.token())),
                _ => {}
            }
        }
    }
}

/// The bug: what does not fit into the buffer stays in the socket, and no event will say so.
fn read_once(client: &mut TcpStream) -> io::Result<()> {
    let mut buffer = [0; 64];
    let count = client.read(&mut buffer)?;
    if count == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let lines = buffer.iter().take(count).filter(|byte| **byte == b'\n').count();
    client.write_all(&b"200 OK\r\n".repeat(lines))
}

fn drain(client: &mut TcpStream) -> io::Result<()> {
    loop {
        read_once(client)?;
    }
}
