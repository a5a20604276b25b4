//! A file on its way in: received where nobody sees it, then published at once.
//!
//! [`Upload`] takes bytes; [`Upload::finish`] turns it into a [`Publication`], which gives the file its name and, where
//! that was asked for, waits until the disk has it. A success is only ever reported after [`Publication::run`]
//! returned. APPE and a restarted STOR write into the file that is there, one writer at a time; a broken-off one leaves
//! a prefix.

use super::beneath::{open_beneath, open_regular, stat_beneath, stat_of};
use super::changes::while_naming;
use super::disk_root::{must_be_regular, refuse_reserved};
use super::hidden_file::{HiddenFile, Left};
use super::in_place_lock::InPlaceLock;
use super::publication::{Held, Publication};
use super::quota::Charge;
use super::{Audience, DiskRoot, Existing, Quota, StorageError, UploadKind};
use crate::descriptors::Permit;
use crate::ftp::path::VirtualPath;
use crate::random::Random;
use rustix::fs::{self, AtFlags, OFlags};
use rustix::io::{Errno, retry_on_intr};
use std::cell::RefCell;
use std::collections::HashSet;
use std::os::fd::OwnedFd;

/// What is promised about uploads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UploadPolicy {
    /// Success means that a power cut does not lose the file (`--durable`).
    pub durable: bool,
    /// A broken-off upload leaves what has come, if no file had its name (`--partial keep`).
    pub keeps_part: bool,
}

/// What all changes to one disk share.
#[derive(Debug)]
pub(super) struct Changes {
    policy: UploadPolicy,
    random: RefCell<Random>,
    /// Files (device, inode) that somebody is writing into in place.
    pub(super) in_place: RefCell<HashSet<(u64, u64)>>,
}

/// A file being received.
#[derive(Debug)]
pub struct Upload {
    sink: Sink,
    /// Where the next byte goes.
    offset: u64,
    received: u64,
    charge: Option<Charge>,
    policy: UploadPolicy,
}

#[derive(Debug)]
enum Sink {
    Hidden {
        file: OwnedFd,
        hidden: HiddenFile,
        permits: [Permit; 2],
    },
    InPlace {
        file: OwnedFd,
        /// What is there from this offset on is cut off before the first byte is written.
        cut: Option<u64>,
        lock: InPlaceLock,
        permit: Permit,
    },
    /// `/null` of the synthetic files: counted, summed up and forgotten.
    Swallow(crc32fast::Hasher),
}

impl Changes {
    pub(super) fn new(policy: UploadPolicy, random: Random) -> Self {
        Self {
            policy,
            random: RefCell::new(random),
            in_place: RefCell::default(),
        }
    }
}

impl Upload {
    /// `quota`: what all bytes are charged to.
    pub(super) fn begin(
        disk: &DiskRoot,
        path: &VirtualPath,
        kind: UploadKind,
        audience: Audience,
        quota: Option<Quota>,
    ) -> Result<Self, StorageError> {
        let upload = match kind {
            UploadKind::Whole(existing) => Self::hidden(disk, path, existing, audience, quota.as_ref()),
            UploadKind::From(offset) => Self::in_place(disk, path, Some(offset)),
            UploadKind::Append => match Self::hidden(disk, path, Existing::Refuse, audience, quota.as_ref()) {
                Err(StorageError::Exists) => Self::in_place(disk, path, None),
                begun => begun,
            },
        }?;
        let mut charge = quota.map(Charge::to);
        if let (Some(charge), Sink::Hidden { .. }) = (&mut charge, &upload.sink) {
            charge.add_entry();
        }
        Ok(Self { charge, ..upload })
    }

    /// An upload that keeps nothing but a count and a checksum.
    pub(super) fn swallow() -> Self {
        Self {
            sink: Sink::Swallow(crc32fast::Hasher::new()),
            offset: 0,
            received: 0,
            charge: None,
            policy: UploadPolicy::default(),
        }
    }

    fn hidden(
        disk: &DiskRoot,
        path: &VirtualPath,
        existing: Existing,
        audience: Audience,
        quota: Option<&Quota>,
    ) -> Result<Self, StorageError> {
        let changes = disk.changes()?;
        let permits = [disk.permit()?, disk.permit()?];
        // Only a directory that was opened for reading can be synchronised.
        let flags = if changes.policy.durable {
            OFlags::RDONLY
        } else {
            OFlags::PATH
        };
        refuse_reserved(path)?;
        let (above, name) = path.split_last().ok_or(StorageError::DirectoryExists)?;
        let above = if above.is_empty() { b"." } else { above };
        let directory = open_beneath(disk.descriptor(), above, flags | OFlags::DIRECTORY)?;
        match retry_on_intr(|| fs::statat(&directory, name, AtFlags::SYMLINK_NOFOLLOW)) {
            Err(Errno::NOENT) => {}
            Err(errno) => return Err(while_naming(errno)),
            Ok(_) => {
                // Followed beneath the root: what leads outside, and what is no file, is not replaced.
                let found = stat_beneath(disk.descriptor(), path)?;
                must_be_regular(&found).map_err(while_naming_a_file)?;
                if existing == Existing::Refuse {
                    return Err(StorageError::Exists);
                }
            }
        }
        // The temporary file is one more, also where it is to replace another.
        if quota.is_some_and(|quota| !quota.has_room_for_entry()) {
            return Err(StorageError::TooManyEntries);
        }
        let (hidden, file) = HiddenFile::create(
            directory,
            name,
            existing,
            audience.file_mode(),
            &mut changes.random.borrow_mut(),
        )?;
        Ok(Self {
            sink: Sink::Hidden { file, hidden, permits },
            offset: 0,
            received: 0,
            charge: None,
            policy: changes.policy,
        })
    }

    /// `from`: the offset of a restart; `None` to append.
    fn in_place(disk: &DiskRoot, path: &VirtualPath, from: Option<u64>) -> Result<Self, StorageError> {
        let changes = disk.changes()?;
        let permit = disk.permit()?;
        let (file, stat) = open_regular(disk.descriptor(), path, OFlags::WRONLY).map_err(while_naming_a_file)?;
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        let offset = from.unwrap_or(size);
        if offset > size {
            return Err(StorageError::BeyondEnd);
        }
        let lock = InPlaceLock::take(changes, (stat.st_dev, stat.st_ino))?;
        Ok(Self {
            sink: Sink::InPlace {
                file,
                cut: from,
                lock,
                permit,
            },
            offset,
            received: 0,
            charge: None,
            policy: changes.policy,
        })
    }

    /// How many bytes a quota still allows.
    pub fn room(&self) -> u64 {
        self.charge
            .as_ref()
            .map_or(u64::MAX, |charge| charge.room_without(self.about_to_go()))
    }

    /// Whether something is still there that goes when the first byte comes.
    pub fn is_to_be_cut(&self) -> bool {
        matches!(self.sink, Sink::InPlace { cut: Some(_), .. })
    }

    /// Bytes that are cut off when the first one comes. What lies in no directory any more was given back before.
    fn about_to_go(&self) -> u64 {
        match &self.sink {
            Sink::InPlace {
                file, cut: Some(from), ..
            } => match stat_of(file) {
                Ok(stat) if stat.st_nlink > 0 => u64::try_from(stat.st_size).unwrap_or(0).saturating_sub(*from),
                Ok(_) | Err(_) => 0,
            },
            Sink::InPlace { cut: None, .. } | Sink::Hidden { .. } | Sink::Swallow(_) => 0,
        }
    }

    /// Bytes received so far.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// The file and the offset of the next byte, for a caller that moves bytes inside the kernel; it reports them with
    /// [`advance`](Self::advance). `None`: there is no file, bytes are to be written with [`write`](Self::write).
    pub fn descriptor(&mut self) -> Result<Option<(&OwnedFd, u64)>, StorageError> {
        self.make_ready()?;
        match &self.sink {
            Sink::Hidden { file, .. } | Sink::InPlace { file, .. } => Ok(Some((file, self.offset))),
            Sink::Swallow(_) => Ok(None),
        }
    }

    /// `count` bytes have been written at the offset.
    pub fn advance(&mut self, count: usize) {
        if self.received == 0
            && count > 0
            && self.policy.keeps_part
            && let Sink::Hidden { hidden, .. } = &mut self.sink
        {
            hidden.keep_part();
        }
        match (&mut self.charge, &self.sink) {
            (Some(charge), Sink::Hidden { .. } | Sink::Swallow(_)) => charge.add(count as u64),
            // What is written in place stays, even if the upload is broken off.
            (Some(charge), Sink::InPlace { .. }) => charge.add_for_good(count as u64),
            (None, _) => {}
        }
        self.offset += count as u64;
        self.received += count as u64;
    }

    /// Writes all of `bytes`, or fails.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), StorageError> {
        if bytes.len() as u64 > self.room() {
            return Err(StorageError::QuotaExceeded);
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            let offset = self.offset;
            self.make_ready()?;
            let written = match &mut self.sink {
                Sink::Hidden { file, .. } | Sink::InPlace { file, .. } => rustix::io::pwrite(&*file, rest, offset),
                Sink::Swallow(hasher) => {
                    hasher.update(rest);
                    Ok(rest.len())
                }
            };
            match written {
                Ok(0) => return Err(StorageError::Failed),
                Ok(count) => {
                    self.advance(count);
                    rest = rest.get(count..).unwrap_or_default();
                }
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        Ok(())
    }

    fn make_ready(&mut self) -> Result<(), StorageError> {
        let goes = self.charge.as_ref().map_or(0, |_| self.about_to_go());
        if let Sink::InPlace { file, cut, .. } = &mut self.sink
            && let Some(length) = cut.take()
        {
            retry_on_intr(|| fs::ftruncate(&*file, length))?;
            if let Some(charge) = &self.charge {
                charge.give_back(goes);
            }
        }
        Ok(())
    }

    /// The transfer ended before all had come: what is left of it is decided now. A part that is kept stays charged.
    pub fn break_off(mut self) {
        if let Sink::Hidden { hidden, .. } = &mut self.sink
            && hidden.break_off() == Left::Part
            && let Some(charge) = self.charge.take()
        {
            charge.settle(None);
        }
    }

    /// All bytes have come: what is left to do, and what to hold until it is done.
    pub fn finish(mut self) -> Result<(Publication, Held), StorageError> {
        self.make_ready()?;
        let (policy, charge) = (self.policy, self.charge.take());
        let counts_replaced = charge.is_some();
        let (file, hidden, held) = match self.sink {
            Sink::Hidden { file, hidden, permits } => (Some(file), Some(hidden), Held::new(permits, None)),
            Sink::InPlace { file, lock, permit, .. } => {
                // Somebody removed or replaced the file meanwhile: nobody would find the bytes.
                if stat_of(&file)?.st_nlink == 0 {
                    return Err(StorageError::Failed);
                }
                (Some(file), None, Held::new([permit], Some(lock)))
            }
            Sink::Swallow(hasher) => {
                let mut held = Held::new([], None);
                held.swallowed = Some(hasher.finalize());
                (None, None, held)
            }
        };
        let publication = Publication {
            file,
            hidden,
            policy,
            counts_replaced,
        };
        Ok((publication, held.with_charge(charge)))
    }
}

/// A directory is in the way of a file's name.
fn while_naming_a_file(error: StorageError) -> StorageError {
    match error {
        StorageError::IsADirectory => StorageError::DirectoryExists,
        other => other,
    }
}
