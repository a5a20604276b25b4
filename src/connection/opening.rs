//! Opening a transfer: its data connection is accepted at the passive port, or made to the client's address; then the
//! 150.
//!
//! An active connection is begun when the transfer command arrives, not before, and without blocking.

use super::{Connection, data_channel::DataChannel, shared::Shared};
use crate::kernel;
use crate::options::Technique;
use crate::ports::data_socket::DataSocket;
use crate::reactor::{pace::Pace, socket::TcpSocket};
use crate::session::Outcome;
use crate::trace::call::{fd, traced};
use crate::trace::{self, Kind};
use crate::transfer::Pump;
use mio::{Interest, net::TcpStream};
use rustix::io::Errno;
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

impl Connection {
    /// A transfer command was accepted: starts its transfer over what is armed.
    pub(super) fn start_transfer(&mut self, pump: Box<Pump>, shared: &mut Shared) {
        let since = shared.now;
        self.set_pace(shared);
        match self.channel.take() {
            DataChannel::Announced { port, .. } => {
                // If the connection is there already, the 150 waits until the port was checked for a second one.
                let has_arrived = shared.check_for_second_connection(self.ring, port, self.session.peer(), self.slot);
                self.channel = DataChannel::AwaitingClient {
                    port,
                    since,
                    pump,
                    is_opened: !has_arrived,
                };
                if !has_arrived {
                    self.open_transfer(shared);
                }
            }
            DataChannel::ToConnect(address) => self.connect(address, pump, shared),
            channel @ (DataChannel::Unarmed
            | DataChannel::AwaitingClient { .. }
            | DataChannel::Connecting { .. }
            | DataChannel::Securing { .. }
            | DataChannel::Transferring { .. }
            | DataChannel::AwaitingClose { .. }
            | DataChannel::Storing { .. }) => {
                self.channel = channel;
                self.end_transfer(Outcome::NoDataConnection, shared);
            }
            // The channel of an earlier upload cannot be used for this transfer.
            channel @ DataChannel::Discarding { .. } => {
                self.end_transfer(Outcome::NoDataConnection, shared);
                self.channel = channel;
            }
        }
    }

    /// Sets the speed limits of the transfer: `--rate-limit` for the session, and the account's for all its sessions.
    fn set_pace(&mut self, shared: &mut Shared) {
        let [own, accounts] = &mut self.paces;
        if let Some(rate) = shared.options.rate_limit {
            own.get_or_insert_with(|| Rc::new(Pace::new(rate, shared.now)));
        }
        *accounts = self.session.account().and_then(|account| shared.pace_of(account));
    }

    /// Writes the 150, and what was queued before it, at once: clients lose data, or wait for their timeout, when a 150
    /// comes after the data or in one segment with its 226. If the control connection has no room, the transfer waits
    /// for it: see [`pump`](Self::pump).
    pub(super) fn open_transfer(&mut self, shared: &mut Shared) {
        if let Some(transfer) = self.session.transfer() {
            self.output.push(&transfer.opening, self.session.number(), shared);
        }
        self.flush(shared);
    }

    pub(super) fn connect(&mut self, address: SocketAddr, pump: Box<Pump>, shared: &mut Shared) {
        let Some(permit) = shared.descriptors.permit() else {
            self.end_transfer(Outcome::NoDescriptor, shared);
            return;
        };
        let corks = shared.options.techniques.include(Technique::Cork);
        let connecting = self.own_address().and_then(|own| {
            let mut socket = DataSocket::new(dial(own, address, corks)?, permit);
            socket.await_event(Interest::WRITABLE, &shared.registry, self.slot)?;
            Ok(socket)
        });
        let Ok(socket) = connecting else {
            self.end_transfer(Outcome::NoDataConnection, shared);
            return;
        };
        self.channel = DataChannel::Connecting {
            socket,
            since: shared.now,
            pump,
        };
        self.open_transfer(shared);
    }

    pub(super) fn finish_connecting(&mut self, shared: &mut Shared) {
        let DataChannel::Connecting { socket, .. } = &self.channel else {
            return;
        };
        match socket.stream.is_connected() {
            // A spurious event.
            Ok(false) => {}
            Ok(true) => {
                if let DataChannel::Connecting { socket, pump, .. } = self.channel.take() {
                    self.data_is_connected(socket, pump, shared);
                }
            }
            Err(_) => self.end_transfer(Outcome::NoDataConnection, shared),
        }
    }

    /// The client's connection has arrived at its port, and no second one: a transfer that waits for it begins.
    pub fn data_arrived(&mut self, shared: &mut Shared) {
        // Without a transfer command the ring keeps it; or the session has armed something else meanwhile.
        let DataChannel::AwaitingClient { port, .. } = self.channel else {
            trace::line(Kind::Change, || {
                "its data connection waits for a transfer command".to_owned()
            });
            return;
        };
        let peer = self.session.peer();
        let ports = shared.ports(self.ring);
        let Some(socket) = ports.and_then(|ports| ports.ring.claim(port, peer, self.slot)) else {
            return;
        };
        shared.freed_ports.push_back((self.ring, peer));
        if let DataChannel::AwaitingClient { pump, is_opened, .. } = self.channel.take() {
            if !is_opened {
                self.open_transfer(shared);
            }
            self.data_is_connected(socket, pump, shared);
        }
    }

    /// Two connections from the client's address came to its port. It is unknown which one is the client's, so both
    /// were closed; the client gets 425 and can ask for another port.
    pub fn data_is_contended(&mut self, shared: &mut Shared) {
        log::info!(
            "session {}: two connections from {} to one passive port, both refused",
            self.session.number(),
            self.session.peer()
        );
        self.data_is_lost(Outcome::NoDataConnection, shared);
    }

    /// The client's connection has arrived, but it cannot be used.
    pub fn data_is_lost(&mut self, outcome: Outcome, shared: &mut Shared) {
        if self.session.transfer().is_some() {
            self.end_transfer(outcome, shared);
        } else {
            self.disarm(shared);
        }
    }
}

fn dial(own: IpAddr, address: SocketAddr, corks: bool) -> io::Result<Box<dyn TcpSocket>> {
    #[cfg(any(test, feature = "simulation"))]
    if let Some(simulated) = simulated_network::dial(address) {
        return simulated;
    }
    Ok(Box::new(connect_from(own, address, corks)?))
}

fn connect_from(own: IpAddr, address: SocketAddr, corks: bool) -> io::Result<TcpStream> {
    kernel::may_fail("socket")?;
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP));
    let socket = traced("socket", socket, || "for an active data connection".to_owned())?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_cork(corks)?;
    // From the address that the client knows: firewalls refuse others.
    kernel::may_fail("bind")?;
    let bound = socket.bind(&SocketAddr::new(own, 0).into());
    traced("bind", bound, || format!("{} to {own}", fd(&socket)))?;
    loop {
        let attempt = kernel::may_fail("connect").map_err(io::Error::from);
        let connected = attempt.and_then(|()| socket.connect(&address.into()));
        match traced("connect", connected, || format!("{} to {address}", fd(&socket))) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if !is_under_way(&error) => return Err(error),
            Ok(()) | Err(_) => return Ok(TcpStream::from_std(socket.into())),
        }
    }
}

/// Whether the connection is being made. An interrupted call may have begun it.
fn is_under_way(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw_os_error);
    matches!(errno, Some(Errno::INPROGRESS | Errno::ALREADY))
}

/// Clients that tests simulate on their own thread: how they answer an active connection.
#[cfg(any(test, feature = "simulation"))]
pub mod simulated_network {
    use super::{SocketAddr, TcpSocket, io};
    use std::cell::RefCell;

    type Dial = dyn FnMut(SocketAddr) -> io::Result<Box<dyn TcpSocket>>;

    thread_local! {
        static DIAL: RefCell<Option<Box<Dial>>> = const { RefCell::new(None) };
    }

    /// From now on, `dial` makes the active connections of servers on this thread.
    pub fn install(dial: Box<Dial>) {
        DIAL.set(Some(dial));
    }

    pub(super) fn dial(address: SocketAddr) -> Option<io::Result<Box<dyn TcpSocket>>> {
        DIAL.with_borrow_mut(|dial| dial.as_mut().map(|dial| dial(address)))
    }
}
