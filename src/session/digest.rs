//! Digests of files: HASH, XCRC, XMD5, XSHA… (draft-bryan-ftpext-hash, draft-bryan-ftp-range).
//!
//! A digest reveals something about a file's content, so it requires the right to read. It is computed from the stored
//! bytes, independent of TYPE and MODE (draft-bryan-ftpext-hash §3), within the budget of each turn.

use super::effect::{Effect, answering};
use super::long_answer::{DigestForm, LongAnswer};
use super::refusal::Refusal;
use super::state::{Part, Visit};
use crate::accounts::Rights;
use crate::ftp::command::DigestRequest;
use crate::ftp::reply;
use crate::transfer::DigestFile;
use std::ops::Range;

impl Visit {
    pub(super) fn digest(&self, request: &DigestRequest) -> Result<Effect, Refusal> {
        self.must_be_allowed(Rights::READ)?;
        let (DigestRequest::Hash(argument) | DigestRequest::Checksum { path: argument, .. }) = request;
        let path = self.path(argument)?;
        let file = self.storage.open_file(&path)?;
        let (digest, octets, form) = match *request {
            DigestRequest::Hash(_) => {
                let octets = self.octets_to_hash(file.size)?;
                let form = DigestForm::Hash {
                    digest: self.digest,
                    first: octets.start,
                    // An empty file has no last octet, but the reply's format requires a number.
                    last: octets.end.saturating_sub(1),
                    path,
                };
                (self.digest, octets, form)
            }
            DigestRequest::Checksum { first, .. } if first > file.size => return Err(reply::BAD_RANGE.into()),
            DigestRequest::Checksum {
                digest, first, past, ..
            } => {
                let past = past.map_or(file.size, |past| past.min(file.size));
                (digest, first..past, DigestForm::Bare)
            }
        };
        let file = DigestFile::new(file, octets, digest);
        Ok(answering(LongAnswer::digest(file, form)))
    }

    /// The part of a file of `size` bytes that HASH covers: REST applies to transfers only.
    fn octets_to_hash(&self, size: u64) -> Result<Range<u64>, Refusal> {
        match self.part {
            Part::Whole | Part::From(_) => Ok(0..size),
            // The reply contains the first and the last octet, so there must be at least one.
            Part::Range { first, .. } if first >= size => Err(reply::BAD_RANGE.into()),
            Part::Range { first, last } => Ok(first..size.min(last.saturating_add(1))),
        }
    }
}
