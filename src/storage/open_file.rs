//! A regular file that is open for reading: on disk, or computed.

use super::StorageError;
use crate::computed_file::{ComputedFile, Content};
use crate::descriptors::Permit;
use crate::kernel;
use crate::trace::call::closing;
use rustix::io::retry_on_intr;
use std::os::fd::OwnedFd;

/// A regular file, open for reading. `size` is its size when it was opened; a download sends exactly that much.
#[derive(Debug)]
pub struct OpenFile {
    source: Source,
    pub size: u64,
}

#[derive(Debug)]
enum Source {
    Disk { descriptor: OwnedFd, _permit: Permit },
    Computed(Content),
}

impl OpenFile {
    /// A file of the file system.
    pub fn on_disk(descriptor: OwnedFd, size: u64, permit: Permit) -> Self {
        let source = Source::Disk {
            descriptor,
            _permit: permit,
        };
        Self { source, size }
    }

    /// A file whose bytes are computed when they are read.
    pub fn computed(file: ComputedFile) -> Self {
        Self {
            source: Source::Computed(file.content),
            size: file.size,
        }
    }

    /// The descriptor, for `sendfile(2)`; computed files have none.
    pub fn descriptor(&self) -> Option<&OwnedFd> {
        match &self.source {
            Source::Disk { descriptor, .. } => Some(descriptor),
            Source::Computed(_) => None,
        }
    }

    /// Reads into `buffer` from `offset` on. Returns fewer bytes than fit only near the end of the file, 0 behind it.
    pub fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, StorageError> {
        match &self.source {
            Source::Disk { descriptor, .. } => Ok(retry_on_intr(|| kernel::pread(descriptor, &mut *buffer, offset))?),
            Source::Computed(content) => {
                let left = usize::try_from(self.size.saturating_sub(offset)).unwrap_or(usize::MAX);
                let count = left.min(buffer.len());
                let (part, _) = buffer.split_at_mut(count);
                content.fill(offset, part);
                Ok(count)
            }
        }
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        self.descriptor().into_iter().for_each(closing);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_computed_file_ends_at_its_size() {
        let file = OpenFile::computed(ComputedFile {
            size: 20,
            content: Content::Pattern,
        });
        let mut buffer = [b'-'; 8];
        assert_eq!(file.read_at(0, &mut buffer), Ok(8));
        assert_eq!(&buffer, b"00000000");
        buffer = [b'-'; 8];
        assert_eq!(file.read_at(14, &mut buffer), Ok(6));
        assert_eq!(&buffer, b"0\n0000--");
        assert_eq!(file.read_at(20, &mut buffer), Ok(0));
        assert_eq!(file.read_at(u64::MAX, &mut buffer), Ok(0));
        assert!(file.descriptor().is_none());
    }
}
