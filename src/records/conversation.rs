//! The last lines of all sessions, so that the status page can show what a session has said before it was followed.

use crate::shown_name::Shown;
use serde::{Serialize, Serializer};
use std::collections::VecDeque;

/// Lines that are kept, of all sessions together.
const LINES_KEPT: usize = 4096;
/// Bytes that are kept of a line.
const LINE_MAX: usize = 200;

/// What a session has said, was told, or has become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spoken {
    /// Without its password.
    Command(Box<[u8]>),
    Reply(Box<[u8]>),
    /// What it was doing before and after.
    State(&'static str, &'static str),
}

#[derive(Debug)]
struct Line {
    session: u64,
    spoken: Spoken,
}

/// The last lines of all sessions.
#[derive(Debug, Default)]
pub struct Conversation {
    lines: VecDeque<Line>,
    /// The number of the next line.
    end: u64,
}

impl Spoken {
    pub fn command(line: &[u8]) -> Self {
        Spoken::Command(shortened(line))
    }

    pub fn reply(line: &[u8]) -> Self {
        Spoken::Reply(shortened(line))
    }
}

fn shortened(line: &[u8]) -> Box<[u8]> {
    line.get(..LINE_MAX).unwrap_or(line).into()
}

impl Conversation {
    pub fn add(&mut self, session: u64, spoken: Spoken) {
        if self.lines.len() >= LINES_KEPT {
            self.lines.pop_front();
        }
        self.lines.push_back(Line { session, spoken });
        self.end += 1;
    }

    /// The number of the next line.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// The last `most` lines of a session from the number `from`, as far as they are kept, with their numbers.
    pub fn of(&self, session: u64, from: u64, most: usize) -> Vec<(u64, &Spoken)> {
        let first = self.end - self.lines.len() as u64;
        let skipped = usize::try_from(from.saturating_sub(first)).unwrap_or(usize::MAX);
        let numbered = (first..).zip(&self.lines).skip(skipped);
        let mut lines: Vec<_> = numbered
            .filter(|(_, line)| line.session == session)
            .map(|(number, line)| (number, &line.spoken))
            .collect();
        lines.drain(..lines.len().saturating_sub(most));
        lines
    }
}

/// As its kind and its text.
impl Serialize for Spoken {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Spoken::Command(line) => ("command", Shown::whole(line)).serialize(serializer),
            Spoken::Reply(line) => ("reply", Shown::whole(line)).serialize(serializer),
            Spoken::State(from, to) => ("state", format!("{from} → {to}")).serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_a_session_are_found_among_those_of_others_until_they_are_forgotten() {
        let mut conversation = Conversation::default();
        for number in 0..10 {
            conversation.add(number % 2, Spoken::State("a", "b"));
        }
        let numbers = |conversation: &Conversation, from, most| -> Vec<u64> {
            let lines = conversation.of(1, from, most);
            lines.iter().map(|(number, _)| *number).collect()
        };
        assert_eq!(numbers(&conversation, 0, 100), [1, 3, 5, 7, 9]);
        assert_eq!(numbers(&conversation, 4, 2), [7, 9]);
        assert_eq!(numbers(&conversation, conversation.end(), 2), [0; 0]);
        (0..LINES_KEPT - 5).for_each(|_| conversation.add(2, Spoken::reply(&[b'x'; 1_000])));
        assert_eq!(numbers(&conversation, 0, 100), [5, 7, 9]);
        assert_eq!(conversation.lines.len(), LINES_KEPT);
        assert_eq!(
            conversation.lines.back().map(|line| &line.spoken),
            Some(&Spoken::reply(&[b'x'; LINE_MAX]))
        );
    }

    #[test]
    fn lines_are_escaped_as_in_the_log() {
        let shown = |spoken: &Spoken| serde_json::to_string(spoken).expect("JSON");
        assert_eq!(
            shown(&Spoken::command(b"STOR \x1b[31m")),
            r#"["command","STOR \\x1b[31m"]"#
        );
        assert_eq!(
            shown(&Spoken::State("ready", "sending")),
            r#"["state","ready → sending"]"#
        );
    }
}
