//! The squatter: binds ports of the server's passive range from outside, and counts the connections that it gets.
//!
//! A program that binds a more specific address of a port that the server announces receives the server's connections.

use crate::polled_socket::PolledSocket;
use mio::net::TcpListener;
use mio::{Interest, Registry};
use socket2::{Domain, Protocol, Socket, Type};
use std::collections::{BTreeSet, HashMap};
use std::io;
use std::net::{IpAddr, SocketAddr};

/// Ports that the squatter holds, and those still to be tried.
#[derive(Debug)]
pub struct Squatter {
    address: IpAddr,
    announced: BTreeSet<u16>,
    /// The port looked at last; the next higher one is the next.
    last: u16,
    held: HashMap<u16, TcpListener>,
    tried: BTreeSet<u16>,
}

impl Squatter {
    /// Binds at `address`, the most specific one that clients connect to.
    pub fn new(address: IpAddr) -> Self {
        Self {
            address,
            announced: BTreeSet::new(),
            last: 0,
            held: HashMap::new(),
            tried: BTreeSet::new(),
        }
    }

    /// A port that the server has announced.
    pub fn remember(&mut self, port: u16) {
        self.announced.insert(port);
    }

    /// How many ports it holds, and how many it has tried to bind.
    pub fn score(&self) -> (u64, u64) {
        (self.held.len() as u64, self.tried.len() as u64)
    }

    /// Tries to bind the next announced port: only even ones, so that the server has some left.
    pub fn take_a_port(&mut self, registry: &Registry) {
        let next = self
            .announced
            .range(self.last.saturating_add(1)..)
            .next()
            .or(self.announced.first());
        if let Some(port) = next.copied() {
            self.last = port;
            if port % 2 == 0 && !self.held.contains_key(&port) {
                self.tried.insert(port);
                let token = PolledSocket::SquattedPort(port).into();
                if let Ok(mut listener) = listen(SocketAddr::new(self.address, port))
                    && registry.register(&mut listener, token, Interest::READABLE).is_ok()
                {
                    self.held.insert(port, listener);
                }
            }
        }
    }

    /// Accepts and counts the connections to a port that it holds.
    pub fn accept_diverted(&mut self, port: u16) -> u64 {
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
