//! Every option of the server once: its name, value, default, help and check. Nothing else reads its command line.

mod table;
mod techniques;
mod values;

pub use table::{Given, HIDDEN, OptionError, Row, Table};
pub use techniques::{Technique, Techniques};
pub use values::{LogLevels, PortRange, PublicAddresses};

use crate::accounts::{AnonymousAccess, Privacy, Rights};
use crate::confine::Chroot;
use crate::units::{parse_count, parse_duration, parse_size};
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
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
    pub announces_deflate: bool,
    pub max_sessions: usize,
    /// Whether that was asked for and is not the default.
    pub max_sessions_is_chosen: bool,
    /// `None`: the default, with this machine's own addresses exempt; 0: no limit.
    pub max_sessions_per_ip: Option<usize>,
    pub idle_timeout: Duration,
    pub login_timeout: Duration,
    pub connect_timeout: Duration,
    pub stall_timeout: Duration,
    pub banner: String,
    pub log_level: LogLevels,
    pub transfer_log: Option<PathBuf>,
    /// Whether the counters are printed at the end.
    pub stats: bool,
    pub trace: bool,
    pub synthetic: bool,
    pub user: Option<String>,
    pub chroot: Chroot,
    pub users: Option<PathBuf>,
    pub users_privacy: Privacy,
    pub anonymous: AnonymousAccess,
    /// Bytes a second.
    pub rate_limit: Option<u64>,
    pub durable: bool,
    /// Permissions that no new file or directory gets; `None`: what the process was started with.
    pub umask: Option<u32>,
    pub keeps_part: bool,
    pub events: Option<PathBuf>,
    /// Hidden: for measurements.
    pub techniques: Techniques,
}

impl Options {
    /// Whether anybody may change files: anonymous clients, or accounts, whose rights may change while it runs.
    pub fn allows_changes(&self) -> bool {
        self.users.is_some() || self.anonymous.rights().is_some_and(Rights::allows_changes)
    }

    /// Each option can be right by itself and make no sense beside another.
    fn fit_together(&self, given: &Given) -> Result<(), OptionError> {
        let wrong = |text: String| Err(OptionError(text));
        if self.trace && self.events_to_standard_output() {
            return wrong(
                "--trace: standard output is for --events - already; expected a file for the events".to_owned(),
            );
        }
        if self.anonymous == AnonymousAccess::Off && self.users.is_none() {
            return wrong("--anonymous off: nobody could log in; expected --users FILE with it".to_owned());
        }
        for option in ["durable", "partial", "umask"] {
            if given.is_present(option) && !self.allows_changes() {
                return wrong(format!(
                    "--{option}: nobody may upload; expected --write, --anonymous upload or --users FILE with it"
                ));
            }
        }
        let files = [
            ("users", &self.users),
            ("transfer-log", &self.transfer_log),
            ("events", &self.events),
        ];
        for (index, (option, file)) in files.iter().enumerate() {
            let others = files.iter().skip(index + 1);
            let twin = others.into_iter().find(|(_, other)| file.is_some() && other == file);
            if let (Some((other, _)), Some(file)) = (twin, file) {
                return wrong(format!(
                    "--{option} {0}: the same file as --{other}; expected different ones",
                    file.display()
                ));
            }
        }
        let clash = self
            .listen
            .iter()
            .find(|address| self.passive_ports.contains(address.port()));
        if let Some(address) = clash {
            return wrong(format!(
                "--listen {address}: its port lies within --passive-ports {}; choose another for one of them",
                self.passive_ports
            ));
        }
        Ok(())
    }

    /// Whether standard output is for events, so that nothing else may be said there.
    pub fn events_to_standard_output(&self) -> bool {
        self.events.as_deref() == Some(Path::new("-"))
    }
}

/// What the command line asks for.
#[derive(Clone, Debug)]
pub enum Invocation {
    Serve(Box<Options>),
    Help(String),
    Version(String),
    /// A password is to be read and its hash printed.
    HashPassword,
}

const INTRODUCTION: &str =
    "Serves a directory over FTP: read-only and to anonymous clients, unless other things are allowed below.

loopftpd [OPTIONS] [DIR]     DIR: the current directory unless given
";

const NETWORK: &str = "Where clients connect";
const ACCOUNTS: &str = "Who may log in, and do what";
const LIMITS: &str = "Limits";
const TIMES: &str = "Timeouts (30s, 5m, 2h; a bare number is seconds)";
const OUTPUT: &str = "What is shown and written";
const FILES: &str = "What is served";
const UPLOADS: &str = "Uploads";
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
    Row { group: NETWORK, short: "", long: "announce-mode-z", value: "", default: "", is_repeatable: false,
          help: "tell clients of MODE Z (deflate), for slow lines: some use it whenever it is announced" },
    Row { group: FILES, short: "", long: "synthetic", value: "", default: "", is_repeatable: false,
          help: "add /gen/1G.zero, /gen/10M.pattern, /gen/5M.rand?seed=7 …: files of any size without a disk" },
    Row { group: ACCOUNTS, short: "", long: "anonymous", value: "off|read|upload|write", default: "read", is_repeatable: false,
          help: "what clients without an account may do; upload: put new files there, see none" },
    Row { group: ACCOUNTS, short: "w", long: "write", value: "", default: "", is_repeatable: false,
          help: "the short form of --anonymous write, for a network that you trust" },
    Row { group: ACCOUNTS, short: "", long: "users", value: "FILE", default: "", is_repeatable: false,
          help: "accounts, one a line: name:hash:root:rights[:limits]; SIGHUP reads it again" },
    Row { group: ACCOUNTS, short: "", long: "insecure-users-file", value: "", default: "", is_repeatable: false,
          help: "accept FILE even if others than its owner can read or write it" },
    Row { group: ACCOUNTS, short: "", long: "hash-password", value: "", default: "", is_repeatable: false,
          help: "read a password from the terminal or a pipe, print its hash, and end" },
    Row { group: UPLOADS, short: "", long: "partial", value: "discard|keep", default: "discard", is_repeatable: false,
          help: "keep or discard the partial file of an aborted upload, where no file had its name before" },
    Row { group: UPLOADS, short: "", long: "umask", value: "OCTAL", default: "", is_repeatable: false,
          help: "permissions that new files and directories do not get, as in 022 [the process's own]" },
    Row { group: UPLOADS, short: "", long: "durable", value: "", default: "", is_repeatable: false,
          help: "fsync before replying 226: a power cut loses no acknowledged upload" },
    Row { group: LIMITS, short: "", long: "rate-limit", value: "SIZE", default: "", is_repeatable: false,
          help: "bytes a second that one session's transfers move at the most, such as 500K or 10M" },
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
          help: "abort transfers that make no progress for this long" },
    Row { group: OUTPUT, short: "", long: "banner", value: "TEXT", default: "Welcome", is_repeatable: false,
          help: "the greeting, one line of printable ASCII" },
    Row { group: OUTPUT, short: "", long: "log-level", value: "LEVEL[,MODULE=LEVEL…]", default: "info", is_repeatable: false,
          help: "off, error, warn, info, debug or trace; also for a module, as in warn,event_loop=debug" },
    Row { group: OUTPUT, short: "", long: "transfer-log", value: "FILE", default: "", is_repeatable: false,
          help: "append a line for each file sent or received, in xferlog form; SIGHUP reopens it" },
    Row { group: OUTPUT, short: "", long: "events", value: "FILE|-", default: "", is_repeatable: false,
          help: "append a line of JSON for each connection, login, transfer, change and refusal; - is standard output" },
    Row { group: OUTPUT, short: "", long: "stats", value: "", default: "", is_repeatable: false,
          help: "print the loop's counters at the end; implied by --log-level debug" },
    Row { group: OUTPUT, short: "t", long: "trace", value: "", default: "", is_repeatable: false,
          help: "print every iteration of the event loop: what woke, what changed, what was sent, what is next" },
    Row { group: PROCESS, short: "u", long: "user", value: "NAME", default: "", is_repeatable: false,
          help: "started as root: become this user, a name or number [the owner of DIR, or nobody if that is root]" },
    Row { group: PROCESS, short: "", long: "no-chroot", value: "", default: "", is_repeatable: false,
          help: "started as root: do not chroot into DIR, as where a container has no CAP_SYS_CHROOT" },
    Row { group: PROCESS, short: "h", long: "help", value: "", default: "", is_repeatable: false, help: "show this" },
    Row { group: PROCESS, short: "V", long: "version", value: "", default: "", is_repeatable: false,
          help: "show the version" },
    Row { group: HIDDEN, short: "", long: "without", value: "TECHNIQUE", default: "", is_repeatable: true,
          help: "leave out what makes the server fast: cork, write-first, ring, coalescing, nodelay, busy-poll" },
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
    if given.is_present("hash-password") {
        if given.is_alone("hash-password") {
            return Ok(Invocation::HashPassword);
        }
        return Err(OptionError(
            "--hash-password: serves nothing; expected no other option and no directory with it".to_owned(),
        ));
    }
    let options = Options {
        directory: directory(given.operands())?,
        listen: listen(&given)?,
        passive_ports: given.value("passive-ports", PortRange::parse)?,
        public_addresses: PublicAddresses::parse(&given.texts("public-address"))
            .map_err(|reason| OptionError(format!("--public-address {reason}")))?,
        active: !given.is_present("no-active"),
        announces_deflate: given.is_present("announce-mode-z"),
        max_sessions: given.value("max-sessions", parse_count)?,
        max_sessions_is_chosen: given.is_present("max-sessions"),
        max_sessions_per_ip: given.optional_value("max-sessions-per-ip", parse_limit)?,
        idle_timeout: given.value("idle-timeout", parse_duration)?,
        login_timeout: given.value("login-timeout", parse_duration)?,
        connect_timeout: given.value("connect-timeout", parse_duration)?,
        stall_timeout: given.value("stall-timeout", parse_duration)?,
        banner: given.value("banner", parse_banner)?,
        log_level: given.value("log-level", LogLevels::parse)?,
        transfer_log: given.text("transfer-log").map(PathBuf::from),
        stats: given.is_present("stats"),
        trace: given.is_present("trace"),
        synthetic: given.is_present("synthetic"),
        user: given.text("user"),
        chroot: if given.is_present("no-chroot") {
            Chroot::Unwanted
        } else {
            Chroot::Wanted
        },
        users: given.text("users").map(PathBuf::from),
        users_privacy: users_privacy(&given)?,
        anonymous: anonymous(&given)?,
        rate_limit: given.optional_value("rate-limit", parse_rate)?,
        durable: given.is_present("durable"),
        umask: given.optional_value("umask", parse_umask)?,
        keeps_part: given.value("partial", parse_partial)?,
        events: given.text("events").map(PathBuf::from),
        techniques: Techniques::parse(&given.texts("without"))
            .map_err(|reason| OptionError(format!("--without {reason}")))?,
    };
    options.fit_together(&given)?;
    Ok(Invocation::Serve(Box::new(options)))
}

fn parse_rate(text: &str) -> Result<u64, String> {
    parse_size(text)
        .filter(|rate| *rate > 0)
        .ok_or_else(|| "expected bytes a second, such as 500K or 10M".to_owned())
}

fn parse_umask(text: &str) -> Result<u32, String> {
    let is_octal = (1..=4).contains(&text.len()) && text.bytes().all(|digit| matches!(digit, b'0'..=b'7'));
    // Without its owner's permissions a file could not be sent again by the server that received it.
    u32::from_str_radix(text, 8)
        .ok()
        .filter(|mask| is_octal && *mask <= 0o077)
        .ok_or_else(|| {
            "expected octal digits from 000 to 077, such as 022 (others may read) or 027 (only the group)".to_owned()
        })
}

fn parse_partial(text: &str) -> Result<bool, String> {
    match text {
        "discard" => Ok(false),
        "keep" => Ok(true),
        _ => Err("expected discard or keep".to_owned()),
    }
}

fn anonymous(given: &Given) -> Result<AnonymousAccess, OptionError> {
    let access = given.value("anonymous", AnonymousAccess::parse)?;
    if !given.is_present("write") {
        return Ok(access);
    }
    match given.text("anonymous") {
        None => Ok(AnonymousAccess::Write),
        Some(_) if access == AnonymousAccess::Write => Ok(access),
        Some(text) => Err(OptionError(format!("--anonymous {text}: contradicts --write"))),
    }
}

fn users_privacy(given: &Given) -> Result<Privacy, OptionError> {
    match (given.is_present("insecure-users-file"), given.text("users")) {
        (false, _) => Ok(Privacy::Required),
        (true, Some(_)) => Ok(Privacy::Waived),
        (true, None) => Err(OptionError(
            "--insecure-users-file: expected --users FILE with it".to_owned(),
        )),
    }
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
