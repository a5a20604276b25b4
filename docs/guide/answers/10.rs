//! Answer 10: all ports are bound at the start and stay bound. They are announced in turn, and one that is pending for
//! a client is not announced to the same client again.

use super::checks::PassivePorts;
use std::collections::HashSet;
use std::net::{IpAddr, TcpListener};

pub struct Ports {
    bound: Vec<(u16, TcpListener)>,
    pending: HashSet<(u16, IpAddr)>,
    next: usize,
}

impl PassivePorts for Ports {
    fn open(address: IpAddr, first: u16, last: u16) -> Self {
        let bind = |port| Some((port, TcpListener::bind((address, port)).ok()?));
        Self {
            bound: (first..=last).filter_map(bind).collect(),
            pending: HashSet::new(),
            next: 0,
        }
    }

    fn announce(&mut self, client: IpAddr) -> Option<u16> {
        for _ in 0..self.bound.len() {
            let (port, _) = self.bound.get(self.next)?;
            self.next = (self.next + 1) % self.bound.len();
            if self.pending.insert((*port, client)) {
                return Some(*port);
            }
        }
        None
    }

    fn release(&mut self, port: u16, client: IpAddr) {
        self.pending.remove(&(port, client));
    }
}
