//! Slots that have changed since the page last showed them.

/// A set of slots.
#[derive(Debug, Default)]
pub struct SlotSet {
    words: Vec<u64>,
    /// Where the next search begins.
    cursor: usize,
}

impl SlotSet {
    pub fn insert(&mut self, key: u32) {
        let (word, bit) = (key as usize / 64, key % 64);
        if self.words.len() <= word {
            self.words.resize(word + 1, 0);
        }
        if let Some(word) = self.words.get_mut(word) {
            *word |= 1 << bit;
        }
    }

    /// Removes and returns up to `most` slots, beginning after those that were returned last.
    pub fn take(&mut self, most: usize) -> Vec<u32> {
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
}
