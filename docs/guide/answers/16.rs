//! Answer 16: before `Pending` is returned, the waker is kept, and a new one replaces the old: the task may have moved.

use super::checks::Mailbox;
use std::task::{Context, Poll, Waker};

/// Has room for one letter.
#[derive(Default)]
pub struct Letters {
    letter: Option<String>,
    /// Who waits for it.
    waiting: Option<Waker>,
}

impl Mailbox for Letters {
    fn deliver(&mut self, letter: &str) {
        self.letter = Some(letter.to_owned());
        if let Some(waker) = self.waiting.take() {
            waker.wake();
        }
    }

    fn poll_letter(&mut self, context: &mut Context<'_>) -> Poll<String> {
        match self.letter.take() {
            Some(letter) => Poll::Ready(letter),
            None => {
                self.waiting = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}
