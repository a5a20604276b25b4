//! The loop: one poll, one thread, every socket.
//!
//! A turn is always the same: sleep until something happens or a deadline comes → handle the events → take up what was
//! left undone → see whose time is up → write the replies. Input is handled before deadlines, so data that came in time
//! counts. Nothing in a turn may wait, and nothing may do more than its budget.
//!
//! Connections are served one at a time with [`Shared`] lent to them; what one causes for another goes through queues
//! that [`EventLoop::exchange`] empties, so no client can make the loop recurse. Protocol texts have no place here.

mod accept;
mod accounts_source;
mod exchange;
mod reload;
mod signals;
mod slow_results;
mod spare_descriptor;
mod walk_results;
mod walks;

pub use signals::Signals;

use crate::clock::wall_clock;
use crate::connection::Connection;
use crate::connection::budgets::BULK_PER_TURN;
use crate::connection::shared::{Equipment, Shared};
use crate::ftp::reply;
use crate::ports::Listeners;
use crate::ports::admission::Admission;
use crate::ports::control_listener::ControlListener;
use crate::reactor::poller::{Poller, Sleep};
use crate::reactor::slots::Slots;
use crate::reactor::token::SlotId;
use crate::reactor::watchdog::Watchdog;
use crate::records::counters::Counters;
use crate::records::log_file::LogFile;
use crate::records::trace::TraceLine;
use crate::session::Ending;
use crate::slow_work::queue::SlowWorkQueue;
use crate::target::Target;
use accounts_source::AccountsSource;
use mio::Events;
use mio::event::Event;
use spare_descriptor::spare_descriptor;
use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};
use walks::Walks;

/// Events taken from the kernel at once.
const EVENTS_PER_TURN: usize = 1024;
/// How often passive ports that could not be bound are tried again.
const BIND_AGAIN: Duration = Duration::from_secs(30);
/// How long transfers may go on after the server was told to stop.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(30);

/// The server: everything that listens, everyone connected, and the poll that tells of them.
pub struct EventLoop {
    poller: Poller,
    listeners: Vec<ControlListener>,
    slots: Slots<Connection>,
    shared: Shared,
    walks: Walks,
    accounts_source: AccountsSource,
    /// Sessions whose account has changed since they logged in.
    outdated: VecDeque<SlotId>,
    admission: Admission,
    signals: Signals,
    watchdog: Watchdog,
    spare: Option<OwnedFd>,
    /// Listeners whose clients wait although no event will tell of them.
    paused: Vec<Target>,
    resume_accepting_at: Option<Instant>,
    bind_again_at: Option<Instant>,
    shutdown: Shutdown,
    session_number: u64,
}

/// How far a shutdown has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shutdown {
    NotAsked,
    /// Transfers may end until then.
    Draining {
        until: Instant,
    },
    AtOnce,
}

impl EventLoop {
    /// A loop that is ready to run.
    pub fn new(listeners: Listeners, mut equipment: Equipment, mut signals: Signals) -> io::Result<Self> {
        let Listeners {
            poller,
            control: listeners,
            passive: rings,
        } = listeners;
        signals.register(poller.registry(), Target::Signals.into())?;
        let now = Instant::now();
        let some_ports_missing = rings.iter().any(|ports| !ports.is_complete());
        let users_file = equipment.users_file.take();
        let settings = &equipment.settings;
        let slow_work = if settings.allows_changes || users_file.is_some() {
            Some(SlowWorkQueue::start(poller.registry())?)
        } else {
            None
        };
        let mut event_loop = Self {
            listeners,
            slots: Slots::default(),
            admission: Admission::new(settings.max_sessions, settings.max_sessions_per_ip),
            shared: Shared::new(poller.registry().try_clone()?, rings, slow_work, equipment, now)?,
            walks: Walks::default(),
            accounts_source: AccountsSource::of(users_file),
            outdated: VecDeque::new(),
            poller,
            signals,
            watchdog: Watchdog::new(now),
            spare: spare_descriptor(),
            paused: Vec::new(),
            resume_accepting_at: None,
            bind_again_at: some_ports_missing.then(|| now + BIND_AGAIN),
            shutdown: Shutdown::NotAsked,
            session_number: 0,
        };
        event_loop.walks.sweep_and_measure(&mut event_loop.shared);
        Ok(event_loop)
    }

    /// Serves until told to stop; returns what was counted.
    pub fn run(mut self) -> io::Result<Counters> {
        let mut events = Events::with_capacity(EVENTS_PER_TURN);
        while !self.has_ended() {
            self.sleep(&mut events)?;
            for event in &events {
                self.dispatch(event);
            }
            self.finish_turn();
        }
        self.tell_of_the_rest();
        self.shared.counters.events_dropped = self.shared.event_log.as_ref().map_or(0, LogFile::dropped);
        Ok(self.shared.counters)
    }

    /// What a turn does when its events have been handled.
    fn finish_turn(&mut self) {
        self.take_up_what_was_left();
        self.close_outdated_sessions();
        self.fire_deadlines();
        self.flush_replies();
        self.hand_over_passwords();
        self.end_turn();
    }

    fn sleep(&mut self, events: &mut Events) -> io::Result<()> {
        let sleep = self.next_sleep();
        self.tell_what_is_next(sleep);
        let begun = self.poller.sleep(events, sleep)?;
        self.begin_turn(begun.now);
        self.watchdog.turn_begins(begun.now);
        let (turn, slept) = (self.shared.counters.turns, begun.slept);
        self.shared.trace.print(TraceLine::Turn, || {
            format!("turn {turn}: slept {slept:.0?}, {} events", events.iter().count())
        });
        Ok(())
    }

    /// A turn begins: the time stands still until the next.
    fn begin_turn(&mut self, now: Instant) {
        self.shared.now = now;
        self.shared.wall = wall_clock();
        self.shared.bulk_left = BULK_PER_TURN;
        self.shared.counters.turns += 1;
    }

    fn tell_what_is_next(&mut self, sleep: Sleep) {
        if !self.shared.trace.is_on() {
            return;
        }
        let slot = self.shared.deadlines.next_slot();
        let session = slot.and_then(|slot| self.slots.get_mut(slot));
        let line = match (sleep.timeout(Instant::now()), session) {
            (None, _) => "next: sleep until something happens".to_owned(),
            (Some(Duration::ZERO), _) => "next: do not sleep, work is left".to_owned(),
            (Some(timeout), Some(session)) => format!(
                "next: in {timeout:.0?} look at session {}, which waits for {}",
                session.session().number(),
                session.waits_for(&self.shared)
            ),
            (Some(timeout), None) => format!("next: in {timeout:.0?} a deadline whose session is over"),
        };
        self.shared.trace.print(TraceLine::Ahead, || line);
    }

    /// How long the poll may sleep: until the nearest deadline; not at all when work was left.
    fn next_sleep(&self) -> Sleep {
        let shared = &self.shared;
        let is_work_left = !(shared.ready.is_empty() && shared.unflushed.is_empty() && self.outdated.is_empty());
        if is_work_left || self.has_password_to_hand_over() {
            return Sleep::NotAtAll;
        }
        let draining_until = match self.shutdown {
            Shutdown::NotAsked | Shutdown::AtOnce => None,
            Shutdown::Draining { until } => Some(until),
        };
        Sleep::until_first([
            self.shared.deadlines.next(),
            self.shared.proofs.next_end(),
            self.resume_accepting_at,
            self.bind_again_at,
            self.walks.next(),
            draining_until,
        ])
    }

    /// One event: whom it is for decides what is done; bulk data waits for the ready queue, conversations come first.
    fn dispatch(&mut self, event: &Event) {
        self.shared.counters.events += 1;
        let Ok(target) = Target::try_from(event.token()) else {
            self.shared.counters.stale_events += 1;
            return;
        };
        match target {
            Target::Signals => self.handle_signals(),
            Target::SlowWork => self.collect_slow_work(),
            Target::ControlListener(index) => self.accept_clients(index),
            Target::PassivePort { ring, port } => self.accept_data_connections(ring, port),
            Target::Control(slot) => self.step(slot, |connection, shared| {
                connection.trace_event("control", event, shared);
                connection.control_event(event, shared);
            }),
            Target::Data(slot) => self.step(slot, |connection, shared| {
                connection.trace_event("data", event, shared);
                connection.data_event(shared);
            }),
        }
        self.exchange();
    }

    /// The ready queue: each that was in it has one more round, as far as this turn's bulk bytes reach.
    fn take_up_what_was_left(&mut self) {
        self.resume_accepting();
        let mut round = self.shared.ready.round();
        if round.left() > 0 {
            self.shared
                .trace
                .print(TraceLine::Wake, || format!("{} in the ready queue", round.left()));
            // Those who began in this turn may have moved all of its bulk; whoever has waited longest still has a
            // share.
            self.shared.bulk_left = self.shared.bulk_left.max(1);
        }
        while self.shared.bulk_left > 0
            && let Some(target) = self.shared.ready.next(&mut round)
        {
            match target {
                Target::Control(slot) | Target::Data(slot) => self.step(slot, Connection::resume),
                Target::ControlListener(index) => self.accept_clients(index),
                Target::PassivePort { ring, port } => self.accept_data_connections(ring, port),
                Target::Signals | Target::SlowWork => {}
            }
            self.exchange();
        }
    }

    fn fire_deadlines(&mut self) {
        let now = self.shared.now;
        while let Some(slot) = self
            .shared
            .deadlines
            .pop_due(&mut self.slots, Connection::deadline, now)
        {
            self.step(slot, Connection::time_is_up);
        }
        self.exchange();
        self.shared.proofs.forget_old(now);
        if self.bind_again_at.is_some_and(|at| at <= now) {
            self.bind_missing_ports();
        }
        if self.walks.next().is_some_and(|at| at <= now) {
            self.walks.walk_on(&mut self.shared);
        }
    }

    fn flush_replies(&mut self) {
        // Flushing can end sessions and queue more work, but whoever is written to now is not written to again.
        for slot in std::mem::take(&mut self.shared.unflushed) {
            let Some(connection) = self.slots.get_mut(slot) else {
                continue;
            };
            connection.flush_turn(&mut self.shared);
            if connection.is_gone() {
                self.remove(slot);
            } else {
                connection.settle(&mut self.shared);
            }
        }
        self.exchange();
    }

    fn end_turn(&mut self) {
        let turn = self.watchdog.turn_ends(Instant::now());
        let longest = &mut self.shared.counters.longest_turn;
        *longest = turn.max(*longest);
    }

    /// Serves one connection: `work`, then whatever commands wait; then looks what is left of it.
    fn step(&mut self, slot: SlotId, work: impl FnOnce(&mut Connection, &mut Shared)) {
        let is_shutting_down = self.shutdown != Shutdown::NotAsked;
        let shared = &mut self.shared;
        let Some(connection) = self.slots.get_mut(slot) else {
            shared.counters.stale_events += 1;
            return;
        };
        let before = connection.channel().name();
        // A panic is a bug of ours; it may cost the one session, never the others.
        let served = catch_unwind(AssertUnwindSafe(|| {
            work(connection, shared);
            connection.serve(shared);
            if is_shutting_down && connection.is_idle() {
                connection.dismiss(reply::SHUTTING_DOWN, Ending::Shutdown, shared);
            }
        }));
        let after = connection.channel().name();
        if before != after {
            let number = connection.session().number();
            shared.trace.print(TraceLine::Transition, || {
                format!("session {number}: data connection {before} → {after}")
            });
        }
        self.watchdog.step_ends(Instant::now(), || connection.describe());
        if served.is_err() {
            shared.counters.panics += 1;
            log::error!("session {} ended by a panic", connection.session().number());
            connection.drop_client(Ending::ServerError, shared);
        }
        if connection.is_gone() {
            self.remove(slot);
        } else {
            connection.settle(shared);
        }
    }

    fn remove(&mut self, slot: SlotId) {
        if let Some(mut connection) = self.slots.remove(slot) {
            connection.abandon_channel(&mut self.shared);
            self.shared.deadlines.cancel(slot, connection.deadline());
            self.admission.leave(connection.session().peer());
            let number = connection.session().number();
            self.shared
                .trace
                .print(TraceLine::Wake, || format!("session {number} is over"));
            connection.record_end(&mut self.shared);
        }
    }

    /// Sessions that are still there when the server ends at once.
    fn tell_of_the_rest(&mut self) {
        for (_, connection) in self.slots.iter() {
            connection.record_end(&mut self.shared);
        }
        let left_out = self.shared.line_budget.left_out();
        if left_out > 0 {
            log::warn!("{left_out} lines of refused commands and failed logins left out in the last minute");
        }
    }

    fn has_ended(&self) -> bool {
        match self.shutdown {
            Shutdown::NotAsked => false,
            Shutdown::Draining { until } => self.slots.is_empty() || until <= self.shared.now,
            Shutdown::AtOnce => true,
        }
    }
}

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
