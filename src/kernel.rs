//! The system calls that clients cause: all of them pass here or in [`socket`](crate::reactor::socket), so that
//! `--trace` can show each with its outcome, and unit tests can make each of them fail.
//!
//! Calls on files and pipes are made by this module. Those on sockets are made by other crates: [`may_fail`] or
//! [`may_cut`] is called before them, and [`traced`] wraps them.

#[cfg(test)]
pub mod faults;

#[cfg(test)]
use faults as made;
#[cfg(test)]
pub use faults::{may_cut, may_fail};

use crate::trace::call::{fd, name, traced};
use rustix::fs::{AtFlags, Mode, OFlags, RawDir, RawDirEntry, RenameFlags, ResolveFlags, Stat, StatVfs, Timestamps};
use rustix::io::Errno;
use rustix::path::Arg;
use rustix::pipe::{PipeFlags, SpliceFlags};
use std::ffi::CString;
use std::os::fd::{AsFd, OwnedFd};

#[cfg(not(test))]
mod made {
    pub use rustix::fs::{
        fchmod, fdatasync, fstat, fstatvfs, fsync, ftruncate, linkat, mkdirat, openat, openat2, readlinkat,
        renameat_with, sendfile, statat, unlinkat, utimensat,
    };
    pub use rustix::io::{pread, pwrite, read};
    pub use rustix::pipe::{pipe_with, splice};
}

/// The error that a unit test wants `call` to have; the server itself always gets `Ok`.
#[cfg(not(test))]
#[inline]
pub fn may_fail(_call: &'static str) -> Result<(), Errno> {
    Ok(())
}

/// How many of `count` bytes a unit test lets `call` move; the server itself always gets all.
#[cfg(not(test))]
#[inline]
pub fn may_cut(_call: &'static str, count: usize) -> Result<usize, Errno> {
    Ok(count)
}

/// Each call as rustix has it. After `as`: its name in the kernel, and what the trace shows of its arguments.
macro_rules! calls {
    ($($call:ident($($name:ident: $kind:ty),*) -> $result:ty, as $kernel:literal: $about:expr;)*) => {$(
        #[inline]
        #[allow(clippy::too_many_arguments, reason = "system calls have them")]
        pub fn $call($($name: $kind),*) -> Result<$result, Errno> {
            // The call takes its arguments, so what is shown of them is made before it.
            let about = crate::trace::is_on().then(|| $about);
            traced($kernel, made::$call($($name),*), || about.unwrap_or_default())
        }
    )*};
}

calls! {
    fchmod(file: impl AsFd, mode: Mode) -> (), as "fchmod": fd(&file);
    fdatasync(file: impl AsFd) -> (), as "fdatasync": fd(&file);
    fstat(file: impl AsFd) -> Stat, as "fstat": fd(&file);
    fstatvfs(file: impl AsFd) -> StatVfs, as "fstatfs": fd(&file);
    fsync(file: impl AsFd) -> (), as "fsync": fd(&file);
    ftruncate(file: impl AsFd, length: u64) -> (), as "ftruncate": format!("{} to {length} bytes", fd(&file));
    linkat(old: impl AsFd, from: impl Arg, new: impl AsFd, to: impl Arg, flags: AtFlags) -> (),
        as "linkat": format!("{} as {}", name(&from), name(&to));
    mkdirat(directory: impl AsFd, path: impl Arg, mode: Mode) -> (), as "mkdirat": name(&path);
    openat(directory: impl AsFd, path: impl Arg, flags: OFlags, mode: Mode) -> OwnedFd, as "openat": name(&path);
    openat2(directory: impl AsFd, path: impl Arg, flags: OFlags, mode: Mode, how: ResolveFlags) -> OwnedFd,
        as "openat2": name(&path);
    pipe_with(flags: PipeFlags) -> (OwnedFd, OwnedFd), as "pipe2": "for uploads".to_owned();
    pread(file: impl AsFd, buffer: &mut [u8], offset: u64) -> usize,
        as "pread64": format!("{} from offset {offset}", fd(&file));
    pwrite(file: impl AsFd, bytes: &[u8], offset: u64) -> usize,
        as "pwrite64": format!("{} at offset {offset}", fd(&file));
    read(file: impl AsFd, buffer: &mut [u8]) -> usize, as "read": fd(&file);
    readlinkat(directory: impl AsFd, path: impl Arg, buffer: Vec<u8>) -> CString, as "readlinkat": name(&path);
    renameat_with(old: impl AsFd, from: impl Arg, new: impl AsFd, to: impl Arg, flags: RenameFlags) -> (),
        as "renameat2": format!("{} to {}", name(&from), name(&to));
    sendfile(socket: impl AsFd, file: impl AsFd, offset: Option<&mut u64>, count: usize) -> usize,
        as "sendfile": format!("{} to {}", fd(&file), fd(&socket));
    splice(
        from: impl AsFd, from_offset: Option<&mut u64>, to: impl AsFd, to_offset: Option<&mut u64>, count: usize,
        flags: SpliceFlags
    ) -> usize, as "splice": format!("{} to {}", fd(&from), fd(&to));
    statat(directory: impl AsFd, path: impl Arg, flags: AtFlags) -> Stat, as "newfstatat": name(&path);
    unlinkat(directory: impl AsFd, path: impl Arg, flags: AtFlags) -> (), as "unlinkat": name(&path);
    utimensat(directory: impl AsFd, path: impl Arg, times: &Timestamps, flags: AtFlags) -> (),
        as "utimensat": name(&path);
}

/// The next entry of a directory, read in batches.
pub fn next_entry<'batch>(entries: &'batch mut RawDir<'_, impl AsFd>) -> Option<Result<RawDirEntry<'batch>, Errno>> {
    let is_call = entries.is_buffer_empty();
    if is_call && let Err(errno) = may_fail("getdents64") {
        return Some(Err(errno));
    }
    let entry = entries.next();
    if is_call {
        let outcome = entry
            .as_ref()
            .map_or(Ok(()), |entry| entry.as_ref().map(drop).map_err(|errno| *errno));
        let about = if entry.is_some() { "entries" } else { "the end" };
        let _ = traced("getdents64", outcome, || about.to_owned());
    }
    entry
}

/// Closes `file`, and returns the error that a drop would lose.
pub fn close(file: OwnedFd) -> Result<(), Errno> {
    may_fail("close")?;
    let about = crate::trace::is_on().then(|| fd(&file));
    let closed = nix::unistd::close(file).map_err(|errno| Errno::from_raw_os_error(errno as i32));
    traced("close", closed, || about.unwrap_or_default())
}
