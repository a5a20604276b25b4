//! Answer 06: each entry carries the generation of its token, and no two entries have the same.

use super::checks::{SlotToken, Slots};
use slab::Slab;

/// Names by slot.
#[derive(Default)]
pub struct Names {
    names: Slab<(u32, String)>,
    generation: u32,
}

impl Slots for Names {
    fn insert(&mut self, name: &str) -> SlotToken {
        self.generation = self.generation.wrapping_add(1);
        let generation = self.generation;
        let key = self.names.insert((generation, name.to_owned()));
        SlotToken { key, generation }
    }

    fn get(&self, token: SlotToken) -> Option<&str> {
        let (generation, name) = self.names.get(token.key)?;
        (*generation == token.generation).then_some(name)
    }

    fn remove(&mut self, token: SlotToken) -> Option<String> {
        self.get(token)?;
        self.names.try_remove(token.key).map(|(_, name)| name)
    }
}
