//! Descriptors inherited from the parent process: an open directory would be a way out of the chroot (threats L04,
//! L10).

use rustix::fs::{FileType, Mode, OFlags, fstat, open};
use rustix::process::{Resource, getrlimit};
use std::io;
use std::os::fd::{BorrowedFd, RawFd};

/// The first descriptor that is not a standard stream.
const FIRST: RawFd = 3;
/// Attempts to read the list of open descriptors, which a signal can interrupt.
const ATTEMPTS: usize = 3;
/// Without /proc, at most this many descriptors are closed by number.
const HIGHEST: u64 = 1 << 20;

/// Closes all descriptors except the standard streams. Call it before the process opens any of its own.
pub fn close_inherited() {
    for descriptor in open_descriptors() {
        // Fails for those that are no longer open, such as the one that the list was read through.
        let _ = nix::unistd::close(descriptor);
    }
}

/// Replaces standard input, which the server never reads, with /dev/null, and likewise each other standard stream that
/// is a directory.
pub fn detach_standard_streams() -> io::Result<()> {
    let null = open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
    rustix::stdio::dup2_stdin(&null)?;
    if is_directory(rustix::stdio::stdout()) {
        rustix::stdio::dup2_stdout(&null)?;
    }
    if is_directory(rustix::stdio::stderr()) {
        rustix::stdio::dup2_stderr(&null)?;
    }
    Ok(())
}

fn open_descriptors() -> Vec<RawFd> {
    for _ in 0..ATTEMPTS {
        if let Ok(descriptors) = listed_descriptors() {
            return descriptors;
        }
    }
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(HIGHEST).min(HIGHEST);
    (FIRST..RawFd::try_from(limit).unwrap_or(RawFd::MAX)).collect()
}

fn listed_descriptors() -> io::Result<Vec<RawFd>> {
    let mut descriptors = Vec::new();
    for entry in std::fs::read_dir("/proc/self/fd")? {
        let number = entry?.file_name().to_str().and_then(|name| name.parse::<RawFd>().ok());
        descriptors.extend(number.filter(|descriptor| *descriptor >= FIRST));
    }
    Ok(descriptors)
}

fn is_directory(descriptor: BorrowedFd<'_>) -> bool {
    fstat(descriptor).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory)
}
