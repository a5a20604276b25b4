//! From the options to what every client does: roles, their scripts, and which operations are judged.
//!
//! An attack is a role that misbehaves beside two well-behaved clients: one sends NOOP, one lists. The server
//! withstands the attack if those are served all the time.

mod scripts;

use crate::measurements::{Class, ClassKind};
use crate::options::RunOptions;
use crate::scenario::ScenarioKind;
use crate::script::{Operation, ScriptStep};
use crate::sources::Sources;
use std::rc::Rc;
use std::time::Duration;

/// How often the client beside others sends NOOP.
const NOOP_INTERVAL: Duration = Duration::from_millis(10);
/// How often the well-behaved client beside an attack lists.
const LIST_INTERVAL: Duration = Duration::from_millis(50);
/// NOOPs per second among idle sessions.
const IDLE_NOOPS_PER_SECOND: f64 = 100.0;

/// What is going to happen.
#[derive(Debug)]
pub struct Plan<'options> {
    options: &'options RunOptions,
    pub classes: Vec<Class>,
    pub roles: Vec<Role>,
}

/// Clients that do the same.
#[derive(Debug)]
pub struct Role {
    pub clients: usize,
    /// Logs in first; `None`: the operations open their own connections.
    pub login: Option<Rc<Operation>>,
    pub repertoire: Repertoire,
    /// Time between the beginnings of two operations of one client; `None`: the next begins when one has ended.
    pub interval: Option<Duration>,
    /// Whether `--count` counts these operations.
    pub is_counted: bool,
    pub sources: Option<Sources>,
}

/// Operations and how often each is chosen, relative to the others.
pub type Repertoire = Vec<(u32, Rc<Operation>)>;

impl<'options> Plan<'options> {
    pub fn new(options: &'options RunOptions) -> Self {
        let (classes, roles) = (Vec::new(), Vec::new());
        let mut plan = Self {
            options,
            classes,
            roles,
        };
        plan.add_roles();
        plan
    }

    fn add_roles(&mut self) {
        let kind = self.options.scenario.kind;
        let repertoire = match kind {
            ScenarioKind::Login => {
                let visit = self.visit();
                self.roles.push(self.workers(None, vec![(1, visit)]));
                return;
            }
            ScenarioKind::Cycle | ScenarioKind::Exhaust | ScenarioKind::Squat => vec![(1, self.cycle())],
            ScenarioKind::Download | ScenarioKind::Fair => vec![(1, self.download())],
            ScenarioKind::Upload => return self.add_uploaders(1, &[]),
            ScenarioKind::Mixed => {
                let shared = self.shared_part_of_the_mix();
                match self.options.mix.upload {
                    0 => shared,
                    weight => return self.add_uploaders(weight, &shared),
                }
            }
            ScenarioKind::Idle => vec![(1, self.noop())],
            ScenarioKind::Thief => {
                let at_once = self.theft("theft at once", Duration::ZERO);
                vec![(9, at_once), (1, self.theft("theft ahead", Duration::from_millis(5)))]
            }
            ScenarioKind::Hoard => return self.add_attackers(true, self.hoard()),
            ScenarioKind::Slowloris => return self.add_attackers(false, Self::slowloris()),
            ScenarioKind::Stall => return self.add_attackers(true, self.stall()),
            ScenarioKind::Reset => return self.add_attackers(true, self.reset()),
            ScenarioKind::Flood => return self.add_attackers(true, Self::flood()),
            ScenarioKind::Lines => return self.add_attackers(false, Self::malformed_lines()),
        };
        let login = self.session_login("login", true);
        self.roles.push(self.workers(Some(login), repertoire));
        if matches!(kind, ScenarioKind::Fair | ScenarioKind::Thief | ScenarioKind::Squat) {
            self.add_prober();
        }
    }

    fn add_class(&mut self, name: &'static str, kind: ClassKind, is_judged: bool) -> usize {
        self.classes.push(Class::new(name, kind, is_judged));
        self.classes.len() - 1
    }

    /// The clients that the options describe.
    fn workers(&self, login: Option<Rc<Operation>>, repertoire: Repertoire) -> Role {
        let clients = self.options.clients;
        let is_idle = self.options.scenario.kind == ScenarioKind::Idle;
        let rate = self.options.rate.or(is_idle.then_some(IDLE_NOOPS_PER_SECOND));
        Role {
            clients,
            login,
            repertoire,
            interval: rate.map(|rate| Duration::from_secs_f64(clients as f64 / rate)),
            is_counted: true,
            sources: self.options.sources,
        }
    }

    /// One role for each client, because each has a file of its own to upload.
    fn add_uploaders(&mut self, weight: u32, shared: &[(u32, Rc<Operation>)]) {
        let login = self.session_login("login", true);
        let class = self.add_class("upload", ClassKind::Operation, true);
        for client in 0..self.options.clients {
            let repertoire = [shared, &[(weight, self.upload(class, client))]].concat();
            let workers = self.workers(Some(Rc::clone(&login)), repertoire);
            self.roles.push(Role { clients: 1, ..workers });
        }
    }

    /// A part that is never chosen gets no class, because a class without operations makes the run inconclusive.
    fn shared_part_of_the_mix(&mut self) -> Repertoire {
        let mix = self.options.mix;
        let mut shared = Repertoire::new();
        if mix.cycle > 0 {
            shared.push((mix.cycle, self.cycle()));
        }
        if mix.download > 0 {
            shared.push((mix.download, self.download()));
        }
        if mix.noop > 0 {
            shared.push((mix.noop, self.noop()));
        }
        shared
    }

    fn add_attackers(&mut self, log_in: bool, scripts: Vec<Vec<ScriptStep>>) {
        let login = log_in.then(|| self.session_login("attacker login", false));
        let class = self.add_class("attack", ClassKind::Operation, false);
        let attack = |steps| (1, Rc::new(Operation { class, steps }));
        let workers = self.workers(login, scripts.into_iter().map(attack).collect());
        // Well-behaved clients do not share an address with attackers.
        let on_loopback = self.options.is_v4_loopback().then_some(Sources::ATTACKERS);
        let sources = workers.sources.or(on_loopback);
        self.roles.push(Role { sources, ..workers });
        self.add_prober();
        let login = self.session_login("witness login", true);
        let list = self.listing("witness list", None);
        self.add_bystander(login, list, LIST_INTERVAL);
    }

    /// A well-behaved client that sends NOOP.
    fn add_prober(&mut self) {
        let login = self.session_login("prober login", true);
        let noop = self.noop();
        self.add_bystander(login, noop, NOOP_INTERVAL);
    }

    fn add_bystander(&mut self, login: Rc<Operation>, operation: Rc<Operation>, interval: Duration) {
        self.roles.push(Role {
            clients: 1,
            login: Some(login),
            repertoire: vec![(1, operation)],
            interval: Some(interval),
            is_counted: false,
            sources: None,
        });
    }
}

#[cfg(test)]
mod tests;
