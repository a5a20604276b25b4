//! Option values with a syntax of their own: addresses, port ranges, networks, log levels, techniques, the banner.

use crate::units::parse_digits;
use log::LevelFilter;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;

/// Longest greeting, in bytes.
const BANNER_MAX: usize = 200;

/// One of the words of `choices`, as its value.
pub(super) fn parse_choice<T: Copy>(text: &str, choices: &[(&str, T)]) -> Result<T, String> {
    let choice = choices.iter().find(|(word, _)| *word == text);
    choice.map(|(_, value)| *value).ok_or_else(|| {
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        format!("expected one of {}", words.join(", "))
    })
}

/// `LO-HI`, or one port.
pub(super) fn parse_port_range(text: &str) -> Result<RangeInclusive<u16>, String> {
    let port = |text: &str| u16::try_from(parse_digits(text)?).ok().filter(|port| *port > 0);
    let (low, high) = text.split_once('-').unwrap_or((text, text));
    match (port(low), port(high)) {
        (Some(low), Some(high)) if low <= high => Ok(low..=high),
        _ => Err("expected ports as LO-HI with 1 ≤ LO ≤ HI ≤ 65535".to_owned()),
    }
}

/// The addresses to announce in PASV replies, by client network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublicAddresses(Vec<(Network, Ipv4Addr)>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Network {
    address: u32,
    prefix: u32,
}

impl PublicAddresses {
    pub(super) fn of(mut by_network: Vec<(Network, Ipv4Addr)>) -> Self {
        // The narrowest network that contains the client decides.
        by_network.sort_by_key(|(network, _)| std::cmp::Reverse(network.prefix));
        Self(by_network)
    }

    /// The address to announce to `client`, if one was given for its network.
    pub fn for_client(&self, client: IpAddr) -> Option<Ipv4Addr> {
        let IpAddr::V4(client) = client else {
            return None;
        };
        let announced = self.0.iter().find(|(network, _)| network.contains(client));
        announced.map(|(_, address)| *address)
    }
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/').unwrap_or((text, "32"));
        let prefix = prefix.parse().ok().filter(|prefix| *prefix <= 32)?;
        Some(Self {
            address: address.parse::<Ipv4Addr>().ok()?.to_bits(),
            prefix,
        })
    }

    fn contains(self, client: Ipv4Addr) -> bool {
        let ignored = 32 - self.prefix;
        let network_part = |address: u32| address.checked_shr(ignored).unwrap_or(0);
        network_part(self.address) == network_part(client.to_bits())
    }
}

/// `NETWORK/PREFIX=ADDRESS`, or the address alone for all clients.
pub(super) fn parse_public_address(text: &str) -> Result<(Network, Ipv4Addr), String> {
    let (network, address) = text.split_once('=').unwrap_or(("0.0.0.0/0", text));
    let address = address
        .parse::<Ipv4Addr>()
        .ok()
        .filter(|address| !address.is_unspecified() && !address.is_multicast() && !address.is_broadcast());
    Network::parse(network)
        .zip(address)
        .ok_or_else(|| "expected an IPv4 address, or NETWORK/PREFIX=ADDRESS such as 10.0.0.0/8=10.0.0.5".to_owned())
}

/// The modules that a log level can be given for: all of the crate.
const MODULES: &str = "accounts, clock, computed_file, confine, connection, descriptors, event_loop, ftp, \
                       hash_password, kernel, options, outside_file, peer_network, ports, process_figures, random, \
                       reactor, records, served_tree, session, shown_name, slow_work, status, storage, target, tls, \
                       trace, transfer, units";

/// Log levels: one for all modules, others for single modules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLevels {
    pub default: LevelFilter,
    /// Module paths such as `loopftpd::event_loop`.
    pub modules: Vec<(String, LevelFilter)>,
}

impl LogLevels {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let expected = || "expected LEVEL or LEVEL,MODULE=LEVEL with off, error, warn, info, debug or trace".to_owned();
        let level = |text: &str| text.parse::<LevelFilter>().map_err(|_| expected());
        let mut default = None;
        let mut modules = Vec::new();
        for part in text.split(',') {
            let Some((module, text)) = part.split_once('=') else {
                if default.replace(level(part)?).is_some() {
                    return Err(format!("{part}: expected one level for all modules"));
                }
                continue;
            };
            if !MODULES.split(", ").any(|known| known == module) {
                return Err(format!("\"{module}\": expected one of the modules {MODULES}"));
            }
            let module = format!("loopftpd::{module}");
            if modules.iter().any(|(named, _)| *named == module) {
                return Err(format!("{part}: expected one level for a module"));
            }
            modules.push((module, level(text)?));
        }
        Ok(Self {
            default: default.unwrap_or(LevelFilter::Info),
            modules,
        })
    }

    /// Whether the level for all modules includes debug messages; the counters are printed at exit then.
    pub fn is_debugging(&self) -> bool {
        self.default >= LevelFilter::Debug
    }
}

/// An optimization that can be switched off with `--without`, so that its effect can be measured. A server without it
/// serves the same bytes, more slowly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Technique {
    /// `TCP_CORK` on data sockets: only full segments leave.
    Cork,
    /// `TCP_NODELAY` on control sockets: a reply does not wait for the acknowledgement of the previous one.
    NoDelay,
    /// Poll for a short time without sleeping before going to sleep.
    BusyPoll,
}

/// Their names on the command line.
const TECHNIQUES: [(&str, Technique); 3] = [
    ("cork", Technique::Cork),
    ("nodelay", Technique::NoDelay),
    ("busy-poll", Technique::BusyPoll),
];

/// The techniques in use: all, except those switched off for a measurement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Techniques {
    pub(super) left_out: Vec<Technique>,
}

impl Technique {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        parse_choice(text, &TECHNIQUES)
    }
}

impl Techniques {
    /// Whether `technique` is in use.
    pub fn include(&self, technique: Technique) -> bool {
        !self.left_out.contains(&technique)
    }
}

/// The names of those that are left out.
impl fmt::Display for Techniques {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let left_out = TECHNIQUES.iter().filter(|(_, technique)| !self.include(*technique));
        let names: Vec<&str> = left_out.map(|(name, _)| *name).collect();
        formatter.write_str(&names.join(", "))
    }
}

/// Parses an address and port. Host names are not resolved, because resolving can block.
pub(super) fn parse_listen(text: &str) -> Result<SocketAddr, String> {
    text.parse::<SocketAddr>().map_err(|_| {
        "expected ADDRESS:PORT with an IPv4 address or an IPv6 address in brackets, such as 0.0.0.0:2121 or [::]:2121 \
         (names are not resolved)"
            .to_owned()
    })
}

/// A name for the `Host` of requests.
pub(super) fn parse_host(text: &str) -> Result<String, String> {
    let is_name = text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    if text.is_empty() || text.len() > 253 || !is_name {
        return Err("expected a host name such as files.example.org, without a port".to_owned());
    }
    Ok(text.to_owned())
}

pub(super) fn parse_banner(text: &str) -> Result<String, String> {
    let is_printable = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if text.is_empty() || text.len() > BANNER_MAX || !is_printable {
        return Err(format!(
            "expected one line of printable ASCII, 1 to {BANNER_MAX} characters"
        ));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_levels_accept_every_module_of_the_crate() {
        let library = include_str!("../lib.rs").lines();
        let declared: Vec<&str> = library
            .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
            .collect();
        assert_eq!(declared.join(", "), MODULES);
    }
}
