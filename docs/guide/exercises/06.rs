//! Exercise 06: a slab whose tokens die with what they were made for.

use super::checks::{SlotToken, Slots};
use slab::Slab;

/// Names by slot.
#[derive(Default)]
pub struct Names {
    names: Slab<String>,
}

impl Slots for Names {
    fn insert(&mut self, name: &str) -> SlotToken {
        let key = self.names.insert(name.to_owned());
        SlotToken { key, generation: 0 }
    }

    fn get(&self, token: SlotToken) -> Option<&str> {
        self.names.get(token.key).map(String::as_str)
    }

    fn remove(&mut self, token: SlotToken) -> Option<String> {
        self.names.try_remove(token.key)
    }
}
