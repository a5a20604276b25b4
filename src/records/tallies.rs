//! Counts that only the status page shows. Without `--status` there are none, and nothing is counted.

use crate::session::{Ending, LoginFailure};
use crate::transfer::Direction;
use std::collections::BTreeMap;

/// Most lines of followed sessions that wait for the page; more are left out.
const LINES_KEPT: usize = 200;
/// Bytes of a line that are kept.
const LINE_MAX: usize = 200;

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

/// A line of a conversation that somebody follows on the status page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpokenLine {
    pub session: u64,
    pub kind: LineKind,
    pub text: String,
}

/// What a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LineKind {
    Command,
    Reply,
    /// From one state to another.
    State,
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
    /// Sessions that viewers of the page follow, by number; at most one for each viewer.
    pub followed: Vec<u64>,
    /// What they have said since the page last took it.
    pub lines: Vec<SpokenLine>,
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
    /// Counts a reply, and keeps it if its session is followed. `line`: as on the wire.
    pub fn reply(&mut self, session: u64, code: u16, line: &[u8]) {
        if let Some(count) = self.replies.get_mut(usize::from(code / 100).wrapping_sub(1)) {
            *count += 1;
        }
        if self.follows(session) {
            let line = line.split(|byte| *byte == b'\r').next().unwrap_or_default();
            self.keep(session, LineKind::Reply, String::from_utf8_lossy(line).into_owned());
        }
    }

    /// Keeps a command of a followed session. `line`: escaped, without its password.
    pub fn command(&mut self, session: u64, line: String) {
        self.keep(session, LineKind::Command, line);
    }

    /// Keeps a change of a followed session's state.
    pub fn phase(&mut self, session: u64, from: &str, to: &str) {
        self.keep(session, LineKind::State, format!("{from} → {to}"));
    }

    /// Whether the conversation of this session is wanted.
    pub fn follows(&self, session: u64) -> bool {
        self.followed.contains(&session)
    }

    fn keep(&mut self, session: u64, kind: LineKind, mut text: String) {
        if self.lines.len() < LINES_KEPT {
            text.truncate(text.floor_char_boundary(LINE_MAX));
            self.lines.push(SpokenLine { session, kind, text });
        }
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
    fn replies_are_counted_by_class_and_kept_only_for_followed_sessions() {
        let mut tallies = Tallies {
            followed: vec![7],
            ..Tallies::default()
        };
        tallies.reply(7, 226, b"226 Transfer complete\r\n");
        tallies.reply(8, 550, b"550 File not found\r\n");
        tallies.reply(8, 0, b"");
        assert_eq!(tallies.replies, [0, 1, 0, 0, 1]);
        let [line] = &tallies.lines[..] else {
            panic!("one line: {:?}", tallies.lines);
        };
        assert_eq!((line.session, line.text.as_str()), (7, "226 Transfer complete"));
        (0..LINES_KEPT * 2).for_each(|_| tallies.command(7, "ü".repeat(LINE_MAX)));
        assert_eq!(tallies.lines.len(), LINES_KEPT);
        assert!(tallies.lines.iter().all(|line| line.text.len() <= LINE_MAX));
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
