//! Every option of ftpstorm once: its name, value, default, help and check.

use super::script::{Announcement, Flow};
use super::sources::Sources;
use loopftpd::computed_file::ComputedFile;
use loopftpd::options::{Given, OptionError, Row, Table};
use loopftpd::units::{parse_count, parse_duration, parse_size};
use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// What is to be done with the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    Login,
    Cycle,
    Download,
    Upload,
    Mixed,
    Idle,
    Fair,
    Exhaust,
    Hoard,
    Slowloris,
    Stall,
    Thief,
    Squat,
    Reset,
    Flood,
    Lines,
}

/// A scenario's name, and what it is about in a line.
const SCENARIOS: [(&str, Scenario, &str); 16] = [
    ("login", Scenario::Login, "connect, USER, PASS, QUIT"),
    (
        "cycle",
        Scenario::Cycle,
        "PASV or EPSV, connect, LIST (--list NLST or MLSD)",
    ),
    ("download", Scenario::Download, "PASV, connect, RETR --path"),
    (
        "upload",
        Scenario::Upload,
        "STOR a pattern of --size into --path, read it back, compare",
    ),
    ("mixed", Scenario::Mixed, "all of these, weighted by --mix"),
    (
        "idle",
        Scenario::Idle,
        "hold --clients sessions and ask a sample of them NOOP",
    ),
    (
        "fair",
        Scenario::Fair,
        "downloads of --path with a NOOP prober beside them",
    ),
    (
        "exhaust",
        Scenario::Exhaust,
        "attack: one session, PASV + connect + LIST 70,000 times",
    ),
    ("hoard", Scenario::Hoard, "attack: PASV without connecting, on and on"),
    (
        "slowloris",
        Scenario::Slowloris,
        "attack: a byte every two seconds, never a login",
    ),
    (
        "stall",
        Scenario::Stall,
        "attack: downloads of --path that nobody reads",
    ),
    (
        "thief",
        Scenario::Thief,
        "attack: connect to passive ports announced to others",
    ),
    ("squat", Scenario::Squat, "attack: occupy part of the passive range"),
    (
        "reset",
        Scenario::Reset,
        "attack: reset downloads of --path in the middle",
    ),
    (
        "flood",
        Scenario::Flood,
        "attack: pipelined commands whose replies are not read",
    ),
    ("lines", Scenario::Lines, "attack: endless and odd lines"),
];

/// Everything that can be chosen.
#[derive(Clone, Debug)]
pub struct Options {
    pub scenario: Scenario,
    pub target: SocketAddr,
    pub clients: usize,
    /// Operations a second, all clients together; `None`: each begins when the one before has ended.
    pub rate: Option<f64>,
    pub duration: Option<Duration>,
    pub count: Option<u64>,
    pub ramp: Duration,
    pub path: Option<String>,
    pub size: u64,
    /// Uploads are zeros and are not read back.
    pub store_only: bool,
    pub expect: Flow,
    pub user: String,
    pub password: String,
    pub sources: Option<Sources>,
    pub announcement: Announcement,
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

/// How often the parts of `mixed` are chosen, relative to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mix {
    pub cycle: u32,
    pub download: u32,
    pub upload: u32,
    pub noop: u32,
}

/// What the command line asks for.
#[derive(Clone, Debug)]
pub enum Invocation {
    Storm(Box<Options>),
    Help(String),
    Version(String),
}

const LOAD: &str = "How much";
const WHAT: &str = "Of what";
const WHOM: &str = "Against whom";
const OUTPUT: &str = "What is shown and written";

#[rustfmt::skip]
static TABLE: Table = Table(&[
    Row { group: LOAD, short: "c", long: "clients", value: "N", default: "10", is_repeatable: false,
          help: "clients at once; exhaust has one" },
    Row { group: LOAD, short: "r", long: "rate", value: "N", default: "", is_repeatable: false,
          help: "begin N operations a second, or fail; latencies count from when each was due" },
    Row { group: LOAD, short: "d", long: "duration", value: "TIME", default: "", is_repeatable: false,
          help: "end after that time [10s, unless --count is given]" },
    Row { group: LOAD, short: "n", long: "count", value: "N", default: "", is_repeatable: false,
          help: "end after that many operations [exhaust: 70,000; thief: 10,000]" },
    Row { group: LOAD, short: "", long: "ramp", value: "TIME", default: "", is_repeatable: false,
          help: "spread the beginnings of the clients over that time" },
    Row { group: LOAD, short: "", long: "timeout", value: "TIME", default: "30s", is_repeatable: false,
          help: "a step without progress for so long has failed; when nothing succeeds for so long, the run stops" },
    Row { group: WHAT, short: "", long: "path", value: "PATH", default: "", is_repeatable: false,
          help: "the file to download, the directory to list or to store into; mixed stores beside its download" },
    Row { group: WHAT, short: "", long: "size", value: "SIZE", default: "1M", is_repeatable: false,
          help: "size of each upload: 512, 64K, 10M, 1G; the files are removed in the end" },
    Row { group: WHAT, short: "", long: "store-only", value: "", default: "", is_repeatable: false,
          help: "upload zeros and do not read them back: measures storing alone" },
    Row { group: WHAT, short: "", long: "expect", value: "CONTENT", default: "", is_repeatable: false,
          help: "compare downloads, not only their sizes: 1G.pattern, 10M.zero, 5M.rand?seed=7 or crc32:89abcdef" },
    Row { group: WHAT, short: "", long: "list", value: "VERB", default: "LIST", is_repeatable: false,
          help: "LIST, NLST or MLSD" },
    Row { group: WHAT, short: "", long: "epsv", value: "", default: "", is_repeatable: false,
          help: "EPSV instead of PASV" },
    Row { group: WHAT, short: "", long: "mix", value: "PART=N,…", default: "cycle=4,download=4,noop=2", is_repeatable: false,
          help: "weights of mixed: cycle, download, upload, noop" },
    Row { group: WHAT, short: "", long: "seed", value: "N", default: "1", is_repeatable: false,
          help: "the same seed makes the same choices" },
    Row { group: WHOM, short: "u", long: "user", value: "NAME", default: "anonymous", is_repeatable: false,
          help: "log in as this user" },
    Row { group: WHOM, short: "", long: "password", value: "TEXT", default: "ftpstorm@", is_repeatable: false,
          help: "with this password" },
    Row { group: WHOM, short: "", long: "source", value: "ADDR/N", default: "", is_repeatable: false,
          help: "spread clients over the addresses of this network, as 127.1.0.0/16" },
    Row { group: WHOM, short: "", long: "i-own-this-server", value: "", default: "", is_repeatable: false,
          help: "allow a target that is not this machine" },
    Row { group: OUTPUT, short: "", long: "pid", value: "PID", default: "", is_repeatable: false,
          help: "sample the server's memory, descriptors and processor time, its children's too" },
    Row { group: OUTPUT, short: "", long: "noop-limit", value: "TIME", default: "", is_repeatable: false,
          help: "fail if the 99th percentile of NOOP is longer" },
    Row { group: OUTPUT, short: "", long: "json", value: "FILE", default: "", is_repeatable: false,
          help: "write the result there" },
    Row { group: OUTPUT, short: "", long: "svg", value: "FILE", default: "", is_repeatable: false,
          help: "draw throughput and latency there" },
    Row { group: OUTPUT, short: "q", long: "quiet", value: "", default: "", is_repeatable: false,
          help: "no progress while it runs; why a run has not passed is always said on standard error" },
    Row { group: OUTPUT, short: "h", long: "help", value: "", default: "", is_repeatable: false, help: "show this" },
    Row { group: OUTPUT, short: "V", long: "version", value: "", default: "", is_repeatable: false,
          help: "show the version" },
]);

/// Reads the command line, without the program's name.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Invocation, OptionError> {
    let given = TABLE.read(arguments)?;
    if given.is_present("help") {
        return Ok(Invocation::Help(TABLE.help(&introduction())));
    }
    if given.is_present("version") {
        return Ok(Invocation::Version(format!("ftpstorm {}\n", env!("CARGO_PKG_VERSION"))));
    }
    let (scenario, target) = operands(&given)?;
    if !target.ip().to_canonical().is_loopback() && !given.is_present("i-own-this-server") {
        return Err(OptionError(format!(
            "{target}: not this machine. A storm against a server of somebody else's is an attack; give \
             --i-own-this-server if it is yours"
        )));
    }
    let count = given.optional_value("count", parse_count)?.map(|count| count as u64);
    let count = count.or(scenario.usual_count());
    let duration = given.optional_value("duration", parse_duration)?;
    let options = Options {
        scenario,
        target,
        clients: if scenario == Scenario::Exhaust {
            1
        } else {
            given.value("clients", parse_count)?
        },
        rate: given.optional_value("rate", parse_rate)?,
        duration: duration.or(count.is_none().then_some(Duration::from_secs(10))),
        count,
        ramp: given.optional_value("ramp", parse_duration)?.unwrap_or_default(),
        path: given.optional_value("path", parse_line)?,
        size: given.value("size", |text| {
            parse_size(text).ok_or_else(|| "expected a size such as 64K or 10M".to_owned())
        })?,
        store_only: given.is_present("store-only"),
        expect: given
            .optional_value("expect", parse_expected)?
            .unwrap_or(Flow::SameSize),
        user: given.value("user", parse_line)?,
        password: given.value("password", parse_line)?,
        sources: given.optional_value("source", Sources::parse)?,
        announcement: if given.is_present("epsv") {
            Announcement::Epsv
        } else {
            Announcement::Pasv
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
    let downloads = scenario.downloads(options.mix);
    if downloads && options.path.is_none() {
        return Err(OptionError("--path: expected the file to download".to_owned()));
    }
    // An expectation that nothing is compared with would be met in silence.
    if given.is_present("expect") && !(downloads && scenario.compares()) {
        return Err(OptionError(format!(
            "--expect: {} compares no download",
            options.scenario_name()
        )));
    }
    if options.noop_limit.is_some() && !scenario.probes(options.mix) {
        return Err(OptionError(format!(
            "--noop-limit: {} sends no NOOP",
            options.scenario_name()
        )));
    }
    Ok(Invocation::Storm(Box::new(options)))
}

impl Scenario {
    /// Whether the question is if the server stood.
    pub fn is_attack(self) -> bool {
        match self {
            Scenario::Login
            | Scenario::Cycle
            | Scenario::Download
            | Scenario::Upload
            | Scenario::Mixed
            | Scenario::Idle
            | Scenario::Fair => false,
            Scenario::Exhaust
            | Scenario::Hoard
            | Scenario::Slowloris
            | Scenario::Stall
            | Scenario::Thief
            | Scenario::Squat
            | Scenario::Reset
            | Scenario::Flood
            | Scenario::Lines => true,
        }
    }

    /// How often an attack is tried unless that is said.
    fn usual_count(self) -> Option<u64> {
        match self {
            Scenario::Exhaust => Some(70_000),
            Scenario::Thief => Some(10_000),
            Scenario::Login
            | Scenario::Cycle
            | Scenario::Download
            | Scenario::Upload
            | Scenario::Mixed
            | Scenario::Idle
            | Scenario::Fair
            | Scenario::Hoard
            | Scenario::Slowloris
            | Scenario::Stall
            | Scenario::Squat
            | Scenario::Reset
            | Scenario::Flood
            | Scenario::Lines => None,
        }
    }

    /// Whether its own operations move files or listings.
    pub fn moves_data(self) -> bool {
        match self {
            Scenario::Login | Scenario::Idle | Scenario::Hoard | Scenario::Slowloris => false,
            Scenario::Cycle
            | Scenario::Download
            | Scenario::Upload
            | Scenario::Mixed
            | Scenario::Fair
            | Scenario::Exhaust
            | Scenario::Stall
            | Scenario::Thief
            | Scenario::Squat
            | Scenario::Reset
            | Scenario::Flood
            | Scenario::Lines => true,
        }
    }

    /// What an attack is counted in.
    pub fn strikes(self) -> &'static str {
        match self {
            Scenario::Hoard => "ports hoarded",
            Scenario::Slowloris => "bytes sent one by one",
            Scenario::Stall => "downloads stalled",
            Scenario::Reset => "downloads reset",
            Scenario::Flood => "bytes of commands sent",
            Scenario::Lines => "bytes of odd lines sent",
            Scenario::Login
            | Scenario::Cycle
            | Scenario::Download
            | Scenario::Upload
            | Scenario::Mixed
            | Scenario::Idle
            | Scenario::Fair
            | Scenario::Exhaust
            | Scenario::Thief
            | Scenario::Squat => "",
        }
    }

    /// Whether the bytes of its downloads are looked at.
    fn compares(self) -> bool {
        matches!(self, Scenario::Download | Scenario::Fair | Scenario::Mixed)
    }

    /// Whether somebody sends NOOP.
    fn probes(self, mix: Mix) -> bool {
        match self {
            Scenario::Login | Scenario::Cycle | Scenario::Download | Scenario::Upload | Scenario::Exhaust => false,
            Scenario::Mixed => mix.noop > 0,
            Scenario::Idle
            | Scenario::Fair
            | Scenario::Hoard
            | Scenario::Slowloris
            | Scenario::Stall
            | Scenario::Thief
            | Scenario::Squat
            | Scenario::Reset
            | Scenario::Flood
            | Scenario::Lines => true,
        }
    }

    fn downloads(self, mix: Mix) -> bool {
        matches!(
            self,
            Scenario::Download | Scenario::Fair | Scenario::Stall | Scenario::Reset
        ) || self == Scenario::Mixed && mix.download > 0
    }
}

impl Options {
    /// The scenario's name.
    pub fn scenario_name(&self) -> &'static str {
        SCENARIOS
            .iter()
            .find(|(_, scenario, _)| *scenario == self.scenario)
            .map_or("", |(name, ..)| name)
    }

    /// Whether downloads are expected to have no bytes.
    pub fn expects_an_empty_file(&self) -> bool {
        match self.expect {
            Flow::Compare { size, .. } => size == 0,
            // The checksum of nothing.
            Flow::Checksum(sum) => sum == 0,
            Flow::Discard | Flow::SameSize | Flow::Upload { .. } => false,
        }
    }

    /// An address of this machine for thieves, where their victims have another.
    pub fn thief_address(&self) -> Option<IpAddr> {
        let is_v4_loopback = matches!(self.target.ip(), IpAddr::V4(address) if address.is_loopback());
        is_v4_loopback.then_some(IpAddr::V4(Ipv4Addr::new(127, 99, 0, 1)))
    }

    /// The file that is downloaded.
    pub fn file(&self) -> &str {
        self.path.as_deref().unwrap_or_default()
    }

    /// Where attackers come from on this machine, so that they do not share an address with the witnesses.
    pub fn attackers_network(&self) -> Option<Sources> {
        let is_v4_loopback = matches!(self.target.ip(), IpAddr::V4(address) if address.is_loopback());
        is_v4_loopback.then(|| Sources::parse("127.66.0.0/16").ok()).flatten()
    }
}

/// What the exit codes mean, for `--help`.
const EXIT_CODES: &str = "
Exit codes:
  0           every operation succeeded, or the server stood
  1           something failed, the server did not stand, the rate was missed, or nothing succeeded for --timeout
  2           wrong command line
  3           inconclusive: the run did not test what it was meant to test
  130, 143    interrupted by Ctrl-C or TERM; the report is about what was done until then
";

fn introduction() -> String {
    let mut text = String::from(
        "Puts an FTP server under load or attack and reports what happened.\n\n\
         ftpstorm [OPTIONS] SCENARIO ADDR:PORT\n\nScenarios:\n",
    );
    for (name, _, about) in SCENARIOS {
        text += &format!("  {name:<12}{about}\n");
    }
    text + EXIT_CODES
}

fn operands(given: &Given) -> Result<(Scenario, SocketAddr), OptionError> {
    let [scenario, target] = given.operands() else {
        return Err(OptionError("expected SCENARIO ADDR:PORT".to_owned()));
    };
    let names = || SCENARIOS.map(|(name, ..)| name).join(", ");
    let found = SCENARIOS
        .iter()
        .find(|(name, ..)| name == scenario)
        .ok_or_else(|| OptionError(format!("{scenario}: expected one of {}", names())))?;
    let address = target.trim_start_matches("ftp://").trim_end_matches('/');
    let address = address.replace("localhost:", "127.0.0.1:");
    let address = address
        .parse()
        .map_err(|_| OptionError(format!("{target}: expected ADDR:PORT, an IP address and a port")))?;
    Ok((found.1, address))
}

fn parse_rate(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|rate: &f64| rate.is_finite() && *rate > 0.0)
        .ok_or_else(|| "expected operations a second, such as 100".to_owned())
}

/// What goes into a command may not end the line.
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

fn parse_expected(text: &str) -> Result<Flow, String> {
    if let Some(digits) = text.strip_prefix("crc32:") {
        return u32::from_str_radix(digits, 16)
            .map(Flow::Checksum)
            .map_err(|_| "expected crc32: and eight hexadecimal digits".to_owned());
    }
    ComputedFile::from_name(text.as_bytes())
        .map(|file| Flow::Compare {
            content: file.content,
            size: file.size,
        })
        .ok_or_else(|| "expected SIZE.pattern, SIZE.zero, SIZE.rand?seed=N or crc32:HEX".to_owned())
}

impl Mix {
    fn parse(text: &str) -> Result<Self, String> {
        let expected = || "expected weights such as cycle=4,download=4,upload=1,noop=2".to_owned();
        let mut mix = Mix {
            cycle: 0,
            download: 0,
            upload: 0,
            noop: 0,
        };
        for part in text.split(',') {
            let (name, weight) = part.split_once('=').ok_or_else(expected)?;
            let weight: u32 = weight.parse().map_err(|_| expected())?;
            *match name {
                "cycle" => &mut mix.cycle,
                "download" => &mut mix.download,
                "upload" => &mut mix.upload,
                "noop" => &mut mix.noop,
                _ => return Err(expected()),
            } = weight.min(1_000_000);
        }
        if mix.cycle + mix.download + mix.upload + mix.noop == 0 {
            return Err(expected());
        }
        Ok(mix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Options, String> {
        match parse(line.split_whitespace().map(OsString::from)) {
            Ok(Invocation::Storm(options)) => Ok(*options),
            Ok(Invocation::Help(text) | Invocation::Version(text)) => Err(text),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn a_server_of_somebody_elses_is_refused_and_it_says_why() {
        let error = parsed("login 192.0.2.1:21").expect_err("refused");
        assert!(
            error.contains("--i-own-this-server") && error.contains("attack"),
            "{error}"
        );
        assert!(parsed("login 192.0.2.1:21 --i-own-this-server").is_ok());
        for this_machine in ["127.0.0.1:21", "localhost:21", "[::1]:21", "ftp://127.0.0.1:2121/"] {
            assert!(parsed(&format!("login {this_machine}")).is_ok(), "{this_machine}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_what_was_expected() {
        for (line, named) in [
            ("login", "SCENARIO ADDR:PORT"),
            ("dance 127.0.0.1:21", "dance: expected one of login"),
            ("login somewhere", "somewhere: expected ADDR:PORT"),
            ("login 127.0.0.1:21 --rate fast", "--rate fast"),
            ("login 127.0.0.1:21 --mix cycle", "--mix cycle"),
            ("login 127.0.0.1:21 --expect 1X", "--expect 1X"),
            ("download 127.0.0.1:21", "--path"),
            ("cycle 127.0.0.1:21 --noop-limit 10ms", "--noop-limit: cycle"),
            (
                "mixed 127.0.0.1:21 --mix cycle=1 --noop-limit 10ms",
                "--noop-limit: mixed",
            ),
            ("cycle 127.0.0.1:21 --expect 1K.zero", "--expect: cycle"),
            ("stall 127.0.0.1:21 --path f --expect 1K.zero", "--expect: stall"),
            ("login 127.0.0.1:21 --pid 4294967295", "--pid"),
        ] {
            let error = parsed(line).expect_err(line);
            assert!(error.contains(named), "{line}: {error}");
        }
    }

    #[test]
    fn the_story_is_told_seventy_thousand_times_by_one_client() {
        let options = parsed("exhaust 127.0.0.1:21 -c 50").expect("fine");
        assert_eq!(
            (options.clients, options.count, options.duration),
            (1, Some(70_000), None)
        );
    }
}
