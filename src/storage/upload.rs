//! An upload: receives bytes, and is published at the end or aborted.
//!
//! [`Upload`] takes bytes; [`Upload::finish`] turns it into a [`Publication`], which gives the file its name and waits
//! for the disk if the policy says so. A new file is invisible to clients until then. APPE and a restarted STOR write
//! into the existing file, one writer at a time; if they are aborted, what was written stays.

use super::beneath::stat_of;
use super::hidden_file::Left;
use super::quota::Charge;
use super::upload_target::UploadTarget;
use super::write_access::WritableRoot;
use super::{Audience, Existing, Held, Publication, Quota, StorageError, UploadKind, UploadPolicy};
use crate::ftp::path::VirtualPath;
use rustix::io::Errno;
use std::os::fd::OwnedFd;

/// A file that is being received.
#[derive(Debug)]
pub struct Upload {
    target: UploadTarget,
    /// Where the next byte goes.
    offset: u64,
    received: u64,
    held: Held,
    policy: UploadPolicy,
}

impl Upload {
    /// All bytes are charged to `quota`.
    pub(super) fn begin(
        root: &WritableRoot<'_>,
        path: &VirtualPath,
        kind: UploadKind,
        audience: Audience,
        quota: Option<Quota>,
    ) -> Result<Self, StorageError> {
        let hidden = |existing| {
            UploadTarget::hidden(root, path, existing, audience, quota.as_ref()).map(|(target, held)| (target, held, 0))
        };
        let (target, mut held, offset) = match kind {
            UploadKind::Whole(existing) => hidden(existing)?,
            UploadKind::From(offset) => UploadTarget::in_place(root, path, Some(offset))?,
            UploadKind::Append => match hidden(Existing::Refuse) {
                Err(StorageError::Exists) => UploadTarget::in_place(root, path, None)?,
                created => created?,
            },
        };
        held.charge = quota.map(Charge::to);
        if let (Some(charge), UploadTarget::Hidden { .. }) = (&mut held.charge, &target) {
            charge.add_entry();
        }
        Ok(Self {
            target,
            offset,
            received: 0,
            held,
            policy: root.access.policy,
        })
    }

    /// An upload that is counted, summed up and discarded.
    pub(super) fn swallow() -> Self {
        Self {
            target: UploadTarget::Nowhere(crc32fast::Hasher::new()),
            offset: 0,
            received: 0,
            held: Held::default(),
            policy: UploadPolicy::default(),
        }
    }

    /// Bytes that the quota still allows.
    pub fn room(&self) -> u64 {
        let charge = self.held.charge.as_ref();
        charge.map_or(u64::MAX, |charge| charge.room_without(self.target.bytes_to_cut()))
    }

    /// Whether the first byte will cut off the end of the existing file.
    pub fn is_to_be_cut(&self) -> bool {
        self.target.is_to_be_cut()
    }

    /// Bytes received so far.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// The file and the offset of the next byte, for a caller that moves bytes inside the kernel and reports them with
    /// [`advance`](Self::advance). `None`: there is no file; use [`write`](Self::write).
    pub fn descriptor(&mut self) -> Result<Option<(&OwnedFd, u64)>, StorageError> {
        self.cut()?;
        Ok(self.target.file().map(|file| (file, self.offset)))
    }

    /// `count` bytes have been written at the offset.
    pub fn advance(&mut self, count: usize) {
        if self.received == 0
            && count > 0
            && self.policy.keeps_part
            && let UploadTarget::Hidden { hidden, .. } = &mut self.target
        {
            hidden.keep_part();
        }
        match (&mut self.held.charge, &self.target) {
            (Some(charge), UploadTarget::Hidden { .. } | UploadTarget::Nowhere(_)) => charge.add(count as u64),
            // Bytes written in place stay, even if the upload is aborted.
            (Some(charge), UploadTarget::InPlace { .. }) => charge.add_for_good(count as u64),
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
        self.cut()?;
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.target.write_at(self.offset, rest) {
                Ok(0) => return Err(StorageError::Failed),
                Ok(count) => {
                    rest = rest.get(count..).ok_or(StorageError::Failed)?;
                    self.advance(count);
                }
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        Ok(())
    }

    /// Cuts off the end of the existing file, once, and gives its bytes back to the quota.
    fn cut(&mut self) -> Result<(), StorageError> {
        if self.target.is_to_be_cut() {
            let bytes = self.held.charge.as_ref().map_or(0, |_| self.target.bytes_to_cut());
            self.target.cut()?;
            if let Some(charge) = &self.held.charge {
                charge.give_back(bytes);
            }
        }
        Ok(())
    }

    /// The transfer ended early. A part that is kept stays charged.
    pub fn abort(mut self) {
        if let UploadTarget::Hidden { hidden, .. } = &mut self.target
            && hidden.abort() == Left::Part
            && let Some(charge) = self.held.charge.take()
        {
            charge.settle(None);
        }
    }

    /// All bytes have been received: returns what is left to do, and what to keep until it is done.
    pub fn finish(mut self) -> Result<(Publication, Held), StorageError> {
        self.cut()?;
        match &self.target {
            // If the file was removed or replaced meanwhile, the bytes would be lost.
            UploadTarget::InPlace { file, .. } if stat_of(file)?.st_nlink == 0 => return Err(StorageError::Failed),
            UploadTarget::Nowhere(hasher) => self.held.swallowed = Some(hasher.clone().finalize()),
            UploadTarget::Hidden { .. } | UploadTarget::InPlace { .. } => {}
        }
        let publication = Publication {
            target: self.target,
            durable: self.policy.durable,
            counts_replaced: self.held.charge.is_some(),
        };
        Ok((publication, self.held))
    }
}

#[cfg(test)]
mod tests;
