//! What the loop did: the last turns with each of their steps, how long turns and handlers took, and warnings.
//!
//! A step is recorded when it has ended, with the clock that the watchdog reads anyway. The bytes and commands of a
//! step are what the loop's counters gained meanwhile, so nothing on the path of a transfer knows about this.

use super::histogram::Histogram;
use crate::connection::phase::Phase;
use crate::records::counters::Counters;
use crate::target::Target;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Turns that are kept.
const TURNS_KEPT: usize = 4096;
/// Steps that are kept, of all turns together: 48 bytes each.
const STEPS_KEPT: usize = 16_384;
/// Steps that are recorded of one turn; more are only counted.
const STEPS_OF_A_TURN: usize = 256;
/// A step that holds the loop for longer causes a warning.
const LONG_STEP: Duration = Duration::from_millis(10);
const WARNINGS_KEPT: usize = 50;

/// What serves an event, a place in the ready queue, or a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handler {
    Signals,
    SlowWork,
    Accept,
    PassivePort,
    Control,
    Data,
    Ready,
    Deadline,
    Flush,
    Logins,
    Status,
}

/// A step: one connection was served, or an event that belongs to none was handled.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    pub handler: Handler,
    /// The slot, and the number of its session.
    pub session: Option<(u32, u64)>,
    pub from: Phase,
    pub to: Phase,
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
    pub number: u64,
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
    handler: Handler,
    /// Whether the current handler has served a connection.
    has_served: bool,
    /// The end of the last step.
    since: Instant,
    counted: (u64, u64, u64),
    /// The last phase of each slot.
    phases: Vec<Phase>,
    pub turn_times: Histogram,
    pub handler_times: [Histogram; Handler::ALL.len()],
    warnings: VecDeque<Warning>,
    warned: u64,
    /// Since the figures were last taken: turns, time at work, time asleep, and the longest turn.
    pub interval: Interval,
}

/// Sums over some turns.
#[derive(Clone, Copy, Debug, Default)]
pub struct Interval {
    pub turns: u64,
    pub busy: Duration,
    pub slept: Duration,
    pub longest: Duration,
    /// Whether anything happened besides serving the page itself.
    pub is_busy: bool,
}

impl Handler {
    /// All handlers, in the order of their numbers on the page.
    pub const ALL: [Handler; 11] = [
        Handler::Signals,
        Handler::SlowWork,
        Handler::Accept,
        Handler::PassivePort,
        Handler::Control,
        Handler::Data,
        Handler::Ready,
        Handler::Deadline,
        Handler::Flush,
        Handler::Logins,
        Handler::Status,
    ];

    /// Its name in figures and on the page.
    pub fn name(self) -> &'static str {
        match self {
            Handler::Signals => "signals",
            Handler::SlowWork => "slow_work",
            Handler::Accept => "accept",
            Handler::PassivePort => "passive_port",
            Handler::Control => "control",
            Handler::Data => "data",
            Handler::Ready => "ready_queue",
            Handler::Deadline => "deadline",
            Handler::Flush => "flush",
            Handler::Logins => "logins",
            Handler::Status => "status",
        }
    }

    /// The handler of an entry of the ready queue.
    pub fn of_ready(target: Target) -> Self {
        match target {
            Target::Control(_) | Target::Data(_) => Handler::Ready,
            _ => Self::of_event(target),
        }
    }

    /// The handler of an event.
    pub fn of_event(target: Target) -> Self {
        match target {
            Target::Signals => Handler::Signals,
            Target::SlowWork => Handler::SlowWork,
            Target::ControlListener(_) => Handler::Accept,
            Target::PassivePort { .. } => Handler::PassivePort,
            Target::Control(_) => Handler::Control,
            Target::Data(_) => Handler::Data,
            Target::StatusListener | Target::Viewer(_) => Handler::Status,
        }
    }
}

impl Turn {
    fn new(number: u64, now: Instant, started: Instant, first_step: u64) -> Self {
        Self {
            number,
            at: now.saturating_duration_since(started),
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
            turn: Turn::new(0, now, now, 0),
            handler: Handler::Signals,
            has_served: false,
            since: now,
            counted: (0, 0, 0),
            phases: Vec::new(),
            turn_times: Histogram::default(),
            handler_times: Default::default(),
            warnings: VecDeque::new(),
            warned: 0,
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
            ..Turn::new(number, now, self.started, next_step)
        };
        self.since = now;
    }

    /// What follows is the work of this handler.
    pub fn handler_begins(&mut self, handler: Handler) {
        self.handler = handler;
        self.has_served = false;
    }

    /// A connection was served; it is in the phase `to` now, before which it was in the returned one.
    pub fn served(&mut self, key: u32, session: u64, to: Phase, now: Instant, counters: &Counters) -> Phase {
        let index = key as usize;
        if self.phases.len() <= index {
            self.phases.resize(index + 1, Phase::Gone);
        }
        let from = match self.phases.get_mut(index) {
            Some(phase) => std::mem::replace(phase, to),
            None => to,
        };
        self.has_served = true;
        self.step_ends(Some((key, session)), from, to, now, counters);
        from
    }

    /// The handler has ended. What it did besides serving connections is a step of its own if it served none.
    pub fn handler_ends(&mut self, now: Instant, counters: &Counters) {
        if !self.has_served {
            self.step_ends(None, Phase::Gone, Phase::Gone, now, counters);
        }
        self.since = now;
    }

    fn step_ends(&mut self, session: Option<(u32, u64)>, from: Phase, to: Phase, now: Instant, counters: &Counters) {
        let handler = self.handler;
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
        if self.warnings.len() >= WARNINGS_KEPT {
            self.warnings.pop_front();
        }
        self.warned += 1;
        self.warnings.push_back(Warning {
            number: self.warned,
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

    /// Warnings after the one with that number.
    pub fn warnings_after(&self, number: u64) -> impl Iterator<Item = &Warning> {
        self.warnings.iter().filter(move |warning| warning.number > number)
    }

    /// The number of the last warning.
    pub fn warned(&self) -> u64 {
        self.warned
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
mod tests {
    use super::*;

    const MILLISECOND: Duration = Duration::from_millis(1);

    /// Records a turn in which a slot becomes ready and sends 100 bytes.
    fn record_turn(recorder: &mut Recorder, number: u64, counters: &mut Counters, start: Instant, steps: u32) {
        recorder.turn_begins(number, start, MILLISECOND, None, 1);
        recorder.handler_begins(Handler::Control);
        for step in 1..=steps {
            counters.bytes_sent += 100;
            counters.commands += 1;
            recorder.served(3, 9, Phase::Sending, start + step * MILLISECOND, counters);
        }
        recorder.handler_ends(start + steps * MILLISECOND, counters);
        recorder.turn_ends(steps * MILLISECOND, 2);
    }

    #[test]
    fn a_turn_has_its_steps_with_their_phases_bytes_and_times() {
        let (start, mut counters) = (Instant::now(), Counters::default());
        let mut recorder = Recorder::new(start);
        record_turn(&mut recorder, 1, &mut counters, start + MILLISECOND, 2);
        let turn = *recorder.turns_between(0, u64::MAX).next().expect("a turn");
        assert_eq!((turn.number, turn.at, turn.took), (1, MILLISECOND, 2 * MILLISECOND));
        let (steps, is_whole) = recorder.steps_of(&turn);
        let steps: Vec<&Step> = steps.collect();
        assert!(is_whole);
        assert_eq!(steps.len(), 2, "the handler itself adds none");
        assert_eq!((steps[0].from, steps[0].to), (Phase::Gone, Phase::Sending));
        assert_eq!(
            (steps[1].from, steps[1].bytes, steps[1].commands),
            (Phase::Sending, 100, 1)
        );
        assert_eq!((steps[1].took, steps[1].session), (MILLISECOND, Some((3, 9))));
        assert_eq!(recorder.interval.busy, 2 * MILLISECOND);
        assert!(recorder.interval.is_busy);
    }

    #[test]
    fn the_record_is_bounded_and_forgets_the_oldest_turns_first() {
        let (start, mut counters) = (Instant::now(), Counters::default());
        let mut recorder = Recorder::new(start);
        for number in 1..=6_000 {
            record_turn(&mut recorder, number, &mut counters, start, 5);
        }
        assert_eq!((recorder.turns.len(), recorder.steps.len()), (TURNS_KEPT, STEPS_KEPT));
        let [oldest, .., newest] = *recorder.turns_between(0, u64::MAX).copied().collect::<Vec<_>>() else {
            panic!("two turns at least");
        };
        assert_eq!(newest.number, 6_000);
        assert!(!recorder.steps_of(&oldest).1 && recorder.steps_of(&newest).1);
        assert_eq!(recorder.steps_of(&newest).0.count(), 5);
        let numbers = |before, most| -> Vec<u64> {
            let (from, end) = recorder.numbers_before(before, most);
            recorder.turns_between(from, end).map(|turn| turn.number).collect()
        };
        assert_eq!(numbers(Some(5_000), 2), [4_998, 4_999]);
        assert_eq!(numbers(None, 1), [6_000]);
        assert_eq!(numbers(Some(1), 2), [0; 0]);
        record_turn(&mut recorder, 6_001, &mut counters, start, 1_000);
        let turn = recorder.turns_between(6_001, u64::MAX).next().expect("a turn");
        assert_eq!(
            (turn.steps as usize, turn.left_out as usize),
            (STEPS_OF_A_TURN, 1_000 - STEPS_OF_A_TURN)
        );
    }

    #[test]
    fn a_step_that_holds_the_loop_causes_a_warning_and_warnings_are_bounded() {
        let (start, counters) = (Instant::now(), Counters::default());
        let mut recorder = Recorder::new(start);
        recorder.turn_begins(5, start, MILLISECOND, None, 1);
        for _ in 0..WARNINGS_KEPT + 5 {
            recorder.turn_begins(5, start, MILLISECOND, None, 1);
            recorder.handler_begins(Handler::Data);
            recorder.served(0, 1, Phase::Ready, start + 14 * MILLISECOND, &counters);
        }
        let warnings: Vec<&Warning> = recorder.warnings_after(0).collect();
        assert_eq!((warnings.len(), warnings[0].number), (WARNINGS_KEPT, 6));
        assert_eq!(
            (warnings[0].turn, warnings[0].session, warnings[0].took),
            (5, Some(1), 14 * MILLISECOND)
        );
        assert_eq!(recorder.warnings_after(recorder.warned()).count(), 0);
    }

    #[test]
    fn the_page_can_index_the_handlers_by_their_numbers() {
        for (index, handler) in Handler::ALL.into_iter().enumerate() {
            assert_eq!(handler as usize, index, "{handler:?}");
        }
    }
}
