//! A reference model: what the replies to any sequence of commands must be.
//!
//! It follows the RFCs and `docs/` (rfc.md, threats.md, uploads.md, accounts.md) and calls nothing of the server. Where
//! they leave something open (a CR at the front of a line, `TYPE AN`, which argument is checked first), it records what
//! the server did when the model was written, so there it notices changes, not errors. The model has its own files
//! ([`tree`]) and its own idea of lines, paths and states. A driver sends the same [`Action`]s to a server and compares
//! what it sees ([`expected`]).

mod arguments;
mod commands;
pub mod expected;
mod files;
mod listings;
pub mod script;
mod text;
mod transfers;
pub mod tree;

use expected::{Content, Expected, Text};
use script::Action;
use std::collections::{BTreeMap, VecDeque};
use tree::{Path, Tree};

/// What anonymous clients may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    Read,
    /// A drop box.
    Upload,
    Write,
}

/// Bytes that a data connection takes before the client reads.
pub const WINDOW: usize = 64 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Login {
    Start,
    UserGiven { is_anonymous: bool },
    In,
}

/// What the next transfer uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Armed {
    Nothing,
    Passive { has_arrived: bool },
    Active { answers: bool },
}

/// REST and RANG.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Whole,
    From(u64),
    Range(u64, u64),
}

#[derive(Clone, Debug)]
enum Work {
    Send(Content),
    Store { path: Path, how: Storing, number: u32 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Storing {
    Whole,
    /// Into the file that is there, from this offset on.
    From(u64),
    Append,
}

/// The transfer under way.
#[derive(Clone, Debug)]
struct Running {
    work: Work,
    is_ascii: bool,
    is_deflated: bool,
    /// The data connection is there, and the client holds it open.
    is_held: bool,
}

/// Why a command is not carried out.
enum Refused {
    /// Not understood: it counts as a bad command.
    Bad(u16),
    No(u16),
}

type Done = Result<(), Refused>;

/// One session.
#[derive(Clone, Debug)]
pub struct Model {
    access: Access,
    pub tree: Tree,
    /// The client's address, which PORT may name.
    own: [u8; 4],
    pub seed: u64,
    login: Login,
    failures: u32,
    bad: u32,
    directory: Path,
    is_ascii: bool,
    is_deflated: bool,
    part: Part,
    renaming: Option<Path>,
    extended_only: bool,
    armed: Armed,
    running: Option<Running>,
    uploads: u32,
    facts: Vec<&'static str>,
    pub is_closed: bool,
    /// Lines not answered yet.
    waiting: VecDeque<Vec<u8>>,
    /// The unfinished line, and the Telnet command that it ends in.
    line: Vec<u8>,
    telnet: Vec<u8>,
    /// The first two bytes of the connection.
    opening: Vec<u8>,
    /// The path of the last STOU, whose name the server chooses.
    unique: Option<Path>,
    out: Vec<Expected>,
}

const FACTS: [&str; 6] = ["type", "size", "modify", "perm", "unique", "UNIX.mode"];
const FOREIGN: [&str; 11] = [
    "GET", "POST", "PUT", "HEAD", "DELETE", "OPTIONS", "CONNECT", "TRACE", "PATCH", "EHLO", "HELO",
];
const REFUSED: [&str; 20] = [
    "SMNT", "MFCT", "AUTH", "PBSZ", "PROT", "CCC", "ADAT", "CONF", "ENC", "MIC", "LANG", "COMB", "THMB", "DSIZ",
    "RMDA", "CSID", "LPRT", "LPSV", "MD5", "MMD5",
];
/// Verbs that need a login, and are modelled.
pub const AFTER_LOGIN: [&str; 38] = [
    "ABOR", "ALLO", "APPE", "CDUP", "CWD", "DELE", "EPRT", "EPSV", "LIST", "MDTM", "MFMT", "MKD", "MLSD", "MLST",
    "MODE", "NLST", "OPTS", "PASV", "PORT", "PRET", "PWD", "RANG", "REST", "RETR", "RMD", "RNFR", "RNTO", "SITE",
    "SIZE", "STAT", "STOR", "STOU", "STRU", "TYPE", "XCUP", "XCWD", "XMKD", "XPWD",
];
/// Verbs that are answered in every state.
pub const ALWAYS: [&str; 11] = [
    "ACCT", "CLNT", "FEAT", "HELP", "HOST", "NOOP", "PASS", "QUIT", "REIN", "SYST", "USER",
];

impl Model {
    /// A client that has just connected from `own`.
    pub fn new(access: Access, own: [u8; 4], seed: u64) -> Self {
        Self {
            access,
            tree: Tree::new(),
            own,
            seed,
            login: Login::Start,
            failures: 0,
            bad: 0,
            directory: Path::new(),
            is_ascii: true,
            is_deflated: false,
            part: Part::Whole,
            renaming: None,
            extended_only: false,
            armed: Armed::Nothing,
            running: None,
            uploads: 0,
            facts: FACTS.to_vec(),
            is_closed: false,
            waiting: VecDeque::new(),
            line: Vec::new(),
            telnet: Vec::new(),
            opening: Vec::new(),
            unique: None,
            out: Vec::new(),
        }
    }

    /// The state's name, for statistics.
    pub fn state(&self) -> &'static str {
        match (&self.running, self.login) {
            (Some(running), _) if running.is_held => "transferring",
            (Some(_), _) => "awaiting the data connection",
            (None, Login::Start) => "before USER",
            (None, Login::UserGiven { .. }) => "after USER",
            (None, Login::In) if self.renaming.is_some() => "after RNFR",
            (None, Login::In) if self.part != Part::Whole => "after REST or RANG",
            (None, Login::In) => match self.armed {
                Armed::Nothing => "logged in",
                Armed::Passive { has_arrived: false } => "armed with PASV",
                Armed::Passive { has_arrived: true } => "armed, connected",
                Armed::Active { .. } => "armed with PORT",
            },
        }
    }

    pub fn is_logged_in(&self) -> bool {
        self.login == Login::In
    }

    pub fn is_armed(&self) -> bool {
        self.armed != Armed::Nothing
    }

    pub fn is_transferring(&self) -> bool {
        self.running.is_some()
    }

    /// Whether a transfer holds a data connection.
    pub fn is_held(&self) -> bool {
        self.running.as_ref().is_some_and(|running| running.is_held)
    }

    /// The offset of REST.
    pub fn restart(&self) -> Option<u64> {
        match self.part {
            Part::From(offset) => Some(offset),
            Part::Whole | Part::Range(..) => None,
        }
    }

    /// Whether REST or RANG applies to the next transfer.
    pub fn has_part(&self) -> bool {
        self.part != Part::Whole
    }

    /// Whether the transfer under way is in MODE Z.
    pub fn is_deflating(&self) -> bool {
        self.running.as_ref().is_some_and(|running| running.is_deflated)
    }

    pub fn is_renaming(&self) -> bool {
        self.renaming.is_some()
    }

    /// What must be seen of `action`.
    pub fn act(&mut self, action: &Action) -> Vec<Expected> {
        match action {
            Action::Send(bytes) => self.receive(bytes),
            Action::Connect { holds } => self.data_connection(*holds),
            Action::Finish => {
                if self.is_held() {
                    self.finish_transfer();
                }
            }
        }
        self.answer();
        std::mem::take(&mut self.out)
    }

    /// Whether a command waits for the transfer.
    pub fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Both connections are lost. A whole file that was being stored is discarded; what was written in place stays.
    pub fn disconnect(&mut self) {
        self.abort_transfer();
        self.out.clear();
    }

    /// The name that the server has chosen for the last STOU.
    pub fn learn_unique(&mut self, name: &[u8]) {
        let Some(placeholder) = self.unique.take() else {
            return;
        };
        let mut path = placeholder.clone();
        path.pop();
        path.push(name.to_vec());
        if let Ok(node) = self.tree.remove(&placeholder) {
            let _ = self.tree.put(&path, node);
        }
        if let Some(Running {
            work: Work::Store { path: target, .. },
            ..
        }) = &mut self.running
            && *target == placeholder
        {
            *target = path;
        }
    }

    fn reply(&mut self, code: u16) {
        self.out.push(Expected::Reply(code, Text::Any));
    }

    fn say(&mut self, code: u16, text: Text) {
        self.out.push(Expected::Reply(code, text));
    }

    /// Bytes into lines: Telnet commands are removed, two 0xFF are one (RFC 854).
    fn receive(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if self.opening.len() < 2 {
                self.opening.push(*byte);
            }
            match (&self.telnet[..], byte) {
                ([], 0xff) => self.telnet.push(0xff),
                ([0xff], 251..=254) => self.telnet.push(*byte),
                ([], _) | ([0xff], 0xff) => {
                    self.telnet.clear();
                    self.line.push(*byte);
                    if *byte == b'\n' {
                        let line = std::mem::take(&mut self.line);
                        let line = line.strip_suffix(b"\n").unwrap_or(&line);
                        let line = line.strip_suffix(b"\r").unwrap_or(line);
                        // Some clients end lines in LF CR.
                        let line = line.strip_prefix(b"\r").unwrap_or(line);
                        self.waiting.push_back(line.to_vec());
                    }
                }
                _ => self.telnet.clear(),
            }
        }
    }

    fn holds_abor(&self) -> bool {
        let mut verbs = self.waiting.iter().map(|line| verb_of(line));
        verbs.any(|verb| verb.eq_ignore_ascii_case(b"ABOR"))
    }

    /// Answers STAT that comes before any other command (RFC 959, section 4.1.3).
    fn report_progress(&mut self) {
        let is_stat = |line: &Vec<u8>| matches!(&line.to_ascii_uppercase()[..], b"STAT" | b"STAT ");
        while self.waiting.front().is_some_and(is_stat) {
            self.waiting.pop_front();
            self.reply(213);
        }
    }

    /// Answers what may be answered now: during a transfer only ABOR, and STAT if it is first (threat B06).
    fn answer(&mut self) {
        while !self.is_closed {
            if self.opening == [0x16, 0x03] {
                self.reply(500);
                self.is_closed = true;
                return;
            }
            if self.running.is_some() {
                self.report_progress();
                if !self.holds_abor() {
                    return;
                }
                self.abort_transfer();
                continue;
            }
            let Some(line) = self.waiting.pop_front() else {
                return;
            };
            self.command(&line);
        }
    }
}

/// How often each thing was reached.
pub type Tally = BTreeMap<String, u64>;

/// What decides during a transfer: the line up to a blank or CR.
fn verb_of(line: &[u8]) -> &[u8] {
    line.split(|byte| matches!(byte, b' ' | b'\r'))
        .next()
        .unwrap_or_default()
}
