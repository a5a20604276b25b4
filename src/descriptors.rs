//! The budget of open descriptors.
//!
//! Before a descriptor is opened for a client, a [`Permit`] is taken and kept beside it. Dropping the permit returns
//! it, so the count cannot leak.

use std::cell::Cell;
use std::rc::Rc;

/// Descriptors outside the budget: standard streams, logs and users file with their directories, poll, signals, the
/// root, the spare one, the pipe of uploads, one tree walk (5), and some for libraries.
pub const RESERVE: usize = 32;

/// Most descriptors of one session: control connection, data connection, file or directory.
pub const SESSION_WORST_CASE: usize = 3;

/// A shared count of descriptors in use, with a limit. Clones share the count.
#[derive(Clone, Debug)]
pub struct Descriptors {
    used: Rc<Cell<usize>>,
    limit: usize,
}

/// The permission to hold one descriptor open, until it is dropped.
#[derive(Debug)]
pub struct Permit(Rc<Cell<usize>>);

impl Descriptors {
    /// A budget for a process that may open `process_limit` descriptors (`RLIMIT_NOFILE`), less [`RESERVE`].
    pub fn for_process(process_limit: u64) -> Self {
        let limit = usize::try_from(process_limit).unwrap_or(usize::MAX);
        Self {
            used: Rc::new(Cell::new(0)),
            limit: limit.saturating_sub(RESERVE),
        }
    }

    /// Permission to open one more; `None`: the budget is spent.
    pub fn permit(&self) -> Option<Permit> {
        if self.used.get() >= self.limit {
            return None;
        }
        self.used.set(self.used.get() + 1);
        Some(Permit(Rc::clone(&self.used)))
    }

    /// Whether [`SESSION_WORST_CASE`] descriptors are free.
    pub fn has_room_for_session(&self) -> bool {
        self.free() >= SESSION_WORST_CASE
    }

    /// How many can still be opened.
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
        self.0.set(self.0.get().saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_permit_is_returned() {
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
