//! A viewer of the stream: its snapshot, then the messages that wait for it, and what the session says that it follows.

use super::rows::{ROWS_PER_PIECE, push_array, push_hello, push_json};
use super::seen::Seen;
use super::sources::Sources;
use std::collections::VecDeque;
use std::rc::Rc;

/// Messages that wait for a viewer; one that is further behind gets a new snapshot instead.
const BACKLOG_MAX: usize = 512 * 1024;
/// Lines of the followed session that are sent at once; of more, the last.
const LINES_MAX: usize = 300;

/// A viewer of the stream.
#[derive(Debug, Default)]
pub struct Subscription {
    /// The next slot of the snapshot; `None`: the viewer has it.
    snapshot: Option<usize>,
    backlog: VecDeque<Rc<[u8]>>,
    backlog_bytes: usize,
    /// The session that the viewer follows.
    follow: Option<u64>,
    /// The number of the first line that it has not been sent.
    unheard: u64,
}

impl Subscription {
    /// A viewer that has nothing yet, or `missed` these messages.
    pub fn new(follow: Option<u64>, missed: Option<impl Iterator<Item = Rc<[u8]>>>) -> Self {
        let mut subscription = Self {
            snapshot: missed.is_none().then_some(0),
            follow,
            ..Self::default()
        };
        missed
            .into_iter()
            .flatten()
            .for_each(|message| subscription.push(&message));
        subscription
    }

    /// Queues a message. A viewer that is too far behind gets a new snapshot instead of what it has missed.
    pub fn push(&mut self, message: &Rc<[u8]>) {
        self.backlog_bytes += message.len();
        self.backlog.push_back(Rc::clone(message));
        if self.backlog_bytes > BACKLOG_MAX {
            self.backlog.clear();
            self.backlog_bytes = 0;
            self.snapshot = Some(0);
        }
    }

    /// A part of the snapshot, or the next message; `false`: there is none. What was served while the snapshot was sent
    /// is in the messages after it, so the viewer is up to date then.
    pub fn push_piece(&mut self, sources: &Sources, seen: &Seen<'_>, out: &mut Vec<u8>) -> bool {
        if let Some(next) = self.snapshot {
            self.push_snapshot(next, sources, seen, out);
        } else if let Some(message) = self.backlog.pop_front() {
            self.backlog_bytes -= message.len();
            out.extend_from_slice(&message);
        } else {
            return false;
        }
        if self.snapshot.is_none() {
            self.push_conversation(seen, out);
        }
        true
    }

    fn push_snapshot(&mut self, next: usize, sources: &Sources, seen: &Seen<'_>, out: &mut Vec<u8>) {
        if next == 0 {
            out.extend_from_slice(b"retry: 2000\nevent: hello\ndata: ");
            push_hello(out, seen, sources.process.started(), &sources.listeners);
            out.extend_from_slice(b"\n\n");
        }
        let end = (next + ROWS_PER_PIECE).min(seen.slots.extent());
        let mut separator: &[u8] = b"event: slots\ndata: [";
        for key in (next..end).filter(|key| seen.slots.at(*key).is_some()) {
            out.extend_from_slice(separator);
            push_array(out, key as u32, seen, &sources.recorder);
            separator = b",";
        }
        if separator == b"," {
            out.extend_from_slice(b"]\n\n");
        }
        self.snapshot = (end < seen.slots.extent()).then_some(end);
        if self.snapshot.is_none() {
            out.extend_from_slice(b"event: complete\ndata: {}\n\n");
        }
    }

    /// What the followed session has said since the last time; at first, what is known from before.
    fn push_conversation(&mut self, seen: &Seen<'_>, out: &mut Vec<u8>) {
        let (Some(session), Some(tallies)) = (self.follow, &seen.shared.tallies) else {
            return;
        };
        let lines = tallies.conversation.of(session, self.unheard, LINES_MAX);
        self.unheard = tallies.conversation.end();
        if !lines.is_empty() {
            out.extend_from_slice(b"event: said\ndata: ");
            push_json(out, &lines);
            out.extend_from_slice(b"\n\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n05_what_waits_for_a_viewer_is_bounded_and_one_that_is_far_behind_gets_a_snapshot() {
        let mut subscription = Subscription::default();
        let message: Rc<[u8]> = vec![b'x'; 100_000].into();
        for _ in 0..1_000 {
            subscription.push(&message);
            assert!(subscription.backlog_bytes <= BACKLOG_MAX);
        }
        assert_eq!(subscription.snapshot, Some(0));
    }
}
