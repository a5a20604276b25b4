//! The passive ports of one address: which are bound, and binding those that are not.

use super::data_socket::DataSocket;
use super::listen::{ListenError, Purpose, listen};
use super::passive_ring::{PassiveRing, PortIndex};
use crate::descriptors::{Descriptors, Permit};
use crate::options::Techniques;
use crate::target::Target;
use mio::net::TcpListener;
use mio::{Interest, Registry};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Instant;

/// The passive ports of one address.
#[derive(Debug)]
pub struct PassivePorts {
    pub address: IpAddr,
    /// The bound ports.
    pub ring: PassiveRing<DataSocket>,
    /// The number of the ring in the tokens of its ports.
    number: u16,
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

impl PassivePorts {
    /// The ports of `range` on `address`, none bound yet. `number`: the ring's number in tokens; `all`: the addresses
    /// of all rings.
    pub fn new(number: u16, address: IpAddr, range: RangeInclusive<u16>, all: &[IpAddr]) -> Self {
        Self {
            address,
            ring: PassiveRing::default(),
            number,
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

    /// Ports that are announced like others, but not bound: nothing is ever accepted at them.
    #[cfg(any(test, feature = "simulation"))]
    pub fn simulated(address: IpAddr, range: RangeInclusive<u16>) -> Self {
        let mut ports = Self::new(0, address, range, &[address]);
        (0..ports.ports.len()).for_each(|index| ports.ring.add(index as PortIndex));
        ports
    }

    /// Binds and registers the ports that are not bound yet, at most `limit` of them. Ports that cannot be bound are
    /// skipped; without a free descriptor no more are tried. Returns the first failure.
    pub fn bind_missing(
        &mut self,
        limit: usize,
        descriptors: &Descriptors,
        registry: &Registry,
        techniques: &Techniques,
    ) -> Option<ListenError> {
        let mut first_failure = None;
        let mut left = limit;
        for (index, port) in self.ports.iter_mut().enumerate() {
            if port.listener.is_some() {
                continue;
            }
            let index = index as PortIndex;
            let address = SocketAddr::new(self.address, port.number);
            if left == 0 {
                first_failure.get_or_insert(ListenError::NoDescriptor(address));
                break;
            }
            let token = Target::PassivePort {
                ring: self.number,
                port: index,
            };
            let bound = listen(address, Purpose::Data, self.only_ipv6, descriptors, techniques);
            let bound = bound.and_then(|(mut listener, permit)| {
                match registry.register(&mut listener, token.into(), Interest::READABLE) {
                    Ok(()) => Ok((listener, permit)),
                    Err(error) => Err(ListenError::new(address, error)),
                }
            });
            match bound {
                Ok(bound) => {
                    port.listener = Some(bound);
                    self.ring.add(index);
                    left -= 1;
                }
                Err(failure) => {
                    let is_last = matches!(failure, ListenError::NoDescriptor(_));
                    first_failure.get_or_insert(failure);
                    if is_last {
                        break;
                    }
                }
            }
        }
        first_failure
    }

    /// The listener of a port; `None` if the port is not bound.
    pub fn listener(&self, index: PortIndex) -> Option<&TcpListener> {
        let (listener, _) = self.ports.get(usize::from(index))?.listener.as_ref()?;
        Some(listener)
    }

    /// Notes that no connection waited at a port in the turn of time `now`.
    pub fn note_empty(&mut self, index: PortIndex, now: Instant) {
        if let Some(port) = self.ports.get_mut(usize::from(index)) {
            port.seen_empty = Some(now);
        }
    }

    /// Whether a port was found empty in the turn of time `now`.
    pub fn was_seen_empty(&self, index: PortIndex, now: Instant) -> bool {
        self.ports
            .get(usize::from(index))
            .is_some_and(|port| port.seen_empty == Some(now))
    }

    /// The TCP port number; `None` if the ring has no such port.
    pub fn number(&self, index: PortIndex) -> Option<u16> {
        Some(self.ports.get(usize::from(index))?.number)
    }

    /// How many ports the range has.
    pub fn wanted(&self) -> usize {
        self.ports.len()
    }

    /// The ports that are not bound.
    pub fn missing(&self) -> impl Iterator<Item = u16> {
        let missing = self.ports.iter().filter(|port| port.listener.is_none());
        missing.map(|port| port.number)
    }

    /// Whether every port of the range is bound.
    pub fn is_complete(&self) -> bool {
        self.ring.len() == self.ports.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mio::Poll;
    use std::time::Duration;

    const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn bind_missing(ports: &mut PassivePorts, limit: usize, descriptors: &Descriptors) -> Option<ListenError> {
        let poll = Poll::new().expect("a poll");
        ports.bind_missing(limit, descriptors, poll.registry(), &Techniques::default())
    }

    #[test]
    fn d04_a_port_that_was_taken_is_bound_when_it_is_free() {
        let other = std::net::TcpListener::bind((LOCALHOST, 0)).expect("a free port");
        let port = other.local_addr().expect("bound").port();
        let mut ports = PassivePorts::new(0, LOCALHOST, port..=port, &[LOCALHOST]);
        let descriptors = Descriptors::for_process(256);
        let failure = bind_missing(&mut ports, 1, &descriptors).expect("the port is taken");
        assert!(failure.to_string().contains("in use"), "{failure}");
        assert!(!ports.is_complete() && descriptors.used() == 0);
        assert!(ports.missing().eq([port]));
        drop(other);
        assert!(bind_missing(&mut ports, 1, &descriptors).is_none());
        assert!(ports.is_complete() && descriptors.used() == 1 && ports.missing().next().is_none());
        assert_eq!((ports.number(0), ports.number(1)), (Some(port), None));
        assert!(ports.listener(0).is_some() && ports.listener(1).is_none());
    }

    #[test]
    fn no_more_ports_are_bound_than_the_limit_and_the_descriptors_allow() {
        // Ports below the range that the kernel chooses from; some may be taken.
        let mut ports = PassivePorts::new(0, LOCALHOST, 9_100..=9_199, &[LOCALHOST]);
        let descriptors = Descriptors::for_process(crate::descriptors::RESERVE as u64 + 5);
        let failure = bind_missing(&mut ports, 3, &descriptors).expect("97 ports are missing");
        assert!(failure.to_string().starts_with("127.0.0.1:91"), "{failure}");
        assert_eq!((ports.ring.len(), descriptors.used()), (3, 3));
        bind_missing(&mut ports, usize::MAX, &descriptors).expect("95 ports are missing");
        assert_eq!((ports.ring.len(), descriptors.used()), (5, 5));
        assert_eq!(ports.wanted(), 100);
    }

    #[test]
    fn an_empty_port_counts_as_empty_for_one_turn() {
        let mut ports = PassivePorts::new(0, LOCALHOST, 9_000..=9_001, &[LOCALHOST]);
        let now = Instant::now();
        assert!(!ports.was_seen_empty(1, now));
        ports.note_empty(1, now);
        assert!(ports.was_seen_empty(1, now) && !ports.was_seen_empty(0, now));
        assert!(!ports.was_seen_empty(1, now + Duration::from_nanos(1)));
    }
}
