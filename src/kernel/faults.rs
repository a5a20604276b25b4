//! Faults for unit tests: the nth call of a kind fails, is cut to one byte, or reports success without doing anything.
//!
//! A [`Plan`] applies to the thread that installed it, and to a slow-work thread that this thread starts. Calls of
//! other threads are untouched, so other tests are, too.

use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags, ResolveFlags, Stat, StatVfs, Timestamps};
use rustix::io::{Errno, Result};
use rustix::path::Arg;
use rustix::pipe::{PipeFlags, SpliceFlags};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::CString;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard};

/// What happens instead of the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    Fail(Errno),
    /// At most one byte is read or written.
    Cut,
    /// A broken storage: nothing is done, success is reported. A sweep must find it.
    Lie,
    /// A broken server. A sweep must find it.
    Panic,
}

/// One fault. `nth`: from 1 on; `None`: every call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    pub call: &'static str,
    pub nth: Option<usize>,
    pub effect: Effect,
}

/// Counts calls, and makes one of them fail.
#[derive(Debug, Default)]
pub struct Plan(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    fault: Option<Fault>,
    calls: BTreeMap<&'static str, usize>,
    is_injected: bool,
    owes_event: bool,
}

thread_local! {
    static PLAN: RefCell<Option<Arc<Plan>>> = const { RefCell::new(None) };
}

impl Plan {
    /// Applies to this thread from now on.
    pub fn install(self: &Arc<Self>) {
        PLAN.set(Some(Arc::clone(self)));
    }

    /// Starts counting from 0, with another fault or none.
    pub fn arm(&self, fault: Option<Fault>) {
        *self.state() = State {
            fault,
            ..State::default()
        };
    }

    /// Ends the fault. Returns whether it happened, and how many calls of each kind were made.
    pub fn disarm(&self) -> (bool, BTreeMap<&'static str, usize>) {
        let state = std::mem::take(&mut *self.state());
        (state.is_injected, state.calls)
    }

    /// Whether a socket call was refused or cut although the kernel was ready. With edge-triggered events the kernel
    /// itself does so only if another event will come, so the test has to serve the socket again. True once.
    pub fn take_owed_event(&self) -> bool {
        std::mem::take(&mut self.state().owes_event)
    }

    fn meet(&self, call: &'static str) -> Option<Effect> {
        let mut state = self.state();
        let count = state.calls.entry(call).or_default();
        *count += 1;
        let number = *count;
        let effect = state
            .fault
            .filter(|fault| fault.call == call && fault.nth.is_none_or(|nth| nth == number))?
            .effect;
        state.is_injected = true;
        state.owes_event |= matches!(effect, Effect::Fail(Errno::AGAIN) | Effect::Cut);
        Some(effect)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// The plan of this thread, for a thread that it starts.
pub fn installed() -> Option<Arc<Plan>> {
    PLAN.with_borrow(Option::clone)
}

fn meet(call: &'static str) -> Option<Effect> {
    let effect = installed()?.meet(call)?;
    assert_ne!(effect, Effect::Panic, "an intended panic in {call}");
    Some(effect)
}

/// Fails if the call has to. For calls that do not move bytes.
pub fn may_fail(call: &'static str) -> Result<()> {
    match meet(call) {
        Some(Effect::Fail(errno)) => Err(errno),
        _ => Ok(()),
    }
}

/// How much of `count` the call may move.
pub fn may_cut(call: &'static str, count: usize) -> Result<usize> {
    match meet(call) {
        Some(Effect::Fail(errno)) => Err(errno),
        Some(Effect::Cut) => Ok(count.min(1)),
        _ => Ok(count),
    }
}

/// Calls of rustix that fail when they have to; a result after `or` is what a lie returns.
macro_rules! failing {
    ($($module:ident::$call:ident($($name:ident: $kind:ty),*) -> $result:ty $(, or $lie:expr)?;)*) => {$(
        #[allow(clippy::too_many_arguments, reason = "system calls have them")]
        pub fn $call($($name: $kind),*) -> Result<$result> {
            match meet(stringify!($call)) {
                Some(Effect::Fail(errno)) => return Err(errno),
                $(Some(Effect::Lie) => return Ok($lie),)?
                _ => {}
            }
            rustix::$module::$call($($name),*)
        }
    )*};
}

failing! {
    fs::fchmod(file: impl AsFd, mode: Mode) -> (), or ();
    fs::fdatasync(file: impl AsFd) -> (), or ();
    fs::fstat(file: impl AsFd) -> Stat;
    fs::fstatvfs(file: impl AsFd) -> StatVfs;
    fs::fsync(file: impl AsFd) -> (), or ();
    fs::ftruncate(file: impl AsFd, length: u64) -> (), or ();
    fs::linkat(old: impl AsFd, from: impl Arg, new: impl AsFd, to: impl Arg, flags: AtFlags) -> (), or ();
    fs::mkdirat(directory: impl AsFd, name: impl Arg, mode: Mode) -> (), or ();
    fs::openat(directory: impl AsFd, name: impl Arg, flags: OFlags, mode: Mode) -> OwnedFd;
    fs::openat2(directory: impl AsFd, path: impl Arg, flags: OFlags, mode: Mode, how: ResolveFlags) -> OwnedFd;
    fs::readlinkat(directory: impl AsFd, name: impl Arg, buffer: Vec<u8>) -> CString;
    fs::renameat_with(old: impl AsFd, from: impl Arg, new: impl AsFd, to: impl Arg, flags: RenameFlags) -> (), or ();
    fs::statat(directory: impl AsFd, name: impl Arg, flags: AtFlags) -> Stat;
    fs::unlinkat(directory: impl AsFd, name: impl Arg, flags: AtFlags) -> (), or ();
    fs::utimensat(directory: impl AsFd, name: impl Arg, times: &Timestamps, flags: AtFlags) -> (), or ();
    pipe::pipe_with(flags: PipeFlags) -> (OwnedFd, OwnedFd);
}

pub fn pread(file: impl AsFd, buffer: &mut [u8], offset: u64) -> Result<usize> {
    let count = may_cut("pread", buffer.len())?;
    rustix::io::pread(file, &mut buffer[..count], offset)
}

pub fn read(file: impl AsFd, buffer: &mut [u8]) -> Result<usize> {
    let count = may_cut("read", buffer.len())?;
    rustix::io::read(file, &mut buffer[..count])
}

pub fn pwrite(file: impl AsFd, bytes: &[u8], offset: u64) -> Result<usize> {
    match meet("pwrite") {
        Some(Effect::Fail(errno)) => Err(errno),
        Some(Effect::Cut) => rustix::io::pwrite(file, &bytes[..bytes.len().min(1)], offset),
        Some(Effect::Lie) => Ok(bytes.len()),
        _ => rustix::io::pwrite(file, bytes, offset),
    }
}

pub fn sendfile(socket: impl AsFd, file: impl AsFd, offset: Option<&mut u64>, count: usize) -> Result<usize> {
    match meet("sendfile") {
        Some(Effect::Fail(errno)) => Err(errno),
        Some(Effect::Cut) => rustix::fs::sendfile(socket, file, offset, count.min(1)),
        Some(Effect::Lie) => Ok(count),
        _ => rustix::fs::sendfile(socket, file, offset, count),
    }
}

/// `splice` out of a socket, and `splice` into a file: the latter has an offset.
pub fn splice(
    from: impl AsFd,
    from_offset: Option<&mut u64>,
    to: impl AsFd,
    to_offset: Option<&mut u64>,
    count: usize,
    flags: SpliceFlags,
) -> Result<usize> {
    let call = if to_offset.is_some() {
        "splice_into_file"
    } else {
        "splice_from_socket"
    };
    let count = match meet(call) {
        Some(Effect::Fail(errno)) => return Err(errno),
        Some(Effect::Lie) => return Ok(count),
        Some(Effect::Cut) => count.min(1),
        _ => count,
    };
    rustix::pipe::splice(from, from_offset, to, to_offset, count, flags)
}
