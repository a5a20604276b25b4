//! The lines that are printed at the start: what is served, to whom, on which addresses, with which limits. Warnings go
//! to the log instead.

use loopftpd::accounts::AnonymousAccess;
use loopftpd::confine::Confinement;
use loopftpd::options::Options;
use std::net::{IpAddr, SocketAddr};

/// The facts to print, known once everything is bound and confined.
pub struct Introduction<'start> {
    pub options: &'start Options,
    pub accounts: usize,
    pub confinement: &'start Confinement,
    pub urls: &'start [String],
    /// Passive ports: bound, requested.
    pub passive_ports: (usize, usize),
    pub most_sessions: usize,
    pub process_limit: u64,
}

impl Introduction<'_> {
    /// One line per fact; the last is `ready`.
    pub fn text(&self) -> String {
        let options = self.options;
        let mut text = format!("serving  {}, {}\n", options.directory.display(), self.to_whom());
        for url in self.urls {
            text += &format!("open     {url}\n");
        }
        let (bound, wanted) = self.passive_ports;
        let range = &options.passive_ports;
        text += &format!(
            "passive  ports {}-{}, {bound} of {wanted} bound\n",
            range.low, range.high
        );
        text += &format!(
            "sessions at most {} (descriptor limit {})\n",
            self.most_sessions, self.process_limit
        );
        let without = options.techniques.to_string();
        if !without.is_empty() {
            text += &format!("without  {without}: for measurements only\n");
        }
        match self.confinement {
            Confinement::NotRoot => {}
            Confinement::Confined(identity) => {
                text += &format!(
                    "confined to the directory, as user {} ({})\n",
                    identity.name, identity.uid
                );
            }
            Confinement::OnlyUser(identity) => {
                text += &format!(
                    "running  as user {} ({}), without chroot\n",
                    identity.name, identity.uid
                );
            }
            Confinement::StayingRoot { is_chrooted: true } => text += "confined to the directory, but still root\n",
            Confinement::StayingRoot { is_chrooted: false } => text += "running  as root, without chroot\n",
        }
        text + "ready\n"
    }

    fn to_whom(&self) -> String {
        let anonymous = match self.options.anonymous {
            AnonymousAccess::Off => None,
            AnonymousAccess::Read => Some("read-only, to anonymous clients"),
            AnonymousAccess::Upload => Some("as a drop box, to anonymous clients"),
            AnonymousAccess::Write => Some("for reading and writing, to anonymous clients"),
        };
        let accounts = self
            .options
            .users
            .as_ref()
            .map(|file| format!("to {} accounts of {}", self.accounts, file.display()));
        match (anonymous, accounts) {
            (Some(anonymous), Some(accounts)) => format!("{anonymous}, and {accounts}"),
            (Some(anonymous), None) => anonymous.to_owned(),
            (None, Some(accounts)) => accounts,
            (None, None) => "to nobody".to_owned(),
        }
    }
}

/// The URLs of the listening addresses, each once: an address can be on two interfaces, and two wildcards can cover it.
pub fn distinct_urls(addresses: impl Iterator<Item = SocketAddr>) -> Vec<String> {
    let mut distinct = Vec::new();
    for url in addresses.flat_map(urls) {
        if !distinct.contains(&url) {
            distinct.push(url);
        }
    }
    distinct
}

/// The URLs of one listening address; for a wildcard, those of all interfaces.
fn urls(address: SocketAddr) -> Vec<String> {
    if !address.ip().is_unspecified() {
        return vec![format!("ftp://{address}/")];
    }
    let interfaces = nix::ifaddrs::getifaddrs()
        .map(Iterator::collect::<Vec<_>>)
        .unwrap_or_default();
    let reachable: Vec<IpAddr> = interfaces
        .iter()
        .filter_map(|interface| interface.address.as_ref())
        .filter_map(|storage| {
            let v4 = storage.as_sockaddr_in().map(|socket| IpAddr::V4(socket.ip()));
            v4.or_else(|| storage.as_sockaddr_in6().map(|socket| IpAddr::V6(socket.ip())))
        })
        // A dual-stack socket accepts IPv4 too; link-local addresses need a zone, which a URL cannot hold.
        .filter(|ip| (address.is_ipv6() || ip.is_ipv4()) && !is_link_local(*ip))
        .collect();
    reachable
        .into_iter()
        .map(|ip| format!("ftp://{}/", SocketAddr::new(ip, address.port())))
        .collect()
}

fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(_) => false,
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}
