//! The squatter: takes ports of the server's passive range from outside, and waits who comes.
//!
//! It is what stalled the server of the story: another program bound a more specific address of a port that the server
//! announced, and got the server's connections.

use super::polled_socket::PolledSocket;
use mio::net::TcpListener;
use mio::{Interest, Registry};
use socket2::{Domain, Protocol, Socket, Type};
use std::collections::{BTreeSet, HashMap};
use std::io;
use std::net::{IpAddr, SocketAddr};

/// Ports squatted upon, and those still to be tried.
#[derive(Debug)]
pub struct Squatter {
    address: IpAddr,
    seen: BTreeSet<u16>,
    /// The port tried last; the next higher one is the next.
    tried: u16,
    held: HashMap<u16, TcpListener>,
    attempted: BTreeSet<u16>,
}

impl Squatter {
    /// Squats at `address`, the most specific one that clients connect to.
    pub fn new(address: IpAddr) -> Self {
        Self {
            address,
            seen: BTreeSet::new(),
            tried: 0,
            held: HashMap::new(),
            attempted: BTreeSet::new(),
        }
    }

    /// A port that the server has announced.
    pub fn remember(&mut self, port: u16) {
        self.seen.insert(port);
    }

    /// Ports held, and ports that were tried.
    pub fn score(&self) -> (u64, u64) {
        (self.held.len() as u64, self.attempted.len() as u64)
    }

    /// Tries to take the next of the ports seen, every second one, so that the server has some left.
    pub fn take_a_port(&mut self, registry: &Registry) {
        let next = self
            .seen
            .range(self.tried.saturating_add(1)..)
            .next()
            .or(self.seen.first());
        if let Some(port) = next.copied() {
            self.tried = port;
            if port % 2 == 0 && !self.held.contains_key(&port) {
                self.attempted.insert(port);
                self.take(port, registry);
            }
        }
    }

    fn take(&mut self, port: u16, registry: &Registry) {
        let Ok(mut listener) = listen(SocketAddr::new(self.address, port)) else {
            return;
        };
        let token = PolledSocket::SquattedPort(port).into();
        if registry.register(&mut listener, token, Interest::READABLE).is_ok() {
            self.held.insert(port, listener);
        }
    }

    /// Connections that came to a port held here.
    pub fn victims(&mut self, port: u16) -> u64 {
        let mut count = 0;
        if let Some(listener) = self.held.get(&port) {
            while listener.accept().is_ok() {
                count += 1;
            }
        }
        count
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(16)?;
    Ok(TcpListener::from_std(socket.into()))
}
