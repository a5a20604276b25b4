//! Arming a data connection: the port announced, the place in line, the address to connect to; and giving it back.
//!
//! Whatever is armed has an owner and is given back in one place, [`Connection::disarm`], so no ring entry is left
//! behind.

use super::Connection;
use super::data_channel::DataChannel;
use super::shared::Shared;
use crate::ports::passive_ring::PortIndex;
use crate::records::trace::Tone;
use crate::session::{Ending, Outcome, PassiveAddress};
use std::io;
use std::mem;
use std::net::{IpAddr, SocketAddr, SocketAddrV4};

impl Connection {
    /// The loop has dealt `port` to this session: announces it.
    pub fn announce(&mut self, port: PortIndex, shared: &mut Shared) {
        let Some(address) = self.announced_address(port, shared) else {
            self.vanish(Ending::ServerError, shared);
            return;
        };
        if let Some(ports) = shared.rings.get_mut(usize::from(self.ring)) {
            ports.ring.expect(port, self.session.peer(), self.slot);
        }
        self.channel = DataChannel::Announced {
            port,
            since: shared.now,
        };
        let step = self.session.passive_armed(address);
        let _ = self.take(step, shared);
        let number = self.session.number();
        shared
            .trace
            .tell(Tone::Transition, || format!("session {number}: announced {address:?}"));
    }

    /// No port is free for this peer: the session waits for one.
    pub fn wait_for_port(&mut self, shared: &mut Shared) {
        if let Some(ports) = shared.rings.get_mut(usize::from(self.ring)) {
            ports.ring.wait_in_line(self.session.peer(), self.slot);
        }
    }

    /// The session does not wait for a port any more.
    pub(super) fn leave_line(&mut self, shared: &mut Shared) {
        if self.session.is_awaiting_port()
            && let Some(ports) = shared.rings.get_mut(usize::from(self.ring))
        {
            ports.ring.leave_line(self.session.peer(), self.slot);
        }
    }

    fn announced_address(&mut self, port: PortIndex, shared: &Shared) -> Option<PassiveAddress> {
        let port = shared.rings.get(usize::from(self.ring))?.number(port);
        let peer = self.session.peer();
        if peer.is_ipv6() {
            return Some(PassiveAddress::PortOnly(port));
        }
        if let Some(public) = shared.settings.public_addresses.for_client(peer) {
            return Some(PassiveAddress::V4(SocketAddrV4::new(public, port)));
        }
        Some(match self.own_address().ok()? {
            IpAddr::V4(address) => PassiveAddress::V4(SocketAddrV4::new(address, port)),
            IpAddr::V6(_) => PassiveAddress::PortOnly(port),
        })
    }

    /// The address that the client reached us at; asked once.
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

    pub(super) fn arm_active(&mut self, address: SocketAddr, shared: &mut Shared) {
        self.disarm(shared);
        self.channel = DataChannel::ToConnect(address);
    }

    /// Forgets what was armed: the port, and a connection that waits there for its command.
    pub(super) fn disarm(&mut self, shared: &mut Shared) {
        match mem::replace(&mut self.channel, DataChannel::Unarmed) {
            DataChannel::Announced { port, .. } | DataChannel::AwaitingClient { port, .. } => {
                self.give_port_back(port, shared);
            }
            DataChannel::Unarmed
            | DataChannel::ToConnect(_)
            | DataChannel::Connecting { .. }
            | DataChannel::Transferring { .. }
            | DataChannel::Draining { .. }
            | DataChannel::Discarding { .. }
            | DataChannel::Storing { .. } => {}
        }
    }

    /// The port announced to the client can be announced to another.
    pub(super) fn give_port_back(&self, port: PortIndex, shared: &mut Shared) {
        let peer = self.session.peer();
        if let Some(ports) = shared.rings.get_mut(usize::from(self.ring)) {
            ports.ring.forget(port, peer, self.slot);
        }
        shared.freed_ports.push_back((self.ring, peer));
    }

    /// Gives up whatever the data connection was doing, without a word; the connection is going away.
    pub fn abandon_channel(&mut self, shared: &mut Shared) {
        if self.session.transfer().is_some() {
            // Nobody will read the reply, but logs and counters still learn of the transfer.
            let outcome = match &self.channel {
                DataChannel::Storing { .. } => Outcome::StoredUnknown,
                // All was sent; that the client does not wait for its 226 does not change that.
                DataChannel::Draining { .. } => Outcome::Complete,
                DataChannel::Unarmed
                | DataChannel::Announced { .. }
                | DataChannel::ToConnect(_)
                | DataChannel::AwaitingClient { .. }
                | DataChannel::Connecting { .. }
                | DataChannel::Transferring { .. }
                | DataChannel::Discarding { .. } => Outcome::ConnectionLost,
            };
            self.end_transfer(outcome, shared);
        }
        self.disarm(shared);
    }
}
