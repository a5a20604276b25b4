//! Counts that only the status page shows. Without `--status` there are none, and nothing is counted.

use super::conversation::{Conversation, Spoken};
use crate::session::{Ending, LoginFailure};
use crate::transfer::Direction;
use std::collections::BTreeMap;

/// Why a client was refused before it had a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RefusalReason {
    /// Its address has as many sessions as it may.
    Address,
    /// All sessions are taken.
    Sessions,
    /// No descriptor is left.
    Descriptors,
}

/// The counts. Words are the server's own: no client can add one.
#[derive(Debug, Default)]
pub struct Tallies {
    /// By first digit of the code, from 1 to 5.
    pub replies: [u64; 5],
    /// By outcome: `ok`, or why it failed.
    pub logins: BTreeMap<String, u64>,
    /// By direction and outcome.
    pub transfers: BTreeMap<(&'static str, &'static str), u64>,
    pub refused: BTreeMap<RefusalReason, u64>,
    pub endings: BTreeMap<String, u64>,
    /// The last lines of all sessions.
    pub conversation: Conversation,
}

impl RefusalReason {
    pub const ALL: [RefusalReason; 3] = [
        RefusalReason::Address,
        RefusalReason::Sessions,
        RefusalReason::Descriptors,
    ];

    pub fn word(self) -> &'static str {
        match self {
            RefusalReason::Address => "address",
            RefusalReason::Sessions => "sessions",
            RefusalReason::Descriptors => "descriptors",
        }
    }
}

impl Tallies {
    /// Counts a reply, and keeps `line`, its first or last.
    pub fn reply(&mut self, session: u64, line: &[u8]) {
        let class = line
            .first()
            .map_or(usize::MAX, |digit| usize::from(digit.wrapping_sub(b'1')));
        if let Some(count) = self.replies.get_mut(class) {
            *count += 1;
        }
        self.conversation.add(session, Spoken::reply(line));
    }

    /// Counts a login; `None`: it succeeded.
    pub fn login(&mut self, failure: Option<LoginFailure>) {
        let outcome = failure.map_or_else(|| "ok".to_owned(), |failure| failure.to_string());
        *self.logins.entry(outcome).or_default() += 1;
    }

    pub fn transfer(&mut self, direction: Direction, outcome: &'static str) {
        *self.transfers.entry((direction_word(direction), outcome)).or_default() += 1;
    }

    pub fn refusal(&mut self, reason: RefusalReason) {
        *self.refused.entry(reason).or_default() += 1;
    }

    pub fn ending(&mut self, ending: Ending) {
        *self.endings.entry(ending.to_string()).or_default() += 1;
    }
}

fn direction_word(direction: Direction) -> &'static str {
    match direction {
        Direction::ToClient => "sent",
        Direction::FromClient => "received",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_counted_by_class_and_kept() {
        let mut tallies = Tallies::default();
        for line in [&b"226 Transfer complete"[..], b"550 File not found", b"", b"x"] {
            tallies.reply(7, line);
        }
        assert_eq!(tallies.replies, [0, 1, 0, 0, 1]);
        assert_eq!(tallies.conversation.of(7, 0, 1).len(), 1);
    }

    #[test]
    fn logins_transfers_and_endings_are_counted_by_the_words_of_the_log() {
        let mut tallies = Tallies::default();
        tallies.login(None);
        tallies.login(Some(LoginFailure::WrongPassword));
        tallies.login(Some(LoginFailure::WrongPassword));
        tallies.transfer(Direction::ToClient, "complete");
        tallies.ending(Ending::IdleTimeout);
        tallies.refusal(RefusalReason::Address);
        assert_eq!(tallies.logins.get("ok"), Some(&1));
        assert_eq!(tallies.logins.get("wrong-password"), Some(&2));
        assert_eq!(tallies.transfers.get(&("sent", "complete")), Some(&1));
        assert_eq!(tallies.endings.get("idle-timeout"), Some(&1));
        assert_eq!(tallies.refused.get(&RefusalReason::Address), Some(&1));
    }
}
