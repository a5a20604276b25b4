//! Accepting control connections and passive data connections.
//!
//! A client beyond a limit gets a 421 and is closed, so the listener's queue does not fill up. If the kernel has no
//! free descriptor, the spare one is closed for a moment to send the 421. If that fails too, or every call in a turn
//! fails, accepting pauses and is resumed by a deadline, because no event comes for clients that are already in the
//! queue.

use super::EventLoop;
use crate::connection::Connection;
use crate::descriptors::Permit;
use crate::ftp::reply;
use crate::kernel;
use crate::ports::data_socket::DataSocket;
use crate::ports::passive_ring::{Arrived, PortIndex};
use crate::reactor::socket::TcpSocket;
use crate::records::tallies::RefusalReason;
use crate::session::{Outcome, Session};
use crate::target::Target;
use crate::trace::call::{fd, traced};
use crate::trace::{self, Kind};
use mio::net::{TcpListener, TcpStream};
use rustix::io::Errno;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Connections accepted at one listener before other sockets are served.
const ACCEPTS_PER_TURN: usize = 64;
/// How long accepting pauses if the kernel has no free descriptor, or refuses every call.
const PAUSE: Duration = Duration::from_millis(100);

/// The result of an `accept`.
pub(super) enum Accepted {
    Client(TcpStream, SocketAddr),
    /// An event will announce the next connection.
    QueueEmpty,
    /// This connection failed; there may be others in the queue.
    ConnectionFailed(io::Error),
    /// The kernel has no free descriptor or memory.
    NoDescriptor(io::Error),
    /// For want of a descriptor this client was refused.
    Refused,
}

/// The listener that a client has connected to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Origin {
    /// Its passive ports.
    pub(super) ring: u16,
    /// Its address, unless it is a wildcard.
    pub(super) address: Option<IpAddr>,
    /// Implicit TLS.
    pub(super) is_tls: bool,
}

#[cfg(any(test, feature = "simulation"))]
impl Origin {
    /// The listener of simulated clients.
    pub(super) fn loopback() -> Self {
        let address = Some(IpAddr::from([127, 0, 0, 1]));
        Self {
            address,
            ..Self::default()
        }
    }
}

impl EventLoop {
    /// Accepts connections of `target` until its queue is empty, or until it is the turn of other sockets. `next`
    /// accepts one; `None`: there is no such listener any more.
    pub(super) fn accept_all(
        &mut self,
        target: Target,
        mut next: impl FnMut(&mut Self) -> Option<Accepted>,
        mut serve: impl FnMut(&mut Self, TcpStream, SocketAddr),
    ) {
        let mut failures = 0;
        for _ in 0..ACCEPTS_PER_TURN {
            match next(self) {
                Some(Accepted::Client(stream, address)) => serve(self, stream, address),
                Some(Accepted::Refused) => {}
                Some(Accepted::QueueEmpty) | None => return,
                Some(Accepted::ConnectionFailed(error)) => {
                    failures += 1;
                    if failures == ACCEPTS_PER_TURN {
                        return self.pause_accepting(target, &error);
                    }
                }
                Some(Accepted::NoDescriptor(error)) => return self.pause_accepting(target, &error),
            }
        }
        self.shared.ready.push_back(target);
    }

    /// Accepts control connections.
    pub(super) fn accept_clients(&mut self, index: u32) {
        let Some(listener) = self.listeners.get(index as usize) else {
            return;
        };
        let address = listener.address.ip();
        let origin = Origin {
            ring: listener.ring,
            address: (!address.is_unspecified()).then(|| address.to_canonical()),
            is_tls: listener.is_tls,
        };
        self.accept_all(
            Target::ControlListener(index),
            |event_loop| match accept(&event_loop.listeners.get(index as usize)?.socket) {
                Accepted::NoDescriptor(_) if event_loop.refuse_with_spare(index) => Some(Accepted::Refused),
                accepted => Some(accepted),
            },
            |event_loop, stream, address| event_loop.admit(Box::new(stream), address, origin),
        );
    }

    /// Creates a session for an accepted client, or refuses it.
    pub(super) fn admit(&mut self, stream: Box<dyn TcpSocket>, address: SocketAddr, origin: Origin) {
        let peer = address.ip().to_canonical();
        let permit = match self.place_for(peer) {
            Ok(permit) => permit,
            Err(reason) => return self.refuse(stream, peer, reason),
        };
        self.session_number += 1;
        let number = self.session_number;
        let now = self.shared.now;
        let slot = self.slots.insert_with(|slot| {
            Connection::new(
                slot,
                stream,
                permit,
                Session::new(number, address),
                origin.ring,
                origin.address,
                now,
            )
        });
        let slots = &mut self.slots;
        self.admission
            .add(peer, slot, now, |slot| slots.get_mut(slot).is_some_and(is_logging_in));
        self.shared.counters.accepted += 1;
        self.step(slot, |connection, shared| connection.begin(origin.is_tls, shared));
    }

    /// The permit of a session for `peer`, for which another session may be closed, or why there is none.
    fn place_for(&mut self, peer: IpAddr) -> Result<Permit, RefusalReason> {
        if !self.admission.admits(peer) {
            return Err(RefusalReason::Address);
        }
        if !self.has_room() && !self.evict_for_new_client() {
            return Err(if self.admission.has_room() {
                RefusalReason::Descriptors
            } else {
                RefusalReason::Sessions
            });
        }
        self.shared.descriptors.permit().ok_or(RefusalReason::Descriptors)
    }

    fn has_room(&self) -> bool {
        self.shared.descriptors.has_room_for_session() && self.admission.has_room()
    }

    /// Closes the session that has waited longest without a login, to free its place and descriptor for a new client.
    fn evict_for_new_client(&mut self) -> bool {
        let slots = &mut self.slots;
        let longest = self
            .admission
            .take_longest_at_login(self.shared.now, |slot| slots.get_mut(slot).is_some_and(is_logging_in));
        let Some(slot) = longest else {
            return false;
        };
        self.shared.counters.evicted += 1;
        self.step(slot, |connection, shared| connection.evict(shared));
        self.admission.has_room()
    }

    fn refuse(&mut self, mut stream: Box<dyn TcpSocket>, peer: IpAddr, reason: RefusalReason) {
        self.shared.counters.refused += 1;
        if let Some(tallies) = &mut self.shared.tallies {
            tallies.refusal(reason);
        }
        trace::line(Kind::Change, || format!("limit of sessions reached, 421 to {peer}"));
        if self.shared.counters.refused.is_power_of_two() {
            log::warn!(
                "{} clients refused so far, the last from {peer}",
                self.shared.counters.refused
            );
        }
        let mut farewell = Vec::new();
        reply::TOO_MANY_CONNECTIONS.write_to(&mut farewell);
        // The reply fits into the empty send buffer of a new socket. If the client has gone, it is not needed.
        let _ = stream.write(&farewell);
    }

    /// Closes the spare descriptor while one client is accepted and refused.
    fn refuse_with_spare(&mut self, index: u32) -> bool {
        if self.spare.take().is_none() {
            return false;
        }
        let listener = self.listeners.get(index as usize);
        let client = listener.map(|listener| accept(&listener.socket));
        let is_refused = if let Some(Accepted::Client(stream, address)) = client {
            self.refuse(Box::new(stream), address.ip(), RefusalReason::Descriptors);
            true
        } else {
            false
        };
        self.renew_spare_descriptor();
        is_refused
    }

    /// Opens the descriptor in reserve again: a duplicate of standard input, which is always open.
    pub(super) fn renew_spare_descriptor(&mut self) {
        if self.spare.is_none() {
            self.spare = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3).ok();
        }
    }

    pub(super) fn pause_accepting(&mut self, target: Target, error: &io::Error) {
        self.shared.counters.accept_pauses += 1;
        if self.shared.counters.accept_pauses.is_power_of_two() {
            log::warn!(
                "accepting connections paused {} times so far, {PAUSE:?} each, the last time because of: {error}",
                self.shared.counters.accept_pauses
            );
        }
        if !self.paused.contains(&target) {
            self.paused.push(target);
        }
        self.resume_accepting_at.get_or_insert(self.shared.now + PAUSE);
    }

    /// Resumes accepting after a pause.
    pub(super) fn resume_accepting(&mut self) {
        let now = self.shared.now;
        if self.resume_accepting_at.take_if(|at| *at <= now).is_some() {
            self.renew_spare_descriptor();
            self.shared.ready.extend(self.paused.drain(..));
        }
    }

    /// Accepts data connections at a passive port. Each is assigned to a session by port and peer address. Unexpected
    /// ones are closed, as are several that contend for one announced port.
    pub(super) fn accept_data_connections(&mut self, ring: u16, port: PortIndex) {
        self.accept_all(
            Target::PassivePort { ring, port },
            |event_loop| {
                let now = event_loop.shared.now;
                let ports = event_loop.shared.ports(ring)?;
                let accepted = accept(ports.listener(port)?);
                if let Accepted::QueueEmpty = accepted {
                    ports.note_empty(port, now);
                }
                Some(accepted)
            },
            |event_loop, stream, address| {
                event_loop.assign_data_connection(ring, port, Box::new(stream), address.ip().to_canonical());
            },
        );
    }

    /// Assigns a connection from `peer` to the session that expects it, or closes it.
    pub(super) fn assign_data_connection(
        &mut self,
        ring: u16,
        port: PortIndex,
        stream: Box<dyn TcpSocket>,
        peer: IpAddr,
    ) {
        let Some(ports) = self.shared.rings.get_mut(usize::from(ring)) else {
            return;
        };
        let Some(slot) = ports.ring.announced_to(port, peer) else {
            self.shared.counters.strangers += 1;
            trace::line(Kind::Change, || {
                format!("unexpected connection from {peer} to a passive port: closed")
            });
            return;
        };
        let Some(permit) = self.shared.descriptors.permit() else {
            self.step(slot, |connection, shared| {
                connection.data_is_lost(Outcome::NoDescriptor, shared)
            });
            return;
        };
        match ports.ring.arrive(port, peer, DataSocket::new(stream, permit)) {
            Arrived::Held(slot) => self.shared.arrivals.push_back(slot),
            Arrived::Contended(slot) => {
                self.shared.counters.strangers += 2;
                self.step(slot, Connection::data_is_contended);
            }
            Arrived::Stranger => {}
        }
    }
}

fn is_logging_in(connection: &mut Connection) -> bool {
    connection.session().is_logging_in()
}

/// Accepts the next connection of the queue.
pub(super) fn accept(listener: &TcpListener) -> Accepted {
    let attempt = kernel::may_fail("accept4").map_err(io::Error::from);
    match traced("accept4", attempt.and_then(|()| listener.accept()), || fd(listener)) {
        Ok((stream, address)) => Accepted::Client(stream, address),
        Err(error) => match Errno::from_io_error(&error) {
            Some(Errno::WOULDBLOCK) => Accepted::QueueEmpty,
            Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM) => Accepted::NoDescriptor(error),
            // Mostly network errors of the one connection; accept(2) says to retry after them.
            Some(_) | None => Accepted::ConnectionFailed(error),
        },
    }
}
