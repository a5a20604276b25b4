//! The operations of well-behaved clients, and the scripts of attackers.

use super::Plan;
use crate::measurements::ClassKind;
use crate::scenario::ScenarioKind;
use crate::script::{Flow, Operation, ScriptStep};
use loopftpd::computed_file::Content;
use std::rc::Rc;
use std::time::Duration;

/// How long a misbehaving connection is held before the next.
const HOLD: Duration = Duration::from_secs(5);
/// How long malformed lines may be answered.
const HOLD_MALFORMED: Duration = Duration::from_secs(1);
/// Time between two bytes of slowloris.
const TRICKLE_INTERVAL: Duration = Duration::from_secs(2);
/// How long a hoarded port is left unused before the next PASV.
const HOARD_INTERVAL: Duration = Duration::from_millis(100);
/// Bytes of one flood or endless line.
const FLOOD_BYTES: usize = 64 * 1024;

/// What each attacker chooses from.
type Scripts = Vec<Vec<ScriptStep>>;

impl Plan<'_> {
    /// A judged operation with a class of its own.
    pub(super) fn operation(&mut self, name: &'static str, steps: Vec<ScriptStep>) -> Rc<Operation> {
        let class = self.add_class(name, ClassKind::Operation, true);
        Rc::new(Operation { class, steps })
    }

    /// Connects, logs in, and quits.
    pub(super) fn visit(&mut self) -> Rc<Operation> {
        let mut steps = self.login_steps();
        steps.extend([ScriptStep::send("QUIT", &[221]), ScriptStep::Close]);
        self.operation("login", steps)
    }

    pub(super) fn session_login(&mut self, name: &'static str, is_judged: bool) -> Rc<Operation> {
        let mut steps = self.login_steps();
        steps.push(ScriptStep::send("TYPE I", &[200]));
        let class = self.add_class(name, ClassKind::Login, is_judged);
        Rc::new(Operation { class, steps })
    }

    fn login_steps(&self) -> Vec<ScriptStep> {
        vec![
            ScriptStep::Connect,
            ScriptStep::send(format!("USER {}", self.options.user), &[331, 230]),
            ScriptStep::send(format!("PASS {}", self.options.password), &[230, 202]),
        ]
    }

    fn passive(&self) -> ScriptStep {
        ScriptStep::Passive(self.options.passive_command)
    }

    pub(super) fn noop(&mut self) -> Rc<Operation> {
        self.operation("noop", vec![ScriptStep::send("NOOP", &[200])])
    }

    /// A passive port and a listing.
    pub(super) fn listing(&mut self, name: &'static str, directory: Option<&str>) -> Rc<Operation> {
        let verb = &self.options.list;
        let line = directory.map_or(verb.clone(), |directory| format!("{verb} {directory}"));
        let steps = vec![self.passive(), ScriptStep::transfer(line, Flow::Discard)];
        self.operation(name, steps)
    }

    pub(super) fn cycle(&mut self) -> Rc<Operation> {
        let is_mixed = self.options.scenario.kind == ScenarioKind::Mixed;
        let directory = self.options.path.as_deref().filter(|_| !is_mixed);
        self.listing("cycle", directory)
    }

    fn retrieve(&self) -> Rc<str> {
        format!("RETR {}", self.options.path.as_deref().unwrap_or_default()).into()
    }

    pub(super) fn download(&mut self) -> Rc<Operation> {
        let transfer = ScriptStep::transfer(self.retrieve(), self.options.expect);
        self.operation("download", vec![self.passive(), transfer])
    }

    /// A listing whose passive port a thief connects to, the given time ahead of its client.
    pub(super) fn theft(&mut self, name: &'static str, ahead: Duration) -> Rc<Operation> {
        let steps = vec![
            self.passive(),
            ScriptStep::Steal,
            ScriptStep::Pause(ahead),
            ScriptStep::transfer(self.options.list.clone(), Flow::Discard),
            ScriptStep::CountStolenBytes,
        ];
        self.operation(name, steps)
    }

    /// Uploads the client's own file and downloads it again, unless uploads alone are measured.
    pub(super) fn upload(&self, class: usize, client: usize) -> Rc<Operation> {
        let directory = self.upload_directory();
        let separator = if directory.is_empty() { "" } else { "/" };
        let file = format!("{directory}{separator}storm-{client}.pattern");
        let (store_only, size) = (self.options.store_only, self.options.size);
        let content = if store_only { Content::Zero } else { Content::Pattern };
        let store = ScriptStep::transfer(format!("STOR {file}"), Flow::Upload { content, size });
        let mut steps = vec![self.passive(), store];
        if !store_only {
            let compare = ScriptStep::transfer(format!("RETR {file}"), Flow::Compare { content, size });
            steps.extend([self.passive(), compare]);
        }
        Rc::new(Operation { class, steps })
    }

    /// `--path`, or the directory of the file in it, where `mixed` downloads that file as well.
    fn upload_directory(&self) -> &str {
        let path = self.options.path.as_deref().unwrap_or_default();
        if self.options.scenario.kind == ScenarioKind::Mixed && self.options.mix.download > 0 {
            path.rsplit_once('/').map_or("", |(directory, _)| directory)
        } else {
            path.trim_end_matches('/')
        }
    }

    pub(super) fn hoard(&self) -> Scripts {
        vec![vec![
            self.passive(),
            ScriptStep::CountEffect,
            ScriptStep::Pause(HOARD_INTERVAL),
        ]]
    }

    pub(super) fn slowloris() -> Scripts {
        let every = TRICKLE_INTERVAL;
        vec![vec![ScriptStep::Connect, ScriptStep::Trickle { every }]]
    }

    pub(super) fn stall(&self) -> Scripts {
        let line = self.retrieve();
        vec![vec![self.passive(), ScriptStep::Stall { line, hold: HOLD }]]
    }

    pub(super) fn reset(&self) -> Scripts {
        let reset = |bytes| ScriptStep::transfer(self.retrieve(), Flow::ResetAfter(bytes));
        [1, 100_000, 1_000_000]
            .map(|bytes| vec![self.passive(), reset(bytes)])
            .to_vec()
    }

    pub(super) fn flood() -> Scripts {
        let commands = b"NOOP\r\nSTAT\r\nHELP\r\nFEAT\r\n";
        let bytes = commands.repeat(FLOOD_BYTES / commands.len()).into();
        vec![vec![ScriptStep::Flood { bytes, hold: HOLD }]]
    }

    /// Lines that have broken servers.
    pub(super) fn malformed_lines() -> Scripts {
        let lines = [
            vec![b'A'; FLOOD_BYTES],
            b"\r\n".repeat(FLOOD_BYTES / 2),
            vec![0; 4096],
            vec![0xff; 4096],
            b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(),
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
            b"SSH-2.0-OpenSSH_9.6\r\n".to_vec(),
            b"USER %n%n%n%s%s%s\r\nPASS %x%x%x\r\n".to_vec(),
            [&b"USER "[..], &[b'x'; 8192], b"\r\n"].concat(),
            b"USER anonymous\r\nPASS x\r\nCWD ../../../../../../etc\r\nRETR ../../../../etc/passwd\r\n".to_vec(),
            b"USER anonymous\r\nPASS x\r\nPORT 0,0,0,0,0,0\r\nPORT 1,2,3\r\nEPRT |9|x|y|\r\n\
              REST -1\r\nREST 99999999999999999999\r\n"
                .to_vec(),
            b"\xff\xf4\xff\xf2ABOR\r\n".to_vec(),
        ];
        let script = |line: Vec<u8>| {
            let (bytes, hold) = (line.into(), HOLD_MALFORMED);
            vec![ScriptStep::Connect, ScriptStep::Malformed { bytes, hold }]
        };
        lines.into_iter().map(script).collect()
    }
}
