//! The loop: one poll, one thread, every client.
//!
//! First everybody who needs a session gets one, a few hundred at a time; then all begin. A turn is the same as the
//! server's: sleep until something happens or a deadline comes → events → whoever stopped at a budget → deadlines.

use super::client::{Client, Status, Tools};
use super::measurements::Measurements;
use super::options::Options;
use super::plan::{Plan, Role};
use super::process::{Sample, Samples};
use super::progress::Progress;
use super::script::Operation;
use super::squat::Squatter;
use loopftpd::event_loop::deadlines::Deadlines;
use loopftpd::event_loop::slots::Slots;
use loopftpd::event_loop::token::{SlotId, Target};
use loopftpd::random::Random;
use mio::event::Event;
use mio::{Events, Poll};
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// Clients that log in at the same time before the beginning: fewer than any server's backlog (vsftpd's is 32).
const LOGINS_AT_ONCE: usize = 30;
/// After a failure a client waits this long, or a dead server would be asked a million times a second.
const AFTER_FAILURE: Duration = Duration::from_millis(100);
/// How long the server's descriptors may take to come back to where they were.
const AFTERMATH: Duration = Duration::from_secs(10);
const EVENTS_PER_TURN: usize = 1024;
/// Bytes of all data connections together in one turn.
const BULK_PER_TURN: u64 = 512 * 1024;
/// Large enough that dropping a download takes few calls; its pages are never touched by them.
const SCRATCH_BYTES: usize = 256 * 1024;

/// A run.
pub struct Storm {
    poll: Poll,
    clients: Slots<Client>,
    deadlines: Deadlines,
    tools: Tools,
    roles: Vec<Role>,
    random: Random,
    phase: Phase,
    /// Clients that have yet to log in.
    waiting: VecDeque<SlotId>,
    logging_in: usize,
    counted: Counted,
    ramp: Duration,
    duration: Option<Duration>,
    progress: Progress,
    next_second: Instant,
    pid: Option<u32>,
    samples: Option<Samples>,
    is_server_gone: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Everybody logs in.
    Gathering,
    Running,
    Over,
}

/// Operations that `--count` counts.
#[derive(Clone, Copy, Debug)]
struct Counted {
    limit: Option<u64>,
    begun: u64,
    ended: u64,
}

/// What is known at the end.
pub struct Outcome {
    pub measurements: Measurements,
    pub elapsed: Duration,
    pub sessions: usize,
    pub samples: Option<Samples>,
    /// The watched process has ended during the run.
    pub is_server_gone: bool,
}

impl Storm {
    pub fn new(options: &Options, plan: Plan) -> io::Result<Self> {
        let poll = Poll::new()?;
        let now = Instant::now();
        let Plan {
            classes,
            roles,
            steals,
            squats,
        } = plan;
        let mut storm = Self {
            clients: Slots::default(),
            deadlines: Deadlines::default(),
            tools: Tools {
                registry: poll.registry().try_clone()?,
                target: options.target,
                thief_address: steals.then_some(IpAddr::V4(Ipv4Addr::new(127, 99, 0, 1))),
                now,
                patience: options.timeout,
                scratch: vec![0; SCRATCH_BYTES].into_boxed_slice(),
                measurements: Measurements::new(classes, now),
                ready: VecDeque::new(),
                squatter: squats.then(|| Squatter::new(options.target.ip())),
            },
            roles,
            random: Random::Seeded(options.seed),
            phase: Phase::Gathering,
            waiting: VecDeque::new(),
            logging_in: 0,
            counted: Counted {
                limit: options.count,
                begun: 0,
                ended: 0,
            },
            ramp: options.ramp,
            duration: options.duration,
            progress: Progress::new(options.count, options.is_quiet),
            next_second: now + Duration::from_secs(1),
            pid: options.pid,
            samples: options.pid.and_then(Sample::of).map(|before| Samples {
                before,
                most: before,
                after: before,
            }),
            is_server_gone: false,
            poll,
        };
        storm.gather();
        Ok(storm)
    }

    /// Runs to the end.
    pub fn run(mut self) -> io::Result<Outcome> {
        let mut events = Events::with_capacity(EVENTS_PER_TURN);
        self.open_gate_if_gathered();
        while self.phase != Phase::Over {
            self.sleep(&mut events)?;
            for event in &events {
                self.dispatch(event);
            }
            self.move_bulk();
            self.fire_deadlines();
            self.open_gate_if_gathered();
            self.look_at_the_clock();
        }
        Ok(self.conclude())
    }

    fn gather(&mut self) {
        let now = self.tools.now;
        let mut number = 0;
        for (index, role) in self.roles.iter().enumerate() {
            for _ in 0..role.clients {
                let source = role.sources.map(|sources| sources.address(number));
                let slot = self
                    .clients
                    .insert_with(|slot| Client::new(slot, index, number, source, now));
                if role.login.is_some() {
                    self.waiting.push_back(slot);
                }
                number += 1;
            }
        }
    }

    /// Lets more clients log in; once all have, everybody begins.
    fn open_gate_if_gathered(&mut self) {
        if self.phase != Phase::Gathering {
            return;
        }
        while self.logging_in < LOGINS_AT_ONCE
            && let Some(slot) = self.waiting.pop_front()
        {
            self.logging_in += 1;
            self.begin(slot);
        }
        if self.logging_in > 0 || !self.waiting.is_empty() {
            return;
        }
        self.phase = Phase::Running;
        self.tools.now = Instant::now();
        let now = self.tools.now;
        self.tools.measurements.began = now;
        self.next_second = now + Duration::from_secs(1);
        let total = self.clients.len().max(1);
        let slots: Vec<SlotId> = self.clients.iter().map(|(slot, _)| slot).collect();
        for slot in slots {
            let Some(client) = self.clients.get_mut(slot) else {
                continue;
            };
            let share = |length: Duration| length.mul_f64(client.number as f64 / total as f64);
            let phase = self
                .roles
                .get(client.role)
                .and_then(|role| role.interval)
                .map_or(Duration::ZERO, share);
            client.intended = now + share(self.ramp) + phase;
            self.rest(slot);
        }
        self.fire_deadlines();
    }

    fn sleep(&mut self, events: &mut Events) -> io::Result<()> {
        let next = self
            .deadlines
            .next()
            .map_or(self.next_second, |due| due.min(self.next_second));
        let timeout = if self.tools.ready.is_empty() {
            next.saturating_duration_since(Instant::now())
        } else {
            Duration::ZERO
        };
        match self.poll.poll(events, Some(timeout)) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            Ok(()) | Err(_) => {}
        }
        self.tools.now = Instant::now();
        Ok(())
    }

    fn dispatch(&mut self, event: &Event) {
        match Target::try_from(event.token()) {
            Ok(Target::Control(slot)) => self.step(slot, |client, tools| client.control_ready(event, tools)),
            Ok(Target::Data(slot)) => {
                if let Some(client) = self.clients.get_mut(slot) {
                    client.queue(&mut self.tools);
                }
            }
            Ok(Target::PassivePort { port, .. }) => {
                if let Some(squatter) = &mut self.tools.squatter {
                    self.tools.measurements.diverted += squatter.victims(port);
                }
            }
            Ok(Target::Signals | Target::SlowWork | Target::ControlListener(_)) | Err(_) => {}
        }
    }

    /// Data is moved after all replies were read, and only so much a turn: a prober's latency is the server's, not this
    /// loop's own.
    fn move_bulk(&mut self) {
        let mut left = BULK_PER_TURN;
        for _ in 0..self.tools.ready.len() {
            if left == 0 {
                return;
            }
            if let Some(slot) = self.tools.ready.pop_front() {
                let before = self.tools.measurements.bytes;
                self.step(slot, Client::data_ready);
                left = left.saturating_sub(self.tools.measurements.bytes - before);
            }
        }
    }

    fn fire_deadlines(&mut self) {
        let now = self.tools.now;
        while let Some(slot) = self.deadlines.pop(now) {
            let Some(client) = self.clients.get_mut(slot) else {
                continue;
            };
            if !self.deadlines.has_passed(slot, &mut client.deadline, now) {
                continue;
            }
            if client.is_resting() {
                if self.phase == Phase::Running {
                    self.begin(slot);
                }
            } else if client.due(self.tools.patience) <= now {
                self.step(slot, Client::time_is_up);
            } else {
                self.rest(slot);
            }
        }
    }

    /// Lets a client do something, and goes on with it as far as that leads.
    fn step(&mut self, slot: SlotId, work: impl FnOnce(&mut Client, &mut Tools) -> Status) {
        let Some(client) = self.clients.get_mut(slot) else {
            return;
        };
        let status = work(client, &mut self.tools);
        self.go_on(slot, status);
    }

    /// A client that was free at its time begins now: that this loop's timer is late is not the server's fault.
    fn begin(&mut self, slot: SlotId) {
        let status = self.begin_next(slot, self.tools.now);
        self.go_on(slot, status);
    }

    fn go_on(&mut self, slot: SlotId, status: Status) {
        let mut status = status;
        while let Some(intended) = self.account(slot, status) {
            status = self.begin_next(slot, intended);
        }
        self.rest(slot);
    }

    /// Counts what ended. When the next operation should have begun, if that is now or past: its latency counts from then,
    /// so that a server that stalls cannot hide it.
    fn account(&mut self, slot: SlotId, status: Status) -> Option<Instant> {
        let client = self.clients.get_mut(slot)?;
        let role = self.roles.get(client.role);
        let login_class = role.and_then(|role| role.login.as_ref()).map(|login| login.class);
        let interval = role.and_then(|role| role.interval);
        let is_counted = role.is_some_and(|role| role.is_counted);
        let now = self.tools.now;
        let ended = match status {
            Status::UnderWay | Status::Resting => return None,
            Status::Succeeded { class, began } => {
                self.tools.measurements.success(class, now - began);
                Some(class)
            }
            Status::Failed { class, failure } => {
                self.tools.measurements.failure(class, failure);
                Some(class)
            }
            Status::LostAtRest(failure) => {
                if let Some(class) = login_class {
                    self.tools.measurements.failure(class, failure);
                }
                None
            }
        };
        let was_login = ended.is_some() && ended == login_class;
        let has_failed = !matches!(status, Status::Succeeded { .. });
        if was_login && self.phase == Phase::Gathering {
            self.logging_in -= 1;
            return None;
        }
        if is_counted && ended.is_some() && !was_login {
            self.counted.ended += 1;
            if let Some(squatter) = &mut self.tools.squatter {
                self.tools.measurements.squatted = squatter.take_a_port(&self.tools.registry);
            }
        }
        if was_login && !has_failed {
            return Some(now);
        }
        let next = interval.map_or(now, |interval| client.intended + interval);
        client.intended = if has_failed {
            next.max(now + AFTER_FAILURE)
        } else {
            next
        };
        let is_due = client.intended <= now && self.phase == Phase::Running;
        is_due.then_some(client.intended)
    }

    /// Begins the login a client needs, or its next operation, whose latency counts from `intended`.
    fn begin_next(&mut self, slot: SlotId, intended: Instant) -> Status {
        let Some(client) = self.clients.get_mut(slot) else {
            return Status::Resting;
        };
        let Some(role) = self.roles.get(client.role) else {
            return Status::Resting;
        };
        if let Some(login) = &role.login
            && !client.has_session()
        {
            let now = self.tools.now;
            return client.begin(Rc::clone(login), now, &mut self.tools);
        }
        if self.phase == Phase::Gathering {
            return Status::Resting;
        }
        if role.is_counted {
            if self.counted.limit.is_some_and(|limit| self.counted.begun >= limit) {
                // Enough has been begun; this client looks on.
                client.intended = self.tools.now + Duration::from_secs(3600);
                return Status::Resting;
            }
            self.counted.begun += 1;
        }
        match choose(&role.repertoire, &mut self.random) {
            Some(operation) => client.begin(operation, intended, &mut self.tools),
            None => Status::Resting,
        }
    }

    fn rest(&mut self, slot: SlotId) {
        if let Some(client) = self.clients.get_mut(slot) {
            let due = client.due(self.tools.patience);
            self.deadlines.arm(slot, &mut client.deadline, due);
        }
    }

    /// Once a second: a point of the chart, a sample of the server; and whether it is over.
    fn look_at_the_clock(&mut self) {
        if self.phase != Phase::Running {
            return;
        }
        let now = self.tools.now;
        let elapsed = now - self.tools.measurements.began;
        if self.next_second <= now {
            self.next_second += Duration::from_secs(1);
            let second = self.tools.measurements.second_ends();
            let by_count = self
                .counted
                .limit
                .map_or(0.0, |limit| self.counted.ended as f64 / limit as f64);
            let by_time = self
                .duration
                .map_or(0.0, |duration| elapsed.as_secs_f64() / duration.as_secs_f64());
            let failed = self.tools.measurements.failed();
            self.progress.second(&second, failed, by_count.max(by_time));
            self.sample();
        }
        let all_counted = self.counted.limit.is_some_and(|limit| self.counted.ended >= limit);
        let out_of_time = self.duration.is_some_and(|duration| elapsed >= duration);
        if all_counted || out_of_time || self.is_server_gone {
            self.phase = Phase::Over;
        }
    }

    fn sample(&mut self) {
        if let (Some(pid), Some(samples)) = (self.pid, &mut self.samples) {
            match Sample::of(pid) {
                Some(sample) => samples.note(sample),
                None => self.is_server_gone = true,
            }
        }
    }

    /// Everybody hangs up; then the server is watched until it holds no more than before.
    fn conclude(mut self) -> Outcome {
        let elapsed = self.tools.now - self.tools.measurements.began;
        self.sample();
        self.tools.measurements.second_ends();
        self.progress.end();
        let slots: Vec<SlotId> = self.clients.iter().map(|(slot, _)| slot).collect();
        let sessions = slots.len();
        for slot in slots {
            if let Some(mut client) = self.clients.remove(slot) {
                client.stop();
            }
        }
        drop(self.poll);
        if let (Some(pid), Some(samples)) = (self.pid, &mut self.samples) {
            let start = Instant::now();
            while let Some(sample) = Sample::of(pid) {
                samples.after = sample;
                if sample.descriptors <= samples.before.descriptors || start.elapsed() > AFTERMATH {
                    break;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        Outcome {
            measurements: self.tools.measurements,
            elapsed,
            sessions,
            samples: self.samples,
            is_server_gone: self.is_server_gone,
        }
    }
}

/// One of the operations, by weight.
fn choose(repertoire: &[(u32, Rc<Operation>)], random: &mut Random) -> Option<Rc<Operation>> {
    let [(_, only)] = repertoire else {
        let total: u32 = repertoire.iter().map(|(weight, _)| weight).sum();
        let mut drawn = u32::try_from(random.below(total as usize)).unwrap_or(0);
        for (weight, operation) in repertoire {
            if drawn < *weight {
                return Some(Rc::clone(operation));
            }
            drawn -= weight;
        }
        return None;
    };
    Some(Rc::clone(only))
}

impl Outcome {
    /// Why the run has failed; empty if it has not.
    pub fn complaints(&self, options: &Options) -> Vec<String> {
        let measurements = &self.measurements;
        let mut complaints: Vec<String> = measurements
            .classes
            .iter()
            .filter(|class| class.is_judged)
            .flat_map(|class| {
                class
                    .failures
                    .iter()
                    .map(|(failure, count)| format!("{}: {failure}, {count} times", class.name))
            })
            .collect();
        if measurements.stolen > 0 {
            complaints.push(format!("{} bytes were stolen", measurements.stolen));
        }
        if measurements.diverted > 0 {
            complaints.push(format!("{} connections were diverted", measurements.diverted));
        }
        if self.is_server_gone {
            complaints.push("the server's process has ended".to_owned());
        }
        let worked = measurements.classes.iter().filter(|class| class.is_judged);
        for class in worked.filter(|class| class.succeeded() == 0 && class.failed() == 0) {
            complaints.push(format!("{}: none came to an end", class.name));
        }
        if let Some(samples) = &self.samples
            && options.scenario.is_attack()
            && samples.after.descriptors > samples.before.descriptors
        {
            complaints.push(format!(
                "descriptors: {} before, {} after",
                samples.before.descriptors, samples.after.descriptors
            ));
        }
        let noop = measurements.classes.iter().find(|class| class.name == "noop");
        if let (Some(limit), Some(noop)) = (options.noop_limit, noop)
            && noop.quantile(0.99) > limit
        {
            complaints.push(format!("NOOP took {:?} at the 99th percentile", noop.quantile(0.99)));
        }
        complaints
    }
}
