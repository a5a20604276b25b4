//! The budget of open descriptors: a number that is counted when something is opened and given back by `Drop`.
//!
//! Whoever opens a descriptor for a client asks for a [`Permit`] first and keeps it beside the descriptor, so the count
//! cannot leak: there is no "give back" to forget. This file must never open or close anything itself.

use std::cell::Cell;
use std::rc::Rc;

/// Descriptors kept out of the budget: standard streams, logs and users file with their directories, poll, signals, the
/// root, the spare one, the pipe of uploads, one walk through the files (5), and room for libraries.
pub const RESERVE: usize = 32;

/// What one session may need at its worst: control connection, data connection, file or directory.
pub const SESSION_WORST_CASE: usize = 3;

/// A shared count of descriptors in use, with a limit. Cloning gives another handle on the same count.
#[derive(Clone, Debug)]
pub struct Descriptors {
    used: Rc<Cell<usize>>,
    limit: usize,
}

/// The right to hold one descriptor open; dropping it gives the right back.
#[derive(Debug)]
pub struct Permit {
    used: Rc<Cell<usize>>,
}

impl Descriptors {
    /// A budget for a process that may open `process_limit` descriptors (`RLIMIT_NOFILE`), less [`RESERVE`].
    pub fn for_process(process_limit: u64) -> Self {
        let limit = usize::try_from(process_limit).unwrap_or(usize::MAX);
        Self {
            used: Rc::new(Cell::new(0)),
            limit: limit.saturating_sub(RESERVE),
        }
    }

    /// The right to open one more, or `None` when the budget is spent.
    pub fn permit(&self) -> Option<Permit> {
        if self.used.get() >= self.limit {
            return None;
        }
        self.used.set(self.used.get() + 1);
        Some(Permit {
            used: Rc::clone(&self.used),
        })
    }

    /// Whether a new session could still open everything that one session may need.
    pub fn has_room_for_session(&self) -> bool {
        self.free() >= SESSION_WORST_CASE
    }

    /// How many may still be opened.
    pub fn free(&self) -> usize {
        self.limit.saturating_sub(self.used.get())
    }

    /// How many are open now.
    pub fn used(&self) -> usize {
        self.used.get()
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.used.set(self.used.get().saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_permit_is_given_back() {
        let descriptors = Descriptors::for_process(RESERVE as u64 + 2);
        let first = descriptors.permit();
        let second = descriptors.permit();
        assert!(first.is_some() && second.is_some());
        assert!(descriptors.permit().is_none());
        drop(first);
        assert_eq!(descriptors.used(), 1);
        assert!(descriptors.permit().is_some());
    }

    #[test]
    fn a_session_needs_room_for_its_worst_case() {
        let descriptors = Descriptors::for_process((RESERVE + SESSION_WORST_CASE) as u64);
        assert!(descriptors.has_room_for_session());
        let _control = descriptors.permit();
        assert!(!descriptors.has_room_for_session());
    }
}
