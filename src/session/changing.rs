//! Changes without a transfer: DELE, MKD, RMD, RNFR, RNTO, MFMT, MFF, SITE CHMOD, SITE UTIME; and AVBL
//! (RFC 959 §4.1.3, draft-somers-ftp-mfxx).

use super::naming::must_be_directory;
use super::refusal::Refusal;
use super::state::Visit;
use super::step::Context;
use crate::accounts::Rights;
use crate::ftp::command::{FactChange, PathArgument};
use crate::ftp::listing::EntryKind;
use crate::ftp::path::VirtualPath;
use crate::ftp::reply::{self, Reply};
use crate::ftp::timestamp::Timestamp;
use crate::storage::{Existing, Quota, StorageError};

impl Visit {
    pub(super) fn remove_file(&self, argument: &PathArgument, context: &Context<'_>) -> Result<Reply, Refusal> {
        self.must_be_allowed(Rights::DELETE)?;
        let path = self.entry_to_change(argument)?;
        let freed = self.freed_by_removing(&path, context)?;
        self.storage.remove_file(&path)?;
        if let Some((quota, bytes)) = freed {
            quota.give_back_entry(bytes);
        }
        Ok(reply::FILE_REMOVED)
    }

    pub(super) fn make_directory(&self, argument: &PathArgument, context: &Context<'_>) -> Result<Reply, Refusal> {
        self.must_be_allowed(Rights::MAKE_DIRECTORY)?;
        let path = match self.path_to_make(argument) {
            Err(Refusal::Storage(StorageError::Exists)) => return Err(reply::DIRECTORY_EXISTS.into()),
            path => path?,
        };
        let quota = self.quota(context)?;
        if quota.as_ref().is_some_and(|quota| !quota.has_room_for_entry()) {
            return Err(StorageError::TooManyEntries.into());
        }
        match self.storage.make_directory(&path, self.audience()) {
            Ok(()) => {
                if let Some(quota) = quota {
                    quota.add_entry();
                }
                Ok(Reply::directory_made(&path))
            }
            // Clients compare this text, so it is the same if a file has the name.
            Err(StorageError::Exists) => Err(reply::DIRECTORY_EXISTS.into()),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn remove_directory(&self, argument: &PathArgument, context: &Context<'_>) -> Result<Reply, Refusal> {
        self.must_be_allowed(Rights::DELETE)?;
        let path = self.entry_to_change(argument)?;
        let quota = self.quota(context)?;
        self.storage.remove_directory(&path)?;
        if let Some(quota) = quota {
            quota.give_back_entry(0);
        }
        Ok(reply::DIRECTORY_REMOVED)
    }

    pub(super) fn rename_from(&mut self, argument: &PathArgument) -> Result<Reply, Refusal> {
        self.must_be_allowed(Rights::RENAME)?;
        let path = self.entry_to_change(argument)?;
        if path == VirtualPath::ROOT {
            return Err(StorageError::PermissionDenied.into());
        }
        self.storage.entry(&path)?;
        self.renaming = Some(path);
        Ok(reply::RENAME_TO_WHAT)
    }

    /// `from`: the path given by the RNFR before, if that was the last command.
    pub(super) fn rename_to(
        &self,
        from: Option<VirtualPath>,
        argument: &PathArgument,
        context: &Context<'_>,
    ) -> Result<Reply, Refusal> {
        let from = from.ok_or_else(|| Refusal::from(reply::BAD_SEQUENCE))?;
        self.must_be_allowed(Rights::RENAME)?;
        let existing = if self.rights.contains(Rights::OVERWRITE) {
            Existing::Replace
        } else {
            Existing::Refuse
        };
        let to = self.path_to_make(argument)?;
        if argument.names_directory() {
            must_be_directory(self.storage.entry(&from)?.kind)?;
        }
        let freed = self.freed_by_removing(&to, context)?;
        // Renaming a file to another of its own hard links removes nothing.
        let freed = freed.filter(|_| !self.are_same_file(&from, &to));
        self.storage.rename(&from, &to, existing)?;
        if let Some(quota) = self.quota(context)? {
            quota.note_rename();
        }
        if let Some((quota, bytes)) = freed {
            quota.give_back_entry(bytes);
        }
        Ok(reply::RENAMED)
    }

    /// Whether two paths name the same file.
    fn are_same_file(&self, one: &VirtualPath, other: &VirtualPath) -> bool {
        let inode = |path| self.storage.entry(path).map(|found| (found.device, found.inode)).ok();
        inode(one).is_some_and(|one| inode(other) == Some(one))
    }

    /// The quota to which removing `path` gives back an entry, and the bytes of that entry.
    fn freed_by_removing(&self, path: &VirtualPath, context: &Context<'_>) -> Result<Option<(Quota, u64)>, Refusal> {
        let Some(quota) = self.quota(context)? else {
            return Ok(None);
        };
        let found = self.storage.entry(path).ok();
        Ok(found.map(|found| (quota, if found.kind == EntryKind::File { found.size } else { 0 })))
    }

    pub(super) fn set_modified(&self, time: Timestamp, argument: &PathArgument) -> Result<Reply, Refusal> {
        let (path, time) = self.change_modified(time, argument)?;
        let mut fact = b"Modify=".to_vec();
        time.write_compact(&mut fact);
        fact.push(b';');
        Ok(Reply::facts_set(&fact, &path))
    }

    pub(super) fn site_utime(&self, time: Timestamp, argument: &PathArgument) -> Result<Reply, Refusal> {
        self.change_modified(time, argument)?;
        Ok(reply::TIME_SET)
    }

    pub(super) fn site_chmod(&self, mode: u32, argument: &PathArgument) -> Result<Reply, Refusal> {
        Ok(Reply::mode_set(self.change_mode(mode, argument)?))
    }

    /// Returns the new mode.
    fn change_mode(&self, mode: u32, argument: &PathArgument) -> Result<u32, Refusal> {
        self.must_be_allowed(Rights::OVERWRITE)?;
        Ok(self.storage.set_mode(&self.path_to_change(argument)?, mode)?)
    }

    pub(super) fn change_facts(&self, changes: &[FactChange], argument: &PathArgument) -> Result<Reply, Refusal> {
        let mut facts = Vec::new();
        for change in changes {
            match *change {
                FactChange::Modify(time) => {
                    let (_, time) = self.change_modified(time, argument)?;
                    facts.extend_from_slice(b"modify=");
                    time.write_compact(&mut facts);
                    facts.push(b';');
                }
                FactChange::UnixMode(mode) => {
                    let mode = self.change_mode(mode, argument)?;
                    facts.extend_from_slice(format!("UNIX.mode={mode:04o};").as_bytes());
                }
            }
        }
        Ok(Reply::facts_set(&facts, &self.path(argument)?))
    }

    /// `MDTM 20240101000000 name` sets a time, unless a file has the whole argument as its name.
    pub(super) fn modification_time_or_set(
        &self,
        literal: &PathArgument,
        time: Option<Timestamp>,
        argument: &PathArgument,
    ) -> Result<Reply, Refusal> {
        if let Ok(answer) = self.modification_time(literal) {
            return Ok(answer);
        }
        self.must_be_allowed(Rights::OVERWRITE)?;
        let time = time.ok_or_else(|| Refusal::from(reply::BAD_ARGUMENT))?;
        let (_, time) = self.change_modified(time, argument)?;
        Ok(Reply::modification_time(time))
    }

    /// Whether the path exists, as far as this client may know.
    pub(super) fn exists(&self, argument: &PathArgument) -> bool {
        self.modification_time(argument).is_ok()
    }

    /// Returns the time that was stored: file systems round to what they support.
    fn change_modified(&self, time: Timestamp, argument: &PathArgument) -> Result<(VirtualPath, Timestamp), Refusal> {
        self.must_be_allowed(Rights::OVERWRITE)?;
        let path = self.path_to_change(argument)?;
        self.storage.set_modified(&path, time)?;
        let stored = self.storage.attributes(&path)?.modified;
        Ok((path, stored))
    }

    /// AVBL: bytes available at the path, limited by the quota. Requires the right to create files.
    pub(super) fn space_available(
        &self,
        argument: Option<&PathArgument>,
        context: &Context<'_>,
    ) -> Result<Reply, Refusal> {
        self.must_be_allowed(Rights::CREATE)?;
        let path = self.path_or_working_directory(argument)?;
        let free = self.storage.free_space(&path)?;
        let allowed = self.quota(context)?.map_or(u64::MAX, |quota| quota.room());
        Ok(Reply::size(free.min(allowed)))
    }
}
