//! seccomp: the kernel filters the system calls of this process.
//!
//! The list is built from the configuration. A filter sees numbers only, not what pointers lead to: the flags and path
//! of an `openat2` are Landlock's to judge.

use super::allowed_calls::{Calls, calls};
use super::error::SandboxError;
use super::filter_program::{SystemCall, verdict};
use super::permissions::{Permissions, Violation};
use nix::libc;
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter_all_threads};
use std::io;

/// As in the kernel's audit log: the ELF machine, 64 bits, little-endian.
#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: u32 = 62 | 0xc000_0000;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: u32 = 183 | 0xc000_0000;

/// A compiled filter.
#[derive(Debug)]
struct Filter {
    /// Refuses `clone3`, whose flags no filter can see, as an unknown call, so that libraries use `clone` instead.
    without_clone3: BpfProgram,
    allowed: BpfProgram,
    /// How many calls are allowed, at least with some arguments.
    calls: usize,
}

/// Restricts all threads of the process, for good; returns the number of calls that are allowed. `None`: this kernel
/// has no filters.
pub(super) fn restrict(permissions: &Permissions, violation: Violation) -> Result<Option<usize>, SandboxError> {
    let filter = Filter::new(permissions, violation)?;
    match filter.apply() {
        Ok(()) => Ok(Some(filter.calls)),
        Err(seccompiler::Error::Seccomp(error)) if is_missing(&error) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Whether the filter refuses a call with these arguments, found without making it.
pub(super) fn refuses(
    permissions: &Permissions,
    call: libc::c_long,
    arguments: [u64; 6],
) -> Result<bool, SandboxError> {
    Ok(!Filter::new(permissions, Violation::Refuse)?.allows(call, arguments))
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EINVAL))
}

impl Filter {
    /// The filter for this process.
    fn new(permissions: &Permissions, violation: Violation) -> Result<Self, SandboxError> {
        let calls = calls(permissions)?;
        let refused = match violation {
            Violation::Refuse => SeccompAction::Errno(libc::EPERM as u32),
            Violation::Kill => SeccompAction::KillProcess,
        };
        let unknown = SeccompAction::Errno(libc::ENOSYS as u32);
        let clone3 = Calls::from([(libc::SYS_clone3, Vec::new())]);
        Ok(Self {
            without_clone3: compile(clone3, SeccompAction::Allow, unknown)?,
            // Not counted: `INJECTED` and `clone3`.
            calls: calls.len() - 2,
            allowed: compile(calls, refused, SeccompAction::Allow)?,
        })
    }

    /// Whether it lets a call pass.
    fn allows(&self, number: libc::c_long, arguments: [u64; 6]) -> bool {
        let call = SystemCall {
            architecture: ARCHITECTURE,
            number: number as u32,
            arguments,
        };
        let programs = [&self.without_clone3, &self.allowed];
        programs
            .into_iter()
            .all(|program| verdict(program, &call) == Some(libc::SECCOMP_RET_ALLOW))
    }

    fn apply(&self) -> Result<(), seccompiler::Error> {
        // The filter that allows no further one comes last.
        apply_filter_all_threads(&self.without_clone3)?;
        apply_filter_all_threads(&self.allowed)
    }
}

fn compile(calls: Calls, otherwise: SeccompAction, listed: SeccompAction) -> Result<BpfProgram, SandboxError> {
    let architecture = std::env::consts::ARCH.try_into()?;
    Ok(SeccompFilter::new(calls, otherwise, listed, architecture)?.try_into()?)
}

#[cfg(test)]
mod tests;
