//! When somebody has waited long enough: one deadline a slot, cheap to move.
//!
//! Most deadlines move later all the time (every command moves the idle deadline) and few are ever reached. So a later
//! deadline only changes a number in the slot; the heap keeps the earlier entry, and when that comes up it is put back at
//! the number found. Moving a deadline costs nothing, and each slot costs one heap operation per wait, not per command.
//! Time is handed in; this file reads no clock.

use super::token::SlotId;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

/// Entries of slots that are gone are left alone below this number.
const ENTRIES_KEPT: usize = 1024;

/// One slot's deadline: when it is, and when the heap will look.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    due: Instant,
    entry: Option<Instant>,
}

/// The heap of the times at which a slot has to be looked at.
#[derive(Debug, Default)]
pub struct Deadlines {
    entries: BinaryHeap<Reverse<(Instant, u32, u32)>>,
}

impl Deadline {
    /// Due at `due`, not yet known to the heap.
    pub fn new(due: Instant) -> Self {
        Self { due, entry: None }
    }
}

impl Deadlines {
    /// Moves a slot's deadline; O(1) unless it comes earlier than the heap would look.
    pub fn arm(&mut self, slot: SlotId, deadline: &mut Deadline, due: Instant) {
        deadline.due = due;
        let looks_in_time = deadline.entry.is_some_and(|entry| entry <= due);
        if !looks_in_time {
            self.push(slot, deadline, due);
        }
    }

    /// The next time at which the heap has to be looked at.
    pub fn next(&self) -> Option<Instant> {
        self.entries.peek().map(|Reverse((at, ..))| *at)
    }

    /// Whose entry is the next.
    pub fn next_slot(&self) -> Option<SlotId> {
        self.entries.peek().map(|Reverse((_, key, generation))| SlotId {
            key: *key,
            generation: *generation,
        })
    }

    /// The next slot whose entry has come up by `now`, and the time of that entry.
    pub fn pop(&mut self, now: Instant) -> Option<(SlotId, Instant)> {
        let Reverse((at, key, generation)) = *self.entries.peek().filter(|Reverse((at, ..))| *at <= now)?;
        self.entries.pop();
        Some((SlotId { key, generation }, at))
    }

    /// Whether a popped entry means that the deadline has passed. If it has moved on meanwhile, it is put back.
    pub fn has_passed(&mut self, slot: SlotId, deadline: &mut Deadline, entry: Instant, now: Instant) -> bool {
        if deadline.entry != Some(entry) {
            // Left behind when the deadline was moved earlier; the newer entry speaks for the slot.
            return false;
        }
        deadline.entry = None;
        if deadline.due <= now {
            return true;
        }
        self.push(slot, deadline, deadline.due);
        false
    }

    /// Strikes out the entries of slots that are gone, once they outnumber the `living` several times: a flood of short
    /// sessions leaves an entry each. Costs no more than their arrivals did.
    pub fn forget_the_gone(&mut self, living: usize, mut is_living: impl FnMut(SlotId) -> bool) {
        if self.entries.len() > living * 4 + ENTRIES_KEPT {
            self.entries.retain(|Reverse((_, key, generation))| {
                is_living(SlotId {
                    key: *key,
                    generation: *generation,
                })
            });
        }
    }

    fn push(&mut self, slot: SlotId, deadline: &mut Deadline, at: Instant) {
        deadline.entry = Some(at);
        self.entries.push(Reverse((at, slot.key, slot.generation)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const SLOT: SlotId = SlotId { key: 1, generation: 1 };

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn a_deadline_that_moves_later_costs_no_entry() {
        let start = Instant::now();
        let mut deadlines = Deadlines::default();
        let mut deadline = Deadline::new(start);
        for second in 300..10_300 {
            deadlines.arm(SLOT, &mut deadline, start + seconds(second));
        }
        assert_eq!(deadlines.entries.len(), 1);
        let (slot, entry) = deadlines.pop(start + seconds(300)).expect("the first entry comes up");
        assert_eq!(slot, SLOT);
        assert!(!deadlines.has_passed(slot, &mut deadline, entry, start + seconds(300)));
        assert_eq!(deadlines.next(), Some(start + seconds(10_299)));
    }

    #[test]
    fn an_earlier_deadline_is_kept_and_the_left_behind_entry_ignored() {
        let start = Instant::now();
        let mut deadlines = Deadlines::default();
        let mut deadline = Deadline::new(start);
        deadlines.arm(SLOT, &mut deadline, start + seconds(300));
        deadlines.arm(SLOT, &mut deadline, start + seconds(30));
        let (_, entry) = deadlines.pop(start + seconds(30)).expect("due");
        assert!(deadlines.has_passed(SLOT, &mut deadline, entry, start + seconds(30)));
        deadlines.arm(SLOT, &mut deadline, start + seconds(400));
        let (_, left_behind) = deadlines.pop(start + seconds(300)).expect("the old entry");
        assert!(!deadlines.has_passed(SLOT, &mut deadline, left_behind, start + seconds(300)));
        let (_, entry) = deadlines.pop(start + seconds(400)).expect("the live entry");
        assert!(deadlines.has_passed(SLOT, &mut deadline, entry, start + seconds(400)));
        assert_eq!(deadlines.next(), None);
    }

    #[test]
    fn short_sessions_leave_no_growing_heap() {
        let start = Instant::now();
        let mut deadlines = Deadlines::default();
        for key in 0..100_000 {
            let slot = SlotId { key, generation: 1 };
            deadlines.arm(slot, &mut Deadline::new(start), start + seconds(60));
            deadlines.forget_the_gone(1, |other| other == slot);
        }
        assert!(deadlines.entries.len() <= ENTRIES_KEPT + 5);
    }

    #[test]
    fn nothing_comes_up_before_its_time() {
        let start = Instant::now();
        let mut deadlines = Deadlines::default();
        let mut deadline = Deadline::new(start);
        deadlines.arm(SLOT, &mut deadline, start + seconds(5));
        assert_eq!(deadlines.pop(start + seconds(4)), None);
    }
}
