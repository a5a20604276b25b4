//! What counts as one client when clients are counted by address.
//!
//! An IPv4 address is one client. An IPv6 client usually has a whole /64, so counting single addresses would limit
//! nothing.

use std::net::{IpAddr, Ipv6Addr};

/// An IPv4 address or an IPv6 /64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerNetwork(IpAddr);

impl PeerNetwork {
    /// The network that `peer` is counted with. An IPv4 address in IPv6 form (`::ffff:192.0.2.1`) is the IPv4 address.
    pub fn of(peer: IpAddr) -> Self {
        match peer.to_canonical() {
            address @ IpAddr::V4(_) => Self(address),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Self(IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> PeerNetwork {
        PeerNetwork::of(text.parse().expect("an address"))
    }

    #[test]
    fn g07_an_ipv6_network_is_one_client() {
        assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:2:ffff:ffff:ffff:ffff"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
    }

    #[test]
    fn g07_ipv4_clients_of_a_dual_stack_socket_are_counted_separately() {
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
        assert_ne!(network("::ffff:192.0.2.1"), network("::ffff:192.0.2.2"));
    }
}
