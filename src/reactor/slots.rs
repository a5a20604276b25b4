//! The slab of connections, with generations.
//!
//! A key is reused as soon as its slot is free. A generation is not, until the counter wraps after half a billion, so
//! looking up a slot with an old generation finds nothing.

use crate::reactor::token::{GENERATION_MASK, SlotId};
use slab::Slab;

/// A slab with a generation for each entry.
#[derive(Debug)]
pub struct Slots<T> {
    entries: Slab<SlotEntry<T>>,
    generation: u32,
}

#[derive(Debug)]
struct SlotEntry<T> {
    generation: u32,
    value: T,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self {
            entries: Slab::new(),
            generation: 0,
        }
    }
}

impl<T> Slots<T> {
    /// Fills a free slot with what `make` returns for its id.
    pub fn insert_with(&mut self, make: impl FnOnce(SlotId) -> T) -> SlotId {
        self.generation = self.generation.wrapping_add(1) & GENERATION_MASK;
        let vacant = self.entries.vacant_entry();
        // The slab cannot hold more entries than descriptors exist, far below 2^32.
        let slot = SlotId {
            key: vacant.key() as u32,
            generation: self.generation,
        };
        vacant.insert(SlotEntry {
            generation: slot.generation,
            value: make(slot),
        });
        slot
    }

    /// The owner of the slot, if it is still the one that `slot` means.
    pub fn get_mut(&mut self, slot: SlotId) -> Option<&mut T> {
        self.entries
            .get_mut(slot.key as usize)
            .filter(|entry| entry.generation == slot.generation)
            .map(|entry| &mut entry.value)
    }

    /// Removes the owner, if it is still the one that `slot` means.
    pub fn remove(&mut self, slot: SlotId) -> Option<T> {
        self.get_mut(slot)?;
        Some(self.entries.remove(slot.key as usize).value)
    }

    /// The owner of the slot at a place in the slab, if it is in use.
    pub fn at(&self, key: usize) -> Option<(SlotId, &T)> {
        let entry = self.entries.get(key)?;
        let slot = SlotId {
            key: key as u32,
            generation: entry.generation,
        };
        Some((slot, &entry.value))
    }

    /// All slots in use are below this place.
    pub fn extent(&self) -> usize {
        self.entries.capacity()
    }

    /// How many slots are in use.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no slot is in use.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All slots in use, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (SlotId, &T)> {
        self.entries.iter().map(|(key, entry)| {
            let slot = SlotId {
                key: key as u32,
                generation: entry.generation,
            };
            (slot, &entry.value)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn k01_an_event_for_the_former_owner_of_a_slot_finds_nothing() {
        let mut slots = Slots::default();
        let closed = slots.insert_with(|_| "closed in this batch");
        assert_eq!(slots.remove(closed), Some("closed in this batch"));
        let accepted = slots.insert_with(|_| "accepted in this batch");
        assert_eq!(accepted.key, closed.key, "the slab reuses the key");
        assert_eq!(slots.get_mut(closed), None, "a stale event is dropped");
        assert_eq!(slots.remove(closed), None);
        assert_eq!(slots.get_mut(accepted), Some(&mut "accepted in this batch"));
        assert_eq!(slots.at(0), Some((accepted, &"accepted in this batch")));
        assert!(slots.at(1).is_none() && slots.extent() >= 1);
    }
}
