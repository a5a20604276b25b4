//! The loop: one poll, one thread, every client.
//!
//! First everybody who needs a session gets one, a few hundred at a time; then all begin. A turn is the same as the
//! server's: sleep until something happens or a deadline comes → events → whoever stopped at a budget → deadlines.

mod ending;

pub use ending::End;

use super::cleanup::Cleanup;
use super::client::{Client, Status, Tools};
use super::interrupt::Interrupt;
use super::loot::Loot;
use super::measurements::Measurements;
use super::options::Options;
use super::plan::{Plan, Role};
use super::polled_socket::PolledSocket;
use super::process::{Sample, Samples};
use super::progress::Progress;
use super::rate::{Rate, Schedule};
use super::script::Operation;
use super::squat::Squatter;
use loopftpd::random::Random;
use loopftpd::reactor::busy_poll::BusyPoll;
use loopftpd::reactor::deadlines::Deadlines;
use loopftpd::reactor::poller::{Poller, Sleep};
use loopftpd::reactor::ready_queue::ReadyQueue;
use loopftpd::reactor::slots::Slots;
use loopftpd::reactor::token::SlotId;
use mio::Events;
use mio::event::Event;
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// Clients that log in at the same time before the beginning: fewer than any server's backlog (vsftpd's is 32).
const LOGINS_AT_ONCE: usize = 30;
/// After a failure a client waits this long, or a dead server would be asked a million times a second.
const AFTER_FAILURE: Duration = Duration::from_millis(100);
/// When a client that has nothing more to do is looked at again: long after any run.
const NEVER: Duration = Duration::from_secs(365 * 24 * 3600);
/// How often the loop looks whether the run is over when nothing else happens.
const TICK: Duration = Duration::from_secs(1);
const EVENTS_PER_TURN: usize = 1024;
/// Bytes of all data connections together in one turn.
const BULK_PER_TURN: u64 = 512 * 1024;
/// Large enough that dropping a download takes few calls; its pages are never touched by them.
const SCRATCH_BYTES: usize = 256 * 1024;

/// A run.
pub struct Storm<'options> {
    options: &'options Options,
    interrupt: Interrupt,
    poller: Poller,
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
    schedule: Option<Schedule>,
    progress: Progress,
    next_second: Instant,
    samples: Option<Samples>,
    success_watch: ending::SuccessWatch,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Everybody logs in.
    Gathering,
    Running,
    /// The time is up: nothing new begins, and what is under way shows whether it is served.
    Draining {
        since: Instant,
    },
}

/// Operations that `--count` counts.
#[derive(Clone, Copy, Debug)]
struct Counted {
    limit: Option<u64>,
    begun: u64,
    ended: u64,
    last_began: Instant,
}

/// What is known at the end.
pub struct Outcome {
    pub measurements: Measurements,
    pub elapsed: Duration,
    pub sessions: usize,
    pub samples: Option<Samples>,
    pub rate: Option<Rate>,
    pub cleanup: Cleanup,
    pub end: End,
}

impl<'options> Storm<'options> {
    pub fn new(options: &'options Options, plan: Plan, interrupt: Interrupt) -> io::Result<Self> {
        // Polling before sleeping would take processor time from a server on the same machine.
        let poller = Poller::new(BusyPoll::new(false))?;
        let now = Instant::now();
        let Plan {
            classes,
            roles,
            steals,
            squats,
        } = plan;
        let mut storm = Self {
            options,
            interrupt,
            clients: Slots::default(),
            deadlines: Deadlines::default(),
            tools: Tools {
                registry: poller.registry().try_clone()?,
                target: options.target,
                thief_address: if steals { options.thief_address() } else { None },
                loot: Loot::default(),
                uploads: BTreeMap::new(),
                now,
                patience: options.timeout,
                scratch: vec![0; SCRATCH_BYTES].into_boxed_slice(),
                measurements: Measurements::new(classes, now),
                ready: ReadyQueue::default(),
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
                last_began: now,
            },
            schedule: options.rate.map(|rate| Schedule::new(rate, options.clients)),
            progress: Progress::new(options.count, options.is_quiet),
            next_second: now + TICK,
            samples: options.pid.and_then(Sample::of).map(|before| Samples {
                before,
                most: before,
                after: before,
            }),
            success_watch: ending::SuccessWatch::new(now),
            poller,
        };
        storm.gather();
        Ok(storm)
    }

    /// Runs to the end.
    pub fn run(mut self) -> io::Result<Outcome> {
        let mut events = Events::with_capacity(EVENTS_PER_TURN);
        let mut end = None;
        self.open_gate_if_gathered();
        while end.is_none() {
            self.sleep(&mut events)?;
            for event in &events {
                self.dispatch(event);
            }
            self.move_bulk();
            self.fire_deadlines();
            self.open_gate_if_gathered();
            end = self.look_at_the_clock();
        }
        Ok(self.conclude(end.unwrap_or(End::Done)))
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
        self.tools.measurements.begin(now);
        self.next_second = now + TICK;
        let total = self.clients.len().max(1);
        let slots: Vec<SlotId> = self.clients.iter().map(|(slot, _)| slot).collect();
        for slot in slots {
            let Some(client) = self.clients.get_mut(slot) else {
                continue;
            };
            let Some(role) = self.roles.get(client.role) else {
                continue;
            };
            // Bystanders begin at once, so that even a run of 10 ms has measured them; the others are spread.
            client.intended = now;
            if role.is_counted {
                let share = |length: Duration| length.mul_f64(client.number as f64 / total as f64);
                client.intended += share(self.options.ramp) + role.interval.map_or(Duration::ZERO, share);
                if let Some(schedule) = &mut self.schedule {
                    schedule.add(client.intended);
                }
            }
            self.rest(slot);
        }
        self.fire_deadlines();
    }

    fn sleep(&mut self, events: &mut Events) -> io::Result<()> {
        let second = match self.phase {
            Phase::Running => self.next_second,
            Phase::Gathering | Phase::Draining { .. } => self.tools.now + TICK,
        };
        let next = self.deadlines.next().map_or(second, |due| due.min(second));
        let sleep = if self.tools.ready.is_empty() {
            Sleep::Until(next)
        } else {
            Sleep::NotAtAll
        };
        self.tools.now = self.poller.sleep(events, sleep)?.now;
        Ok(())
    }

    fn dispatch(&mut self, event: &Event) {
        match PolledSocket::of(event.token()) {
            Some(PolledSocket::Control(slot)) => self.step(slot, |client, tools| client.control_ready(event, tools)),
            Some(PolledSocket::Data(slot)) => {
                if let Some(client) = self.clients.get_mut(slot) {
                    client.queue(&mut self.tools);
                }
            }
            Some(PolledSocket::SquattedPort(port)) => {
                if let Some(squatter) = &mut self.tools.squatter {
                    self.tools.measurements.diverted += squatter.victims(port);
                }
            }
            None => {}
        }
    }

    /// Data is moved after all replies were read, and only so much a turn: a prober's latency is the server's, not this
    /// loop's own.
    fn move_bulk(&mut self) {
        let mut left = BULK_PER_TURN;
        let mut round = self.tools.ready.round();
        while left > 0
            && let Some(slot) = self.tools.ready.next(&mut round)
        {
            let before = self.tools.measurements.bytes;
            self.step(slot, Client::data_ready);
            left = left.saturating_sub(self.tools.measurements.bytes - before);
        }
    }

    fn fire_deadlines(&mut self) {
        let now = self.tools.now;
        while let Some(slot) = self
            .deadlines
            .pop_due(&mut self.clients, |client| &mut client.deadline, now)
        {
            let Some(client) = self.clients.get_mut(slot) else {
                continue;
            };
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

    /// Counts what ended. When the next operation should have begun, if that is now or past: its latency counts from
    /// then, so that a server that stalls cannot hide it.
    fn account(&mut self, slot: SlotId, status: Status) -> Option<Instant> {
        let client = self.clients.get_mut(slot)?;
        let role = self.roles.get(client.role);
        let login_class = role.and_then(|role| role.login.as_ref()).map(|login| login.class);
        let interval = role.and_then(|role| role.interval);
        let is_counted = role.is_some_and(|role| role.is_counted);
        let now = self.tools.now;
        let measurements = &mut self.tools.measurements;
        let is_judged = |measurements: &Measurements, class: usize| {
            let class = measurements.classes.get(class);
            class.is_some_and(|class| class.is_judged)
        };
        let (ended, has_failed) = match status {
            Status::UnderWay | Status::Resting => return None,
            Status::Succeeded { class, began } => {
                measurements.success(class, now - began);
                if is_judged(measurements, class) {
                    self.success_watch.success(now);
                }
                (Some(class), false)
            }
            Status::Failed { class, failure, since } => {
                if is_judged(measurements, class) {
                    self.success_watch.failure(since, &failure);
                }
                measurements.failure(class, failure);
                (Some(class), true)
            }
            Status::LostAtRest(failure) => {
                if let Some(class) = login_class {
                    measurements.failure(class, failure);
                }
                (None, true)
            }
        };
        let was_login = ended.is_some() && ended == login_class;
        if was_login && self.phase == Phase::Gathering {
            self.logging_in -= 1;
            return None;
        }
        if is_counted && ended.is_some() && !was_login {
            self.counted.ended += 1;
            if let Some(squatter) = &mut self.tools.squatter {
                squatter.take_a_port(&self.tools.registry);
                (measurements.squatted, measurements.squats_tried) = squatter.score();
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
        match self.phase {
            Phase::Gathering if role.login.is_none() || client.has_session() => return Status::Resting,
            Phase::Gathering | Phase::Running => {}
            Phase::Draining { .. } => {
                client.intended = self.tools.now + NEVER;
                return Status::Resting;
            }
        }
        if let Some(login) = &role.login
            && !client.has_session()
        {
            let now = self.tools.now;
            return client.begin(Rc::clone(login), now, &mut self.tools);
        }
        if role.is_counted {
            if self.counted.limit.is_some_and(|limit| self.counted.begun >= limit) {
                // Enough has been begun; this client looks on.
                client.intended = self.tools.now + NEVER;
                return Status::Resting;
            }
            self.counted.begun += 1;
            self.counted.last_began = self.tools.now;
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
