//! Answer 01: a port has 16 bits. The reply has its upper and its lower eight.

use std::net::{Ipv4Addr, SocketAddr};

/// The address between the parentheses of a `227`, or `None` if there is none.
pub fn data_address(reply: &str) -> Option<SocketAddr> {
    let (_, rest) = reply.strip_prefix("227")?.split_once('(')?;
    let (numbers, _) = rest.split_once(')')?;
    let numbers: Vec<u8> = numbers
        .split(',')
        .map(|number| number.parse().ok())
        .collect::<Option<_>>()?;
    let [a, b, c, d, high, low] = numbers.try_into().ok()?;
    let port = u16::from_be_bytes([high, low]);
    Some((Ipv4Addr::new(a, b, c, d), port).into())
}
