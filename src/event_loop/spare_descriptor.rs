//! A descriptor kept in reserve, so that a client can be refused when the kernel has no other.

use std::os::fd::OwnedFd;

/// A descriptor kept for the moment when there is no other: a second handle on standard input, which is always open.
pub(super) fn spare_descriptor() -> Option<OwnedFd> {
    rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3).ok()
}
