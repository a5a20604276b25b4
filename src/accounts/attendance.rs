//! How many sessions each account has now, counted by guards that are dropped with the session.

use super::Account;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// The counts. They are kept by name, so they survive a reload of the users file.
#[derive(Clone, Debug, Default)]
pub struct Attendance {
    by_name: Rc<RefCell<HashMap<Box<[u8]>, u64>>>,
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

#[cfg(test)]
mod tests {
    use super::super::tests::accounts;
    use super::*;

    #[test]
    fn an_account_has_no_more_sessions_than_its_limit_also_after_a_reload() {
        let accounts = accounts(&["alice:HASH:/:read:sessions=2", "bob:HASH:/:read:sessions=1"]);
        let [alice, bob] = [&b"alice"[..], b"bob"].map(|name| accounts.find(name).expect("known"));
        let attendance = Attendance::default();
        let first = attendance.enter(alice).expect("room");
        let second = attendance.enter(alice).expect("room");
        assert!(attendance.enter(alice).is_none());
        assert!(attendance.enter(bob).is_some(), "each has its own count");
        drop(first);
        let mut reloaded = Account::clone(alice);
        reloaded.limits.sessions = Some(1);
        assert!(attendance.enter(&reloaded).is_none(), "the one from before counts");
        assert!(attendance.enter(alice).is_some());
        drop(second);
        assert!(attendance.by_name.borrow().is_empty(), "no entry is left");
    }
}
