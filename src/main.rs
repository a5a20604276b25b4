//! The program: options → prepare → run → exit code.
//!
//! Exit codes: 0 after an orderly end, 1 when the server cannot start or its poll fails, 2 for a wrong command line.

#![forbid(unsafe_code)]

use loopftpd::confine::{self, Confinement};
use loopftpd::descriptors::{Descriptors, SESSION_WORST_CASE};
use loopftpd::event_loop::{self, Equipment, EventLoop, Listening, Settings, Signals, TransferLog};
use loopftpd::log_output;
use loopftpd::options::{self, Invocation, Options};
use loopftpd::random::Random;
use loopftpd::storage::{DiskRoot, Storage, Synthetic};
use std::error::Error;
use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    match options::parse(std::env::args_os().skip(1)) {
        Ok(Invocation::Serve(options)) => match serve(*options) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                complain(&error.to_string());
                ExitCode::FAILURE
            }
        },
        Ok(Invocation::Help(text) | Invocation::Version(text)) => {
            say(&text);
            ExitCode::SUCCESS
        }
        Err(error) => {
            complain(&error.to_string());
            ExitCode::from(2)
        }
    }
}

fn serve(options: Options) -> Result<(), Box<dyn Error>> {
    log_output::start(&options.log_level)?;
    let process_limit = confine::prepare_process()?;
    let descriptors = Descriptors::for_process(process_limit);
    let identity = confine::identity(&options.directory, options.user.as_deref())?;

    let signals = Signals::take_over()?;
    let random = Random::from_kernel()?;
    let transfer_log = options.transfer_log.as_deref().map(open_transfer_log).transpose()?;
    let range = options.passive_ports.low..=options.passive_ports.high;
    let listening = Listening::open(&options.listen, &range, &descriptors, &options.without)?;
    // Interface addresses are asked for while the process may still ask.
    let urls: Vec<String> = listening.addresses().flat_map(urls).collect();

    let confinement = confine::confine(&options.directory, identity)?;
    let root = match &confinement {
        Confinement::NotNeeded => options.directory.as_path(),
        Confinement::Confined(_) | Confinement::StayingRoot => Path::new("/"),
    };
    let disk = DiskRoot::open(root, descriptors.clone())?;
    let storage: Box<dyn Storage> = if options.synthetic {
        Box::new(Synthetic::new(disk, event_loop::wall_clock()))
    } else {
        Box::new(disk)
    };

    let most_sessions = descriptors
        .free()
        .saturating_sub(SESSION_WORST_CASE - 1)
        .min(options.max_sessions);
    let introduction = introduction(
        &options,
        &confinement,
        &urls,
        listening.passive_ports(),
        most_sessions,
        process_limit,
    );
    let event_loop = EventLoop::new(
        listening,
        Equipment {
            settings: settings(&options),
            storage,
            descriptors,
            random,
            signals,
            transfer_log,
            trace: options.trace,
        },
    )?;
    // Nothing is opened any more once it is said that the server is ready.
    say(&introduction);
    let counters = event_loop.run()?;
    say(&format!("{counters}\nlog lines dropped: {}\n", log_output::dropped()));
    Ok(())
}

fn settings(options: &Options) -> Settings {
    Settings {
        banner: options.banner.clone(),
        active: options.active,
        public_addresses: options.public_addresses.clone(),
        max_sessions: options.max_sessions,
        max_sessions_per_ip: options.max_sessions_per_ip,
        login_timeout: options.login_timeout,
        idle_timeout: options.idle_timeout,
        connect_timeout: options.connect_timeout,
        stall_timeout: options.stall_timeout,
        without: options.without.clone(),
    }
}

fn open_transfer_log(path: &Path) -> Result<TransferLog, String> {
    TransferLog::open(path).map_err(|error| format!("--transfer-log {}: cannot be opened: {error}", path.display()))
}

/// What is said at the start: what is served, to whom, where, and how much.
fn introduction(
    options: &Options,
    confinement: &Confinement,
    urls: &[String],
    (bound, wanted): (usize, usize),
    most_sessions: usize,
    process_limit: u64,
) -> String {
    let mut text = format!(
        "serving  {}, read-only, to anonymous clients\n",
        options.directory.display()
    );
    for url in urls {
        text += &format!("open     {url}\n");
    }
    let range = &options.passive_ports;
    text += &format!(
        "passive  ports {}-{}, {bound} of {wanted} bound\n",
        range.low, range.high
    );
    text += &format!("sessions at most {most_sessions} (descriptor limit {process_limit})\n");
    let without = options.without.to_string();
    if !without.is_empty() {
        text += &format!("without  {without}: for measurements only\n");
    }
    match confinement {
        Confinement::NotNeeded => {}
        Confinement::Confined(identity) => {
            text += &format!(
                "confined to the directory, as user {} ({})\n",
                identity.name, identity.uid
            );
        }
        Confinement::StayingRoot => text += "confined to the directory, but still root\n",
    }
    text + "ready\n"
}

/// The URLs that reach a listening address: itself, or every interface's for a wildcard.
fn urls(address: SocketAddr) -> Vec<String> {
    if !address.ip().is_unspecified() {
        return vec![format!("ftp://{address}/")];
    }
    let interfaces = nix::ifaddrs::getifaddrs()
        .map(Iterator::collect::<Vec<_>>)
        .unwrap_or_default();
    let mut reachable: Vec<IpAddr> = interfaces
        .iter()
        .filter_map(|interface| interface.address.as_ref())
        .filter_map(|storage| {
            let v4 = storage.as_sockaddr_in().map(|socket| IpAddr::V4(socket.ip()));
            v4.or_else(|| storage.as_sockaddr_in6().map(|socket| IpAddr::V6(socket.ip())))
        })
        // A dual-stack socket takes IPv4 too; link-local addresses need a zone that a URL cannot carry.
        .filter(|ip| (address.is_ipv6() || ip.is_ipv4()) && !is_link_local(*ip))
        .collect();
    reachable.dedup();
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

/// To standard output; a reader that has gone does not matter.
fn say(text: &str) {
    let mut output = io::stdout().lock();
    let _ = output.write_all(text.as_bytes()).and_then(|()| output.flush());
}

fn complain(text: &str) {
    let _ = writeln!(io::stderr(), "loopftpd: {}", text.trim_end());
}
