//! From a scenario's name to what every client does: roles, their scripts, and what is judged.
//!
//! An attack is a role that misbehaves beside two honest witnesses, a NOOP prober and a client that lists; the server
//! stands if the witnesses were served all the time.

use super::measurements::{Class, Kind};
use super::options::{Options, Scenario};
use super::script::{Flow, Misbehaviour, Operation, Step};
use super::sources::Sources;
use loopftpd::computed_file::Content;
use std::rc::Rc;
use std::time::Duration;

/// How often a prober asks.
const PROBE_INTERVAL: Duration = Duration::from_millis(10);
/// How often the listing witness lists.
const WITNESS_INTERVAL: Duration = Duration::from_millis(50);
/// NOOPs a second among idle sessions.
const IDLE_PROBES_PER_SECOND: f64 = 100.0;
/// How long a misbehaving connection is held before the next.
const HOLD: Duration = Duration::from_secs(5);
/// Bytes of one flood or endless line.
const FLOOD_BYTES: usize = 64 * 1024;

/// What is going to happen.
#[derive(Debug)]
pub struct Plan {
    pub classes: Vec<Class>,
    pub roles: Vec<Role>,
    /// A thief shall come from another address.
    pub steals: bool,
    /// Announced ports shall be squatted upon.
    pub squats: bool,
}

/// Clients that do the same.
#[derive(Debug)]
pub struct Role {
    pub clients: usize,
    /// Logs in first; `None`: the operations bring their own connections.
    pub login: Option<Rc<Operation>>,
    /// Operations and how often each is chosen, relative to the others.
    pub repertoire: Rc<[(u32, Rc<Operation>)]>,
    /// Time between the beginnings of two operations of one client; `None`: the next begins when one has ended.
    pub interval: Option<Duration>,
    /// Whether `--count` counts these operations.
    pub is_counted: bool,
    pub sources: Option<Sources>,
}

impl Plan {
    pub fn new(options: &Options) -> Self {
        let mut draft = Draft {
            options,
            plan: Plan {
                classes: Vec::new(),
                roles: Vec::new(),
                steals: options.scenario == Scenario::Thief,
                squats: options.scenario == Scenario::Squat,
            },
        };
        draft.cast();
        draft.plan
    }
}

/// A plan being made.
struct Draft<'options> {
    options: &'options Options,
    plan: Plan,
}

impl Draft<'_> {
    fn cast(&mut self) {
        match self.options.scenario {
            Scenario::Login => {
                let mut steps = self.login_steps();
                steps.extend([Step::say("QUIT", &[221]), Step::Close]);
                let login = self.operation("login", steps);
                self.workers(None, vec![(1, login)]);
            }
            Scenario::Cycle | Scenario::Exhaust => {
                let cycle = self.cycle("cycle");
                self.sessions(vec![(1, cycle)]);
            }
            Scenario::Download => {
                let download = self.download("download");
                self.sessions(vec![(1, download)]);
            }
            Scenario::Upload => self.uploaders(),
            Scenario::Mixed => self.mixed(),
            Scenario::Idle => {
                let noop = self.noop("noop");
                self.sessions(vec![(1, noop)]);
                if let Some(role) = self.plan.roles.last_mut() {
                    let seconds = role.clients as f64 / IDLE_PROBES_PER_SECOND;
                    role.interval = Some(role.interval.unwrap_or(Duration::from_secs_f64(seconds)));
                }
            }
            Scenario::Fair => {
                let download = self.download("download");
                self.sessions(vec![(1, download)]);
                self.prober();
            }
            Scenario::Thief => {
                let at_once = self.theft("theft at once", Duration::ZERO);
                let ahead = self.theft("theft ahead", Duration::from_millis(5));
                self.sessions(vec![(9, at_once), (1, ahead)]);
                self.prober();
            }
            Scenario::Squat => {
                let cycle = self.cycle("cycle");
                self.sessions(vec![(1, cycle)]);
                self.prober();
            }
            Scenario::Hoard => {
                let hoard = vec![self.arm(), Step::Strike, Step::Pause(Duration::from_millis(100))];
                self.attackers(true, vec![hoard]);
            }
            Scenario::Slowloris => {
                let every = Duration::from_secs(2);
                self.attackers(
                    false,
                    vec![vec![Step::Connect, Step::Misbehave(Misbehaviour::Trickle { every })]],
                );
            }
            Scenario::Stall => {
                let stall = Misbehaviour::Stall {
                    line: self.retrieve(),
                    hold: HOLD,
                };
                self.attackers(true, vec![vec![self.arm(), Step::Misbehave(stall)]]);
            }
            Scenario::Reset => {
                let reset = |after| Misbehaviour::Reset {
                    line: self.retrieve(),
                    after,
                };
                let scripts = [1, 100_000, 1_000_000]
                    .map(|after| vec![self.arm(), Step::Misbehave(reset(after))])
                    .to_vec();
                self.attackers(true, scripts);
            }
            Scenario::Flood => {
                let bytes = b"NOOP\r\nSTAT\r\nHELP\r\nFEAT\r\n".repeat(FLOOD_BYTES / 24).into();
                let flood = Misbehaviour::Flood { bytes, hold: HOLD };
                self.attackers(true, vec![vec![Step::Misbehave(flood)]]);
            }
            Scenario::Lines => {
                let scripts = odd_lines()
                    .into_iter()
                    .map(|bytes| {
                        let hold = Duration::from_secs(1);
                        vec![
                            Step::Connect,
                            Step::Misbehave(Misbehaviour::Babble {
                                bytes: bytes.into(),
                                hold,
                            }),
                        ]
                    })
                    .collect();
                self.attackers(false, scripts);
            }
        }
    }

    fn class(&mut self, name: &'static str, kind: Kind, is_judged: bool) -> usize {
        self.plan.classes.push(Class::new(name, kind, is_judged));
        self.plan.classes.len() - 1
    }

    fn operation(&mut self, name: &'static str, steps: Vec<Step>) -> Rc<Operation> {
        let class = self.class(name, Kind::Operation, true);
        Rc::new(Operation { class, steps })
    }

    /// The clients whose operations the options are about.
    fn workers(&mut self, login: Option<Rc<Operation>>, repertoire: Vec<(u32, Rc<Operation>)>) {
        let clients = self.options.clients;
        self.plan.roles.push(Role {
            clients,
            login,
            repertoire: repertoire.into(),
            interval: self
                .options
                .rate
                .map(|rate| Duration::from_secs_f64(clients as f64 / rate)),
            is_counted: true,
            sources: self.options.sources,
        });
    }

    /// Workers that log in once and then repeat their operations.
    fn sessions(&mut self, repertoire: Vec<(u32, Rc<Operation>)>) {
        let login = self.session_login("login", true);
        self.workers(Some(login), repertoire);
    }

    fn session_login(&mut self, name: &'static str, is_judged: bool) -> Rc<Operation> {
        let mut steps = self.login_steps();
        steps.push(Step::say("TYPE I", &[200]));
        let class = self.class(name, Kind::Login, is_judged);
        Rc::new(Operation { class, steps })
    }

    fn login_steps(&self) -> Vec<Step> {
        vec![
            Step::Connect,
            Step::say(format!("USER {}", self.options.user), &[331, 230]),
            Step::say(format!("PASS {}", self.options.password), &[230, 202]),
        ]
    }

    fn arm(&self) -> Step {
        Step::Arm(self.options.announcement)
    }

    fn cycle(&mut self, name: &'static str) -> Rc<Operation> {
        let line = match &self.options.path {
            Some(path) if self.options.scenario != Scenario::Mixed => format!("{} {path}", self.options.list),
            Some(_) | None => self.options.list.clone(),
        };
        let steps = vec![self.arm(), super::client::discard(line)];
        self.operation(name, steps)
    }

    fn retrieve(&self) -> Rc<str> {
        format!("RETR {}", self.options.file()).into()
    }

    fn download(&mut self, name: &'static str) -> Rc<Operation> {
        let steps = vec![
            self.arm(),
            Step::Transfer {
                line: self.retrieve(),
                flow: self.options.expect.clone(),
            },
        ];
        self.operation(name, steps)
    }

    fn noop(&mut self, name: &'static str) -> Rc<Operation> {
        self.operation(name, vec![Step::say("NOOP", &[200])])
    }

    fn theft(&mut self, name: &'static str, ahead: Duration) -> Rc<Operation> {
        let steps = vec![
            self.arm(),
            Step::Steal,
            Step::Pause(ahead),
            super::client::discard(self.options.list.clone()),
            Step::CountLoot,
        ];
        self.operation(name, steps)
    }

    /// Stores a file of each client's own and, unless storing is all that is asked for, reads it back.
    fn store(&self, class: usize, client: usize) -> Rc<Operation> {
        let directory = self.upload_directory();
        let separator = if directory.is_empty() { "" } else { "/" };
        let file = format!("{directory}{separator}storm-{client}.pattern");
        let size = self.options.size;
        let transfer = |line: String, flow| Step::Transfer {
            line: line.into(),
            flow,
        };
        let store = |content| transfer(format!("STOR {file}"), Flow::Upload { content, size });
        let steps = if self.options.store_only {
            vec![self.arm(), store(Content::Zero)]
        } else {
            let content = Content::Pattern;
            vec![
                self.arm(),
                store(content),
                self.arm(),
                transfer(format!("RETR {file}"), Flow::Compare { content, size }),
            ]
        };
        Rc::new(Operation { class, steps })
    }

    /// `--path`, or where `mixed` downloads that file as well, the directory that it is in.
    fn upload_directory(&self) -> &str {
        let path = self.options.path.as_deref().unwrap_or("");
        if self.options.scenario == Scenario::Mixed && self.options.mix.download > 0 {
            path.rsplit_once('/').map_or("", |(directory, _)| directory)
        } else {
            path.trim_end_matches('/')
        }
    }

    /// One role a client, because each has a file of its own.
    fn uploaders(&mut self) {
        let login = self.session_login("login", true);
        let class = self.class("upload", Kind::Operation, true);
        for client in 0..self.options.clients {
            let upload = self.store(class, client);
            self.workers(Some(Rc::clone(&login)), vec![(1, upload)]);
            if let Some(role) = self.plan.roles.last_mut() {
                role.clients = 1;
            }
        }
    }

    fn mixed(&mut self) {
        let mix = self.options.mix;
        let mut shared: Vec<(u32, Rc<Operation>)> = Vec::new();
        // What is left out must not be waited for either, so it gets no class.
        if mix.cycle > 0 {
            shared.push((mix.cycle, self.cycle("cycle")));
        }
        if mix.download > 0 {
            shared.push((mix.download, self.download("download")));
        }
        if mix.noop > 0 {
            shared.push((mix.noop, self.noop("noop")));
        }
        if mix.upload == 0 {
            self.sessions(shared);
            return;
        }
        self.uploaders();
        for role in &mut self.plan.roles {
            let mut repertoire = shared.clone();
            repertoire.extend(
                role.repertoire
                    .iter()
                    .map(|(_, upload)| (mix.upload, Rc::clone(upload))),
            );
            role.repertoire = repertoire.into();
        }
    }

    fn attackers(&mut self, log_in: bool, scripts: Vec<Vec<Step>>) {
        let login = log_in.then(|| self.session_login("attacker login", false));
        let class = self.class("attack", Kind::Operation, false);
        let repertoire = scripts
            .into_iter()
            .map(|steps| (1, Rc::new(Operation { class, steps })))
            .collect();
        self.workers(login, repertoire);
        if let Some(role) = self.plan.roles.last_mut() {
            // Witnesses are other people: they come from elsewhere.
            role.sources = role.sources.or(self.options.attackers_network());
        }
        self.prober();
        self.witness();
    }

    fn prober(&mut self) {
        let login = self.session_login("prober login", true);
        let noop = self.noop("noop");
        self.bystander(login, noop, PROBE_INTERVAL);
    }

    fn witness(&mut self) {
        let login = self.session_login("witness login", true);
        let steps = vec![self.arm(), super::client::discard(self.options.list.clone())];
        let list = self.operation("witness list", steps);
        self.bystander(login, list, WITNESS_INTERVAL);
    }

    fn bystander(&mut self, login: Rc<Operation>, operation: Rc<Operation>, interval: Duration) {
        self.plan.roles.push(Role {
            clients: 1,
            login: Some(login),
            repertoire: [(1, operation)].into(),
            interval: Some(interval),
            is_counted: false,
            sources: None,
        });
    }
}

/// Lines that have broken servers.
fn odd_lines() -> Vec<Vec<u8>> {
    vec![
        vec![b'A'; FLOOD_BYTES],
        b"\r\n".repeat(FLOOD_BYTES / 2),
        vec![0; 4096],
        vec![0xff; 4096],
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        b"SSH-2.0-OpenSSH_9.6\r\n".to_vec(),
        b"USER %n%n%n%s%s%s\r\nPASS %x%x%x\r\n".to_vec(),
        [&b"USER "[..], &vec![b'x'; 8192], b"\r\n"].concat(),
        b"USER anonymous\r\nPASS x\r\nCWD ../../../../../../etc\r\nRETR ../../../../etc/passwd\r\n".to_vec(),
        b"USER anonymous\r\nPASS x\r\nPORT 0,0,0,0,0,0\r\nPORT 1,2,3\r\nEPRT |9|x|y|\r\nREST -1\r\nREST 99999999999999999999\r\n"
            .to_vec(),
        b"\xff\xf4\xff\xf2ABOR\r\n".to_vec(),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::options::{Invocation, parse};
    use super::*;

    fn plan(line: &str) -> Plan {
        match parse(line.split_whitespace().map(std::ffi::OsString::from)) {
            Ok(Invocation::Storm(options)) => Plan::new(&options),
            other => panic!("{line}: {other:?}"),
        }
    }

    /// What the first client says to move bytes.
    fn transfers(plan: &Plan) -> Vec<String> {
        let (_, operation) = &plan.roles[0].repertoire[0];
        let line = |step: &Step| match step {
            Step::Transfer { line, .. } => Some(line.to_string()),
            _ => None,
        };
        operation.steps.iter().filter_map(line).collect()
    }

    #[test]
    fn an_upload_is_read_back_unless_storing_alone_is_measured() {
        let usual = plan("upload 127.0.0.1:21 --path up");
        assert_eq!(
            transfers(&usual),
            ["STOR up/storm-0.pattern", "RETR up/storm-0.pattern"]
        );
        let alone = plan("upload 127.0.0.1:21 --path up --store-only");
        assert_eq!(transfers(&alone), ["STOR up/storm-0.pattern"]);
    }

    #[test]
    fn a_mix_stores_beside_what_it_downloads_and_has_only_what_it_is_made_of() {
        let stored = |line: &str| {
            let plan = plan(line);
            let uploads: Vec<_> = plan.roles[0]
                .repertoire
                .iter()
                .map(|(_, operation)| operation)
                .collect();
            let classes = plan.classes.len();
            let line = uploads
                .iter()
                .flat_map(|operation| &operation.steps)
                .find_map(|step| match step {
                    Step::Transfer { line, .. } if line.starts_with("STOR") => Some(line.to_string()),
                    _ => None,
                });
            (line.expect("an upload"), classes)
        };
        let beside = stored("mixed 127.0.0.1:21 --path /up/file --mix download=1,upload=1");
        assert_eq!(beside, ("STOR /up/storm-0.pattern".to_owned(), 3), "with the login");
        let into = stored("mixed 127.0.0.1:21 --path /up/ --mix upload=1");
        assert_eq!(into, ("STOR /up/storm-0.pattern".to_owned(), 2));
    }
}
