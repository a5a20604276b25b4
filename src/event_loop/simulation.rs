//! The event loop in simulated time, over simulated sockets, for tests and for the fuzz targets (feature `simulation`).
//!
//! Clients act between the beginning and the end of a turn, and the clock advances to the next client or deadline. So
//! minutes take seconds, and a run can be repeated exactly. Only files are real. There is no slow-work thread: options
//! that need it (users files, `--durable`) cannot be simulated.

#[cfg(test)]
mod simulated_client;
pub(super) mod simulated_connection;
#[cfg(test)]
mod ten_thousand_clients;
#[cfg(test)]
mod waiting_answers;

pub use simulated_connection::ClientEnd;

use super::{EventLoop, accept::Origin};
use crate::accounts::Accounts;
use crate::connection::{Connection, opening::simulated_network, shared::Equipment};
use crate::descriptors::Descriptors;
use crate::options::Options;
use crate::ports::{Listeners, passive_ports::PassivePorts};
use crate::random::Random;
use crate::reactor::poller::Poller;
use crate::records::counters::Counters;
use crate::storage::Storage;
use crate::target::Target;
use signal_hook_mio::v1_0::Signals;
use std::cell::RefCell;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// The passive ports; none of them is bound.
const PASSIVE_PORTS: RangeInclusive<u16> = 30_000..=30_015;

/// A server whose clients, network and clock are simulated.
pub struct Simulation {
    server: EventLoop,
    start: Instant,
    /// The active connections that the server has made since they were taken last.
    dialled: Rc<RefCell<Vec<(SocketAddr, ClientEnd)>>>,
}

impl Simulation {
    /// A server without clients. `seed`: of the random numbers for ports and names.
    ///
    /// # Errors
    ///
    /// The system provides no poll instance, or no random key.
    pub fn new(options: Options, storage: Rc<dyn Storage>, descriptors: Descriptors, seed: u64) -> io::Result<Self> {
        let listeners = Listeners {
            poller: Poller::new(false)?,
            control: Vec::new(),
            status: None,
            passive: vec![PassivePorts::simulated(Ipv4Addr::LOCALHOST.into(), PASSIVE_PORTS)],
        };
        let equipment = Equipment {
            options,
            storage,
            accounts: Accounts::default(),
            descriptors,
            random: Random::seeded(seed),
            transfer_log: None,
            event_log: None,
            tls: None,
        };
        // Those of the process stay as they are.
        let signals = Signals::new::<[i32; 0], i32>([])?;
        let server = EventLoop::assemble(listeners, equipment, None, signals, None)?;
        let start = server.shared.now;
        let dialled: Rc<RefCell<Vec<(SocketAddr, ClientEnd)>>> = Rc::default();
        let connections = Rc::clone(&dialled);
        simulated_network::install(Box::new(move |address| {
            if !address.port().is_multiple_of(2) {
                return Err(ErrorKind::ConnectionRefused.into());
            }
            let (socket, client) = simulated_connection::wire();
            connections.borrow_mut().push((address, client));
            Ok(Box::new(socket))
        }));
        Ok(Self { server, start, dialled })
    }

    /// The active connections that the server has made since the last call, with the addresses that it was given. Odd
    /// ports refuse them. Of several servers on one thread, the newest can make them.
    pub fn take_dialled(&mut self) -> Vec<(SocketAddr, ClientEnd)> {
        self.dialled.take()
    }

    /// The time of the current turn, since the start.
    pub fn now(&self) -> Duration {
        self.server.shared.now - self.start
    }

    /// Begins a turn; the time of the turn before is the earliest.
    pub fn begin_turn(&mut self, at: Duration) {
        let at = (self.start + at).max(self.server.shared.now);
        self.server.begin_turn(at);
    }

    /// Does what the server does after the events of a turn.
    pub fn finish_turn(&mut self) {
        self.server.finish_turn();
    }

    /// When the server acts next if no event comes: not after [`now`](Self::now) if it has work left.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.server
            .next_deadline()
            .map(|at| at.saturating_duration_since(self.start))
    }

    /// A client connects to the control port.
    pub fn connect(&mut self, address: SocketAddr) -> ClientEnd {
        let (socket, client) = simulated_connection::wire();
        self.server.admit(Box::new(socket), address, Origin::loopback());
        self.server.exchange();
        client
    }

    /// A client connects to a passive port; `None`: the server has no such port.
    pub fn connect_data(&mut self, port: u16, peer: IpAddr) -> Option<ClientEnd> {
        let index = port
            .checked_sub(*PASSIVE_PORTS.start())
            .filter(|_| PASSIVE_PORTS.contains(&port))?;
        let (socket, client) = simulated_connection::wire();
        self.server.assign_data_connection(0, index, Box::new(socket), peer);
        self.server.exchange();
        Some(client)
    }

    /// Delivers the event that is due at a socket of the server, if there is one and the server has asked for events;
    /// returns whether there was. `is_spurious`: deliver one anyway.
    pub fn deliver(&mut self, client: &ClientEnd, is_spurious: bool) -> bool {
        let Some(event) = client.take_event(is_spurious) else {
            return false;
        };
        match event.target {
            Target::Control(slot) => self.server.step(slot, |connection, shared| {
                connection.control_ready(event.is_writable, event.readable_to_the_end, shared);
            }),
            Target::Data(slot) => self.server.step(slot, Connection::data_event),
            Target::Signals
            | Target::SlowWork
            | Target::ControlListener(_)
            | Target::PassivePort { .. }
            | Target::StatusListener
            | Target::Viewer(_) => {}
        }
        self.server.exchange();
        true
    }

    /// Sessions that have not ended.
    pub fn sessions(&self) -> usize {
        self.server.slots.len()
    }

    /// Whether nothing is left of the sessions that there were: no deadline, no queued work, no announced port.
    pub fn is_idle(&self) -> bool {
        let shared = &self.server.shared;
        let queues = [
            shared.ready.len(),
            shared.unflushed.len(),
            shared.port_requests.len(),
            shared.freed_ports.len(),
            shared.arrivals.len(),
            shared.last_looks.len(),
            shared.unclaimed.len(),
        ];
        self.server.slots.is_empty() && queues.iter().all(|queue| *queue == 0) && shared.deadlines.next().is_none()
    }

    /// Most bytes of queued commands, and of queued replies, that a session holds now.
    pub fn most_buffered(&self) -> (usize, usize) {
        let buffered = self.server.slots.iter().map(|(_, connection)| connection.buffered());
        buffered.fold((0, 0), |most, (input, output)| (most.0.max(input), most.1.max(output)))
    }

    pub fn counters(&self) -> &Counters {
        &self.server.shared.counters
    }

    /// Open descriptors, as the server counts them; simulated sockets count, too.
    pub fn descriptors(&self) -> usize {
        self.server.shared.descriptors.used()
    }
}
