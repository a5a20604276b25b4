//! Digests of files: HASH, OPTS HASH, RANG, XCRC, XMD5, XSHA… (draft-bryan-ftpext-hash, draft-bryan-ftp-range).
//!
//! A digest reveals something about a file's content, so it requires the right to read. It is computed from the stored
//! bytes, independent of TYPE and MODE (draft-bryan-ftpext-hash §3), within the budget of each turn.

use super::effect::{Effect, answering};
use super::long_answer::{DigestForm, LongAnswer};
use super::refusal::Refusal;
use super::state::{Part, Visit};
use crate::accounts::Rights;
use crate::ftp::command::{Digest, DigestRequest, PathArgument};
use crate::ftp::path::VirtualPath;
use crate::ftp::reply::{self, Reply};
use crate::storage::OpenFile;
use crate::transfer::DigestFile;

impl Visit {
    pub(super) fn digest(&self, request: &DigestRequest) -> Result<Effect, Refusal> {
        let answer = match request {
            DigestRequest::Hash(argument) => self.hash(argument)?,
            DigestRequest::Checksum {
                digest,
                path,
                first,
                past,
            } => self.checksum(*digest, path, *first, *past)?,
        };
        Ok(answering(answer))
    }

    fn hash(&self, argument: &PathArgument) -> Result<LongAnswer, Refusal> {
        let (path, file) = self.open_for_digest(argument)?;
        let (first, past) = match self.part {
            // REST applies to transfers only.
            Part::Whole | Part::From(_) => (0, file.size),
            // The reply contains the first and the last octet, so there must be at least one.
            Part::Range { first, .. } if first >= file.size => return Err(reply::BAD_RANGE.into()),
            Part::Range { first, last } => (first, file.size.min(last.saturating_add(1))),
        };
        let form = DigestForm::Hash {
            digest: self.digest,
            first,
            // An empty file has no last octet, but the reply's format requires a number.
            last: past.saturating_sub(1),
            path,
        };
        Ok(LongAnswer::digest(
            DigestFile::new(file, first..past, self.digest),
            form,
        ))
    }

    fn checksum(
        &self,
        digest: Digest,
        argument: &PathArgument,
        first: u64,
        past: Option<u64>,
    ) -> Result<LongAnswer, Refusal> {
        let (_, file) = self.open_for_digest(argument)?;
        if first > file.size {
            return Err(reply::BAD_RANGE.into());
        }
        let past = past.unwrap_or(file.size).min(file.size);
        let work = DigestFile::new(file, first..past, digest);
        Ok(LongAnswer::digest(work, DigestForm::Bare))
    }

    fn open_for_digest(&self, argument: &PathArgument) -> Result<(VirtualPath, OpenFile), Refusal> {
        self.must_be_allowed(Rights::READ)?;
        let path = self.path(argument)?;
        let file = self.storage.open_file(&path)?;
        Ok((path, file))
    }

    /// OPTS HASH: sets the algorithm, or returns the current one.
    pub(super) fn set_digest(&mut self, digest: Option<Digest>) -> Reply {
        self.digest = digest.unwrap_or(self.digest);
        Reply::digest_in_use(self.digest)
    }

    /// RANG: the part of the file for the next HASH or RETR, which checks it against the file's size.
    pub(super) fn set_range(&mut self, range: Option<(u64, u64)>) -> Reply {
        match range {
            Some((first, last)) => {
                self.part = Part::Range { first, last };
                Reply::restricted_to(first, last)
            }
            None => {
                self.part = Part::Whole;
                reply::RANGE_FORGOTTEN
            }
        }
    }
}
