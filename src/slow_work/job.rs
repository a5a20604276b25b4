//! What the slow-work thread does, and what comes back.
//!
//! A job carries what its result needs to be used, such as the session it is for. A job that panics yields the result
//! of its kind with [`Panicked`] in it, so no result can be taken for another kind's.

use crate::accounts::{Accounts, Claim, Proof, Quotas, UsersFile, UsersFileError};
use crate::reactor::token::SlotId;
use crate::storage::{Publication, Published, StorageError, TreeWalk};
use crate::tls::{CertificateError, CertificateFiles, Certificates};
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Directory entries and time that one slice of a tree walk may take, so that passwords do not wait for a large tree
/// or a slow disk.
const WALK_ENTRIES: usize = 1_000;
const WALK_TIME: Duration = Duration::from_millis(5);

/// A password to be verified, given from `peer` in the session at `slot`.
#[derive(Debug)]
pub struct LoginAttempt {
    pub slot: SlotId,
    /// A wrong password counts for this address, even if the client has disconnected.
    pub peer: IpAddr,
    pub claim: Claim,
    pub proof: Proof,
}

/// Everything slow except passwords, which have their own queue.
#[derive(Debug)]
pub enum Job {
    /// Give a received file its name and wait for the disk.
    Publish { slot: SlotId, publication: Publication },
    /// One slice of a tree walk.
    Walk(Box<TreeWalk>),
    /// Read the users file again; `previous` holds the usage counts that the new quotas take over.
    ReadAccounts {
        file: Box<UsersFile>,
        previous: Arc<Quotas>,
    },
    /// Read the certificates and keys again.
    ReadCertificates(Vec<CertificateFiles>),
    /// Free the accounts that a reload replaced: thousands of them take milliseconds.
    Discard(Box<(Accounts, Arc<Quotas>)>),
}

/// The kinds of [`Job`] that take turns. Discarding what was replaced belongs to reloading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Publication,
    Walk,
    Reload,
}

/// The result of a [`LoginAttempt`] or [`Job`].
#[derive(Debug)]
pub enum Done {
    PasswordVerified {
        slot: SlotId,
        peer: IpAddr,
        proof: Proof,
        matches: Result<bool, Panicked>,
    },
    Published {
        slot: SlotId,
        result: Result<Result<Published, StorageError>, Panicked>,
    },
    Walked(Result<Box<TreeWalk>, Panicked>),
    AccountsRead(Result<AccountsRead, Panicked>),
    CertificatesRead(Result<CertificatesRead, Panicked>),
    Discarded(Result<(), Panicked>),
}

/// The users file, and what it contains now.
#[derive(Debug)]
pub struct AccountsRead {
    pub file: Box<UsersFile>,
    pub read: Result<Box<(Accounts, Quotas)>, UsersFileError>,
}

/// The files of the certificates, and what they contain now.
#[derive(Debug)]
pub struct CertificatesRead {
    pub files: Vec<CertificateFiles>,
    pub read: Result<Certificates, CertificateError>,
}

/// The job panicked; the panic hook has printed the message on standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Panicked;

impl LoginAttempt {
    /// **Blocks** while `is_right` computes the hash. The password is dropped, and so overwritten, before this returns.
    pub(super) fn verify(self, is_right: impl FnOnce(&Claim) -> bool) -> Done {
        let Self {
            slot,
            peer,
            claim,
            proof,
        } = self;
        Done::PasswordVerified {
            slot,
            peer,
            proof,
            matches: catch(move || is_right(&claim)),
        }
    }
}

impl Job {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Job::Publish { .. } => Kind::Publication,
            Job::Walk(_) => Kind::Walk,
            Job::ReadAccounts { .. } | Job::ReadCertificates(_) | Job::Discard(_) => Kind::Reload,
        }
    }

    /// **Blocks** for as long as the disk takes.
    pub(super) fn run(self) -> Done {
        match self {
            Job::Publish { slot, publication } => Done::Published {
                slot,
                result: catch(|| publication.run()),
            },
            Job::Walk(mut walk) => Done::Walked(catch(|| {
                walk.advance(WALK_ENTRIES, Instant::now() + WALK_TIME);
                walk
            })),
            Job::ReadAccounts { mut file, previous } => Done::AccountsRead(catch(|| {
                let read = file.reread().map(|accounts| {
                    let quotas = Quotas::of(&accounts, &previous);
                    Box::new((accounts, quotas))
                });
                AccountsRead { file, read }
            })),
            Job::ReadCertificates(files) => Done::CertificatesRead(catch(|| CertificatesRead {
                read: Certificates::load(&files),
                files,
            })),
            Job::Discard(replaced) => Done::Discarded(catch(|| drop(replaced))),
        }
    }
}

/// The work owns what it uses, so a panic leaves nothing half done behind, except in the working memory, whose content
/// the next hash ignores.
fn catch<T>(work: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| Panicked)
}
