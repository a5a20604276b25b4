//! The event loop: one thread, one poll, all sockets.
//!
//! A turn is always the same: poll until an event or the nearest deadline → dispatch the events → run the ready queue →
//! fire deadlines → flush replies. Events come before deadlines, so data that arrived in time counts. Nothing in a turn
//! blocks or exceeds its budget.
//!
//! Connections are served one at a time and borrow [`Shared`]. Effects of one connection on another go through queues
//! that `EventLoop::exchange` empties, so no client can make the loop recurse.

mod accept;
mod exchange;
mod reload;
mod signal_actions;
#[cfg(any(test, feature = "simulation"))]
pub mod simulation;
mod sleeping;
mod slow_results;
mod status_page;
mod tracing;
mod walk_results;
mod walks;

pub use signal_actions::take_over_signals;

use crate::accounts::UsersFile;
use crate::connection::Connection;
use crate::connection::shared::{Equipment, Shared};
use crate::ftp::reply;
use crate::ports::{ControlListener, Listeners, admission::Admission};
use crate::reactor::{poller::Poller, slots::Slots, token::SlotId, watchdog::Watchdog};
use crate::records::{counters::Counters, log_file::LogFile};
use crate::session::Ending;
use crate::slow_work::queue::SlowWorkQueue;
use crate::status::Status;
use crate::status::handler::{Handler, Stage};
use crate::target::Target;
use crate::tls::CertificateFiles;
use crate::trace::{self, Kind};
use mio::{Events, Interest, event::Event};
use signal_hook_mio::v1_0::Signals;
use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;
use walks::Walks;

/// Most events that one poll returns.
const EVENTS_PER_TURN: usize = 1024;

/// The server: the poll, the listeners, and all connections.
pub struct EventLoop {
    poller: Poller,
    listeners: Vec<ControlListener>,
    slots: Slots<Connection>,
    shared: Shared,
    walks: Walks,
    /// `None`: without `--status`.
    status: Option<Box<Status>>,
    /// `None`: there is none, or the slow-work thread is reading it.
    users_file: Option<Box<UsersFile>>,
    /// Empty: there are none, or the slow-work thread is reading them.
    certificates: Vec<CertificateFiles>,
    /// Whether the users file is to be read again when the thread has finished reading it.
    is_reload_due: bool,
    /// Sessions whose account has changed since they logged in, to be closed.
    outdated: VecDeque<SlotId>,
    admission: Admission,
    signals: Signals,
    watchdog: Watchdog,
    /// A descriptor in reserve: it is closed to refuse a client when no other is free.
    spare: Option<OwnedFd>,
    /// Listeners with waiting clients for which no further event will come.
    paused: Vec<Target>,
    resume_accepting_at: Option<Instant>,
    rebind_at: Option<Instant>,
    /// `None`: no shutdown was requested. At this time the server ends even if transfers are running.
    shutdown_deadline: Option<Instant>,
    session_number: u64,
}

impl EventLoop {
    /// Registers the signals and starts the slow-work thread if it is needed. `users_file` and `certificates` are read
    /// again on SIGHUP.
    ///
    /// # Errors
    ///
    /// Registering with the poll fails, or the thread cannot be started.
    pub fn new(
        listeners: Listeners,
        equipment: Equipment,
        users_file: Option<UsersFile>,
        certificates: Vec<CertificateFiles>,
        signals: Signals,
    ) -> io::Result<Self> {
        let can_block = equipment.options.allows_changes() || !certificates.is_empty();
        let slow_work = can_block
            .then(|| SlowWorkQueue::start(listeners.poller.registry()))
            .transpose()?;
        let mut event_loop = Self::assemble(listeners, equipment, users_file, signals, slow_work)?;
        event_loop.certificates = certificates;
        Ok(event_loop)
    }

    fn assemble(
        listeners: Listeners,
        equipment: Equipment,
        users_file: Option<UsersFile>,
        mut signals: Signals,
        slow_work: Option<SlowWorkQueue>,
    ) -> io::Result<Self> {
        let (now, poller) = (Instant::now(), listeners.poller);
        let registry = poller.registry().try_clone()?;
        registry.register(&mut signals, Target::Signals.into(), Interest::READABLE)?;
        let options = &equipment.options;
        let status = listeners.status.map(|listener| {
            let control = listeners.control.iter().map(|listener| listener.address.to_string());
            Box::new(Status::new(listener, &options.status_hosts, control.collect(), now))
        });
        let mut event_loop = Self {
            listeners: listeners.control,
            slots: Slots::default(),
            admission: Admission::new(options.max_sessions, options.max_sessions_per_ip),
            shared: Shared::new(registry, listeners.passive, slow_work, equipment, now)?,
            walks: Walks::default(),
            status,
            users_file: users_file.map(Box::new),
            certificates: Vec::new(),
            is_reload_due: false,
            outdated: VecDeque::new(),
            poller,
            signals,
            watchdog: Watchdog::new(now),
            spare: None,
            paused: Vec::new(),
            resume_accepting_at: None,
            rebind_at: None,
            shutdown_deadline: None,
            session_number: 0,
        };
        event_loop.shared.tallies = event_loop.status.as_ref().map(|_| Box::default());
        event_loop.renew_spare_descriptor();
        event_loop.schedule_rebinding();
        event_loop.walks.sweep_and_measure(&mut event_loop.shared);
        if let Some(selection) = event_loop.shared.options.trace {
            trace::start(selection);
        }
        Ok(event_loop)
    }

    /// Serves until a signal stops the server; returns the counters.
    ///
    /// # Errors
    ///
    /// The poll fails.
    pub fn run(mut self) -> io::Result<Counters> {
        let mut events = Events::with_capacity(EVENTS_PER_TURN);
        while !self.is_shut_down() {
            self.sleep(&mut events)?;
            for event in &events {
                self.dispatch(event);
            }
            self.finish_turn();
        }
        trace::stop();
        self.record_remaining_sessions();
        self.shared.counters.events_dropped = self.shared.event_log.as_ref().map_or(0, LogFile::dropped);
        Ok(self.shared.counters)
    }

    /// The part of a turn after its events have been dispatched.
    fn finish_turn(&mut self) {
        self.run_ready_queue();
        self.close_outdated_sessions();
        self.fire_deadlines();
        self.flush_replies();
        self.handler_begins(Stage::Flush, Handler::Logins);
        self.start_password_verification();
        self.handler_ends();
        self.end_turn();
    }

    /// Handles one event. Bulk data waits for the ready queue, so commands come first.
    fn dispatch(&mut self, event: &Event) {
        self.shared.counters.events += 1;
        let Ok(target) = Target::try_from(event.token()) else {
            self.shared.counters.stale_events += 1;
            return;
        };
        self.trace_event(target, event);
        self.handler_begins(Stage::Events, Handler::of(target, Stage::Events));
        match target {
            Target::Signals => self.handle_signals(),
            Target::SlowWork => self.collect_slow_work(),
            Target::ControlListener(index) => self.accept_clients(index),
            Target::PassivePort { ring, port } => self.accept_data_connections(ring, port),
            Target::Control(slot) => self.step(slot, |connection, shared| connection.control_event(event, shared)),
            Target::Data(slot) => self.step(slot, Connection::data_event),
            Target::StatusListener => self.accept_viewers(),
            Target::Viewer(slot) => self.serve_viewer(slot),
        }
        self.exchange();
        self.handler_ends();
    }

    /// Serves each entry of the ready queue once, as far as this turn's budget of bulk data lasts. Those that are
    /// queued again wait for the next turn; those that are not reached are first in it.
    fn run_ready_queue(&mut self) {
        self.resume_accepting();
        let mut round = self.shared.ready.len();
        if round > 0 {
            trace::line(Kind::Event, || format!("{round} in the ready queue"));
            // Transfers that started in this turn may have used up its budget. The first in the queue is served anyway.
            self.shared.bulk_left = self.shared.bulk_left.max(1);
        }
        while round > 0
            && self.shared.bulk_left > 0
            && let Some(target) = self.shared.ready.pop_front()
        {
            round -= 1;
            self.handler_begins(Stage::ReadyQueue, Handler::of(target, Stage::ReadyQueue));
            match target {
                Target::Control(slot) | Target::Data(slot) => self.step(slot, Connection::resume),
                Target::ControlListener(index) => self.accept_clients(index),
                Target::PassivePort { ring, port } => self.accept_data_connections(ring, port),
                Target::StatusListener => self.accept_viewers(),
                Target::Viewer(slot) => self.serve_viewer(slot),
                Target::Signals | Target::SlowWork => {}
            }
            self.exchange();
            self.handler_ends();
        }
    }

    fn fire_deadlines(&mut self) {
        let now = self.shared.now;
        self.handler_begins(Stage::Deadlines, Handler::Deadlines);
        while let Some(slot) = self
            .shared
            .deadlines
            .pop_due(&mut self.slots, Connection::deadline, now)
        {
            self.step(slot, Connection::time_is_up);
        }
        self.exchange();
        self.shared.proofs.forget_old(now);
        if self.rebind_at.is_some_and(|at| at <= now) {
            self.bind_missing_ports();
        }
        if self.walks.next().is_some_and(|at| at <= now) {
            self.walks.schedule(&mut self.shared);
        }
        self.handler_ends();
        self.status_time_passes();
    }

    fn flush_replies(&mut self) {
        self.handler_begins(Stage::Flush, Handler::Flush);
        // Flushing can end sessions and queue more replies; those wait for the next turn.
        for slot in std::mem::take(&mut self.shared.unflushed) {
            let Some(connection) = self.slots.get_mut(slot) else {
                continue;
            };
            guard(connection, &mut self.shared, Connection::flush_turn);
            self.end_service(slot, Instant::now);
        }
        self.exchange();
        self.handler_ends();
    }

    fn end_turn(&mut self) {
        let turn = self.watchdog.turn_ends(Instant::now());
        let longest = &mut self.shared.counters.longest_turn;
        *longest = turn.max(*longest);
        if let Some(status) = &mut self.status {
            status.recorder().turn_ends(turn, self.shared.ready.len());
        }
    }

    /// Serves one connection: does `work`, answers waiting commands, then removes the connection if it has ended.
    fn step(&mut self, slot: SlotId, work: impl FnOnce(&mut Connection, &mut Shared)) {
        let is_shutting_down = self.shutdown_deadline.is_some();
        let shared = &mut self.shared;
        let Some(connection) = self.slots.get_mut(slot) else {
            shared.counters.stale_events += 1;
            return;
        };
        guard(connection, shared, |connection, shared| {
            work(connection, shared);
            connection.serve(shared);
            if is_shutting_down && connection.is_idle() {
                connection.dismiss(reply::SHUTTING_DOWN, Ending::Shutdown, shared);
            }
        });
        let now = Instant::now();
        self.watchdog.step_ends(now, || connection.describe());
        self.end_service(slot, || now);
    }

    /// Settles a connection that was served, or removes it if it has ended. `now`: asked for the status page only.
    fn end_service(&mut self, slot: SlotId, now: impl FnOnce() -> Instant) {
        let Some(connection) = self.slots.get_mut(slot) else {
            return;
        };
        let is_gone = connection.is_gone();
        if !is_gone {
            connection.settle(&mut self.shared);
        }
        if let Some(status) = &mut self.status {
            status.served(slot, connection, now(), &mut self.shared);
        }
        if is_gone {
            self.remove(slot);
        }
    }

    fn remove(&mut self, slot: SlotId) {
        if let Some(mut connection) = self.slots.remove(slot) {
            let _traced = trace::serve(connection.traced_client());
            connection.abandon_channel(&mut self.shared);
            self.shared.deadlines.cancel(slot, connection.deadline());
            self.admission.remove(connection.session().peer());
            connection.record_end(&mut self.shared);
            connection.trace_end();
        }
    }

    /// Records the end of sessions that are still open when the server ends.
    fn record_remaining_sessions(&mut self) {
        for (_, connection) in self.slots.iter() {
            connection.record_end(&mut self.shared);
        }
        let left_out = self.shared.line_budget.left_out();
        if left_out > 0 {
            log::warn!("{left_out} lines of refused commands and failed logins left out in the last minute");
        }
    }
}

/// The panic barrier: a panic is a bug in the server; it ends this session and no other (threat K09).
fn guard(connection: &mut Connection, shared: &mut Shared, work: impl FnOnce(&mut Connection, &mut Shared)) {
    let _traced = trace::serve(connection.traced_client());
    connection.trace_states();
    let served = catch_unwind(AssertUnwindSafe(|| work(connection, shared)));
    connection.trace_states();
    if served.is_err() {
        shared.counters.panics += 1;
        log::error!("session {} ended by a panic", connection.session().number());
        connection.drop_client(Ending::ServerError, shared);
    }
}

#[cfg(test)]
mod fault_sweep;
#[cfg(test)]
mod reference_model;
#[cfg(test)]
mod tests;
