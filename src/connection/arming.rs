//! Arming a data connection: announcing a port, waiting for one, noting an address to connect to; and disarming.
//!
//! A ring entry is removed when its channel is: by `disarm`, when its connection has arrived, or when its transfer
//! ends.

use super::{Connection, data_channel::DataChannel, shared::Shared};
use crate::ports::passive_ring::PortIndex;
use crate::session::{Ending, Outcome, PassiveAddress};
use std::io;
use std::net::{IpAddr, SocketAddrV4};

impl Connection {
    /// Announces `port`, which the ring has drawn for this session.
    pub fn announce(&mut self, port: PortIndex, shared: &mut Shared) {
        let Some(address) = self.announced_address(port, shared) else {
            self.drop_client(Ending::ServerError, shared);
            return;
        };
        if let Some(ports) = shared.ports(self.ring) {
            ports.ring.announce(port, self.session.peer(), self.slot);
        }
        self.channel = DataChannel::Announced {
            port,
            since: shared.now,
        };
        let step = self.session.passive_armed(address);
        let _ = self.take(step, shared);
    }

    /// No port is free for this peer: waits for one.
    pub fn wait_for_port(&mut self, shared: &mut Shared) {
        if let Some(ports) = shared.ports(self.ring) {
            ports.ring.add_waiting(self.session.peer(), self.slot);
        }
    }

    /// Stops waiting for a port.
    pub(super) fn stop_waiting_for_port(&mut self, shared: &mut Shared) {
        if self.session.is_awaiting_port()
            && let Some(ports) = shared.ports(self.ring)
        {
            ports.ring.remove_waiting(self.session.peer(), self.slot);
        }
    }

    fn announced_address(&mut self, port: PortIndex, shared: &mut Shared) -> Option<PassiveAddress> {
        let port = shared.ports(self.ring)?.number(port)?;
        let peer = self.session.peer();
        if peer.is_ipv6() {
            return Some(PassiveAddress::PortOnly(port));
        }
        if let Some(public) = shared.options.public_addresses.for_client(peer) {
            return Some(PassiveAddress::V4(SocketAddrV4::new(public, port)));
        }
        Some(match self.own_address().ok()? {
            IpAddr::V4(address) => PassiveAddress::V4(SocketAddrV4::new(address, port)),
            IpAddr::V6(_) => PassiveAddress::PortOnly(port),
        })
    }

    /// The server's address on this connection. Asks the kernel once.
    pub(super) fn own_address(&mut self) -> io::Result<IpAddr> {
        match self.local_address {
            Some(address) => Ok(address),
            None => {
                let address = self.control.local_address()?;
                self.local_address = Some(address);
                Ok(address)
            }
        }
    }

    /// Forgets what was armed; a data connection that has arrived already is closed.
    pub(super) fn disarm(&mut self, shared: &mut Shared) {
        let channel = self.channel.take();
        if let DataChannel::Announced { port, .. } | DataChannel::AwaitingClient { port, .. } = channel {
            self.release_port(port, shared);
        }
    }

    /// Removes the ring entry, so that the port is free for this peer again.
    pub(super) fn release_port(&self, port: PortIndex, shared: &mut Shared) {
        let peer = self.session.peer();
        if let Some(ports) = shared.ports(self.ring) {
            ports.ring.withdraw(port, peer, self.slot);
        }
        shared.freed_ports.push_back((self.ring, peer));
    }

    /// Ends a running transfer and disarms, because the session ends.
    pub fn abandon_channel(&mut self, shared: &mut Shared) {
        if self.session.transfer().is_some() {
            // The reply is not read, but the transfer is logged and counted.
            let outcome = self.channel.outcome_if_ended(Outcome::ConnectionLost);
            self.end_transfer(outcome, shared);
        }
        self.disarm(shared);
    }
}
