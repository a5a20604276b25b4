//! The working directory: CWD, CDUP (RFC 959 §4.1.1).
//!
//! It is a virtual path that is resolved for every use. No descriptor is kept, so a directory that is moved out of the
//! root is no longer reachable (threat C05).

use super::refusal::Refusal;
use super::state::Visit;
use crate::ftp::command::PathArgument;
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
        match self.storage.check_directory(&path) {
            Ok(()) => self.working_directory = path,
            // "~" is the home directory unless an entry has that name.
            Err(StorageError::NotFound) if argument.0 == b"~" => self.working_directory = VirtualPath::ROOT,
            Err(error) => return Err(error.into()),
        }
        Ok(reply::DIRECTORY_CHANGED)
    }

    pub(super) fn change_to_parent(&mut self) -> Result<Reply, Refusal> {
        let parent = self.working_directory.parent();
        self.storage.check_directory(&parent)?;
        self.working_directory = parent;
        Ok(reply::DIRECTORY_CHANGED)
    }
}
