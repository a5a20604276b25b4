//! The temporary file of an upload, under a reserved name: clients cannot see or use such names (threat C22).
//!
//! It is in the directory of its target, so that taking the target's name is one `renameat2` within one file system.
//! A file that is dropped unpublished is removed. Only a killed process leaves temporary files behind; the sweep at the
//! next start removes those ([`StaleUploads`](super::StaleUploads)).

use super::file_status::{file_size, is_directory, temporary_name};
use super::{Existing, StorageError};
use crate::kernel;
use crate::random::Random;
use crate::shown_name::Shown;
use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags, Stat};
use rustix::io::{Errno, retry_on_intr};
use std::mem;
use std::os::fd::OwnedFd;

/// Names to try before giving up; two of 128 random bits never collide by chance.
const ATTEMPTS: usize = 8;

/// A temporary file, with the name that it will take.
#[derive(Debug)]
pub(super) struct HiddenFile {
    directory: OwnedFd,
    hidden_name: Vec<u8>,
    target_name: Vec<u8>,
    existing: Existing,
    if_unpublished: IfUnpublished,
}

/// What happens to the file if it is not published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum IfUnpublished {
    Remove,
    /// It takes the target's name if that is free, so that the upload can be resumed (`--partial keep`).
    KeepPart,
    /// It is published or removed already.
    Nothing,
}

/// What an aborted upload leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    Nothing,
    Part,
}

impl HiddenFile {
    /// Creates a file with a name that no other process can guess, and fails if it exists (threat H14).
    pub(super) fn create(
        directory: OwnedFd,
        target_name: &[u8],
        existing: Existing,
        mode: Mode,
        random: &mut Random,
    ) -> Result<(Self, OwnedFd), StorageError> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        for _ in 0..ATTEMPTS {
            let hidden_name = temporary_name(random);
            match kernel::openat(&directory, hidden_name.as_slice(), flags, mode) {
                Ok(file) => {
                    let hidden = Self {
                        directory,
                        hidden_name,
                        target_name: target_name.to_vec(),
                        existing,
                        if_unpublished: IfUnpublished::Remove,
                    };
                    return Ok((hidden, file));
                }
                Err(Errno::EXIST | Errno::INTR) => {}
                Err(errno) => return Err(StorageError::of_new_name(errno)),
            }
        }
        Err(StorageError::Busy)
    }

    /// From now on, an aborted upload leaves its part under the target's name if that is free.
    pub(super) fn keep_part(&mut self) {
        self.if_unpublished = IfUnpublished::KeepPart;
    }

    /// Takes the target's name in one step: other processes open either the complete old file or the complete new one.
    /// If `counts_replaced`, returns the size of the file that it replaced; `None` if the name was free.
    pub(super) fn publish(&mut self, counts_replaced: bool) -> Result<Option<u64>, StorageError> {
        self.if_unpublished = IfUnpublished::Remove;
        let replaced = match self.existing {
            Existing::Refuse => self.take_free_name().map(|()| None),
            Existing::Replace if counts_replaced => self.replace_counting(),
            Existing::Replace => self.rename(RenameFlags::empty()).map(|()| None),
        }
        .map_err(StorageError::of_new_name)?;
        self.if_unpublished = IfUnpublished::Nothing;
        Ok(replaced)
    }

    /// Another thread may remove the target at the same moment. Therefore the two names are exchanged in one step;
    /// then only this process can see the old file, and nothing else can count it as removed.
    fn replace_counting(&self) -> Result<Option<u64>, Errno> {
        for _ in 0..ATTEMPTS {
            match self.rename(RenameFlags::NOREPLACE) {
                Ok(()) => return Ok(None),
                Err(Errno::EXIST) => {}
                Err(errno) if is_unsupported(errno) => return self.stat_and_replace(),
                Err(errno) => return Err(errno),
            }
            match self.rename(RenameFlags::EXCHANGE) {
                Ok(()) => return self.remove_exchanged(),
                // The target was removed meanwhile.
                Err(Errno::NOENT) => {}
                Err(errno) if is_unsupported(errno) => return self.stat_and_replace(),
                Err(errno) => return Err(errno),
            }
        }
        Err(Errno::AGAIN)
    }

    /// After the exchange, the old file has the hidden name.
    fn remove_exchanged(&self) -> Result<Option<u64>, Errno> {
        let old = self.stat(&self.hidden_name);
        if old.is_ok_and(|stat| is_directory(&stat)) {
            self.rename(RenameFlags::EXCHANGE)
                .or_else(|_| self.rename(RenameFlags::NOREPLACE))?;
            return Err(Errno::ISDIR);
        }
        match self.unlink() {
            Ok(()) => Ok(old.ok().map(|stat| file_size(&stat))),
            Err(errno) => {
                let name = Shown::whole(&self.hidden_name);
                log::warn!("cannot remove the replaced file {name}: {errno}");
                Ok(None)
            }
        }
    }

    /// For file systems that cannot exchange names.
    fn stat_and_replace(&self) -> Result<Option<u64>, Errno> {
        let old = self.stat(&self.target_name);
        self.rename(RenameFlags::empty())?;
        Ok(old.ok().map(|stat| file_size(&stat)))
    }

    fn stat(&self, name: &[u8]) -> Result<Stat, Errno> {
        retry_on_intr(|| kernel::statat(&self.directory, name, AtFlags::SYMLINK_NOFOLLOW))
    }

    /// Removes the file, or keeps it as a part where that is configured.
    pub(super) fn abort(&mut self) -> Left {
        match mem::replace(&mut self.if_unpublished, IfUnpublished::Nothing) {
            IfUnpublished::Nothing => return Left::Nothing,
            IfUnpublished::KeepPart if self.take_free_name().is_ok() => return Left::Part,
            IfUnpublished::KeepPart | IfUnpublished::Remove => {}
        }
        if let Err(errno) = self.unlink() {
            let name = Shown::whole(&self.hidden_name);
            log::warn!("cannot remove the temporary file {name} of an aborted upload: {errno}");
        }
        Left::Nothing
    }

    /// The directory of both names.
    pub(super) fn directory(&self) -> &OwnedFd {
        &self.directory
    }

    /// Takes the target's name; `EEXIST` if it is taken.
    fn take_free_name(&self) -> Result<(), Errno> {
        match self.rename(RenameFlags::NOREPLACE) {
            // Some network file systems only support a replacing rename. A hard link fails just as well where the name
            // is taken. The hidden name is removed afterwards, at the latest by the sweep.
            Err(errno) if is_unsupported(errno) => {
                let (hidden, target) = (self.hidden_name.as_slice(), self.target_name.as_slice());
                retry_on_intr(|| kernel::linkat(&self.directory, hidden, &self.directory, target, AtFlags::empty()))?;
                let _ = self.unlink();
                Ok(())
            }
            renamed => renamed,
        }
    }

    fn rename(&self, flags: RenameFlags) -> Result<(), Errno> {
        let (hidden, target) = (self.hidden_name.as_slice(), self.target_name.as_slice());
        retry_on_intr(|| kernel::renameat_with(&self.directory, hidden, &self.directory, target, flags))
    }

    fn unlink(&self) -> Result<(), Errno> {
        retry_on_intr(|| kernel::unlinkat(&self.directory, self.hidden_name.as_slice(), AtFlags::empty()))
    }
}

/// Whether the file system does not support a flag of `renameat2`.
fn is_unsupported(errno: Errno) -> bool {
    matches!(errno, Errno::INVAL | Errno::NOSYS | Errno::NOTSUP)
}

impl Drop for HiddenFile {
    fn drop(&mut self) {
        self.abort();
    }
}
