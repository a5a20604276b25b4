//! The grid of hostile lines: every string, after every command, in every phase of a session, at every length.
//!
//! 91 strings × 70 commands × 8 phases × 200 lengths = 10,192,000 cases. A string is repeated, or cut, to the length.
//! Nothing here calls the server: the same cases go to it in process and over TCP.

pub mod canary;
mod strings;

pub use strings::STRINGS;

/// Every verb that is served (59), the words of OPTS (5) and SITE (3), and one verb each that is refused, unknown, and
/// of another protocol.
#[rustfmt::skip]
pub const COMMANDS: [&str; 70] = [
    "ABOR", "ACCT", "ALLO", "APPE", "AVBL", "CDUP", "CLNT", "CWD", "DELE", "EPRT", "EPSV", "FEAT", "HASH", "HELP",
    "HOST", "LIST", "MDTM", "MFF", "MFMT", "MKD", "MLSD", "MLST", "MODE", "NLST", "NOOP", "OPTS", "PASS", "PASV",
    "PORT", "PRET", "PWD", "QUIT", "RANG", "REIN", "REST", "RETR", "RMD", "RNFR", "RNTO", "SITE", "SIZE", "STAT",
    "STOR", "STOU", "STRU", "SYST", "TYPE", "USER", "XCRC", "XCUP", "XCWD", "XMD5", "XMKD", "XPWD", "XRMD", "XSHA",
    "XSHA1", "XSHA256", "XSHA512", "OPTS HASH", "OPTS MLST", "OPTS MODE", "OPTS UTF-8", "OPTS UTF8", "SITE CHMOD",
    "SITE HELP", "SITE UTIME", "AUTH", "XYZZY", "GET",
];

/// Where a session stands when the line comes, and the commands that bring it there, with the codes of their replies.
/// `P` stands for an address of the client.
pub const PHASES: [(&str, &[(&str, u16)]); 8] = [
    ("before login", &[]),
    ("after USER", &[("USER anonymous", 331)]),
    ("logged in", &[("USER anonymous", 331), ("PASS x", 230)]),
    (
        "armed with PASV",
        &[("USER anonymous", 331), ("PASS x", 230), ("PASV", 227)],
    ),
    (
        "armed with PORT",
        &[("USER anonymous", 331), ("PASS x", 230), ("PORT P", 200)],
    ),
    (
        "after RNFR",
        &[("USER anonymous", 331), ("PASS x", 230), ("RNFR b.bin", 350)],
    ),
    (
        "after REST",
        &[
            ("USER anonymous", 331),
            ("PASS x", 230),
            ("TYPE I", 200),
            ("REST 3", 350),
        ],
    ),
    (
        "in a transfer",
        &[
            ("USER anonymous", 331),
            ("PASS x", 230),
            ("PASV", 227),
            ("STOR new", 150),
        ],
    ),
];
const LOGGED_IN_FROM: usize = 2;

/// 1 to 100, then longer ones: by tens, and around the limits of names, lines and buffers.
pub fn lengths() -> Vec<usize> {
    let mut lengths: Vec<usize> = (1..=100).collect();
    lengths.extend((110..=240).step_by(10));
    lengths.extend(249..=261);
    lengths.extend(509..=515);
    lengths.extend(1010..=1030);
    lengths.extend(2045..=2051);
    lengths.extend(4079..=4103);
    lengths.extend([300, 400, 600, 800, 1500, 3000, 5000, 6000, 8000, 8191, 8192, 8193, 9000]);
    lengths
}

pub const CASES: u64 = 10_192_000;

/// The numbers of `count` cases, spread evenly over the grid, and different up to [`CASES`].
pub fn spread(first: u64, count: u64) -> impl Iterator<Item = u64> {
    // 7,919 is prime and does not divide the number of cases.
    (first..first + count).map(|index| index * 7_919 % CASES)
}

/// One case.
#[derive(Clone, Debug)]
pub struct Case {
    pub number: u64,
    pub string: usize,
    pub command: &'static str,
    pub phase: usize,
    pub length: usize,
}

impl Case {
    /// The case with this number, up to [`CASES`]. Numbers that follow each other differ in the command.
    pub fn numbered(number: u64, lengths: &[usize]) -> Self {
        let mut rest = number as usize;
        let mut digit = |base: usize| {
            let digit = rest % base;
            rest /= base;
            digit
        };
        Self {
            number,
            command: COMMANDS[digit(COMMANDS.len())],
            string: digit(STRINGS.len()),
            phase: digit(PHASES.len()),
            length: lengths[digit(lengths.len())],
        }
    }

    /// Every string at its own length after every command, in one phase.
    pub fn uncut(phase: usize) -> impl Iterator<Item = Self> {
        let strings = (0..).zip(STRINGS);
        strings.flat_map(move |(string, (bytes, _))| {
            COMMANDS.into_iter().map(move |command| Self {
                number: string as u64,
                string,
                command,
                phase,
                length: bytes.len(),
            })
        })
    }

    pub fn argument(&self) -> Vec<u8> {
        let (string, _) = STRINGS[self.string];
        string.iter().copied().cycle().take(self.length).collect()
    }

    pub fn bytes(&self) -> Vec<u8> {
        [self.command.as_bytes(), b" ", &self.argument(), b"\r\n"].concat()
    }

    pub fn is_before_login(&self) -> bool {
        self.phase < LOGGED_IN_FROM
    }

    /// What is wrong with the final replies to this case (in the order in which they came; 1xx left out), if anything:
    /// one for each line that is not blank, unless the session ends.
    pub fn judge(&self, codes: &[u16], is_closed: bool) -> Result<(), String> {
        let lines = lines_of(&self.bytes());
        let spoken: Vec<&Vec<u8>> = lines.iter().filter(|line| is_spoken(line)).collect();
        let expected = self.replies();
        if !is_closed {
            if codes.len() != expected {
                return Err(format!("{} replies, expected {expected}", codes.len()));
            }
            let must_close = spoken.iter().any(|line| self.is_too_long(line)) || self.command == "GET";
            return if must_close {
                Err("the session goes on".to_owned())
            } else {
                Ok(())
            };
        }
        // Besides the last reply, each line has at most one.
        if codes.len() > expected + 1 {
            return Err(format!("{} replies, expected {expected}", codes.len()));
        }
        match codes.last() {
            Some(221) if self.command == "QUIT" || lines.iter().any(|line| line.starts_with(b"QUIT")) => Ok(()),
            // Several lines may be too many bad ones, or speak HTTP.
            Some(421 | 500) if lines.len() > 1 => Ok(()),
            Some(500) if self.command == "GET" || lines.iter().any(|line| self.is_too_long(line)) => Ok(()),
            other => Err(format!("closed with {other:?}")),
        }
    }

    /// How many final replies there are if the session goes on: one for each line, and that of the transfer under way.
    pub fn replies(&self) -> usize {
        let pending = usize::from(self.phase == PHASES.len() - 1);
        lines_of(&self.bytes()).iter().filter(|line| is_spoken(line)).count() + pending
    }

    fn is_too_long(&self, line: &[u8]) -> bool {
        line.len() > if self.is_before_login() { 1024 } else { 4096 }
    }
}

/// A line of blanks only is not answered.
fn is_spoken(line: &[u8]) -> bool {
    line.iter().any(|byte| *byte != b' ')
}

/// The lines as RFC 854 and 959 have them: without Telnet commands and line ends.
fn lines_of(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut lines = Vec::new();
    let mut line = Vec::new();
    let mut bytes = bytes.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            0xff => match bytes.next() {
                Some(0xff) => line.push(0xff),
                Some(251..=254) => drop(bytes.next()),
                _ => {}
            },
            b'\n' => {
                let whole: Vec<u8> = std::mem::take(&mut line);
                let text = whole.strip_suffix(b"\r").unwrap_or(&whole);
                lines.push(text.strip_prefix(b"\r").unwrap_or(text).to_vec());
            }
            other => line.push(*other),
        }
    }
    lines
}
