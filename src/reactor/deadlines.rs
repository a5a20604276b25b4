//! When each slot must be looked at: one deadline per slot, cheap to move.
//!
//! Most deadlines move later all the time (every command moves the idle deadline) and few are ever reached. So moving
//! one later only changes a number in the slot: its entry stays where it is, and when it comes up it is put back at
//! that number. Moving one earlier, as every pause of a rate-limited transfer does, moves the entry. A slot therefore
//! never has more than one entry, however often its deadline moves. Time is passed in.

use crate::reactor::slots::Slots;
use crate::reactor::token::SlotId;
use std::collections::BTreeSet;
use std::time::Instant;

/// One slot's deadline: when it is due, and where its entry is.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    due: Instant,
    entry: Option<Instant>,
}

/// The times at which slots must be looked at, in order.
#[derive(Debug, Default)]
pub struct Deadlines {
    entries: BTreeSet<(Instant, SlotId)>,
}

impl Deadline {
    /// Due at `due`, without an entry yet.
    pub fn new(due: Instant) -> Self {
        Self { due, entry: None }
    }
}

impl Deadlines {
    /// Moves a slot's deadline; O(1) unless it becomes earlier than its entry.
    pub fn arm(&mut self, slot: SlotId, deadline: &mut Deadline, due: Instant) {
        deadline.due = due;
        let looks_in_time = deadline.entry.is_some_and(|entry| entry <= due);
        if !looks_in_time {
            self.cancel(slot, deadline);
            self.insert(slot, deadline, due);
        }
    }

    /// Removes a slot's entry, because the slot is about to be freed.
    pub fn cancel(&mut self, slot: SlotId, deadline: &mut Deadline) {
        if let Some(entry) = deadline.entry.take() {
            self.entries.remove(&(entry, slot));
        }
    }

    /// The next time at which a slot must be looked at.
    pub fn next(&self) -> Option<Instant> {
        self.entries.first().map(|(at, _)| *at)
    }

    /// The slot that must be looked at then.
    pub fn next_slot(&self) -> Option<SlotId> {
        self.entries.first().map(|(_, slot)| *slot)
    }

    /// The next slot in use whose deadline has passed by `now`; it has none until it is armed again. `deadline_of`:
    /// where the owner of a slot keeps its deadline.
    pub fn pop_due<T>(
        &mut self,
        slots: &mut Slots<T>,
        deadline_of: impl Fn(&mut T) -> &mut Deadline,
        now: Instant,
    ) -> Option<SlotId> {
        loop {
            let slot = self.pop(now)?;
            if let Some(owner) = slots.get_mut(slot)
                && self.has_passed(slot, deadline_of(owner), now)
            {
                return Some(slot);
            }
        }
    }

    /// Removes and returns the next slot whose entry has come up by `now`.
    fn pop(&mut self, now: Instant) -> Option<SlotId> {
        self.entries.first().filter(|(at, _)| *at <= now)?;
        self.entries.pop_first().map(|(_, slot)| slot)
    }

    /// Whether the deadline of a popped slot has passed. If it has moved later meanwhile, it gets a new entry.
    fn has_passed(&mut self, slot: SlotId, deadline: &mut Deadline, now: Instant) -> bool {
        deadline.entry = None;
        if deadline.due <= now {
            return true;
        }
        self.insert(slot, deadline, deadline.due);
        false
    }

    fn insert(&mut self, slot: SlotId, deadline: &mut Deadline, at: Instant) {
        deadline.entry = Some(at);
        self.entries.insert((at, slot));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    const SLOT: SlotId = SlotId { key: 1, generation: 1 };

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn a_deadline_that_moves_later_keeps_its_entry() {
        let start = Instant::now();
        let mut deadlines = Deadlines::default();
        let mut deadline = Deadline::new(start);
        for second in 300..10_300 {
            deadlines.arm(SLOT, &mut deadline, start + seconds(second));
        }
        assert_eq!(deadlines.next(), Some(start + seconds(300)));
        let slot = deadlines.pop(start + seconds(300)).expect("the first entry comes up");
        assert_eq!(slot, SLOT);
        assert!(!deadlines.has_passed(slot, &mut deadline, start + seconds(300)));
        assert_eq!(deadlines.next(), Some(start + seconds(10_299)));
    }

    #[test]
    fn a_deadline_that_moves_earlier_takes_its_entry_with_it() {
        let start = Instant::now();
        let mut deadlines = Deadlines::default();
        let mut deadline = Deadline::new(start);
        deadlines.arm(SLOT, &mut deadline, start + seconds(300));
        deadlines.arm(SLOT, &mut deadline, start + seconds(30));
        assert_eq!(deadlines.pop(start + seconds(30)), Some(SLOT));
        assert!(deadlines.has_passed(SLOT, &mut deadline, start + seconds(30)));
        assert_eq!(deadlines.next(), None);
    }

    /// A rate-limited transfer alternates for hours between a short pause and waiting minutes for progress.
    #[test]
    fn g24_pauses_leave_nothing_behind() {
        let start = Instant::now();
        let mut deadlines = Deadlines::default();
        let mut slots: Vec<(SlotId, Deadline)> = (0..100)
            .map(|key| (SlotId { key, generation: 1 }, Deadline::new(start)))
            .collect();
        for round in 0..1_000 {
            let now = start + Duration::from_millis(50 * round);
            for (slot, deadline) in &mut slots {
                deadlines.arm(*slot, deadline, now + seconds(300));
                deadlines.arm(*slot, deadline, now + Duration::from_millis(50));
            }
            assert_eq!(deadlines.entries.len(), slots.len());
            while let Some(slot) = deadlines.pop(now + Duration::from_millis(50)) {
                let (_, deadline) = &mut slots[slot.key as usize];
                assert!(deadlines.has_passed(slot, deadline, now + Duration::from_millis(50)));
            }
            assert_eq!(deadlines.entries.len(), 0);
        }
    }

    #[test]
    fn short_sessions_leave_nothing_behind() {
        let start = Instant::now();
        let mut deadlines = Deadlines::default();
        for key in 0..10_000 {
            let slot = SlotId { key, generation: 1 };
            let mut deadline = Deadline::new(start);
            deadlines.arm(slot, &mut deadline, start + seconds(60));
            deadlines.cancel(slot, &mut deadline);
        }
        assert_eq!(deadlines.next(), None);
    }

    #[test]
    fn only_slots_in_use_whose_deadline_has_passed_are_due() {
        let start = Instant::now();
        let mut deadlines = Deadlines::default();
        let mut slots = Slots::default();
        let [freed, moved, due] = [(); 3].map(|()| slots.insert_with(|_| Deadline::new(start)));
        for slot in [freed, moved, due] {
            deadlines.arm(slot, slots.get_mut(slot).expect("in use"), start + seconds(5));
        }
        slots.remove(freed);
        deadlines.arm(moved, slots.get_mut(moved).expect("in use"), start + seconds(9));
        let mut pop_due = |second| deadlines.pop_due(&mut slots, |deadline| deadline, start + seconds(second));
        assert_eq!(pop_due(4), None);
        assert_eq!((pop_due(5), pop_due(5)), (Some(due), None));
        assert_eq!((pop_due(9), pop_due(9)), (Some(moved), None));
    }

    #[test]
    fn nothing_is_due_before_its_time() {
        let start = Instant::now();
        let mut deadlines = Deadlines::default();
        let mut deadline = Deadline::new(start);
        deadlines.arm(SLOT, &mut deadline, start + seconds(5));
        assert_eq!(deadlines.pop(start + seconds(4)), None);
    }

    /// What can happen to one of a few slots.
    #[derive(Clone, Copy, Debug)]
    enum SlotEvent {
        Arm { slot: u32, in_seconds: u64 },
        Leave { slot: u32 },
        TimePasses { seconds: u64 },
    }

    fn events() -> impl Strategy<Value = Vec<SlotEvent>> {
        let event = prop_oneof![
            (0..4_u32, 0..50_u64).prop_map(|(slot, in_seconds)| SlotEvent::Arm { slot, in_seconds }),
            (0..4_u32).prop_map(|slot| SlotEvent::Leave { slot }),
            (0..20_u64).prop_map(|seconds| SlotEvent::TimePasses { seconds }),
        ];
        proptest::collection::vec(event, 0..200)
    }

    proptest! {
        #[test]
        fn every_waiting_slot_has_one_entry_and_every_deadline_is_kept(events in events()) {
            let mut now = Instant::now();
            let mut deadlines = Deadlines::default();
            // What each slot waits for, and its deadline.
            let mut slots: Vec<(Option<Instant>, Deadline)> = vec![(None, Deadline::new(now)); 4];
            for event in events {
                match event {
                    SlotEvent::Arm { slot, in_seconds } => {
                        let due = now + seconds(in_seconds);
                        let (waits, deadline) = &mut slots[slot as usize];
                        *waits = Some(due);
                        deadlines.arm(SlotId { key: slot, generation: 1 }, deadline, due);
                    }
                    SlotEvent::Leave { slot } => {
                        let (waits, deadline) = &mut slots[slot as usize];
                        *waits = None;
                        deadlines.cancel(SlotId { key: slot, generation: 1 }, deadline);
                    }
                    SlotEvent::TimePasses { seconds: count } => {
                        now += seconds(count);
                        while let Some(slot) = deadlines.pop(now) {
                            let (waits, deadline) = &mut slots[slot.key as usize];
                            if deadlines.has_passed(slot, deadline, now) {
                                prop_assert!(waits.take().is_some_and(|due| due <= now), "not before its time");
                            }
                        }
                        let is_missed = |(waits, _): &(Option<Instant>, Deadline)| waits.is_some_and(|due| due <= now);
                        prop_assert!(!slots.iter().any(is_missed), "none is missed");
                    }
                }
                let waiting = slots.iter().filter(|(waits, _)| waits.is_some()).count();
                prop_assert_eq!(deadlines.entries.len(), waiting);
            }
        }
    }
}
