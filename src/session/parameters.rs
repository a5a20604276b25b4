//! Parameters of a session that commands set for later ones: the working directory, REST and RANG, TYPE and MODE, EPSV
//! ALL, and OPTS (RFC 959 §4.1, RFC 2389, RFC 2428, RFC 3659 §7.9, draft-bryan-ftp-range, draft-bryan-ftpext-hash).
//!
//! The working directory is a virtual path that is resolved for every use. No descriptor is kept, so a directory that
//! is moved out of the root is no longer reachable (threat C05).

use super::refusal::Refusal;
use super::state::{Part, Visit};
use crate::ftp::command::{DeflateLevel, Digest, PathArgument, Representation, Transmission};
use crate::ftp::listing::Facts;
use crate::ftp::path::VirtualPath;
use crate::ftp::reply::{self, Reply};
use crate::storage::StorageError;

impl Visit {
    pub(super) fn change_directory(&mut self, argument: &PathArgument) -> Result<Reply, Refusal> {
        if argument.0.is_empty() {
            self.working_directory = VirtualPath::ROOT;
            return Ok(reply::DIRECTORY_CHANGED);
        }
        let path = self.path(argument)?;
        self.working_directory = match self.storage.check_directory(&path) {
            Ok(()) => path,
            // "~" is the home directory unless an entry has that name.
            Err(StorageError::NotFound) if argument.0 == b"~" => VirtualPath::ROOT,
            Err(error) => return Err(error.into()),
        };
        Ok(reply::DIRECTORY_CHANGED)
    }

    pub(super) fn change_to_parent(&mut self) -> Result<Reply, Refusal> {
        let parent = self.working_directory.parent();
        self.storage.check_directory(&parent)?;
        self.working_directory = parent;
        Ok(reply::DIRECTORY_CHANGED)
    }

    pub(super) fn set_restart(&mut self, offset: u64) -> Reply {
        self.part = match offset {
            0 => Part::Whole,
            offset => Part::From(offset),
        };
        Reply::restarting_at(offset)
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

    pub(super) fn set_representation(&mut self, representation: Representation) -> Reply {
        self.representation = representation;
        match representation {
            Representation::Ascii => reply::TYPE_ASCII,
            Representation::Image => reply::TYPE_IMAGE,
        }
    }

    pub(super) fn set_transmission(&mut self, transmission: Transmission) -> Reply {
        self.transmission = transmission;
        match transmission {
            Transmission::Stream => reply::MODE_STREAM,
            Transmission::Deflate => reply::MODE_DEFLATE,
        }
    }

    pub(super) fn set_deflate_level(&mut self, level: DeflateLevel) -> Reply {
        self.deflate_level = level;
        Reply::deflate_level(level)
    }

    pub(super) fn set_facts(&mut self, facts: Facts) -> Reply {
        self.facts = facts;
        Reply::mlst_options(facts)
    }

    /// OPTS HASH: sets the algorithm, or returns the current one.
    pub(super) fn set_digest(&mut self, digest: Option<Digest>) -> Reply {
        self.digest = digest.unwrap_or(self.digest);
        Reply::digest_in_use(self.digest)
    }

    /// EPSV ALL.
    pub(super) fn require_extended(&mut self) -> Reply {
        self.extended_only = true;
        reply::EPSV_ALL_OK
    }
}
