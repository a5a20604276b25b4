//! Reloading the users file and the certificates (SIGHUP).
//!
//! The slow-work thread reads the users file and builds the new list of accounts; the loop only swaps the lists.
//! Signals that arrive while the file is being read cause one more reload. An invalid file is logged and the old
//! accounts stay active. Sessions whose account was changed or removed are closed with a 421, and their transfers are
//! aborted.

use super::EventLoop;
use crate::ftp::reply;
use crate::session::Ending;
use crate::slow_work::{AccountsRead, CertificatesRead, Job};
use crate::status::handler::{Handler, Stage};
use crate::tls::TlsAcceptor;
use std::mem;
use std::rc::Rc;
use std::sync::Arc;

/// Sessions that one turn closes because their account has changed.
const CLOSED_PER_TURN: usize = 50;

impl EventLoop {
    pub(super) fn reload_accounts(&mut self) {
        self.is_reload_due = true;
        if let Some(queue) = &mut self.shared.slow_work
            && let Some(file) = self.users_file.take()
        {
            self.is_reload_due = false;
            let previous = Arc::clone(&self.shared.quotas);
            queue.enqueue(Job::ReadAccounts { file, previous });
        }
    }

    /// Takes the file back, and activates the accounts if it is valid.
    pub(super) fn accounts_read(&mut self, AccountsRead { file, read }: AccountsRead) {
        self.users_file = Some(file);
        match read {
            Ok(new) => {
                let (accounts, quotas) = *new;
                log::info!("users file read again: {} accounts", accounts.len());
                let accounts = mem::replace(&mut self.shared.accounts, accounts);
                self.shared.proofs.forget_all();
                let quotas = mem::replace(&mut self.shared.quotas, Arc::new(quotas));
                self.find_outdated_sessions();
                self.walks.measure_quotas(&mut self.shared);
                // Freeing thousands of accounts takes milliseconds.
                if let Some(queue) = &mut self.shared.slow_work {
                    queue.enqueue(Job::Discard(Box::new((accounts, quotas))));
                }
            }
            Err(error) => log::error!("{error}; the old accounts stay active"),
        }
        if self.is_reload_due {
            self.reload_accounts();
        }
    }

    /// The panic dropped the open file, so it cannot be read again.
    pub(super) fn reading_accounts_panicked(&mut self) {
        self.shared.counters.panics += 1;
        log::error!("reading the users file panicked; the old accounts stay active until the server is restarted");
    }

    /// Sessions keep the certificates that they began with.
    pub(super) fn reload_certificates(&mut self) {
        if let Some(queue) = &mut self.shared.slow_work
            && !self.certificates.is_empty()
        {
            queue.enqueue(Job::ReadCertificates(mem::take(&mut self.certificates)));
        }
    }

    /// Takes the files back, and uses the certificates if they are valid.
    pub(super) fn certificates_read(&mut self, CertificatesRead { files, read }: CertificatesRead) {
        self.certificates = files;
        let acceptor = match read {
            Ok(certificates) => {
                for fingerprint in certificates.fingerprints() {
                    log::info!("certificate read again: SHA-256 {fingerprint}");
                }
                TlsAcceptor::new(certificates, &self.shared.options.tls)
            }
            Err(error) => return log::error!("{error}; the old certificates stay in use"),
        };
        match acceptor {
            Ok(acceptor) => self.shared.tls = Some(Rc::new(acceptor)),
            Err(error) => log::error!("{error}; the old certificates stay in use"),
        }
    }

    pub(super) fn reading_certificates_panicked(&mut self) {
        self.shared.counters.panics += 1;
        log::error!("reading the certificates panicked; the old ones stay in use until the server is restarted");
    }

    /// Collects the sessions whose account was changed or removed.
    fn find_outdated_sessions(&mut self) {
        let accounts = &self.shared.accounts;
        let outdated = self.slots.iter().filter(|(_, connection)| {
            let account = connection.session().account();
            account.is_some_and(|account| accounts.find(&account.name) != Some(account))
        });
        self.outdated = outdated.map(|(slot, _)| slot).collect();
    }

    /// Closes some of them; the others follow in later turns.
    pub(super) fn close_outdated_sessions(&mut self) {
        self.handler_begins(Stage::ReadyQueue, Handler::ReadyQueue);
        for _ in 0..CLOSED_PER_TURN {
            let Some(slot) = self.outdated.pop_front() else {
                return;
            };
            self.step(slot, |connection, shared| {
                connection.abandon_channel(shared);
                connection.dismiss(reply::ACCOUNT_CHANGED, Ending::AccountChanged, shared);
            });
        }
    }
}
