//! A file that is being received, under a name that does not exist for clients.
//!
//! It stands in the directory of its target, so that taking the target's name is one `renameat2` within one file
//! system. Whoever drops it unpublished removes it: no path through the server leaves rubbish behind, short of a killed
//! process, whose rubbish [`sweep`](super::sweep) finds.

use super::changes::while_naming;
use super::disk_root::RESERVED_PREFIX;
use super::{Existing, StorageError};
use crate::random::Random;
use rustix::fs::{self, AtFlags, FileType, Mode, OFlags, RenameFlags, Stat};
use rustix::io::{Errno, retry_on_intr};
use std::mem;
use std::os::fd::OwnedFd;

/// How many names are tried; two of 128 random bits never meet by chance.
const ATTEMPTS: usize = 8;

/// The hidden name, and the one that it is to become.
#[derive(Debug)]
pub(super) struct HiddenFile {
    directory: OwnedFd,
    hidden_name: Vec<u8>,
    target_name: Vec<u8>,
    existing: Existing,
    fate: Fate,
}

/// What happens to the file when nobody publishes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Remove,
    /// It takes the target's name if that is free, so that the upload can be resumed (`--partial keep`).
    KeepPart,
    /// It has its name, or is gone.
    Settled,
}

/// What a broken-off upload has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    Nothing,
    Part,
}

impl HiddenFile {
    /// Creates a file that nobody else can have made or guessed (threat H14).
    pub(super) fn create(
        directory: OwnedFd,
        target_name: &[u8],
        existing: Existing,
        mode: Mode,
        random: &mut Random,
    ) -> Result<(Self, OwnedFd), StorageError> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        for _ in 0..ATTEMPTS {
            let hidden_name = hidden_name(random);
            match fs::openat(&directory, hidden_name.as_slice(), flags, mode) {
                Ok(file) => {
                    let hidden = Self {
                        directory,
                        hidden_name,
                        target_name: target_name.to_vec(),
                        existing,
                        fate: Fate::Remove,
                    };
                    return Ok((hidden, file));
                }
                Err(Errno::EXIST | Errno::INTR) => {}
                Err(errno) => return Err(while_naming(errno)),
            }
        }
        Err(StorageError::Busy)
    }

    /// From now on a broken-off upload leaves its part under the target's name, if no file has it.
    pub(super) fn keep_part(&mut self) {
        self.fate = Fate::KeepPart;
    }

    /// Takes the target's name: whoever opens it sees the old file whole or the new one whole, never a mix.
    pub(super) fn publish(&mut self) -> Result<(), StorageError> {
        self.fate = Fate::Remove;
        match self.existing {
            Existing::Replace => self.rename(RenameFlags::empty()),
            Existing::Refuse => self.take_free_name(),
        }
        .map_err(while_naming)?;
        self.fate = Fate::Settled;
        Ok(())
    }

    /// Does the same and says how many bytes went with the file whose place it took; `None`: the name was free.
    ///
    /// Another thread may remove the target at the same moment. So the two names change places in one step, and what
    /// has the hidden one then is ours to look at: nobody else can count it as gone.
    pub(super) fn publish_counting(&mut self) -> Result<Option<u64>, StorageError> {
        self.fate = Fate::Remove;
        let replaced = match self.existing {
            Existing::Replace => self.replace_counting(),
            Existing::Refuse => self.take_free_name().map(|()| None),
        }
        .map_err(while_naming)?;
        self.fate = Fate::Settled;
        Ok(replaced)
    }

    fn replace_counting(&self) -> Result<Option<u64>, Errno> {
        for _ in 0..ATTEMPTS {
            match self.rename(RenameFlags::NOREPLACE) {
                Ok(()) => return Ok(None),
                Err(Errno::EXIST) => {}
                Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => return self.look_and_replace(),
                Err(errno) => return Err(errno),
            }
            match self.rename(RenameFlags::EXCHANGE) {
                Ok(()) => return self.remove_exchanged(),
                // It has gone since.
                Err(Errno::NOENT) => {}
                Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => return self.look_and_replace(),
                Err(errno) => return Err(errno),
            }
        }
        Err(Errno::AGAIN)
    }

    /// The target has its name; what had it before has the hidden one.
    fn remove_exchanged(&self) -> Result<Option<u64>, Errno> {
        let old = self.stat(&self.hidden_name);
        if old.is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory) {
            self.rename(RenameFlags::EXCHANGE)
                .or_else(|_| self.rename(RenameFlags::NOREPLACE))?;
            return Err(Errno::ISDIR);
        }
        match self.unlink() {
            Ok(()) => Ok(old.ok().map(|stat| file_size(&stat))),
            Err(errno) => {
                log::warn!(
                    "a replaced file could not be removed ({errno}): {}",
                    self.hidden_name.escape_ascii()
                );
                Ok(None)
            }
        }
    }

    /// Where names cannot change places.
    fn look_and_replace(&self) -> Result<Option<u64>, Errno> {
        let old = self.stat(&self.target_name);
        self.rename(RenameFlags::empty())?;
        Ok(old.ok().map(|stat| file_size(&stat)))
    }

    fn stat(&self, name: &[u8]) -> Result<Stat, Errno> {
        retry_on_intr(|| fs::statat(&self.directory, name, AtFlags::SYMLINK_NOFOLLOW))
    }

    /// Nobody publishes it any more: removes it, or lets it stand as a part where that was wanted.
    pub(super) fn break_off(&mut self) -> Left {
        match mem::replace(&mut self.fate, Fate::Settled) {
            Fate::Settled => return Left::Nothing,
            Fate::KeepPart if self.take_free_name().is_ok() => return Left::Part,
            Fate::KeepPart | Fate::Remove => {}
        }
        if let Err(errno) = self.unlink() {
            log::warn!(
                "a broken-off upload could not be removed ({errno}): {}",
                self.hidden_name.escape_ascii()
            );
        }
        Left::Nothing
    }

    /// The directory of both names.
    pub(super) fn directory(&self) -> &OwnedFd {
        &self.directory
    }

    /// Takes the target's name unless somebody has it.
    fn take_free_name(&self) -> Result<(), Errno> {
        match self.rename(RenameFlags::NOREPLACE) {
            // Some network file systems can only rename and replace. A second name is refused just as well where the
            // first is taken; the hidden one then goes, at the latest when it is swept up.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
                let (hidden, target) = (self.hidden_name.as_slice(), self.target_name.as_slice());
                retry_on_intr(|| fs::linkat(&self.directory, hidden, &self.directory, target, AtFlags::empty()))?;
                let _ = self.unlink();
                Ok(())
            }
            renamed => renamed,
        }
    }

    fn rename(&self, flags: RenameFlags) -> Result<(), Errno> {
        let (hidden, target) = (self.hidden_name.as_slice(), self.target_name.as_slice());
        retry_on_intr(|| fs::renameat_with(&self.directory, hidden, &self.directory, target, flags))
    }

    fn unlink(&self) -> Result<(), Errno> {
        retry_on_intr(|| fs::unlinkat(&self.directory, self.hidden_name.as_slice(), AtFlags::empty()))
    }
}

impl Drop for HiddenFile {
    fn drop(&mut self) {
        self.break_off();
    }
}

/// What is no file has no bytes.
fn file_size(stat: &Stat) -> u64 {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => u64::try_from(stat.st_size).unwrap_or(0),
        FileType::Directory
        | FileType::Symlink
        | FileType::Fifo
        | FileType::Socket
        | FileType::CharacterDevice
        | FileType::BlockDevice
        | FileType::Unknown => 0,
    }
}

fn hidden_name(random: &mut Random) -> Vec<u8> {
    let mut name = RESERVED_PREFIX.to_vec();
    name.extend_from_slice(format!("{:016x}{:016x}", random.number(), random.number()).as_bytes());
    name
}
