//! The sandbox: what the configuration permits, and what the kernel enforces.
//!
//! Landlock restricts the calling thread and those that it starts afterwards, so no thread may exist before it. The
//! filter of system calls restricts all threads, and forbids to start one, so all threads must exist before it.

use super::Confinement;
use super::error::SandboxError;
use super::file_access::{self, Enforced, OutsideDirectory};
use super::permissions::{Permissions, Violation};
use super::system_calls;
use rustix::process::{DumpableBehavior, dumpable_behavior};
use rustix::thread::{SecureComputingMode, no_new_privs, secure_computing_mode};
use std::os::unix::net::UnixDatagram;
use std::path::Path;

/// Whether there is to be a sandbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SandboxPolicy {
    /// As much as the kernel offers.
    #[default]
    BestEffort,
    /// `--require-sandbox`: everything, or no start.
    Required,
    /// `--no-sandbox`
    Off,
}

/// The sandbox of this process.
#[derive(Debug)]
pub struct Sandbox {
    policy: SandboxPolicy,
    violation: Violation,
    permissions: Permissions,
    files: Enforced,
    /// How many system calls are allowed; `None`: all.
    calls: Option<usize>,
}

impl Sandbox {
    /// A sandbox that is not in force yet.
    pub fn new(policy: SandboxPolicy, violation: Violation, permissions: Permissions) -> Result<Self, SandboxError> {
        if policy == SandboxPolicy::Required && permissions.binds_later() {
            return Err(SandboxError::Incomplete(format!(
                "passive ports are in use by other programs, and binding them later would have to be allowed: {:?}",
                permissions.ports_to_bind
            )));
        }
        Ok(Self {
            policy,
            violation,
            permissions,
            files: Enforced::Nothing,
            calls: None,
        })
    }

    /// Restricts the files and ports of this thread and of those that it starts. `served`: the served directory.
    pub fn restrict_files(&mut self, served: &Path, outside: &[OutsideDirectory<'_>]) -> Result<(), SandboxError> {
        if self.policy == SandboxPolicy::Off {
            log::warn!("--no-sandbox: if the server is exploited, its user's rights are all that limits the attacker");
            return Ok(());
        }
        super::privileges::forbid_dumping()?;
        self.files = file_access::restrict(served, outside, &self.permissions)?;
        if self.policy == SandboxPolicy::Required && !self.files.is_complete() {
            return Err(SandboxError::Incomplete(format!(
                "Linux 6.12 or newer with Landlock is needed, and this kernel offers: {}",
                self.files.describe(&self.permissions)
            )));
        }
        Ok(())
    }

    /// Restricts the system calls of all threads.
    pub fn restrict_system_calls(&mut self) -> Result<(), SandboxError> {
        if self.policy == SandboxPolicy::Off {
            return Ok(());
        }
        self.calls = system_calls::restrict(&self.permissions, self.violation)?;
        match self.calls {
            Some(_) => self.check(),
            None if self.policy == SandboxPolicy::Required => Err(SandboxError::Incomplete(
                "this system has no seccomp filters for this server".to_owned(),
            )),
            None => Ok(()),
        }
    }

    /// Asks the kernel whether it is in force.
    fn check(&self) -> Result<(), SandboxError> {
        if secure_computing_mode().ok() != Some(SecureComputingMode::Filter) {
            return Err(SandboxError::NotInForce("the kernel filters no system calls"));
        }
        if no_new_privs().ok() != Some(true) {
            return Err(SandboxError::NotInForce("the process could gain privileges"));
        }
        if dumpable_behavior().ok() != Some(DumpableBehavior::NotDumpable) {
            return Err(SandboxError::NotInForce("the process can be traced"));
        }
        if self.violation == Violation::Refuse && UnixDatagram::unbound().is_ok() {
            return Err(SandboxError::NotInForce("the process can create UNIX sockets"));
        }
        Ok(())
    }

    /// One line for the log.
    pub fn describe(&self, confinement: &Confinement) -> String {
        let calls = match (self.calls, self.violation) {
            (None, _) => "no seccomp".to_owned(),
            (Some(calls), Violation::Refuse) => format!("seccomp ({calls} calls allowed)"),
            (Some(calls), Violation::Kill) => format!("seccomp ({calls} calls allowed, others kill the server)"),
        };
        let files = self.files.describe(&self.permissions);
        let capabilities = if confinement.capabilities().is_empty() {
            "no capabilities"
        } else {
            "the capabilities of root for files"
        };
        format!("{files}, {calls}, no new privileges, {capabilities}")
    }
}
