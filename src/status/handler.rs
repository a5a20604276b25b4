//! The parts of a turn: its stages, and what serves an event, an entry of the ready queue, or a deadline.

use crate::target::Target;
use serde::Serialize;

/// A stage of a turn, after the poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    Events,
    ReadyQueue,
    Deadlines,
    Flush,
}

/// What serves an event, an entry of the ready queue, or a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handler {
    Signals,
    SlowWork,
    Accept,
    PassivePort,
    Control,
    Data,
    ReadyQueue,
    Deadlines,
    Flush,
    Logins,
    Status,
}

impl Handler {
    /// All handlers, in the order of their declaration.
    pub const ALL: [Handler; 11] = [
        Handler::Signals,
        Handler::SlowWork,
        Handler::Accept,
        Handler::PassivePort,
        Handler::Control,
        Handler::Data,
        Handler::ReadyQueue,
        Handler::Deadlines,
        Handler::Flush,
        Handler::Logins,
        Handler::Status,
    ];

    /// Its name in figures, and for readers.
    pub fn names(self) -> (&'static str, &'static str) {
        match self {
            Handler::Signals => ("signals", "a signal"),
            Handler::SlowWork => ("slow_work", "a result of the helper thread"),
            Handler::Accept => ("accept", "accepting clients"),
            Handler::PassivePort => ("passive_port", "a passive port"),
            Handler::Control => ("control", "a control connection"),
            Handler::Data => ("data", "a data connection"),
            Handler::ReadyQueue => ("ready_queue", "the ready queue"),
            Handler::Deadlines => ("deadlines", "deadlines"),
            Handler::Flush => ("flush", "writing replies"),
            Handler::Logins => ("logins", "starting a password's verification"),
            Handler::Status => ("status", "this page"),
        }
    }

    /// The handler of `target`, in that stage.
    pub fn of(target: Target, stage: Stage) -> Self {
        match target {
            Target::Control(_) | Target::Data(_) if stage == Stage::ReadyQueue => Handler::ReadyQueue,
            Target::Signals => Handler::Signals,
            Target::SlowWork => Handler::SlowWork,
            Target::ControlListener(_) => Handler::Accept,
            Target::PassivePort { .. } => Handler::PassivePort,
            Target::Control(_) => Handler::Control,
            Target::Data(_) => Handler::Data,
            Target::StatusListener | Target::Viewer(_) => Handler::Status,
        }
    }

    /// Whether each turn calls it, also if there is nothing to do.
    pub fn is_called_each_turn(self) -> bool {
        matches!(self, Handler::Deadlines | Handler::Flush | Handler::Logins)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_can_be_kept_by_the_numbers_of_the_handlers() {
        for (index, handler) in Handler::ALL.into_iter().enumerate() {
            assert_eq!(handler as usize, index, "{handler:?}");
        }
    }
}
