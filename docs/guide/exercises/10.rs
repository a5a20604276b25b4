//! Exercise 10: the port that a `PASV` announces.

use super::checks::PassivePorts;
use std::net::IpAddr;

pub struct Ports {
    next: u16,
}

impl PassivePorts for Ports {
    fn open(_address: IpAddr, first: u16, _last: u16) -> Self {
        Self { next: first }
    }

    fn announce(&mut self, _client: IpAddr) -> Option<u16> {
        let port = self.next;
        self.next += 1;
        Some(port)
    }

    fn release(&mut self, _port: u16, _client: IpAddr) {}
}
