//! Reading the users file again (SIGHUP): all of it counts, or nothing.
//!
//! A bad file leaves the old accounts in force. Sessions of accounts that are gone or have changed are told so and closed; a
//! transfer of theirs is broken off, because what allowed it is not true any more.

use super::EventLoop;
use super::slow_jobs::Ticket;
use crate::ftp::path::VirtualPath;
use crate::ftp::reply;
use crate::slow_work::Job;
use crate::storage::{Purpose, StorageError};
use std::rc::Rc;

impl EventLoop {
    pub(super) fn reload_accounts(&mut self) {
        let Some(file) = &mut self.shared.users_file else {
            return;
        };
        match file.reread() {
            Ok(accounts) => {
                log::info!("users file read again: {} accounts", accounts.len());
                self.shared.accounts = accounts;
                self.dismiss_strangers();
                self.measure_quotas();
            }
            Err(error) => log::error!("{error}; the old accounts stay in force"),
        }
    }

    fn dismiss_strangers(&mut self) {
        let accounts = &self.shared.accounts;
        let strangers: Vec<_> = self
            .slots
            .iter()
            .filter(|(_, connection)| {
                let account = connection.session().account();
                account.is_some_and(|account| accounts.find(&account.name) != Some(account))
            })
            .map(|(slot, _)| slot)
            .collect();
        for slot in strangers {
            self.step(slot, |connection, shared| {
                connection.abandon_channel(shared);
                connection.dismiss(&reply::ACCOUNT_CHANGED, shared);
            });
        }
    }

    /// At the start: what killed uploads left is removed, and what lies in quotas is added up; both beside the loop.
    pub(super) fn sweep_and_measure(&mut self) {
        if self.shared.settings.allows_changes {
            let sweep = Purpose::sweep(self.shared.wall);
            self.walk(Ticket::Sweep, &VirtualPath::ROOT, sweep);
        }
        self.measure_quotas();
    }

    fn measure_quotas(&mut self) {
        let wanted: Vec<_> = self.shared.accounts.iter().map(Rc::clone).collect();
        self.shared.quotas.clear();
        for account in wanted {
            if let Some(limit) = account.limits.quota {
                let ticket = Ticket::Quota {
                    name: account.name.clone(),
                    limit,
                };
                self.walk(ticket, &account.root, Purpose::measure());
            }
        }
    }

    fn walk(&mut self, ticket: Ticket, from: &VirtualPath, purpose: Purpose) {
        let Some(jobs) = &mut self.shared.slow_jobs else {
            return;
        };
        match self.shared.storage.walk(from, purpose) {
            Ok(walk) => jobs.enqueue(ticket, Job::Walk(Box::new(walk))),
            Err(StorageError::NotFound) => log::warn!("{}: no such directory", from.as_bytes().escape_ascii()),
            Err(error) => log::warn!(
                "{}: cannot be walked through: {error:?}",
                from.as_bytes().escape_ascii()
            ),
        }
    }
}
