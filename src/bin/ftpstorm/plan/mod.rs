//! From the options to what every client does: roles, their scripts, and which operations are judged.
//!
//! An attack is a role that misbehaves beside two well-behaved clients: one sends NOOP, one lists. The server
//! withstands the attack if those are served all the time.

mod attacks;
mod operations;

use super::measurements::{Class, ClassKind};
use super::options::RunOptions;
use super::scenario::Scenario;
use super::script::{Operation, ScriptStep};
use super::sources::Sources;
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
pub struct Plan {
    pub classes: Vec<Class>,
    pub roles: Vec<Role>,
    /// Whether thieves connect from another address.
    pub steals: bool,
    /// Whether announced ports are to be bound by a squatter.
    pub squats: bool,
}

/// Clients that do the same.
#[derive(Debug)]
pub struct Role {
    pub clients: usize,
    /// Logs in first; `None`: the operations open their own connections.
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
    pub fn new(options: &RunOptions) -> Self {
        let mut draft = Draft {
            options,
            plan: Plan {
                classes: Vec::new(),
                roles: Vec::new(),
                steals: options.scenario == Scenario::Thief,
                squats: options.scenario == Scenario::Squat,
            },
        };
        draft.add_roles();
        draft.plan
    }
}

/// A plan being made.
struct Draft<'options> {
    options: &'options RunOptions,
    plan: Plan,
}

impl Draft<'_> {
    fn add_roles(&mut self) {
        match self.options.scenario {
            Scenario::Login => {
                let mut steps = self.login_steps();
                steps.extend([ScriptStep::send("QUIT", &[221]), ScriptStep::Close]);
                let login = self.operation("login", steps);
                self.add_workers(None, vec![(1, login)]);
            }
            Scenario::Cycle | Scenario::Exhaust => {
                let cycle = self.cycle();
                self.add_sessions(vec![(1, cycle)]);
            }
            Scenario::Download => {
                let download = self.download();
                self.add_sessions(vec![(1, download)]);
            }
            Scenario::Upload => self.add_uploaders(),
            Scenario::Mixed => self.add_mixed(),
            Scenario::Idle => {
                let noop = self.noop();
                self.add_sessions(vec![(1, noop)]);
                if let Some(role) = self.plan.roles.last_mut() {
                    let seconds = role.clients as f64 / IDLE_NOOPS_PER_SECOND;
                    role.interval = Some(role.interval.unwrap_or(Duration::from_secs_f64(seconds)));
                }
            }
            Scenario::Fair => {
                let download = self.download();
                self.add_sessions(vec![(1, download)]);
                self.add_prober();
            }
            Scenario::Thief => {
                let at_once = self.theft("theft at once", Duration::ZERO);
                let ahead = self.theft("theft ahead", Duration::from_millis(5));
                self.add_sessions(vec![(9, at_once), (1, ahead)]);
                self.add_prober();
            }
            Scenario::Squat => {
                let cycle = self.cycle();
                self.add_sessions(vec![(1, cycle)]);
                self.add_prober();
            }
            Scenario::Hoard => self.add_attackers(true, self.hoard()),
            Scenario::Slowloris => self.add_attackers(false, Self::slowloris()),
            Scenario::Stall => self.add_attackers(true, self.stall()),
            Scenario::Reset => self.add_attackers(true, self.reset()),
            Scenario::Flood => self.add_attackers(true, Self::flood()),
            Scenario::Lines => self.add_attackers(false, Self::malformed_lines()),
        }
    }

    fn add_class(&mut self, name: &'static str, kind: ClassKind, is_judged: bool) -> usize {
        self.plan.classes.push(Class::new(name, kind, is_judged));
        self.plan.classes.len() - 1
    }

    /// The clients that the options describe.
    fn add_workers(&mut self, login: Option<Rc<Operation>>, repertoire: Vec<(u32, Rc<Operation>)>) {
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
    fn add_sessions(&mut self, repertoire: Vec<(u32, Rc<Operation>)>) {
        let login = self.session_login("login", true);
        self.add_workers(Some(login), repertoire);
    }

    /// One role for each client, because each has a file of its own.
    fn add_uploaders(&mut self) {
        let login = self.session_login("login", true);
        let class = self.add_class("upload", ClassKind::Operation, true);
        for client in 0..self.options.clients {
            let upload = self.upload(class, client);
            self.add_workers(Some(Rc::clone(&login)), vec![(1, upload)]);
            if let Some(role) = self.plan.roles.last_mut() {
                role.clients = 1;
            }
        }
    }

    fn add_mixed(&mut self) {
        let mix = self.options.mix;
        let mut shared: Vec<(u32, Rc<Operation>)> = Vec::new();
        // A part that is never chosen gets no class, because a class without operations makes the run inconclusive.
        if mix.cycle > 0 {
            shared.push((mix.cycle, self.cycle()));
        }
        if mix.download > 0 {
            shared.push((mix.download, self.download()));
        }
        if mix.noop > 0 {
            shared.push((mix.noop, self.noop()));
        }
        if mix.upload == 0 {
            self.add_sessions(shared);
            return;
        }
        self.add_uploaders();
        for role in &mut self.plan.roles {
            let uploads = role.repertoire.iter();
            let uploads = uploads.map(|(_, upload)| (mix.upload, Rc::clone(upload)));
            role.repertoire = shared.iter().cloned().chain(uploads).collect();
        }
    }

    fn add_attackers(&mut self, log_in: bool, scripts: Vec<Vec<ScriptStep>>) {
        let login = log_in.then(|| self.session_login("attacker login", false));
        let class = self.add_class("attack", ClassKind::Operation, false);
        let repertoire = scripts
            .into_iter()
            .map(|steps| (1, Rc::new(Operation { class, steps })))
            .collect();
        self.add_workers(login, repertoire);
        if let Some(role) = self.plan.roles.last_mut() {
            // Well-behaved clients do not share an address with attackers.
            role.sources = role.sources.or(self.options.attackers_network());
        }
        self.add_prober();
        self.add_lister();
    }

    /// A well-behaved client that sends NOOP.
    fn add_prober(&mut self) {
        let login = self.session_login("prober login", true);
        let noop = self.noop();
        self.add_bystander(login, noop, NOOP_INTERVAL);
    }

    /// A well-behaved client that lists.
    fn add_lister(&mut self) {
        let login = self.session_login("witness login", true);
        let steps = vec![self.passive(), ScriptStep::discard(self.options.list.clone())];
        let list = self.operation("witness list", steps);
        self.add_bystander(login, list, LIST_INTERVAL);
    }

    fn add_bystander(&mut self, login: Rc<Operation>, operation: Rc<Operation>, interval: Duration) {
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

#[cfg(test)]
mod tests;
