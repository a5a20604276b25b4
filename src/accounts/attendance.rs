//! How many sessions each account has now, counted by guards that are dropped with the session.

use super::Account;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// The counts. They are kept by name, so they survive a reload of the users file.
#[derive(Clone, Debug, Default)]
pub struct Attendance {
    by_name: Rc<RefCell<HashMap<Box<[u8]>, usize>>>,
}

/// One session in the count, until it is dropped.
#[derive(Debug)]
pub struct Presence {
    attendance: Attendance,
    name: Box<[u8]>,
}

impl Attendance {
    /// Counts one more session of `account`; `None`: it has as many as it may.
    pub fn enter(&self, account: &Account) -> Option<Presence> {
        let mut by_name = self.by_name.borrow_mut();
        let count = by_name.get(&account.name).copied().unwrap_or(0);
        if account.limits.sessions.is_some_and(|most| count >= most) {
            return None;
        }
        by_name.insert(account.name.clone(), count + 1);
        Some(Presence {
            attendance: self.clone(),
            name: account.name.clone(),
        })
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        let mut by_name = self.attendance.by_name.borrow_mut();
        if let Some(count) = by_name.get_mut(&self.name) {
            *count -= 1;
            if *count == 0 {
                by_name.remove(&self.name);
            }
        }
    }
}
