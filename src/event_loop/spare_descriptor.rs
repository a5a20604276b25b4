//! A reserve descriptor, so that a client can be refused when no other descriptor is free.

use std::os::fd::OwnedFd;

/// Duplicates standard input, which is always open.
pub(super) fn spare_descriptor() -> Option<OwnedFd> {
    rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3).ok()
}
