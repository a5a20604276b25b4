//! Every option of the server once: its name, value, default, help and check. Nothing else reads its command line.

mod table;
mod units;
mod values;

pub use table::{Given, HIDDEN, OptionError, Row, Table};
pub use units::{parse_count, parse_duration};
pub use values::{LogLevels, PortRange, PublicAddresses};

use crate::event_loop::Without;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use values::{parse_banner, parse_listen};

/// Everything that can be chosen.
#[derive(Clone, Debug)]
pub struct Options {
    pub directory: PathBuf,
    pub listen: Vec<SocketAddr>,
    pub passive_ports: PortRange,
    pub public_addresses: PublicAddresses,
    pub active: bool,
    pub max_sessions: usize,
    /// `None`: the default, with this machine's own addresses exempt; 0: no limit.
    pub max_sessions_per_ip: Option<usize>,
    pub idle_timeout: Duration,
    pub login_timeout: Duration,
    pub connect_timeout: Duration,
    pub stall_timeout: Duration,
    pub banner: String,
    pub log_level: LogLevels,
    pub transfer_log: Option<PathBuf>,
    pub trace: bool,
    pub synthetic: bool,
    pub user: Option<String>,
    /// Hidden: for measurements.
    pub without: Without,
}

/// What the command line asks for.
#[derive(Clone, Debug)]
pub enum Invocation {
    Serve(Box<Options>),
    Help(String),
    Version(String),
}

const INTRODUCTION: &str = "Serves a directory over FTP, read-only, to anonymous clients.

loopftpd [OPTIONS] [DIR]     DIR: the current directory unless given
";

const NETWORK: &str = "Where clients connect";
const LIMITS: &str = "Limits";
const TIMES: &str = "Timeouts (30s, 5m, 2h; a bare number is seconds)";
const OUTPUT: &str = "What is shown and written";
const FILES: &str = "What is served";
const PROCESS: &str = "The process";

#[rustfmt::skip]
static TABLE: Table = Table(&[
    Row { group: NETWORK, short: "l", long: "listen", value: "ADDR:PORT", default: "127.0.0.1:2121", is_repeatable: true,
          help: "listen there; IPv4, [IPv6], [::]:PORT for both; port 0 lets the system choose" },
    Row { group: NETWORK, short: "p", long: "passive-ports", value: "LO-HI", default: "30000-30255", is_repeatable: false,
          help: "ports for passive data connections, bound once at the start" },
    Row { group: NETWORK, short: "", long: "public-address", value: "[CLIENT-NET=]IP", default: "", is_repeatable: true,
          help: "the address announced by PASV, to clients of that network (10.0.0.0/8=10.0.0.5) or to all" },
    Row { group: NETWORK, short: "", long: "no-active", value: "", default: "", is_repeatable: false,
          help: "refuse PORT and EPRT" },
    Row { group: FILES, short: "", long: "synthetic", value: "", default: "", is_repeatable: false,
          help: "add /gen/1G.zero, /gen/10M.pattern, /gen/5M.rand?seed=7 …: files of any size without a disk" },
    Row { group: LIMITS, short: "m", long: "max-sessions", value: "N", default: "10000", is_repeatable: false,
          help: "sessions at once" },
    Row { group: LIMITS, short: "", long: "max-sessions-per-ip", value: "N", default: "", is_repeatable: false,
          help: "sessions at once from one address, an IPv6 /64 being one; 0 for no limit [50, none for this machine]" },
    Row { group: TIMES, short: "", long: "idle-timeout", value: "TIME", default: "5m", is_repeatable: false,
          help: "a session without commands or transfers ends" },
    Row { group: TIMES, short: "", long: "login-timeout", value: "TIME", default: "1m", is_repeatable: false,
          help: "a client that has not logged in is closed" },
    Row { group: TIMES, short: "", long: "connect-timeout", value: "TIME", default: "30s", is_repeatable: false,
          help: "waiting for a data connection" },
    Row { group: TIMES, short: "", long: "stall-timeout", value: "TIME", default: "1m", is_repeatable: false,
          help: "a transfer on which nothing moves ends" },
    Row { group: OUTPUT, short: "", long: "banner", value: "TEXT", default: "Welcome", is_repeatable: false,
          help: "the greeting, one line of printable ASCII" },
    Row { group: OUTPUT, short: "", long: "log-level", value: "LEVEL[,MODULE=LEVEL…]", default: "info", is_repeatable: false,
          help: "off, error, warn, info, debug or trace; also for a module, as in warn,event_loop=debug" },
    Row { group: OUTPUT, short: "", long: "transfer-log", value: "FILE", default: "", is_repeatable: false,
          help: "append a line for each file sent, in xferlog form; SIGHUP reopens it" },
    Row { group: OUTPUT, short: "t", long: "trace", value: "", default: "", is_repeatable: false,
          help: "tell every turn of the loop: what woke, what changed, what was sent, what is next" },
    Row { group: PROCESS, short: "u", long: "user", value: "NAME", default: "", is_repeatable: false,
          help: "started as root: become this user [the owner of DIR, or nobody if that is root]" },
    Row { group: PROCESS, short: "h", long: "help", value: "", default: "", is_repeatable: false, help: "show this" },
    Row { group: PROCESS, short: "V", long: "version", value: "", default: "", is_repeatable: false,
          help: "show the version" },
    Row { group: HIDDEN, short: "", long: "without", value: "TECHNIQUE", default: "", is_repeatable: true,
          help: "leave out what makes the server fast: cork, write-first, ring, coalescing, nodelay" },
]);

/// Reads the command line, without the program's name, and looks whether DIR is a directory.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Invocation, OptionError> {
    let given = TABLE.read(arguments)?;
    if given.is_present("help") {
        return Ok(Invocation::Help(TABLE.help(INTRODUCTION)));
    }
    if given.is_present("version") {
        return Ok(Invocation::Version(format!("loopftpd {}\n", env!("CARGO_PKG_VERSION"))));
    }
    let options = Options {
        directory: directory(given.operands())?,
        listen: listen(&given)?,
        passive_ports: given.value("passive-ports", PortRange::parse)?,
        public_addresses: PublicAddresses::parse(&given.texts("public-address"))
            .map_err(|reason| OptionError(format!("--public-address {reason}")))?,
        active: !given.is_present("no-active"),
        max_sessions: given.value("max-sessions", parse_count)?,
        max_sessions_per_ip: given.optional_value("max-sessions-per-ip", parse_limit)?,
        idle_timeout: given.value("idle-timeout", parse_duration)?,
        login_timeout: given.value("login-timeout", parse_duration)?,
        connect_timeout: given.value("connect-timeout", parse_duration)?,
        stall_timeout: given.value("stall-timeout", parse_duration)?,
        banner: given.value("banner", parse_banner)?,
        log_level: given.value("log-level", LogLevels::parse)?,
        transfer_log: given.text("transfer-log").map(PathBuf::from),
        trace: given.is_present("trace"),
        synthetic: given.is_present("synthetic"),
        user: given.text("user"),
        without: Without::parse(&given.texts("without"))
            .map_err(|reason| OptionError(format!("--without {reason}")))?,
    };
    let clash = options
        .listen
        .iter()
        .find(|address| options.passive_ports.contains(address.port()));
    if let Some(address) = clash {
        return Err(OptionError(format!(
            "--listen {address}: its port lies within --passive-ports {}; choose another for one of them",
            options.passive_ports
        )));
    }
    Ok(Invocation::Serve(Box::new(options)))
}

fn parse_limit(text: &str) -> Result<usize, String> {
    if text == "0" { Ok(0) } else { parse_count(text) }
}

fn listen(given: &Given) -> Result<Vec<SocketAddr>, OptionError> {
    let mut addresses = Vec::new();
    for text in given.texts("listen") {
        let address = parse_listen(&text).map_err(|expected| OptionError(format!("--listen {text}: {expected}")))?;
        if address.port() != 0 && addresses.contains(&address) {
            return Err(OptionError(format!("--listen {text}: given twice")));
        }
        addresses.push(address);
    }
    Ok(addresses)
}

fn directory(operands: &[String]) -> Result<PathBuf, OptionError> {
    let directory = match operands {
        [] => PathBuf::from("."),
        [directory] => PathBuf::from(directory),
        [_, second, ..] => return Err(OptionError(format!("{second}: expected one directory only"))),
    };
    match std::fs::metadata(&directory) {
        Ok(found) if found.is_dir() => Ok(directory),
        Ok(_) => Err(OptionError(format!(
            "{}: expected a directory, this is a file",
            directory.display()
        ))),
        Err(error) => Err(OptionError(format!(
            "{}: expected a directory: {error}",
            directory.display()
        ))),
    }
}

#[cfg(test)]
mod tests;
