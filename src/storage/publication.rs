//! The last step of an upload, and the only one that counts: the file is closed, gets its name, and is on the disk if
//! that was promised. What it holds until then is let go afterwards.

use super::StorageError;
use super::hidden_file::HiddenFile;
use super::in_place_lock::InPlaceLock;
use super::quota::Charge;
use super::upload::UploadPolicy;
use crate::descriptors::Permit;
use rustix::fs;
use rustix::io::{Errno, retry_on_intr};
use std::os::fd::{AsFd, OwnedFd};

/// What gives a received file its name. It can be sent to another thread, because a durable one waits for the disk.
#[derive(Debug)]
pub struct Publication {
    pub(super) file: Option<OwnedFd>,
    pub(super) hidden: Option<HiddenFile>,
    pub(super) policy: UploadPolicy,
    /// Whether somebody wants to know how large the file was whose place it takes.
    pub(super) counts_replaced: bool,
}

/// A file that has its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// Bytes of the file whose place it took; `None` if there was none, or that was not asked for.
    pub replaced: Option<u64>,
    /// `false`: the disk would not say that it has the name, so a power cut may lose it.
    pub is_confirmed: bool,
}

/// What has to be held until a publication has run: the count of its descriptors, the lock of its file.
#[derive(Debug)]
pub struct Held {
    _permits: Vec<Permit>,
    _lock: Option<InPlaceLock>,
    charge: Option<Charge>,
    /// CRC-32 of everything that was swallowed.
    pub swallowed: Option<u32>,
}

impl Publication {
    /// Whether [`run`](Self::run) waits for the disk, and so must not be called by the loop.
    pub fn waits(&self) -> bool {
        self.policy.durable && self.file.is_some()
    }

    /// Does it, in the one order that loses nothing: data to the disk, file closed, name taken, name to the disk.
    /// An error means that the file was not given its name.
    pub fn run(self) -> Result<Published, StorageError> {
        let Self {
            file,
            hidden,
            policy,
            counts_replaced,
        } = self;
        if let Some(file) = file {
            if policy.durable {
                retry_on_intr(|| fs::fdatasync(&file))?;
            }
            // Network file systems tell of lost bytes only here.
            nix::unistd::close(file).map_err(|errno| StorageError::from(Errno::from_raw_os_error(errno as i32)))?;
        }
        let Some(mut hidden) = hidden else {
            return Ok(Published {
                replaced: None,
                is_confirmed: true,
            });
        };
        let replaced = if counts_replaced {
            hidden.publish_counting()?
        } else {
            hidden.publish()?;
            None
        };
        Ok(Published {
            replaced,
            is_confirmed: !policy.durable || synchronise_directory(hidden.directory()).is_ok(),
        })
    }
}

/// Some file systems cannot synchronise a directory; there is nothing better then (threat H21).
fn synchronise_directory(directory: &OwnedFd) -> Result<(), Errno> {
    match retry_on_intr(|| fs::fsync(directory.as_fd())) {
        Err(Errno::INVAL | Errno::NOTSUP) => {
            static SAID: std::sync::Once = std::sync::Once::new();
            SAID.call_once(|| {
                log::warn!("this file system cannot synchronise directories: names may be lost by a power cut")
            });
            Ok(())
        }
        other => other,
    }
}

impl Held {
    pub(super) fn new(permits: impl IntoIterator<Item = Permit>, lock: Option<InPlaceLock>) -> Self {
        Self {
            _permits: permits.into_iter().collect(),
            _lock: lock,
            charge: None,
            swallowed: None,
        }
    }

    pub(super) fn with_charge(self, charge: Option<Charge>) -> Self {
        Self { charge, ..self }
    }

    /// The file is there: what it took of a quota stays taken.
    pub fn settle(self, published: Published) {
        if let Some(charge) = self.charge {
            charge.settle(published.replaced);
        }
    }
}
