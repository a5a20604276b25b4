//! ftpstorm's command line: what the run shall do.

mod rows;

use crate::scenario::{Mix, SCENARIOS, Scenario, ScenarioKind};
use crate::script::{Flow, PassiveCommand};
use crate::sources::Sources;
use loopftpd::computed_file::ComputedFile;
use loopftpd::options::{Given, OptionError};
use loopftpd::units::{parse_count, parse_duration, parse_size};
use rows::{TABLE, introduction};
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Length of a run that neither `--duration` nor a count ends.
const USUAL_DURATION: Duration = Duration::from_secs(10);

/// What a run shall do.
#[derive(Clone, Debug)]
pub struct RunOptions {
    pub scenario: &'static Scenario,
    pub target: SocketAddr,
    pub clients: usize,
    /// Operations per second, all clients together; `None`: each begins when the previous one has ended.
    pub rate: Option<f64>,
    pub duration: Option<Duration>,
    pub count: Option<u64>,
    pub ramp: Duration,
    pub path: Option<String>,
    pub size: u64,
    /// Uploads are zeros and are not downloaded again.
    pub store_only: bool,
    pub expect: Flow,
    pub user: String,
    pub password: String,
    pub sources: Option<Sources>,
    pub passive_command: PassiveCommand,
    pub list: String,
    pub mix: Mix,
    pub timeout: Duration,
    pub noop_limit: Option<Duration>,
    pub seed: u64,
    pub pid: Option<u32>,
    pub json: Option<PathBuf>,
    pub svg: Option<PathBuf>,
    pub is_quiet: bool,
}

/// A parsed command line.
#[derive(Clone, Debug)]
pub enum ParsedArguments {
    Run(Box<RunOptions>),
    Help(String),
    Version(String),
}

/// Parses the command line, without the program's name.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<ParsedArguments, OptionError> {
    let given = TABLE.read(arguments)?;
    if given.is_present("help") {
        return Ok(ParsedArguments::Help(TABLE.help(&introduction())));
    }
    if given.is_present("version") {
        let version = format!("ftpstorm {}\n", env!("CARGO_PKG_VERSION"));
        return Ok(ParsedArguments::Version(version));
    }
    let (scenario, target) = operands(&given)?;
    if !target.ip().to_canonical().is_loopback() && !given.is_present("i-own-this-server") {
        return Err(OptionError(format!(
            "{target}: not this machine. Running ftpstorm against a server that is not yours is an attack; if it is \
             yours, give --i-own-this-server"
        )));
    }
    let count = given.optional_value("count", parse_count)?.map(|count| count as u64);
    let count = count.or(scenario.usual_count);
    let duration = given.optional_value("duration", parse_duration)?;
    let options = RunOptions {
        scenario,
        target,
        clients: if scenario.kind == ScenarioKind::Exhaust {
            1
        } else {
            given.value("clients", parse_count)?
        },
        rate: given.optional_value("rate", parse_rate)?,
        duration: duration.or(count.is_none().then_some(USUAL_DURATION)),
        count,
        ramp: given.optional_value("ramp", parse_duration)?.unwrap_or_default(),
        path: given.optional_value("path", parse_line)?,
        size: given.value("size", |text| {
            parse_size(text).ok_or_else(|| "expected a size such as 64K or 10M".to_owned())
        })?,
        store_only: given.is_present("store-only"),
        expect: given.optional_value("expect", parse_content)?.unwrap_or(Flow::SameSize),
        user: given.value("user", parse_line)?,
        password: given.value("password", parse_line)?,
        sources: given.optional_value("source", Sources::parse)?,
        passive_command: if given.is_present("epsv") {
            PassiveCommand::Epsv
        } else {
            PassiveCommand::Pasv
        },
        list: given.value("list", parse_list)?,
        mix: given.value("mix", Mix::parse)?,
        timeout: given.value("timeout", parse_duration)?,
        noop_limit: given.optional_value("noop-limit", parse_duration)?,
        seed: given.value("seed", |text| text.parse().map_err(|_| "expected a number".to_owned()))?,
        pid: given.optional_value("pid", parse_pid)?,
        json: given.text("json").map(PathBuf::from),
        svg: given.text("svg").map(PathBuf::from),
        is_quiet: given.is_present("quiet"),
    };
    options.fit_together(given.is_present("expect"))?;
    Ok(ParsedArguments::Run(Box::new(options)))
}

impl RunOptions {
    /// Each option can be right by itself and wrong beside another. `has_expect`: `--expect` was given.
    fn fit_together(&self, has_expect: bool) -> Result<(), OptionError> {
        let name = self.scenario.name;
        let has_part = |weight: u32| self.scenario.kind != ScenarioKind::Mixed || weight > 0;
        let downloads = self.scenario.downloads && has_part(self.mix.download);
        let sends_noop = self.scenario.sends_noop && has_part(self.mix.noop);
        if downloads && self.path.is_none() {
            return Err(OptionError("--path: expected the file to download".to_owned()));
        }
        // An expectation that nothing is compared with would be met silently.
        if has_expect && !(downloads && self.scenario.compares) {
            return Err(OptionError(format!("--expect: {name} compares no download")));
        }
        if self.noop_limit.is_some() && !sends_noop {
            return Err(OptionError(format!("--noop-limit: {name} sends no NOOP")));
        }
        Ok(())
    }

    /// Whether downloads are expected to have no bytes.
    pub fn expects_an_empty_file(&self) -> bool {
        match self.expect {
            Flow::Compare { size, .. } => size == 0,
            // The CRC-32 of nothing.
            Flow::Checksum(sum) => sum == 0,
            _ => false,
        }
    }

    /// Whether clients have all of 127.0.0.0/8 to connect from.
    pub fn is_v4_loopback(&self) -> bool {
        self.target.is_ipv4() && self.target.ip().is_loopback()
    }
}

fn operands(given: &Given) -> Result<(&'static Scenario, SocketAddr), OptionError> {
    let [scenario, target] = given.operands() else {
        return Err(OptionError("expected SCENARIO ADDR:PORT".to_owned()));
    };
    let found = SCENARIOS.iter().find(|known| known.name == scenario).ok_or_else(|| {
        let names = SCENARIOS.each_ref().map(|known| known.name).join(", ");
        OptionError(format!("{scenario}: expected one of {names}"))
    })?;
    let address = target.trim_start_matches("ftp://").trim_end_matches('/');
    let address = address.replace("localhost:", "127.0.0.1:");
    let address = address
        .parse()
        .map_err(|_| OptionError(format!("{target}: expected ADDR:PORT, an IP address and a port")))?;
    Ok((found, address))
}

fn parse_rate(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|rate: &f64| rate.is_finite() && *rate > 0.0)
        .ok_or_else(|| "expected operations per second, such as 100".to_owned())
}

/// What is sent in a command must not contain a line end.
fn parse_line(text: &str) -> Result<String, String> {
    if text.bytes().any(|byte| byte.is_ascii_control()) {
        return Err("expected one line without control characters".to_owned());
    }
    Ok(text.to_owned())
}

fn parse_list(text: &str) -> Result<String, String> {
    match text.to_ascii_uppercase().as_str() {
        verb @ ("LIST" | "NLST" | "MLSD") => Ok(verb.to_owned()),
        _ => Err("expected LIST, NLST or MLSD".to_owned()),
    }
}

fn parse_pid(text: &str) -> Result<u32, String> {
    text.parse()
        .ok()
        .filter(|pid| std::path::Path::new(&format!("/proc/{pid}")).exists())
        .ok_or_else(|| "expected the id of a running process".to_owned())
}

fn parse_content(text: &str) -> Result<Flow, String> {
    if let Some(digits) = text.strip_prefix("crc32:") {
        return u32::from_str_radix(digits, 16)
            .map(Flow::Checksum)
            .map_err(|_| "expected crc32: and eight hexadecimal digits".to_owned());
    }
    ComputedFile::from_name(text.as_bytes())
        .map(|ComputedFile { size, content }| Flow::Compare { content, size })
        .ok_or_else(|| "expected SIZE.pattern, SIZE.zero, SIZE.rand?seed=N or crc32:HEX".to_owned())
}

#[cfg(test)]
pub(crate) mod tests;
