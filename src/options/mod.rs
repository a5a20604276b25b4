//! The command line of the server: each option once, with its name, value, default, help and check.

mod rows;
mod table;
mod tls;
mod values;

pub use table::{Given, HIDDEN, OptionError, Row, Table};
pub use tls::{TlsOptions, TlsPolicy, TlsResumption, TlsSource};
pub use values::{LogLevels, PublicAddresses, Technique, Techniques};

use crate::accounts::{AnonymousAccess, Privacy, Rights};
use crate::confine::{Chroot, SandboxPolicy, Violation};
use crate::storage::UploadPolicy;
use crate::trace;
use crate::units::{parse_count, parse_duration, parse_size};
use rows::{HASH_PASSWORD_HELP, INTRODUCTION, TABLE};
use std::ffi::OsString;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;
use values::{parse_banner, parse_choice, parse_host, parse_listen, parse_port_range, parse_public_address};

/// The values of `--anonymous`.
const ANONYMOUS: [(&str, AnonymousAccess); 4] = [
    ("off", AnonymousAccess::Off),
    ("read", AnonymousAccess::Read),
    ("upload", AnonymousAccess::Upload),
    ("write", AnonymousAccess::Write),
];

/// The values of `--partial`: whether the partial file is kept.
const ON_VIOLATION: [(&str, Violation); 2] = [("refuse", Violation::Refuse), ("kill", Violation::Kill)];
const PARTIAL: [(&str, bool); 2] = [("discard", false), ("keep", true)];

/// The checked command line of a server.
#[derive(Clone, Debug)]
pub struct Options {
    pub directory: PathBuf,
    pub listen: Vec<SocketAddr>,
    pub passive_ports: RangeInclusive<u16>,
    pub public_addresses: PublicAddresses,
    pub active: bool,
    pub announces_deflate: bool,
    pub max_sessions: usize,
    /// Whether `max_sessions` was given and is not the default.
    pub max_sessions_is_chosen: bool,
    /// `None`: the default, from which this machine's own addresses are exempt; 0: no limit.
    pub max_sessions_per_ip: Option<usize>,
    pub timeouts: Timeouts,
    pub banner: String,
    pub log_level: LogLevels,
    pub transfer_log: Option<PathBuf>,
    /// Whether the counters are printed at exit.
    pub stats: bool,
    /// Whose part of the event loop is printed; `None`: nothing is.
    pub trace: Option<trace::Selection>,
    /// Where the status page is.
    pub status: Option<SocketAddr>,
    /// Names that requests for it may use, besides its address.
    pub status_hosts: Vec<String>,
    pub synthetic: bool,
    pub user: Option<String>,
    pub chroot: Chroot,
    pub sandbox: SandboxPolicy,
    pub on_violation: Violation,
    pub users: Option<PathBuf>,
    pub users_privacy: Privacy,
    pub anonymous: AnonymousAccess,
    /// Bytes per second and session.
    pub rate_limit: Option<u64>,
    pub uploads: UploadPolicy,
    /// `None`: the umask of the process.
    pub umask: Option<u32>,
    pub events: Option<PathBuf>,
    pub tls: TlsOptions,
    /// For measurements; not in `--help`.
    pub techniques: Techniques,
}

/// How long a client may keep the server waiting.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// For a login.
    pub login: Duration,
    /// For a command.
    pub idle: Duration,
    /// For a data connection and the transfer command that uses it.
    pub connect: Duration,
    /// For progress of a transfer, and for replies to be read.
    pub stall: Duration,
}

impl Options {
    /// Whether any client may change files. A server with a users file allows it, because SIGHUP can change rights.
    pub fn allows_changes(&self) -> bool {
        self.users.is_some() || self.anonymous.rights().is_some_and(Rights::allows_changes)
    }

    /// The options that name files, and what they name.
    pub fn files(&self) -> impl Iterator<Item = (&'static str, &Path)> {
        let files = [
            ("--users", &self.users),
            ("--transfer-log", &self.transfer_log),
            ("--events", &self.events),
        ];
        files
            .into_iter()
            .filter_map(|(option, file)| Some((option, file.as_deref()?)))
    }

    /// Refuses options that are valid alone but not together.
    fn fit_together(&self, given: &Given) -> Result<(), OptionError> {
        let wrong = |text: String| Err(OptionError(text));
        if self.trace.is_some() && self.events_to_standard_output() {
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
        if !self.status_hosts.is_empty() && self.status.is_none() {
            return wrong("--status-host: needs --status ADDR:PORT".to_owned());
        }
        for (index, (option, file)) in self.files().enumerate() {
            if let Some((other, _)) = self.files().skip(index + 1).find(|(_, other)| *other == file) {
                return wrong(format!(
                    "{option} {}: the same file as {other}; use different files",
                    file.display()
                ));
            }
        }
        let (low, high) = (self.passive_ports.start(), self.passive_ports.end());
        if let Some(address) = self
            .status
            .filter(|address| self.passive_ports.contains(&address.port()))
        {
            return wrong(format!(
                "--status {address}: the port is within --passive-ports {low}-{high}; change one of them"
            ));
        }
        let listen = || {
            let clear = self.listen.iter().map(|address| ("--listen", address));
            clear.chain(self.tls.listen.iter().map(|address| ("--listen-tls", address)))
        };
        for (index, (option, address)) in listen().enumerate() {
            if self.passive_ports.contains(&address.port()) {
                return wrong(format!(
                    "{option} {address}: the port is within --passive-ports {low}-{high}; change one of them"
                ));
            }
            if address.port() != 0 && listen().skip(index + 1).any(|(_, other)| other == address) {
                return wrong(format!("{option} {address}: given twice"));
            }
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
    /// Confine the process as a server with these options, and try what must be impossible then.
    CheckSandbox(Box<Options>),
    /// Print this text: help or version.
    Print(String),
    /// Read a password and print its hash.
    HashPassword,
}

/// Parses the command line, without the program's name, and checks that DIR is a directory.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Invocation, OptionError> {
    let given = TABLE.read(arguments)?;
    if given.is_present("help") {
        return Ok(Invocation::Print(if given.is_present("hash-password") {
            HASH_PASSWORD_HELP.to_owned()
        } else {
            TABLE.help(INTRODUCTION)
        }));
    }
    if given.is_present("version") {
        return Ok(Invocation::Print(format!("loopftpd {}\n", env!("CARGO_PKG_VERSION"))));
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
        listen: given.values("listen", parse_listen)?,
        passive_ports: given.value("passive-ports", parse_port_range)?,
        public_addresses: PublicAddresses::of(given.values("public-address", parse_public_address)?),
        active: !given.is_present("no-active"),
        announces_deflate: given.is_present("announce-mode-z"),
        max_sessions: given.value("max-sessions", parse_count)?,
        max_sessions_is_chosen: given.is_present("max-sessions"),
        max_sessions_per_ip: given.optional_value("max-sessions-per-ip", parse_limit)?,
        timeouts: Timeouts {
            login: given.value("login-timeout", parse_duration)?,
            idle: given.value("idle-timeout", parse_duration)?,
            connect: given.value("connect-timeout", parse_duration)?,
            stall: given.value("stall-timeout", parse_duration)?,
        },
        banner: given.value("banner", parse_banner)?,
        log_level: given.value("log-level", LogLevels::parse)?,
        transfer_log: given.text("transfer-log").map(PathBuf::from),
        stats: given.is_present("stats"),
        trace: trace_selection(&given)?,
        status: given.optional_value("status", parse_listen)?,
        status_hosts: given.values("status-host", parse_host)?,
        synthetic: given.is_present("synthetic"),
        user: given.text("user"),
        chroot: if given.is_present("no-chroot") {
            Chroot::Unwanted
        } else {
            Chroot::Wanted
        },
        sandbox: sandbox(&given)?,
        on_violation: given.value("on-violation", |text| parse_choice(text, &ON_VIOLATION))?,
        users: given.text("users").map(PathBuf::from),
        users_privacy: users_privacy(&given)?,
        anonymous: anonymous(&given)?,
        rate_limit: given.optional_value("rate-limit", parse_rate)?,
        uploads: UploadPolicy {
            durable: given.is_present("durable"),
            keeps_part: given.value("partial", |text| parse_choice(text, &PARTIAL))?,
        },
        umask: given.optional_value("umask", parse_umask)?,
        events: given.text("events").map(PathBuf::from),
        tls: TlsOptions::parse(&given)?,
        techniques: Techniques {
            left_out: given.values("without", Technique::parse)?,
        },
    };
    options.fit_together(&given)?;
    let options = Box::new(options);
    Ok(if given.is_present("check-sandbox") {
        Invocation::CheckSandbox(options)
    } else {
        Invocation::Serve(options)
    })
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

fn sandbox(given: &Given) -> Result<SandboxPolicy, OptionError> {
    let wanted = ["require-sandbox", "check-sandbox", "on-violation"];
    match wanted.into_iter().find(|option| given.is_present(option)) {
        Some(option) if given.is_present("no-sandbox") => {
            Err(OptionError(format!("--no-sandbox: contradicts --{option}")))
        }
        None if given.is_present("no-sandbox") => Ok(SandboxPolicy::Off),
        _ if given.is_present("require-sandbox") => Ok(SandboxPolicy::Required),
        _ => Ok(SandboxPolicy::BestEffort),
    }
}

fn anonymous(given: &Given) -> Result<AnonymousAccess, OptionError> {
    let access = given.value("anonymous", |text| parse_choice(text, &ANONYMOUS))?;
    match given.text("anonymous") {
        _ if !given.is_present("write") => Ok(access),
        Some(text) if access != AnonymousAccess::Write => {
            Err(OptionError(format!("--anonymous {text}: contradicts --write")))
        }
        Some(_) | None => Ok(AnonymousAccess::Write),
    }
}

fn users_privacy(given: &Given) -> Result<Privacy, OptionError> {
    match (given.is_present("insecure-users-file"), given.text("users")) {
        (false, _) => Ok(Privacy::Required),
        (true, Some(_)) => Ok(Privacy::Waived),
        (true, None) => Err(OptionError("--insecure-users-file: needs --users FILE".to_owned())),
    }
}

fn trace_selection(given: &Given) -> Result<Option<trace::Selection>, OptionError> {
    let chosen = given.optional_value("trace", |text| {
        let expected = || "expected the number of a session, or a client's IP address".to_owned();
        trace::Selection::parse(text).ok_or_else(expected)
    })?;
    let everything = given.is_present("trace").then_some(trace::Selection::Everything);
    Ok(chosen.or(everything))
}

fn parse_limit(text: &str) -> Result<usize, String> {
    if text == "0" { Ok(0) } else { parse_count(text) }
}

fn directory(operands: &[String]) -> Result<PathBuf, OptionError> {
    let directory = match operands {
        [] => PathBuf::from("."),
        [directory] => PathBuf::from(directory),
        [_, second, ..] => return Err(OptionError(format!("{second}: only one directory can be served"))),
    };
    let shown = directory.display();
    match directory.metadata() {
        Ok(found) if !found.is_dir() => Err(OptionError(format!("{shown}: not a directory"))),
        Err(error) => Err(OptionError(format!("{shown}: cannot be served: {error}"))),
        Ok(_) => Ok(directory),
    }
}

#[cfg(test)]
pub(crate) mod tests;
