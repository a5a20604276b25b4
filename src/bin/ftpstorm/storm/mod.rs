//! The event loop: one poll, one thread, every client.
//!
//! First every client that needs a session logs in, a few at a time; then all begin. A turn is the same as the
//! server's: sleep until an event or a deadline → handle the events → resume clients that stopped at their budget →
//! fire deadlines.
//!
//! [`scheduling`] opens the sessions, counts what ended and begins what is next; [`ending`] decides when the run is
//! over, by its [`limits`].

mod ending;
mod limits;
mod scheduling;

use crate::cleanup::Cleanup;
use crate::client::{ScriptedClient, Status, Tools};
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::measurements::Measurements;
use crate::options::RunOptions;
use crate::plan::{Plan, Role};
use crate::polled_socket::PolledSocket;
use crate::process::{Sample, Samples};
use crate::progress_display::ProgressDisplay;
use crate::rate::{Rate, Schedule};
use crate::scenario::ScenarioKind;
use crate::sources::THIEF;
use crate::squat::Squatter;
use crate::stolen_bytes::StolenBytes;
use limits::{Counted, SuccessWatch};
use loopftpd::random::Random;
use loopftpd::reactor::deadlines::Deadlines;
use loopftpd::reactor::poller::Poller;
use loopftpd::reactor::slots::Slots;
use loopftpd::reactor::token::SlotId;
use mio::Events;
use mio::event::Event;
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::time::{Duration, Instant};

/// How often the loop checks whether the run is over if nothing else happens.
const TICK: Duration = Duration::from_secs(1);
const EVENTS_PER_TURN: usize = 1024;
/// Bytes of all data connections together in one turn.
const BULK_PER_TURN: u64 = 512 * 1024;
/// Large enough that dropping a download takes few calls; they never touch its pages.
const SCRATCH_BYTES: usize = 256 * 1024;

/// A run.
pub struct Storm<'options> {
    options: &'options RunOptions,
    interrupt: Interrupt,
    poller: Poller,
    clients: Slots<ScriptedClient>,
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
    progress: ProgressDisplay,
    next_second: Instant,
    samples: Option<Samples>,
    success_watch: SuccessWatch,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// All clients log in.
    Gathering,
    Running,
    /// The time is up: no operation begins, and those under way show whether they are served.
    Finishing {
        since: Instant,
    },
}

/// What is known at the end.
pub struct RunOutcome {
    pub measurements: Measurements,
    pub elapsed: Duration,
    pub sessions: usize,
    pub samples: Option<Samples>,
    pub rate: Option<Rate>,
    pub cleanup: Cleanup,
    pub end: End,
}

/// Why the run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The time is up or the count is reached.
    Done,
    /// Nothing succeeded for `--timeout`.
    NothingSucceeded {
        last: Failure,
    },
    /// The watched process has ended.
    ServerGone,
    Interrupted {
        exit_code: u8,
    },
}

impl<'options> Storm<'options> {
    /// Fails when the system gives no poll instance.
    pub fn new(options: &'options RunOptions, interrupt: Interrupt) -> io::Result<Self> {
        // Polling before sleeping would take processor time from a server on the same machine.
        let poller = Poller::new(false)?;
        let now = Instant::now();
        let Plan { classes, roles, .. } = Plan::new(options);
        let squats = options.scenario.kind == ScenarioKind::Squat;
        let mut storm = Self {
            options,
            interrupt,
            clients: Slots::default(),
            deadlines: Deadlines::default(),
            tools: Tools {
                registry: poller.registry().try_clone()?,
                target: options.target,
                thief_address: options.is_v4_loopback().then_some(THIEF),
                stolen_bytes: StolenBytes::default(),
                uploads: BTreeMap::new(),
                now,
                patience: options.timeout,
                scratch: vec![0; SCRATCH_BYTES].into_boxed_slice(),
                measurements: Measurements::new(classes, now),
                ready: VecDeque::new(),
                squatter: squats.then(|| Squatter::new(options.target.ip())),
            },
            poller,
            roles,
            random: Random::seeded(options.seed),
            phase: Phase::Gathering,
            waiting: VecDeque::new(),
            logging_in: 0,
            counted: Counted::new(options.count, now),
            schedule: options.rate.map(|rate| Schedule::new(rate, options.clients)),
            progress: ProgressDisplay::new(options.count, options.is_quiet),
            next_second: now + TICK,
            samples: options.pid.and_then(Sample::of).map(Samples::new),
            success_watch: SuccessWatch::new(now),
        };
        storm.add_clients();
        Ok(storm)
    }

    /// Runs to the end.
    pub fn run(mut self) -> io::Result<RunOutcome> {
        let mut events = Events::with_capacity(EVENTS_PER_TURN);
        self.log_in_and_begin();
        loop {
            self.sleep(&mut events)?;
            for event in &events {
                self.dispatch(event);
            }
            self.move_bulk();
            self.fire_deadlines();
            self.log_in_and_begin();
            if let Some(end) = self.check_end() {
                return Ok(self.conclude(end));
            }
        }
    }

    fn sleep(&mut self, events: &mut Events) -> io::Result<()> {
        let second = match self.phase {
            Phase::Running => self.next_second,
            Phase::Gathering | Phase::Finishing { .. } => self.tools.now + TICK,
        };
        let until = self.deadlines.next().map_or(second, |deadline| deadline.min(second));
        let timeout = if self.tools.ready.is_empty() {
            until.saturating_duration_since(Instant::now())
        } else {
            Duration::ZERO
        };
        self.tools.now = self.poller.sleep(events, Some(timeout))?;
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
                    self.tools.measurements.attack.diverted_connections += squatter.accept_diverted(port);
                }
            }
            None => {}
        }
    }

    /// Moves data after all replies were read, and only so much in a turn: a latency must be the server's, not this
    /// loop's own.
    fn move_bulk(&mut self) {
        let mut left = BULK_PER_TURN;
        // Clients that are queued again in this round wait for the next turn.
        let mut round = self.tools.ready.len();
        while left > 0
            && round > 0
            && let Some(slot) = self.tools.ready.pop_front()
        {
            round -= 1;
            let before = self.tools.measurements.bytes;
            self.step(slot, ScriptedClient::resume);
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
                self.step(slot, ScriptedClient::time_is_up);
            } else {
                self.arm_deadline(slot);
            }
        }
    }

    /// Lets a client do something, and then begin what it can begin next.
    fn step(&mut self, slot: SlotId, work: impl FnOnce(&mut ScriptedClient, &mut Tools) -> Status) {
        let Some(client) = self.clients.get_mut(slot) else {
            return;
        };
        let status = work(client, &mut self.tools);
        self.go_on(slot, status);
    }

    fn arm_deadline(&mut self, slot: SlotId) {
        if let Some(client) = self.clients.get_mut(slot) {
            let due = client.due(self.tools.patience);
            self.deadlines.arm(slot, &mut client.deadline, due);
        }
    }
}
