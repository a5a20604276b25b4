//! The listening sockets: control listeners and the ports of the passive rings, all opened once at start.
//!
//! Accepted sockets inherit their listener's options on Linux, so NODELAY, keepalive, inline urgent data and CORK are
//! set here, once, and cost no system call per connection. No address is ever shared with another program: there is no
//! `SO_REUSEPORT`, and an address in use is an error at `bind` and at `listen` alike (threat D05).

use super::data_socket::DataSocket;
use crate::descriptors::{Descriptors, Permit};
use crate::options::{Technique, Techniques};
use crate::ports::passive_ring::{PassiveRing, PortIndex};
use mio::net::TcpListener;
use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

/// Connections that the kernel completes before they are accepted; fewer make a burst of clients wait for SYN retries.
const BACKLOG: i32 = 1024;
/// A silent control connection is probed after this, so that NAT tables remember it and dead peers are noticed.
const KEEPALIVE: Duration = Duration::from_secs(60);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);
/// Unacknowledged replies for this long end the connection.
const USER_TIMEOUT: Duration = Duration::from_secs(120);

/// Where clients connect first.
#[derive(Debug)]
pub struct ControlListener {
    pub socket: TcpListener,
    pub address: SocketAddr,
    /// The passive ring that serves this listener's sessions.
    pub ring: u16,
    _permit: Permit,
}

/// One address's passive ports.
#[derive(Debug)]
pub struct PassivePorts {
    pub address: IpAddr,
    pub ring: PassiveRing<DataSocket>,
    ports: Vec<PassivePort>,
    only_ipv6: bool,
}

/// A port of the range, bound or not.
#[derive(Debug)]
struct PassivePort {
    number: u16,
    listener: Option<(TcpListener, Permit)>,
    /// The time of the turn in which `accept` last found no connection waiting.
    seen_empty: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ListenerKind {
    Control,
    Data,
}

/// The address that could not be listened on, and why.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.text())]
pub struct ListenError {
    pub address: SocketAddr,
    pub error: io::Error,
}

/// Opens the control listeners; each remembers which of the addresses that [`ring_addresses`] names serves it.
pub fn open_control_listeners(
    addresses: &[SocketAddr],
    descriptors: &Descriptors,
    techniques: &Techniques,
) -> Result<Vec<ControlListener>, ListenError> {
    let rings = ring_addresses(addresses);
    let open = |address: SocketAddr| {
        let only_ipv6 = addresses
            .iter()
            .any(|other| other.ip() == IpAddr::V4(Ipv4Addr::UNSPECIFIED) && other.port() == address.port());
        let ring = rings.iter().position(|ring| covers(*ring, address.ip())).unwrap_or(0);
        let permit = descriptors.permit().ok_or_else(too_few_descriptors)?;
        let socket = listen(address, only_ipv6, ListenerKind::Control, techniques)?;
        Ok(ControlListener {
            address: socket.local_addr()?,
            socket,
            ring: ring as u16,
            _permit: permit,
        })
    };
    addresses
        .iter()
        .map(|address| {
            open(*address).map_err(|error| ListenError {
                address: *address,
                error,
            })
        })
        .collect()
}

/// The addresses that passive ports are bound on: those of the control listeners, without those that a wildcard covers.
pub fn ring_addresses(control: &[SocketAddr]) -> Vec<IpAddr> {
    let mut rings: Vec<IpAddr> = Vec::new();
    let mut addresses: Vec<IpAddr> = control.iter().map(SocketAddr::ip).collect();
    addresses.sort_by_key(|address| !address.is_unspecified());
    for address in addresses {
        if !rings.iter().any(|ring| covers(*ring, address)) {
            rings.push(address);
        }
    }
    rings
}

fn covers(ring: IpAddr, address: IpAddr) -> bool {
    ring == address || (ring.is_unspecified() && ring.is_ipv4() == address.is_ipv4())
}

impl PassivePorts {
    /// A ring for `address` with the ports of `range`, none bound yet. `all` are the addresses of all rings.
    pub fn new(address: IpAddr, range: RangeInclusive<u16>, all: &[IpAddr]) -> Self {
        Self {
            address,
            ring: PassiveRing::default(),
            ports: range
                .map(|number| PassivePort {
                    number,
                    listener: None,
                    seen_empty: None,
                })
                .collect(),
            only_ipv6: all.contains(&IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        }
    }

    /// Binds every port that is not bound yet and that the descriptor budget has room for, at most `room` of them; each
    /// one bound is handed to `register`. Returns the first failure, so that one line of log tells it.
    pub fn bind_missing(
        &mut self,
        descriptors: &Descriptors,
        room: usize,
        techniques: &Techniques,
        mut register: impl FnMut(PortIndex, &mut TcpListener) -> io::Result<()>,
    ) -> Option<ListenError> {
        let mut first_failure = None;
        let mut room = room;
        for (index, port) in self.ports.iter_mut().enumerate() {
            if port.listener.is_some() {
                continue;
            }
            let address = SocketAddr::new(self.address, port.number);
            let Some(permit) = descriptors.permit().filter(|_| room > 0) else {
                first_failure.get_or_insert(ListenError {
                    address,
                    error: too_few_descriptors(),
                });
                break;
            };
            let bound = listen(address, self.only_ipv6, ListenerKind::Data, techniques).and_then(|mut listener| {
                register(index as PortIndex, &mut listener)?;
                Ok(listener)
            });
            match bound {
                Ok(listener) => {
                    port.listener = Some((listener, permit));
                    self.ring.add(index as PortIndex);
                    room -= 1;
                }
                Err(error) => {
                    first_failure.get_or_insert(ListenError { address, error });
                }
            }
        }
        first_failure
    }

    /// The listener of a port of the ring.
    pub fn listener(&self, index: PortIndex) -> Option<&TcpListener> {
        let (listener, _) = self.ports.get(usize::from(index))?.listener.as_ref()?;
        Some(listener)
    }

    /// Notes that no connection waits at a port in the turn of time `now`.
    pub fn note_empty(&mut self, index: PortIndex, now: Instant) {
        if let Some(port) = self.ports.get_mut(usize::from(index)) {
            port.seen_empty = Some(now);
        }
    }

    /// Whether no connection waited at a port when it was looked at in the turn of time `now`.
    pub fn was_seen_empty(&self, index: PortIndex, now: Instant) -> bool {
        self.ports
            .get(usize::from(index))
            .is_some_and(|port| port.seen_empty == Some(now))
    }

    /// The number of a port of the ring.
    pub fn number(&self, index: PortIndex) -> u16 {
        self.ports.get(usize::from(index)).map_or(0, |port| port.number)
    }

    /// How many ports the range has.
    pub fn wanted(&self) -> usize {
        self.ports.len()
    }

    /// Whether every port of the range is bound.
    pub fn is_complete(&self) -> bool {
        self.ring.len() == self.ports.len()
    }
}

fn listen(
    address: SocketAddr,
    only_ipv6: bool,
    kind: ListenerKind,
    techniques: &Techniques,
) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    // Lets a restarted server bind although old connections are in TIME_WAIT; a port that another socket listens on
    // stays refused.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(only_ipv6)?;
    }
    match kind {
        ListenerKind::Control => {
            socket.set_tcp_nodelay(techniques.include(Technique::NoDelay))?;
            socket.set_out_of_band_inline(true)?;
            socket.set_tcp_keepalive(
                &TcpKeepalive::new()
                    .with_time(KEEPALIVE)
                    .with_interval(KEEPALIVE_INTERVAL),
            )?;
            socket.set_tcp_user_timeout(Some(USER_TIMEOUT))?;
        }
        // Only full segments leave until the end of the transfer pushes the rest: the receiver wakes far less often.
        ListenerKind::Data => socket.set_tcp_cork(techniques.include(Technique::Cork))?,
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(TcpListener::from_std(socket.into()))
}

fn too_few_descriptors() -> io::Error {
    io::Error::other("the descriptor limit leaves no room (raise `ulimit -n`)")
}

impl ListenError {
    /// Whether no interface of this machine has the address.
    pub fn is_not_ours(&self) -> bool {
        self.error.kind() == io::ErrorKind::AddrNotAvailable
    }

    fn text(&self) -> String {
        let Self { address, error } = self;
        match error.kind() {
            io::ErrorKind::AddrInUse => format!("{address} is in use by another program"),
            io::ErrorKind::AddrNotAvailable => format!("--listen {address}: expected an address of this machine"),
            io::ErrorKind::PermissionDenied => {
                format!("{address} may not be listened on (ports below 1024 need root)")
            }
            _ => format!("{address} cannot be listened on: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts
            .iter()
            .map(|text| text.parse().expect("a socket address"))
            .collect()
    }

    fn rings(texts: &[&str]) -> Vec<String> {
        ring_addresses(&addresses(texts))
            .iter()
            .map(IpAddr::to_string)
            .collect()
    }

    #[test]
    fn passive_ports_stand_on_the_addresses_of_the_control_listeners() {
        assert_eq!(rings(&["127.0.0.1:2121", "[::1]:2121"]), ["127.0.0.1", "::1"]);
        assert_eq!(rings(&["127.0.0.1:2121", "127.0.0.1:2122"]), ["127.0.0.1"]);
    }

    #[test]
    fn a_wildcard_covers_the_addresses_of_its_family() {
        assert_eq!(rings(&["127.0.0.1:21", "0.0.0.0:2121", "[::1]:21"]), ["0.0.0.0", "::1"]);
        assert_eq!(rings(&["[::]:2121", "0.0.0.0:2121"]), ["::", "0.0.0.0"]);
    }

    #[test]
    fn d04_a_port_that_a_squatter_gave_up_is_bound_later() {
        let squatter = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = squatter.local_addr().expect("bound");
        let port = address.port();
        let mut ports = PassivePorts::new(address.ip(), port..=port, &[address.ip()]);
        let descriptors = Descriptors::for_process(256);
        let failure = ports
            .bind_missing(&descriptors, 1, &Techniques::default(), |_, _| Ok(()))
            .expect("it is taken");
        assert!(failure.to_string().contains("in use"), "{failure}");
        assert!(!ports.is_complete() && descriptors.used() == 0);
        drop(squatter);
        assert!(
            ports
                .bind_missing(&descriptors, 1, &Techniques::default(), |_, _| Ok(()))
                .is_none()
        );
        assert!(ports.is_complete() && descriptors.used() == 1);
        assert_eq!(ports.number(0), port);
    }

    #[test]
    fn l14_an_address_that_is_listened_on_is_refused() {
        let loopback: SocketAddr = "127.0.0.1:0".parse().expect("a socket address");
        let first = listen(loopback, false, ListenerKind::Control, &Techniques::default()).expect("a free port");
        let taken = first.local_addr().expect("a bound socket");
        let second =
            listen(taken, false, ListenerKind::Control, &Techniques::default()).expect_err("the port is taken");
        assert_eq!(second.kind(), io::ErrorKind::AddrInUse);
    }
}
