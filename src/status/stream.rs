//! `/events`: what has changed, as one message for all viewers, at most ten times a second.
//!
//! Served connections are marked in a set of bits; a message takes a limited number of them in turn. So its cost
//! depends on what happens, not on how many sessions there are, and has a limit. The last messages are kept for viewers
//! that connect again with `Last-Event-ID`.

use super::figures::Figures;
use super::recorder::Recorder;
use super::request::EventId;
use super::rings::{self, Rings};
use super::rows::{push_array, push_json};
use super::seen::Seen;
use super::slot_set::SlotSet;
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
    /// Draws and announcements when the rings were shown last.
    counted: Option<(u64, usize)>,
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
            counted: None,
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
    pub fn message(&mut self, seen: &Seen<'_>, recorder: &mut Recorder, has_viewers: bool) -> Option<Rc<[u8]>> {
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
        let rings = self.changed_rings(seen);
        push_json(&mut out, &Figures::take(seen, recorder, rings));
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

    /// The passive rings, if there were draws or announcements have ended.
    fn changed_rings(&mut self, seen: &Seen<'_>) -> Option<Rings> {
        let all = || seen.shared.rings.iter().map(|ports| &ports.ring);
        let counted = (
            all().map(|ring| ring.draws()).sum(),
            all().map(|ring| ring.pending().count()).sum(),
        );
        let before = self.counted.replace(counted);
        (before != Some(counted)).then(|| rings::of(seen))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
