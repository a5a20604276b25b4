//! One writer a file: whoever appends to a file, or goes on in the middle of it, is alone in it (threat H10).

use super::StorageError;
use super::upload::Changes;
use std::rc::Rc;

/// The right to write into a file in place.
#[derive(Debug)]
pub(super) struct InPlaceLock {
    changes: Rc<Changes>,
    inode: (u64, u64),
}

impl InPlaceLock {
    /// Busy while somebody else has it.
    pub(super) fn take(changes: &Rc<Changes>, inode: (u64, u64)) -> Result<Self, StorageError> {
        if !changes.in_place.borrow_mut().insert(inode) {
            return Err(StorageError::Busy);
        }
        Ok(Self {
            changes: Rc::clone(changes),
            inode,
        })
    }
}

impl Drop for InPlaceLock {
    fn drop(&mut self) {
        self.changes.in_place.borrow_mut().remove(&self.inode);
    }
}
