//! The last step of an upload: the file is closed, takes its name, and is synchronised if the policy says so. Success
//! is reported only after [`Publication::run`].

use super::upload_target::UploadTarget;
use super::{Held, StorageError};
use crate::kernel;
use rustix::io::{Errno, retry_on_intr};
use std::os::fd::{AsFd, OwnedFd};

/// Gives a received file its name. It can be sent to another thread, because a durable one waits for the disk.
#[derive(Debug)]
pub struct Publication {
    pub(super) target: UploadTarget,
    pub(super) durable: bool,
    /// Whether [`Published::replaced`] is needed.
    pub(super) counts_replaced: bool,
}

/// A file that has its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// Bytes of the file that it replaced; `None` if there was none, or no quota needs the number.
    pub replaced: Option<u64>,
    /// `false`: the directory could not be synchronised, so a power cut may lose the name.
    pub is_confirmed: bool,
}

impl Publication {
    /// Whether [`run`](Self::run) waits for the disk; if so, it must not run on the event loop.
    pub fn waits(&self) -> bool {
        self.durable && !matches!(self.target, UploadTarget::Nowhere(_))
    }

    /// Synchronises the data, closes the file, renames it, and synchronises the directory; any other order could lose
    /// data. An error means that the file does not have its name.
    pub fn run(self) -> Result<Published, StorageError> {
        let mut published = Published {
            replaced: None,
            is_confirmed: true,
        };
        match self.target {
            UploadTarget::Nowhere(_) => {}
            UploadTarget::InPlace { file, .. } => close(file, self.durable)?,
            UploadTarget::Hidden { file, mut hidden } => {
                close(file, self.durable)?;
                published.replaced = hidden.publish(self.counts_replaced)?;
                published.is_confirmed = !self.durable || synchronise_directory(hidden.directory()).is_ok();
            }
        }
        Ok(published)
    }
}

fn close(file: OwnedFd, durable: bool) -> Result<(), StorageError> {
    if durable {
        retry_on_intr(|| kernel::fdatasync(&file))?;
    }
    // Network file systems report lost writes when the file is closed.
    Ok(kernel::close(file)?)
}

/// Succeeds on file systems that cannot synchronise directories: they offer nothing better (threat H21).
fn synchronise_directory(directory: &OwnedFd) -> Result<(), Errno> {
    match retry_on_intr(|| kernel::fsync(directory.as_fd())) {
        Err(Errno::INVAL | Errno::NOTSUP) => {
            static WARNED: std::sync::Once = std::sync::Once::new();
            WARNED.call_once(|| {
                log::warn!("this file system cannot synchronise directories: a power cut may lose file names");
            });
            Ok(())
        }
        other => other,
    }
}

impl Held {
    /// The file is published: the charged bytes stay charged, those of the replaced file are returned.
    pub fn settle(self, published: Published) {
        if let Some(charge) = self.charge {
            charge.settle(published.replaced);
        }
    }
}
