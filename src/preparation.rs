//! What needs the privileges that the process was started with: sockets, names, and files outside the served directory.
//!
//! It is opened before the process is confined and kept open, because it cannot be opened again afterwards.

use crate::start_checks;
use loopftpd::accounts::{Accounts, UsersFile};
use loopftpd::confine::{self, Identity, OutsideDirectory, Permissions};
use loopftpd::descriptors::Descriptors;
use loopftpd::event_loop::take_over_signals;
use loopftpd::options::{Options, TlsSource};
use loopftpd::ports::Listeners;
use loopftpd::records::log_file::{LogFile, LogKind};
use loopftpd::served_tree::ServedTree;
use loopftpd::tls::{CertificateFiles, Certificates, SelfSigned, TlsAcceptor};
use signal_hook_mio::v1_0::Signals;
use std::collections::HashSet;
use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// Everything that was opened and looked up.
pub struct Preparation {
    /// How many descriptors the process may have open.
    pub process_limit: u64,
    pub descriptors: Descriptors,
    /// The user to become; `None`: the process is not root.
    pub identity: Option<Identity>,
    pub signals: Signals,
    pub users_file: Option<UsersFile>,
    pub accounts: Accounts,
    pub transfer_log: Option<LogFile>,
    pub event_log: Option<LogFile>,
    pub listeners: Listeners,
    pub certificates: Vec<CertificateFiles>,
    /// `None`: without a certificate.
    pub tls: Option<TlsAcceptor>,
    /// Of the certificates, for the introduction.
    pub fingerprints: Vec<String>,
    /// Where clients find the server; interfaces cannot be listed after chroot.
    pub urls: Vec<String>,
}

impl Preparation {
    /// The logs that were asked for.
    pub fn logs(&self) -> impl Iterator<Item = &LogFile> {
        [&self.transfer_log, &self.event_log].into_iter().flatten()
    }

    /// What the sandbox has to permit.
    pub fn permissions(&self, options: &Options) -> Permissions {
        Permissions {
            changes: options.allows_changes(),
            connect: options.active,
            ports_to_bind: self.listeners.missing_passive_ports(),
            logs: self.logs().any(|log| log.directory().is_some()),
        }
    }

    /// The directories outside the served one where files are opened again later.
    pub fn outside_directories(&self) -> Vec<OutsideDirectory<'_>> {
        let logs = self.logs().filter_map(LogFile::directory).map(OutsideDirectory::Log);
        let users_file = self.users_file.iter().map(UsersFile::directory);
        let certificates = self.certificates.iter().flat_map(CertificateFiles::directories);
        let read_again = users_file.chain(certificates);
        logs.chain(read_again.map(OutsideDirectory::ReadAgain)).collect()
    }
}

/// Opens and checks everything that the options name, except the served directory.
pub fn prepare(options: &Options) -> Result<Preparation, Box<dyn Error>> {
    let process_limit = confine::prepare_process(options.umask)?;
    let descriptors = Descriptors::for_process(process_limit);
    let identity = confine::identity(&options.directory, options.user.as_deref())?;

    let signals = take_over_signals()?;
    let mut served = ServedTree::of(&options.directory)?;
    let users_file = options
        .users
        .as_deref()
        .map(|path| UsersFile::open(path, options.users_privacy)?.outside(&served))
        .transpose()?;
    let accounts = users_file
        .as_ref()
        .map(UsersFile::read)
        .transpose()?
        .unwrap_or_default();
    start_checks::a_client_can_log_in(options, &accounts)?;
    start_checks::add_account_roots(&accounts, &mut served);
    start_checks::files_are_apart(options, &served)?;
    // Logs that are created now, as root, are given to the user that the server becomes, so that it can reopen them.
    let owner = identity.as_ref().map(|identity| (identity.uid, identity.gid));
    let open_log = |kind: LogKind, path: &Option<PathBuf>| {
        let open = |path| {
            LogFile::open(path, kind, owner).map_err(|error| start_checks::unusable(kind.option(), path, &error))
        };
        path.as_deref().map(open).transpose()
    };
    let transfer_log = open_log(LogKind::Transfers, &options.transfer_log)?;
    let event_log = open_log(LogKind::Events, &options.events)?;
    let mut listeners = Listeners::open(
        &options.listen,
        &options.tls.listen,
        &options.passive_ports,
        &descriptors,
        &options.techniques,
    )?;
    if let Some(address) = options.status {
        listeners.open_status(address, &descriptors, &options.techniques)?;
    }
    let certificates = certificate_files(options, &served)?;
    let (tls, fingerprints) = match &certificates[..] {
        [] => (None, Vec::new()),
        files => {
            let loaded = Certificates::load(files)?;
            let fingerprints = loaded.fingerprints();
            let acceptor = TlsAcceptor::new(loaded, &options.tls)?;
            (Some(acceptor), fingerprints)
        }
    };
    Ok(Preparation {
        process_limit,
        descriptors,
        identity,
        signals,
        users_file,
        accounts,
        transfer_log,
        event_log,
        urls: distinct_urls(listeners.schemes().zip(listeners.addresses())),
        listeners,
        certificates,
        tls,
        fingerprints,
    })
}

/// The certificates' files, which clients must not be able to reach. A self-signed certificate is made if there is
/// none.
fn certificate_files(options: &Options, served: &ServedTree) -> Result<Vec<CertificateFiles>, Box<dyn Error>> {
    let accepts_open_key = options.tls.accepts_open_key;
    let pairs = match &options.tls.source {
        None => Vec::new(),
        Some(TlsSource::Files(pairs)) => {
            for (_, key) in pairs {
                start_checks::file_is_apart("--tls-key", key, served)?;
            }
            pairs.clone()
        }
        Some(TlsSource::SelfSigned(directory)) => {
            start_checks::file_is_apart("--tls-self-signed", directory, served)?;
            let made = SelfSigned::in_directory(directory, own_names(options))?;
            vec![(made.certificate, made.key)]
        }
    };
    let files = pairs
        .iter()
        .map(|(certificate, key)| CertificateFiles::locate(certificate, key, accepts_open_key));
    Ok(files.collect::<Result<_, _>>()?)
}

/// The names that a self-signed certificate is for: this machine's, and the addresses that are listened on.
fn own_names(options: &Options) -> Vec<String> {
    let host = rustix::system::uname();
    let host = host.nodename().to_str().ok().filter(|name| !name.is_empty());
    let addresses = options.listen.iter().chain(&options.tls.listen);
    let addresses = addresses
        .map(SocketAddr::ip)
        .filter(|address| !address.is_unspecified());
    let names = host.map(str::to_owned).into_iter().chain(["localhost".to_owned()]);
    let mut all: Vec<String> = names.chain(addresses.map(|address| address.to_string())).collect();
    all.dedup();
    all
}

/// The URLs of the listening addresses, each once: an address can be on two interfaces, and two wildcards can cover it.
fn distinct_urls(addresses: impl Iterator<Item = (&'static str, SocketAddr)>) -> Vec<String> {
    let mut known = HashSet::new();
    let urls = addresses.flat_map(|(scheme, address)| urls(scheme, address));
    urls.filter(|url| known.insert(url.clone())).collect()
}

/// The URLs of one listening address; for a wildcard, those of all interfaces.
fn urls(scheme: &str, address: SocketAddr) -> Vec<String> {
    if !address.ip().is_unspecified() {
        return vec![format!("{scheme}://{address}/")];
    }
    let interfaces = nix::ifaddrs::getifaddrs().into_iter().flatten();
    interfaces
        .filter_map(|interface| {
            let storage = interface.address?;
            let v4 = storage.as_sockaddr_in().map(|socket| IpAddr::V4(socket.ip()));
            v4.or_else(|| storage.as_sockaddr_in6().map(|socket| IpAddr::V6(socket.ip())))
        })
        .filter(|ip| match ip {
            // A dual-stack socket accepts it too.
            IpAddr::V4(_) => true,
            // Link-local addresses need a zone, which a URL cannot hold.
            IpAddr::V6(ip) => address.is_ipv6() && !ip.is_unicast_link_local(),
        })
        .map(|ip| format!("{scheme}://{}/", SocketAddr::new(ip, address.port())))
        .collect()
}
