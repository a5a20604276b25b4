//! System calls in the trace: `sendfile → 262144 bytes (fd 11 to fd 10)`, `accept4 → EAGAIN (fd 4)`.

use super::{Kind, is_on, line};
use crate::shown_name::Shown;
use mio::net::TcpStream;
use nix::errno::Errno as ErrorName;
use rustix::fs::{FileType, Stat, StatVfs};
use rustix::io::Errno;
use rustix::path::Arg;
use socket2::Socket;
use std::ffi::CString;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

/// Longest name that is shown, in bytes.
const NAME_MAX: usize = 200;

/// What a call returned.
pub trait Returned {
    fn shown(&self) -> String;
}

/// How a call failed.
pub trait Failed {
    /// The number of the error; `None`: it does not come from the kernel.
    fn number(&self) -> Option<i32>;
}

/// Prints the outcome of a system call, and returns it. `about`: the files and names that it concerned.
#[inline]
pub fn traced<T: Returned, E: Failed>(
    call: &str,
    outcome: Result<T, E>,
    about: impl FnOnce() -> String,
) -> Result<T, E> {
    if is_on() {
        let shown = match &outcome {
            Ok(returned) => returned.shown(),
            Err(error) => error_name(error),
        };
        line(Kind::Call, || format!("{call} → {shown} ({})", about()));
    }
    outcome
}

/// Prints that `file` is about to be closed, for files that are closed by being dropped.
#[inline]
pub fn closing(file: &impl AsFd) {
    line(Kind::Call, || format!("close ({})", fd(file)));
}

/// `fd 9`
pub fn fd(file: &impl AsFd) -> String {
    format!("fd {}", file.as_fd().as_raw_fd())
}

/// A name that a call was given.
pub fn name(name: &impl Arg) -> String {
    name.as_cow_c_str().map_or_else(
        |_| "a name with NUL".to_owned(),
        |name| Shown::within(NAME_MAX, name.to_bytes()).quoted().to_string(),
    )
}

/// `EAGAIN`, as in the manuals.
fn error_name(error: &impl Failed) -> String {
    let Some(number) = error.number() else {
        return "failed".to_owned();
    };
    let described = ErrorName::from_raw(number).to_string();
    described.split(':').next().unwrap_or_default().to_owned()
}

impl Failed for Errno {
    fn number(&self) -> Option<i32> {
        Some(self.raw_os_error())
    }
}

impl Failed for io::Error {
    fn number(&self) -> Option<i32> {
        self.raw_os_error()
    }
}

impl Returned for () {
    fn shown(&self) -> String {
        "ok".to_owned()
    }
}

impl Returned for usize {
    fn shown(&self) -> String {
        match self {
            0 => "0 bytes, the end".to_owned(),
            1 => "1 byte".to_owned(),
            count => format!("{count} bytes"),
        }
    }
}

impl Returned for Socket {
    fn shown(&self) -> String {
        fd(self)
    }
}

impl Returned for OwnedFd {
    fn shown(&self) -> String {
        fd(self)
    }
}

impl Returned for (OwnedFd, OwnedFd) {
    fn shown(&self) -> String {
        format!("{} and {}", fd(&self.0), fd(&self.1))
    }
}

impl Returned for (TcpStream, SocketAddr) {
    fn shown(&self) -> String {
        format!("{} from {}", fd(&self.0), self.1)
    }
}

impl Returned for IpAddr {
    fn shown(&self) -> String {
        self.to_string()
    }
}

/// Whether a socket is connected.
impl Returned for bool {
    fn shown(&self) -> String {
        if *self { "connected" } else { "not yet connected" }.to_owned()
    }
}

impl Returned for CString {
    fn shown(&self) -> String {
        name(self)
    }
}

impl Returned for StatVfs {
    fn shown(&self) -> String {
        format!("{} free blocks", self.f_bavail)
    }
}

impl Returned for Stat {
    fn shown(&self) -> String {
        match FileType::from_raw_mode(self.st_mode) {
            FileType::RegularFile => format!("a file of {} bytes", self.st_size),
            FileType::Directory => "a directory".to_owned(),
            FileType::Symlink => "a link".to_owned(),
            _ => "neither file nor directory".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_shown_as_in_the_manuals() {
        assert_eq!(error_name(&Errno::AGAIN), "EAGAIN");
        assert_eq!(error_name(&io::Error::from(Errno::CONNRESET)), "ECONNRESET");
        assert_eq!(error_name(&io::Error::other("none")), "failed");
        assert_eq!((0_usize.shown(), 1_usize.shown(), 6_usize.shown()).2, "6 bytes");
        let file = rustix::fs::stat("/proc/self/status").expect("it exists");
        assert_eq!(file.shown(), "a file of 0 bytes");
        assert_eq!(rustix::fs::stat("/").expect("it exists").shown(), "a directory");
    }

    #[test]
    fn names_are_quoted_and_escaped() {
        assert_eq!(name(&c"a\x1b[31m\"b"), "\"a\\x1b[31m\\\"b\"");
        assert!(name(&[b'a'; 1000].as_slice()).len() < 300);
    }

    #[test]
    fn an_outcome_passes_unchanged() {
        let outcome = traced("read", Err::<usize, _>(Errno::AGAIN), || unreachable!("tracing is off"));
        assert_eq!(outcome, Err(Errno::AGAIN));
    }
}
