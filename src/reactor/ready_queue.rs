//! What stopped at its budget although it could go on.
//!
//! With edge-triggered events the kernel reports readiness once. Whatever stops before `WouldBlock` must therefore be
//! remembered here, or it would never be taken up again.

use std::collections::VecDeque;

/// First in, first out, one round a turn.
#[derive(Debug)]
pub struct ReadyQueue<T> {
    waiting: VecDeque<T>,
}

/// The entries that were in the queue when the round began; those added later wait for the next round.
#[derive(Debug)]
pub struct Round {
    left: usize,
}

impl<T> Default for ReadyQueue<T> {
    fn default() -> Self {
        Self {
            waiting: VecDeque::new(),
        }
    }
}

impl<T> ReadyQueue<T> {
    pub fn push(&mut self, entry: T) {
        self.waiting.push_back(entry);
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Begins a round over what waits now.
    pub fn round(&self) -> Round {
        Round {
            left: self.waiting.len(),
        }
    }

    /// The next entry of the round. A round may end early: the rest stays at the head of the queue.
    pub fn next(&mut self, round: &mut Round) -> Option<T> {
        round.left = round.left.checked_sub(1)?;
        self.waiting.pop_front()
    }
}

impl Round {
    /// How many entries it still has.
    pub fn left(&self) -> usize {
        self.left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_added_during_a_round_waits_for_the_next() {
        let mut queue = ReadyQueue::default();
        queue.push('a');
        queue.push('b');
        let mut round = queue.round();
        assert_eq!(round.left(), 2);
        let mut taken = String::new();
        while let Some(entry) = queue.next(&mut round) {
            taken.push(entry);
            queue.push(entry);
        }
        assert_eq!((taken.as_str(), round.left(), queue.is_empty()), ("ab", 0, false));
    }

    #[test]
    fn work_that_a_round_did_not_reach_is_first_in_the_next() {
        let mut queue = ReadyQueue::default();
        for entry in ['a', 'b', 'c'] {
            queue.push(entry);
        }
        let mut broken_off = queue.round();
        assert_eq!(queue.next(&mut broken_off), Some('a'));
        queue.push('a');
        let mut round = queue.round();
        let next: String = std::iter::from_fn(|| queue.next(&mut round)).collect();
        assert_eq!(next, "bca");
        assert!(queue.is_empty());
    }
}
