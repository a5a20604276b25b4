//! Option values with a syntax of their own: addresses, port ranges, networks, log levels, the banner.

use log::LevelFilter;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Longest greeting, in bytes.
const BANNER_MAX: usize = 200;

/// Passive ports from `low` to `high`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange {
    pub low: u16,
    pub high: u16,
}

impl PortRange {
    /// Parses `LO-HI`, or one port.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let expected = || "expected ports as LO-HI with 1 ≤ LO ≤ HI ≤ 65535".to_owned();
        let (low, high) = text.split_once('-').unwrap_or((text, text));
        let port = |text: &str| {
            let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            is_plain
                .then(|| text.parse::<u16>().ok())
                .flatten()
                .filter(|port| *port > 0)
        };
        match (port(low), port(high)) {
            (Some(low), Some(high)) if low <= high => Ok(Self { low, high }),
            _ => Err(expected()),
        }
    }

    /// Whether the range includes `port`.
    pub fn contains(&self, port: u16) -> bool {
        (self.low..=self.high).contains(&port)
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.low, self.high)
    }
}

/// The addresses to announce in PASV replies, by client network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublicAddresses(Vec<(Network, Ipv4Addr)>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    address: u32,
    prefix: u32,
}

impl PublicAddresses {
    pub(super) fn parse(texts: &[String]) -> Result<Self, String> {
        let mut addresses = Vec::new();
        for text in texts {
            let (network, address) = match text.split_once('=') {
                Some((network, address)) => (Network::parse(network), address),
                None => (Some(Network { address: 0, prefix: 0 }), text.as_str()),
            };
            let address = address
                .parse::<Ipv4Addr>()
                .ok()
                .filter(|address| !address.is_unspecified() && !address.is_multicast() && !address.is_broadcast());
            match (network, address) {
                (Some(network), Some(address)) => addresses.push((network, address)),
                _ => {
                    return Err(format!(
                        "{text}: expected an IPv4 address, or NETWORK/PREFIX=ADDRESS such as 10.0.0.0/8=10.0.0.5"
                    ));
                }
            }
        }
        // The narrowest network that contains the client decides.
        addresses.sort_by_key(|(network, _)| std::cmp::Reverse(network.prefix));
        Ok(Self(addresses))
    }

    /// The address to announce to `client`, if one was given for its network.
    pub fn for_client(&self, client: IpAddr) -> Option<Ipv4Addr> {
        let IpAddr::V4(client) = client else {
            return None;
        };
        self.0
            .iter()
            .find(|(network, _)| network.contains(client))
            .map(|(_, address)| *address)
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

/// The modules that a log level can be given for: all of the crate.
const MODULES: [&str; 24] = [
    "accounts",
    "clock",
    "computed_file",
    "confine",
    "connection",
    "descriptors",
    "event_loop",
    "ftp",
    "hash_password",
    "options",
    "outside_file",
    "peer_network",
    "ports",
    "random",
    "reactor",
    "records",
    "served_tree",
    "session",
    "shown_name",
    "slow_work",
    "storage",
    "target",
    "transfer",
    "units",
];

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
            if !MODULES.contains(&module) {
                return Err(format!(
                    "\"{module}\": expected one of the modules {}",
                    MODULES.join(", ")
                ));
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

/// Parses an address and port. Host names are not resolved, because resolving can block.
pub(super) fn parse_listen(text: &str) -> Result<SocketAddr, String> {
    text.parse::<SocketAddr>().map_err(|_| {
        "expected ADDRESS:PORT with an IPv4 address or an IPv6 address in brackets, such as 0.0.0.0:2121 or [::]:2121 \
         (names are not resolved)"
            .to_owned()
    })
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
        assert_eq!(declared, MODULES);
    }
}
