//! `/events`: what has changed, as one message for all viewers, at most ten times a second.
//!
//! Served connections are marked in a set of bits; a message takes a limited number of them in turn. So its cost
//! depends on what happens, not on how many sessions there are, and has a limit. The last messages are kept for viewers
//! that connect again with `Last-Event-ID`.

use super::recorder::{Handler, Interval, Recorder};
use super::request::EventId;
use super::rows::{push_array, push_json};
use super::seen::Seen;
use crate::records::tallies::{LineKind, SpokenLine};
use serde::Serialize;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// Between two messages, if something happens.
const INTERVAL: Duration = Duration::from_millis(100);
/// Between two messages, if nothing happens.
const IDLE_INTERVAL: Duration = Duration::from_secs(1);
/// The stream goes on for this long without a viewer, so that one that has lost its connection misses nothing.
const GRACE: Duration = Duration::from_secs(10);
/// Slots in one message.
const SLOTS_PER_MESSAGE: usize = 200;
/// Messages that are kept, and their bytes.
const MESSAGES_KEPT: usize = 100;
const BYTES_KEPT: usize = 512 * 1024;
/// Ports in one message, of each ring.
const PORTS_SHOWN: usize = 512;

/// The messages of one stream. It ends when it has had no viewer for a while, and another one begins with the next.
#[derive(Debug)]
pub struct Stream {
    number: u64,
    message: u64,
    recent: VecDeque<Rc<[u8]>>,
    recent_bytes: usize,
    changed: SlotSet,
    next: Option<Instant>,
    last: Instant,
    viewer_seen: Option<Instant>,
    warned: u64,
    drawn: u64,
    announced: usize,
}

/// A set of slots.
#[derive(Debug, Default)]
struct SlotSet {
    words: Vec<u64>,
    /// Where the next search begins.
    cursor: usize,
}

/// The figures of a message.
#[derive(Serialize)]
struct Figures {
    /// Milliseconds since the start of the server.
    at: u64,
    turn: u64,
    sessions: usize,
    descriptors: usize,
    events: u64,
    commands: u64,
    transfers: u64,
    failed_transfers: u64,
    accepted: u64,
    refused: u64,
    strangers: u64,
    would_block: u64,
    sent: u64,
    received: u64,
    /// Since the last message.
    turns: u64,
    busy_microseconds: u64,
    slept_microseconds: u64,
    longest_microseconds: u64,
    queues: Vec<(&'static str, usize)>,
    /// By ring: those ports that are announced or rest, as index, announcements, and draws since it was drawn.
    rings: Option<Vec<Vec<(u16, usize, u64)>>>,
    warnings: Vec<WarningObject>,
    said: Vec<(u64, LineKind, String)>,
}

#[derive(Serialize)]
struct WarningObject {
    number: u64,
    turn: u64,
    handler: &'static str,
    session: Option<u64>,
    milliseconds: u64,
}

impl SlotSet {
    fn insert(&mut self, key: u32) {
        let (word, bit) = (key as usize / 64, key % 64);
        if self.words.len() <= word {
            self.words.resize(word + 1, 0);
        }
        if let Some(word) = self.words.get_mut(word) {
            *word |= 1 << bit;
        }
    }

    /// Removes and returns up to `most` slots, beginning after those that were returned last.
    fn take(&mut self, most: usize) -> Vec<u32> {
        let mut taken = Vec::new();
        let count = self.words.len();
        for _ in 0..count {
            let at = self.cursor % count;
            let Some(word) = self.words.get_mut(at) else {
                break;
            };
            while *word != 0 {
                if taken.len() == most {
                    return taken;
                }
                let bit = word.trailing_zeros();
                *word &= *word - 1;
                taken.push(at as u32 * 64 + bit);
            }
            self.cursor = at + 1;
        }
        taken
    }
}

impl Stream {
    pub fn new(now: Instant) -> Self {
        Self {
            number: 0,
            message: 0,
            recent: VecDeque::new(),
            recent_bytes: 0,
            changed: SlotSet::default(),
            next: None,
            last: now,
            viewer_seen: None,
            warned: 0,
            drawn: 0,
            announced: 0,
        }
    }

    /// A connection was served.
    pub fn mark(&mut self, key: u32) {
        if self.next.is_some() {
            self.changed.insert(key);
        }
    }

    /// When the next message is to be made. `is_busy`: whether anything has happened.
    pub fn next(&self, is_busy: bool) -> Option<Instant> {
        let next = self.next?;
        Some(if is_busy { self.last + INTERVAL } else { next })
    }

    /// A viewer has come: the stream begins, if there is none.
    pub fn viewer_comes(&mut self, now: Instant) {
        self.viewer_seen = Some(now);
        if self.next.is_none() {
            *self = Self {
                number: self.number + 1,
                next: Some(now),
                viewer_seen: Some(now),
                ..Self::new(now)
            };
        }
    }

    /// Messages after `id`; `None`: that is another stream, or they are not kept.
    pub fn after(&self, id: EventId) -> Option<impl Iterator<Item = Rc<[u8]>>> {
        let missed = usize::try_from(self.message.checked_sub(id.message)?).ok()?;
        let is_kept = id.stream == self.number && missed <= self.recent.len();
        is_kept.then(|| self.recent.range(self.recent.len() - missed..).cloned())
    }

    /// Makes the next message; `None`: the stream has ended.
    pub fn message(&mut self, seen: &mut Seen<'_>, recorder: &mut Recorder, has_viewers: bool) -> Option<Rc<[u8]>> {
        let now = seen.shared.now;
        if has_viewers {
            self.viewer_seen = Some(now);
        } else if self
            .viewer_seen
            .is_none_or(|seen| now.saturating_duration_since(seen) > GRACE)
        {
            let number = self.number;
            *self = Self {
                number,
                ..Self::new(now)
            };
            return None;
        }
        self.last = now;
        self.next = Some(now + IDLE_INTERVAL);
        self.message += 1;
        let mut out = Vec::new();
        let slots = self.changed.take(SLOTS_PER_MESSAGE);
        out.extend_from_slice(b"event: slots\ndata: [");
        for (index, key) in slots.into_iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            push_array(&mut out, key, seen, recorder);
        }
        out.extend_from_slice(b"]\n\n");
        // The number comes with the last event of a message: a viewer has the whole message or asks for it again.
        out.extend_from_slice(format!("id: {}-{}\nevent: figures\ndata: ", self.number, self.message).as_bytes());
        let figures = self.figures(seen, recorder);
        push_json(&mut out, &figures);
        out.extend_from_slice(b"\n\n");
        let message: Rc<[u8]> = out.into();
        self.keep(Rc::clone(&message));
        Some(message)
    }

    fn keep(&mut self, message: Rc<[u8]>) {
        self.recent_bytes += message.len();
        self.recent.push_back(message);
        while self.recent.len() > MESSAGES_KEPT || self.recent_bytes > BYTES_KEPT {
            let Some(oldest) = self.recent.pop_front() else {
                return;
            };
            self.recent_bytes -= oldest.len();
        }
    }

    fn figures(&mut self, seen: &mut Seen<'_>, recorder: &mut Recorder) -> Figures {
        let interval = std::mem::take(&mut recorder.interval);
        let Interval {
            turns,
            busy,
            slept,
            longest,
            ..
        } = interval;
        let said = seen
            .shared
            .tallies
            .as_mut()
            .map(|tallies| std::mem::take(&mut tallies.lines));
        let said = said.unwrap_or_default().into_iter();
        let microseconds = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let warnings = recorder.warnings_after(self.warned).map(|warning| WarningObject {
            number: warning.number,
            turn: warning.turn,
            handler: Handler::name(warning.handler),
            session: warning.session,
            milliseconds: microseconds(warning.took) / 1000,
        });
        let warnings = warnings.collect();
        self.warned = recorder.warned();
        let rings = self.rings(seen);
        let counters = &seen.shared.counters;
        Figures {
            at: recorder.milliseconds(seen.shared.now),
            turn: counters.turns,
            sessions: seen.slots.len(),
            descriptors: seen.shared.descriptors.used(),
            events: counters.events,
            commands: counters.commands,
            transfers: counters.transfers,
            failed_transfers: counters.failed_transfers,
            accepted: counters.accepted,
            refused: counters.refused,
            strangers: counters.strangers,
            would_block: counters.would_block,
            sent: counters.bytes_sent,
            received: counters.bytes_received,
            turns,
            busy_microseconds: microseconds(busy),
            slept_microseconds: microseconds(slept),
            longest_microseconds: microseconds(longest),
            queues: seen.queues().to_vec(),
            rings,
            warnings,
            said: said
                .map(|SpokenLine { session, kind, text }| (session, kind, text))
                .collect(),
        }
    }

    /// The passive ports, if there were draws or announcements have ended.
    fn rings(&mut self, seen: &Seen<'_>) -> Option<Vec<Vec<(u16, usize, u64)>>> {
        let rings = || seen.shared.rings.iter().map(|ports| &ports.ring);
        let (drawn, announced) = (
            rings().map(|ring| ring.draws()).sum(),
            rings().map(|ring| ring.pending().count()).sum(),
        );
        if (drawn, announced) == (self.drawn, self.announced) && self.message > 1 {
            return None;
        }
        (self.drawn, self.announced) = (drawn, announced);
        Some(rings().map(|ring| ring.recent_ports(PORTS_SHOWN)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_slots_are_returned_once_and_all_get_their_turn() {
        let mut set = SlotSet::default();
        for key in [3, 200, 64, 3, 9_999] {
            set.insert(key);
        }
        assert_eq!(set.take(2), [3, 64]);
        set.insert(3);
        assert_eq!(set.take(2), [200, 9_999], "3 has had its turn");
        assert_eq!(set.take(2), [3]);
        assert!(set.take(2).is_empty() && SlotSet::default().take(1).is_empty());
    }

    #[test]
    fn a_viewer_that_connects_again_gets_what_it_missed_if_it_is_kept() {
        let mut stream = Stream::new(Instant::now());
        stream.viewer_comes(Instant::now());
        for number in 1..=150_u64 {
            stream.message = number;
            stream.keep(number.to_string().into_bytes().into());
        }
        let missed = |stream_number, message| {
            let id = EventId {
                stream: stream_number,
                message,
            };
            let messages = stream.after(id)?;
            Some(
                messages
                    .map(|message| String::from_utf8_lossy(&message).into_owned())
                    .collect::<Vec<_>>(),
            )
        };
        assert_eq!(missed(1, 148), Some(vec!["149".to_owned(), "150".to_owned()]));
        assert_eq!(missed(1, 150), Some(vec![]));
        assert_eq!(missed(1, 50).map(|messages| messages.len()), Some(100));
        for (stream_number, message) in [(1, 49), (1, 151), (2, 150), (1, u64::MAX)] {
            assert_eq!(missed(stream_number, message), None, "{stream_number}-{message}");
        }
        stream.keep(vec![0; BYTES_KEPT].into());
        assert_eq!(stream.recent.len(), 1, "the bytes are bounded too");
    }
}
