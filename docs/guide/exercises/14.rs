//! Exercise 14: passwords that are checked beside the loop.

use super::checks::{Checker, IsRight, MOST_WAITING, Wake};
use std::collections::VecDeque;

/// Checks passwords for a loop.
pub struct Passwords {
    is_right: IsRight,
    wake: Wake,
    results: VecDeque<(usize, bool)>,
}

impl Checker for Passwords {
    fn start(is_right: IsRight, wake: Wake) -> Self {
        let results = VecDeque::new();
        Self {
            is_right,
            wake,
            results,
        }
    }

    fn submit(&mut self, client: usize, password: String) -> bool {
        if self.results.len() >= MOST_WAITING {
            return false;
        }
        self.results.push_back((client, (self.is_right)(&password)));
        (self.wake)();
        true
    }

    fn finished(&mut self) -> Option<(usize, bool)> {
        self.results.pop_front()
    }
}
