//! When each slot must be looked at: one deadline per slot, cheap to move.
//!
//! Most deadlines move later all the time (every command moves the idle deadline) and few are ever reached. So moving
//! one later only changes a number in the slot: its entry stays where it is, and when it comes up it is put back at
//! that number. Moving one earlier, as every pause of a rate-limited transfer does, moves the entry. A slot therefore
//! never has more than one entry, however often its deadline moves. Time is passed in.

use crate::reactor::{slots::Slots, token::SlotId};
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
        if deadline.entry.is_none_or(|entry| entry > due) {
            self.cancel(slot, deadline);
            deadline.entry = Some(due);
            self.entries.insert((due, slot));
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
        while self.next().is_some_and(|at| at <= now) {
            let (_, slot) = self.entries.pop_first()?;
            let Some(owner) = slots.get_mut(slot) else {
                continue;
            };
            let deadline = deadline_of(owner);
            deadline.entry = None;
            let due = deadline.due;
            if due <= now {
                return Some(slot);
            }
            // It has moved later meanwhile.
            self.arm(slot, deadline, due);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    /// Slots that are only a deadline, and times in milliseconds since a start.
    struct Waiting {
        start: Instant,
        slots: Slots<Deadline>,
        deadlines: Deadlines,
    }

    impl Waiting {
        fn new() -> Self {
            Self {
                start: Instant::now(),
                slots: Slots::default(),
                deadlines: Deadlines::default(),
            }
        }

        fn add(&mut self) -> SlotId {
            self.slots.insert_with(|_| Deadline::new(self.start))
        }

        fn at(&self, milliseconds: u64) -> Instant {
            self.start + Duration::from_millis(milliseconds)
        }

        fn arm(&mut self, slot: SlotId, milliseconds: u64) {
            let due = self.at(milliseconds);
            let deadline = self.slots.get_mut(slot).expect("a slot in use");
            self.deadlines.arm(slot, deadline, due);
        }

        fn cancel(&mut self, slot: SlotId) {
            let deadline = self.slots.get_mut(slot).expect("a slot in use");
            self.deadlines.cancel(slot, deadline);
        }

        fn pop_due(&mut self, milliseconds: u64) -> Option<SlotId> {
            let now = self.at(milliseconds);
            self.deadlines.pop_due(&mut self.slots, |deadline| deadline, now)
        }
    }

    #[test]
    fn a_deadline_that_moves_later_keeps_its_entry_and_one_that_moves_earlier_takes_it_along() {
        let mut waiting = Waiting::new();
        let slot = waiting.add();
        (300..10_300).for_each(|due| waiting.arm(slot, due));
        assert_eq!(waiting.deadlines.next(), Some(waiting.at(300)));
        assert_eq!(waiting.pop_due(300), None, "it has moved later");
        assert_eq!(waiting.deadlines.next(), Some(waiting.at(10_299)));
        waiting.arm(slot, 400);
        assert_eq!(waiting.pop_due(399), None, "nothing is due before its time");
        assert_eq!(waiting.pop_due(400), Some(slot));
        assert_eq!(waiting.deadlines.next(), None);
    }

    /// A rate-limited transfer alternates for hours between a short pause and waiting minutes for progress.
    #[test]
    fn g24_pauses_leave_nothing_behind() {
        let mut waiting = Waiting::new();
        let slots: Vec<SlotId> = (0..100).map(|_| waiting.add()).collect();
        for now in (0..50_000).step_by(50) {
            for slot in &slots {
                waiting.arm(*slot, now + 300_000);
                waiting.arm(*slot, now + 50);
            }
            assert_eq!(waiting.deadlines.entries.len(), slots.len());
            while waiting.pop_due(now + 50).is_some() {}
            assert_eq!(waiting.deadlines.entries.len(), 0);
        }
    }

    #[test]
    fn short_sessions_leave_nothing_behind_and_freed_slots_are_not_due() {
        let mut waiting = Waiting::new();
        for _ in 0..10_000 {
            let slot = waiting.add();
            waiting.arm(slot, 60_000);
            waiting.cancel(slot);
            waiting.slots.remove(slot);
        }
        assert_eq!(waiting.deadlines.next(), None);
        let [freed, kept] = [waiting.add(), waiting.add()];
        waiting.arm(freed, 5);
        waiting.arm(kept, 5);
        waiting.slots.remove(freed);
        assert_eq!((waiting.pop_due(5), waiting.pop_due(5)), (Some(kept), None));
    }

    /// What can happen to one of a few slots.
    #[derive(Clone, Copy, Debug)]
    enum SlotEvent {
        Arm { slot: usize, delay: u64 },
        Leave { slot: usize },
        TimePasses { milliseconds: u64 },
    }

    fn events() -> impl Strategy<Value = Vec<SlotEvent>> {
        let event = prop_oneof![
            (0..4_usize, 0..50_u64).prop_map(|(slot, delay)| SlotEvent::Arm { slot, delay }),
            (0..4_usize).prop_map(|slot| SlotEvent::Leave { slot }),
            (0..20_u64).prop_map(|milliseconds| SlotEvent::TimePasses { milliseconds }),
        ];
        proptest::collection::vec(event, 0..200)
    }

    proptest! {
        #[test]
        fn every_waiting_slot_has_one_entry_and_every_deadline_is_kept(events in events()) {
            let mut now = 0;
            let mut waiting = Waiting::new();
            let slots = [(); 4].map(|()| waiting.add());
            // What each slot waits for.
            let mut due = [None; 4];
            for event in events {
                match event {
                    SlotEvent::Arm { slot, delay } => {
                        due[slot] = Some(now + delay);
                        waiting.arm(slots[slot], now + delay);
                    }
                    SlotEvent::Leave { slot } => {
                        due[slot] = None;
                        waiting.cancel(slots[slot]);
                    }
                    SlotEvent::TimePasses { milliseconds } => {
                        now += milliseconds;
                        while let Some(popped) = waiting.pop_due(now) {
                            let slot = slots.iter().position(|slot| *slot == popped).expect("one of them");
                            prop_assert!(due[slot].take().is_some_and(|due| due <= now), "not before its time");
                        }
                        prop_assert!(due.iter().flatten().all(|due| *due > now), "none is missed");
                    }
                }
                prop_assert_eq!(waiting.deadlines.entries.len(), due.iter().flatten().count());
            }
        }
    }
}
