//! `stale plain|generation`: three clients, two turns of a loop, and an event for a client that is no longer there.

use mio::event::Event;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use slab::Slab;
use std::io::{Read, Write};
use std::{env, error::Error, net};

const LISTENER: Token = Token(usize::MAX - 1);

fn main() -> Result<(), Box<dyn Error>> {
    let is_checked = env::args().nth(1).ok_or("usage: stale plain|generation")? == "generation";
    let mut server = Server::new(is_checked)?;
    let address = server.listener.local_addr()?;
    let mut alice = net::TcpStream::connect(address)?;
    let bob = net::TcpStream::connect(address)?;
    println!("Alice and Bob connect");
    server.turn()?;
    alice.write_all(b"KICK 1")?;
    let _carol = net::TcpStream::connect(address)?;
    drop(bob);
    println!("Alice sends KICK 1, Carol connects, Bob hangs up");
    server.turn()
}

struct Server {
    listener: TcpListener,
    poll: Poll,
    clients: Slab<Client>,
    /// Grows with every client, and is never used again.
    generation: usize,
    is_checked: bool,
}

struct Client {
    stream: TcpStream,
    generation: usize,
}

impl Server {
    fn new(is_checked: bool) -> Result<Self, Box<dyn Error>> {
        let (mut listener, poll) = (TcpListener::bind(([127, 0, 0, 1], 0).into())?, Poll::new()?);
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        let (clients, generation) = (Slab::new(), 0);
        Ok(Self {
            listener,
            poll,
            clients,
            generation,
            is_checked,
        })
    }

    fn turn(&mut self) -> Result<(), Box<dyn Error>> {
        let mut events = Events::with_capacity(16);
        self.poll.poll(&mut events, None)?;
        for event in &events {
            if event.token() == LISTENER {
                self.accept()?;
            } else {
                self.client_event(event)?;
            }
        }
        Ok(())
    }

    fn accept(&mut self) -> Result<(), Box<dyn Error>> {
        while let Ok((mut stream, _)) = self.listener.accept() {
            self.generation += 1;
            let (place, generation) = (self.clients.vacant_entry(), self.generation);
            println!(
                "  listener: a client gets slot {}, generation {generation}",
                place.key()
            );
            // The token carries both numbers.
            let token = Token(generation << 32 | place.key());
            self.poll.registry().register(&mut stream, token, Interest::READABLE)?;
            place.insert(Client { stream, generation });
        }
        Ok(())
    }

    fn client_event(&mut self, event: &Event) -> Result<(), Box<dyn Error>> {
        let (key, generation) = (event.token().0 & 0xffff_ffff, event.token().0 >> 32);
        let Some(client) = self.clients.get_mut(key) else {
            return Ok(());
        };
        if self.is_checked && client.generation != generation {
            println!("  slot {key}, generation {generation}: stale, dropped");
        } else if event.is_read_closed() {
            println!("  slot {key}: hung up, so generation {} is removed", client.generation);
            self.clients.remove(key);
        } else {
            let mut line = [0; 64];
            let count = client.stream.read(&mut line)?;
            let line = String::from_utf8_lossy(line.get(..count).unwrap_or_default());
            println!("  slot {key}: says {line}");
            if let Some(kicked) = line.strip_prefix("KICK ") {
                self.clients.remove(kicked.parse()?);
            }
        }
        Ok(())
    }
}
