//! The command line of the server: each option once, with its name, value, default, help and check.

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

/// The checked command line of a server.
#[derive(Clone, Debug)]
pub struct Options {
    pub directory: PathBuf,
    pub listen: Vec<SocketAddr>,
    pub passive_ports: PortRange,
    pub public_addresses: PublicAddresses,
    pub active: bool,
    pub announces_deflate: bool,
    pub max_sessions: usize,
    /// Whether `max_sessions` was given and is not the default.
    pub max_sessions_is_chosen: bool,
    /// `None`: the default, from which this machine's own addresses are exempt; 0: no limit.
    pub max_sessions_per_ip: Option<usize>,
    pub idle_timeout: Duration,
    pub login_timeout: Duration,
    pub connect_timeout: Duration,
    pub stall_timeout: Duration,
    pub banner: String,
    pub log_level: LogLevels,
    pub transfer_log: Option<PathBuf>,
    /// Whether the counters are printed at exit.
    pub stats: bool,
    pub trace: bool,
    pub synthetic: bool,
    pub user: Option<String>,
    pub chroot: Chroot,
    pub users: Option<PathBuf>,
    pub users_privacy: Privacy,
    pub anonymous: AnonymousAccess,
    /// Bytes per second and session.
    pub rate_limit: Option<u64>,
    pub durable: bool,
    /// `None`: the umask of the process.
    pub umask: Option<u32>,
    pub keeps_part: bool,
    pub events: Option<PathBuf>,
    /// For measurements; not in `--help`.
    pub techniques: Techniques,
}

impl Options {
    /// Whether any client may change files. A server with a users file allows it, because SIGHUP can change rights.
    pub fn allows_changes(&self) -> bool {
        self.users.is_some() || self.anonymous.rights().is_some_and(Rights::allows_changes)
    }

    /// Refuses options that are valid alone but not together.
    fn fit_together(&self, given: &Given) -> Result<(), OptionError> {
        let wrong = |text: String| Err(OptionError(text));
        if self.trace && self.events_to_standard_output() {
            return wrong("--trace: --events - uses standard output too; give --events a file".to_owned());
        }
        if self.anonymous == AnonymousAccess::Off && self.users.is_none() {
            return wrong("--anonymous off: nobody could log in; add --users FILE".to_owned());
        }
        for option in ["durable", "partial", "umask"] {
            if given.is_present(option) && !self.allows_changes() {
                return wrong(format!(
                    "--{option}: nobody may upload; add --write, --anonymous upload or --users FILE"
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
                    "--{option} {0}: the same file as --{other}; use different files",
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
                "--listen {address}: the port is within --passive-ports {}; change one of them",
                self.passive_ports
            ));
        }
        Ok(())
    }

    /// Whether standard output carries events, so that nothing else may be written to it.
    pub fn events_to_standard_output(&self) -> bool {
        self.events.as_deref() == Some(Path::new("-"))
    }
}

/// What the command line asks the program to do.
#[derive(Clone, Debug)]
pub enum Invocation {
    Serve(Box<Options>),
    Help(String),
    Version(String),
    /// Read a password and print its hash.
    HashPassword,
}

const INTRODUCTION: &str = "\
Serves a directory over FTP, read-only and to anonymous clients by default.

Usage: loopftpd [OPTIONS] [DIR]
       loopftpd --hash-password

DIR is the directory to serve [default: the current directory].
";

/// What `--hash-password --help` prints.
const HASH_PASSWORD_HELP: &str = "\
Reads a password and prints its argon2id hash, for a line of the users file.

Usage: loopftpd --hash-password

On a terminal the password is asked for twice and not shown. Otherwise it is
the first line of standard input. It has 1 to 256 bytes, without NUL and CR.
";

const NETWORK: &str = "Network";
const FILES: &str = "Files";
const ACCOUNTS: &str = "Accounts and rights";
const UPLOADS: &str = "Uploads";
const LIMITS: &str = "Limits";
const TIMES: &str = "Timeouts (30s, 5m, 2h; a bare number is seconds)";
const OUTPUT: &str = "Output";
const PROCESS: &str = "Process";

#[rustfmt::skip]
static TABLE: Table = Table(&[
    Row { group: NETWORK, short: "l", long: "listen", value: "ADDR:PORT", default: "127.0.0.1:2121",
          is_repeatable: true,
          help: "address to listen on, IPv4 or [IPv6]; [::]:PORT accepts both; port 0 picks a free port; may be \
                 repeated" },
    Row { group: NETWORK, short: "p", long: "passive-ports", value: "LO-HI", default: "30000-30255",
          help: "ports for passive data connections, bound at the start", ..Row::BLANK },
    Row { group: NETWORK, long: "public-address", value: "[CLIENT-NET=]IP", is_repeatable: true,
          help: "address to announce in PASV replies, to all clients or to those of a network (10.0.0.0/8=10.0.0.5); \
                 may be repeated [default: the address that the client connected to]", ..Row::BLANK },
    Row { group: NETWORK, long: "no-active",
          help: "refuse active mode (PORT and EPRT)", ..Row::BLANK },
    Row { group: NETWORK, long: "announce-mode-z",
          help: "list MODE Z (deflate) in FEAT, for slow networks; some clients use it whenever it is \
                 listed", ..Row::BLANK },
    Row { group: FILES, long: "synthetic",
          help: "add computed files of any size, such as /gen/1G.zero, /gen/10M.pattern and \
                 /gen/5M.rand?seed=7", ..Row::BLANK },
    Row { group: ACCOUNTS, long: "anonymous", value: "off|read|upload|write", default: "read",
          help: "what clients without an account may do; upload stores new files and shows none", ..Row::BLANK },
    Row { group: ACCOUNTS, short: "w", long: "write",
          help: "same as --anonymous write, for networks that you trust", ..Row::BLANK },
    Row { group: ACCOUNTS, long: "users", value: "FILE",
          help: "accounts, one per line: name:hash:root:rights[:limits]; SIGHUP reloads the file", ..Row::BLANK },
    Row { group: ACCOUNTS, long: "insecure-users-file",
          help: "accept a users file that others than its owner can read or write", ..Row::BLANK },
    Row { group: ACCOUNTS, long: "hash-password",
          help: "read a password from the terminal or a pipe, print its hash and exit", ..Row::BLANK },
    Row { group: UPLOADS, long: "partial", value: "discard|keep", default: "discard",
          help: "discard or keep the partial file of an aborted upload; kept only if no file has its name", ..Row::BLANK },
    Row { group: UPLOADS, long: "umask", value: "OCTAL",
          help: "umask for new files and directories, such as 022 [default: the umask of the process]", ..Row::BLANK },
    Row { group: UPLOADS, long: "durable",
          help: "fsync before replying 226: a power cut loses no acknowledged upload", ..Row::BLANK },
    Row { group: LIMITS, long: "rate-limit", value: "SIZE",
          help: "bytes per second for the transfers of one session, such as 500K or 10M [default: no \
                 limit]", ..Row::BLANK },
    Row { group: LIMITS, short: "m", long: "max-sessions", value: "N", default: "10000",
          help: "concurrent sessions", ..Row::BLANK },
    Row { group: LIMITS, long: "max-sessions-per-ip", value: "N",
          help: "concurrent sessions per address, with an IPv6 /64 counted as one; 0 for no limit [default: 50, no \
                 limit for this machine's own addresses]", ..Row::BLANK },
    Row { group: TIMES, long: "idle-timeout", value: "TIME", default: "5m",
          help: "end sessions that send no command and have no transfer for this long", ..Row::BLANK },
    Row { group: TIMES, long: "login-timeout", value: "TIME", default: "1m",
          help: "close connections that have not logged in after this long", ..Row::BLANK },
    Row { group: TIMES, long: "connect-timeout", value: "TIME", default: "30s",
          help: "give up waiting for a data connection", ..Row::BLANK },
    Row { group: TIMES, long: "stall-timeout", value: "TIME", default: "1m",
          help: "abort transfers that make no progress for this long", ..Row::BLANK },
    Row { group: OUTPUT, long: "banner", value: "TEXT", default: "Welcome",
          help: "text of the greeting, one line of printable ASCII", ..Row::BLANK },
    Row { group: OUTPUT, long: "log-level", value: "LEVEL[,MODULE=LEVEL…]", default: "info",
          help: "off, error, warn, info, debug or trace; also per module, as in warn,event_loop=debug", ..Row::BLANK },
    Row { group: OUTPUT, long: "transfer-log", value: "FILE",
          help: "append a line in xferlog format for each file sent or received; SIGHUP reopens the \
                 file", ..Row::BLANK },
    Row { group: OUTPUT, long: "events", value: "FILE|-",
          help: "append a JSON line for each connection, login, transfer, change and refusal; - is standard \
                 output", ..Row::BLANK },
    Row { group: OUTPUT, long: "stats",
          help: "print the counters of the event loop at exit; implied by --log-level debug", ..Row::BLANK },
    Row { group: OUTPUT, short: "t", long: "trace",
          help: "print every iteration of the event loop: events, state changes, output, next \
                 deadline", ..Row::BLANK },
    Row { group: PROCESS, short: "u", long: "user", value: "NAME",
          help: "user to become when started as root, by name or number [default: the owner of DIR, or nobody if that \
                 is root]", ..Row::BLANK },
    Row { group: PROCESS, long: "no-chroot",
          help: "do not chroot into DIR when started as root, for containers without CAP_SYS_CHROOT", ..Row::BLANK },
    Row { group: PROCESS, short: "h", long: "help",
          help: "print this help", ..Row::BLANK },
    Row { group: PROCESS, short: "V", long: "version",
          help: "print the version", ..Row::BLANK },
    Row { group: HIDDEN, long: "without", value: "TECHNIQUE", is_repeatable: true,
          help: "leave out what makes the server fast: cork, write-first, ring, coalescing, nodelay, \
                 busy-poll", ..Row::BLANK },
]);

/// Parses the command line, without the program's name, and checks that DIR is a directory.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Invocation, OptionError> {
    let given = TABLE.read(arguments)?;
    if given.is_present("help") {
        let serves = !given.is_present("hash-password");
        let text = if serves {
            TABLE.help(INTRODUCTION)
        } else {
            HASH_PASSWORD_HELP.to_owned()
        };
        return Ok(Invocation::Help(text));
    }
    if given.is_present("version") {
        return Ok(Invocation::Version(format!("loopftpd {}\n", env!("CARGO_PKG_VERSION"))));
    }
    if given.is_present("hash-password") {
        if given.is_alone("hash-password") {
            return Ok(Invocation::HashPassword);
        }
        return Err(OptionError(
            "--hash-password: serves nothing; expected no directory and no other option".to_owned(),
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
        .ok_or_else(|| "expected bytes per second, such as 500K or 10M".to_owned())
}

fn parse_umask(text: &str) -> Result<u32, String> {
    let is_octal = (1..=4).contains(&text.len()) && text.bytes().all(|digit| matches!(digit, b'0'..=b'7'));
    // Masking the owner's permissions would leave files that the server itself cannot read.
    u32::from_str_radix(text, 8)
        .ok()
        .filter(|mask| is_octal && *mask <= 0o077)
        .ok_or_else(|| {
            "expected octal digits from 000 to 077, such as 022 (all may read) or 027 (owner and group only)".to_owned()
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
        (true, None) => Err(OptionError("--insecure-users-file: needs --users FILE".to_owned())),
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
        [_, second, ..] => return Err(OptionError(format!("{second}: only one directory can be served"))),
    };
    match std::fs::metadata(&directory) {
        Ok(found) if found.is_dir() => Ok(directory),
        Ok(_) => Err(OptionError(format!("{}: not a directory", directory.display()))),
        Err(error) => Err(OptionError(format!(
            "{}: cannot be served: {error}",
            directory.display()
        ))),
    }
}

#[cfg(test)]
mod tests;
