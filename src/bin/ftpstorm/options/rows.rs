//! The rows of ftpstorm's options, and the rest of its `--help`.

use crate::scenario::SCENARIOS;
use loopftpd::options::{Row, Table};

const LOAD: &str = "Load";
const OPERATIONS: &str = "Operations";
const SERVER: &str = "Server";
const OUTPUT: &str = "Output";

#[rustfmt::skip]
pub(super) static TABLE: Table = Table(&[
    Row { group: LOAD, short: "c", long: "clients", value: "N", default: "10",
          help: "number of clients; exhaust has one", ..Row::BLANK },
    Row { group: LOAD, short: "r", long: "rate", value: "N",
          help: "begin N operations per second, or fail; latencies count from when each was due", ..Row::BLANK },
    Row { group: LOAD, short: "d", long: "duration", value: "TIME",
          help: "end after this time [default: 10s, without --count]", ..Row::BLANK },
    Row { group: LOAD, short: "n", long: "count", value: "N",
          help: "end after this many operations [default: 70k for exhaust, 10k for thief]", ..Row::BLANK },
    Row { group: LOAD, long: "ramp", value: "TIME",
          help: "spread the starts of the clients over this time", ..Row::BLANK },
    Row { group: LOAD, long: "timeout", value: "TIME", default: "30s",
          help: "a step without progress for this long fails; the run stops when nothing succeeds for this \
                 long", ..Row::BLANK },
    Row { group: OPERATIONS, long: "path", value: "PATH",
          help: "file to download, or directory to list or upload into; mixed uploads beside the file that it \
                 downloads", ..Row::BLANK },
    Row { group: OPERATIONS, long: "size", value: "SIZE", default: "1M",
          help: "size of each upload: 512, 64K, 10M, 1G; the files are removed after the run", ..Row::BLANK },
    Row { group: OPERATIONS, long: "store-only",
          help: "upload zeros and do not download them again, to measure uploads alone", ..Row::BLANK },
    Row { group: OPERATIONS, long: "expect", value: "CONTENT",
          help: "compare every byte of downloads, not only their sizes: 1G.pattern, 10M.zero, 5M.rand?seed=7 or \
                 crc32:89abcdef", ..Row::BLANK },
    Row { group: OPERATIONS, long: "list", value: "VERB", default: "LIST",
          help: "LIST, NLST or MLSD", ..Row::BLANK },
    Row { group: OPERATIONS, long: "epsv",
          help: "EPSV instead of PASV", ..Row::BLANK },
    Row { group: OPERATIONS, long: "mix", value: "PART=N,...", default: "cycle=4,download=4,noop=2",
          help: "weights of mixed: cycle, download, upload, noop", ..Row::BLANK },
    Row { group: OPERATIONS, long: "seed", value: "N", default: "1",
          help: "the same seed makes the same random choices", ..Row::BLANK },
    Row { group: SERVER, short: "u", long: "user", value: "NAME", default: "anonymous",
          help: "log in as this user", ..Row::BLANK },
    Row { group: SERVER, long: "password", value: "TEXT", default: "ftpstorm@",
          help: "with this password", ..Row::BLANK },
    Row { group: SERVER, long: "source", value: "ADDR/N",
          help: "spread clients over the addresses of this network, such as 127.1.0.0/16", ..Row::BLANK },
    Row { group: SERVER, long: "i-own-this-server",
          help: "allow a target that is not this machine", ..Row::BLANK },
    Row { group: OUTPUT, long: "pid", value: "PID",
          help: "sample memory, descriptors and processor time of the server and its children", ..Row::BLANK },
    Row { group: OUTPUT, long: "noop-limit", value: "TIME",
          help: "fail if the 99th percentile of NOOP takes longer", ..Row::BLANK },
    Row { group: OUTPUT, long: "json", value: "FILE",
          help: "write the result to FILE", ..Row::BLANK },
    Row { group: OUTPUT, long: "svg", value: "FILE",
          help: "draw throughput and latency to FILE", ..Row::BLANK },
    Row { group: OUTPUT, short: "q", long: "quiet",
          help: "show no progress; standard error still says why a run did not pass", ..Row::BLANK },
    Row { group: OUTPUT, short: "h", long: "help", help: "print this help", ..Row::BLANK },
    Row { group: OUTPUT, short: "V", long: "version", help: "print the version", ..Row::BLANK },
]);

/// What `--help` prints before the options.
pub(super) fn introduction() -> String {
    let mut text = String::from(
        "Puts an FTP server under load or attack and reports what happened.\n\n\
         Usage: ftpstorm [OPTIONS] SCENARIO ADDR:PORT\n\nScenarios:\n",
    );
    for scenario in &SCENARIOS {
        text += &format!("  {:<12}{}\n", scenario.name, scenario.about);
    }
    text + EXIT_CODES
}

const EXIT_CODES: &str = "
Exit codes:
  0           every operation succeeded, or the server withstood the attack
  1           an operation failed, the server did not withstand the attack,
              the rate was missed, or nothing succeeded for --timeout
  2           wrong command line
  3           inconclusive: the run did not test what it was meant to test
  130, 143    interrupted by Ctrl-C or TERM; the report covers the run until
              then
";
