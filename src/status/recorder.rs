//! What the loop did: the last turns with each of their steps, how long turns and handlers took, and warnings.
//!
//! A step is recorded when it has ended, with the clock that the watchdog reads anyway. The bytes and commands of a
//! step are what the loop's counters gained meanwhile, so nothing on the path of a transfer knows about this.

use super::handler::{Handler, Stage};
use super::histogram::Histogram;
use crate::records::counters::Counters;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Turns that are kept.
const TURNS_KEPT: usize = 4096;
/// Steps that are kept, of all turns together: 96 bytes each.
const STEPS_KEPT: usize = 16_384;
/// Steps that are recorded of one turn; more are only counted.
const STEPS_OF_A_TURN: usize = 256;
/// A step that holds the loop for longer causes a warning.
const LONG_STEP: Duration = Duration::from_millis(10);
/// Warnings that are kept until the page takes them.
const WARNINGS_KEPT: usize = 50;
/// A handler that each turn calls had nothing to do if it served nobody and took less.
const IDLE_HANDLER: Duration = Duration::from_micros(50);

/// A step: one connection was served, or an event that belongs to none was handled.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    pub stage: Stage,
    pub handler: Handler,
    /// The slot, and the number of its session.
    pub session: Option<(u32, u64)>,
    /// What the connection was doing before and after.
    pub from: &'static str,
    pub to: &'static str,
    pub bytes: u64,
    pub commands: u32,
    /// Calls that found a socket not ready.
    pub would_block: u32,
    pub took: Duration,
}

/// A turn of the loop.
#[derive(Clone, Copy, Debug)]
pub struct Turn {
    pub number: u64,
    /// After the start of the server.
    pub at: Duration,
    pub slept: Duration,
    /// How long it would have slept without an event; `None`: without end.
    pub timeout: Option<Duration>,
    pub events: u32,
    pub took: Duration,
    /// Length of the ready queue at its end.
    pub ready: u32,
    /// Steps that were not recorded.
    pub left_out: u32,
    first_step: u64,
    steps: u32,
}

/// A step that held the loop for too long.
#[derive(Clone, Copy, Debug)]
pub struct Warning {
    /// The start of its turn, after the start of the server.
    pub at: Duration,
    pub turn: u64,
    pub handler: Handler,
    pub session: Option<u64>,
    pub took: Duration,
}

/// The recorded turns.
#[derive(Debug)]
pub struct Recorder {
    started: Instant,
    turns: VecDeque<Turn>,
    steps: VecDeque<Step>,
    /// Steps that were recorded before the first one that is kept.
    steps_forgotten: u64,
    turn: Turn,
    stage: Stage,
    handler: Handler,
    /// Whether the current handler has served a connection.
    has_served: bool,
    /// The end of the last step.
    since: Instant,
    counted: (u64, u64, u64),
    /// By slot: what its connection was doing when it was served last.
    phases: Vec<&'static str>,
    pub turn_times: Histogram,
    pub handler_times: [Histogram; Handler::ALL.len()],
    /// Since the page last took it.
    pub interval: Interval,
}

/// What some turns were like.
#[derive(Debug, Default)]
pub struct Interval {
    pub turns: u64,
    pub busy: Duration,
    pub slept: Duration,
    pub longest: Duration,
    /// Whether anything happened besides serving the page itself.
    pub is_busy: bool,
    pub warnings: VecDeque<Warning>,
}

impl Turn {
    fn new(number: u64, at: Duration, first_step: u64) -> Self {
        Self {
            number,
            at,
            slept: Duration::ZERO,
            timeout: None,
            events: 0,
            took: Duration::ZERO,
            ready: 0,
            left_out: 0,
            first_step,
            steps: 0,
        }
    }
}

impl Recorder {
    pub fn new(now: Instant) -> Self {
        Self {
            started: now,
            turns: VecDeque::with_capacity(TURNS_KEPT),
            steps: VecDeque::with_capacity(STEPS_KEPT),
            steps_forgotten: 0,
            turn: Turn::new(0, Duration::ZERO, 0),
            stage: Stage::Events,
            handler: Handler::Signals,
            has_served: false,
            since: now,
            counted: (0, 0, 0),
            phases: Vec::new(),
            turn_times: Histogram::default(),
            handler_times: Default::default(),
            interval: Interval::default(),
        }
    }

    /// Milliseconds from the start of the server to `at`.
    pub fn milliseconds(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.started);
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    /// A turn begins, after the loop has `slept`.
    pub fn turn_begins(
        &mut self,
        number: u64,
        now: Instant,
        slept: Duration,
        timeout: Option<Duration>,
        events: usize,
    ) {
        let next_step = self.steps_forgotten + self.steps.len() as u64;
        self.turn = Turn {
            slept,
            timeout,
            events: u32::try_from(events).unwrap_or(u32::MAX),
            ..Turn::new(number, now.saturating_duration_since(self.started), next_step)
        };
        self.since = now;
    }

    /// What follows is the work of this handler.
    pub fn handler_begins(&mut self, stage: Stage, handler: Handler) {
        (self.stage, self.handler) = (stage, handler);
        self.has_served = false;
    }

    /// A connection was served; it is doing `to` now, and did what is returned before.
    pub fn served(
        &mut self,
        key: u32,
        session: u64,
        to: &'static str,
        now: Instant,
        counters: &Counters,
    ) -> &'static str {
        let index = key as usize;
        if self.phases.len() <= index {
            self.phases.resize(index + 1, "free");
        }
        let from = match self.phases.get_mut(index) {
            Some(phase) => std::mem::replace(phase, to),
            None => to,
        };
        self.has_served = true;
        self.step_ends(Some((key, session)), from, to, now, counters);
        from
    }

    /// The handler has ended. If it served no connection, what it did is a step of its own.
    pub fn handler_ends(&mut self, now: Instant, counters: &Counters) {
        let took = now.saturating_duration_since(self.since);
        let had_nothing_to_do = self.handler.is_called_each_turn() && took < IDLE_HANDLER;
        if !self.has_served && !had_nothing_to_do {
            self.step_ends(None, "", "", now, counters);
        }
        self.since = now;
    }

    fn step_ends(
        &mut self,
        session: Option<(u32, u64)>,
        from: &'static str,
        to: &'static str,
        now: Instant,
        counters: &Counters,
    ) {
        let (stage, handler) = (self.stage, self.handler);
        let took = now.saturating_duration_since(self.since);
        self.since = now;
        self.interval.is_busy |= handler != Handler::Status;
        if let Some(times) = self.handler_times.get_mut(handler as usize) {
            times.record(took);
        }
        let counted = (
            counters.bytes_sent + counters.bytes_received,
            counters.commands,
            counters.would_block,
        );
        let before = std::mem::replace(&mut self.counted, counted);
        if took > LONG_STEP {
            self.warn(session.map(|(_, number)| number), took);
        }
        if self.turn.steps as usize >= STEPS_OF_A_TURN {
            self.turn.left_out += 1;
            return;
        }
        self.turn.steps += 1;
        if self.steps.len() >= STEPS_KEPT {
            self.steps.pop_front();
            self.steps_forgotten += 1;
        }
        let gained = |now: u64, before: u64| u32::try_from(now.saturating_sub(before)).unwrap_or(u32::MAX);
        self.steps.push_back(Step {
            stage,
            handler,
            session,
            from,
            to,
            bytes: counted.0.saturating_sub(before.0),
            commands: gained(counted.1, before.1),
            would_block: gained(counted.2, before.2),
            took,
        });
    }

    fn warn(&mut self, session: Option<u64>, took: Duration) {
        let warnings = &mut self.interval.warnings;
        if warnings.len() >= WARNINGS_KEPT {
            warnings.pop_front();
        }
        warnings.push_back(Warning {
            at: self.turn.at,
            turn: self.turn.number,
            handler: self.handler,
            session,
            took,
        });
    }

    /// The turn has ended, with `ready` entries left in the ready queue.
    pub fn turn_ends(&mut self, took: Duration, ready: usize) {
        self.turn_times.record(took);
        self.turn.took = took;
        self.turn.ready = u32::try_from(ready).unwrap_or(u32::MAX);
        self.interval.turns += 1;
        self.interval.busy += took;
        self.interval.slept += self.turn.slept;
        self.interval.longest = self.interval.longest.max(took);
        if self.turns.len() >= TURNS_KEPT {
            self.turns.pop_front();
        }
        self.turns.push_back(self.turn);
    }

    /// The numbers of the last `most` turns below `before`: of the first one, and after the last one.
    pub fn numbers_before(&self, before: Option<u64>, most: usize) -> (u64, u64) {
        let end = before.map_or(self.turns.len(), |before| self.index_of(before));
        let first = self.turns.get(end.saturating_sub(most)).map_or(0, |turn| turn.number);
        (first, before.unwrap_or(self.turn.number + 1))
    }

    /// Turns from the number `from`, below `end`, as far as they are kept.
    pub fn turns_between(&self, from: u64, end: u64) -> impl Iterator<Item = &Turn> {
        let first = self.index_of(from);
        self.turns.range(first..self.index_of(end).max(first))
    }

    fn index_of(&self, number: u64) -> usize {
        self.turns.partition_point(|turn| turn.number < number)
    }

    /// The steps of a turn that are still kept, and whether those are all that were recorded.
    pub fn steps_of(&self, turn: &Turn) -> (impl Iterator<Item = &Step>, bool) {
        let kept = |step: u64| usize::try_from(step.saturating_sub(self.steps_forgotten)).unwrap_or(usize::MAX);
        let (first, end) = (kept(turn.first_step), kept(turn.first_step + u64::from(turn.steps)));
        let end = end.min(self.steps.len());
        let is_whole = turn.first_step >= self.steps_forgotten;
        (self.steps.range(first.min(end)..end), is_whole)
    }
}

#[cfg(test)]
mod tests;
