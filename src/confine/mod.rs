//! What the process gives up before it serves: privileges, core dumps, and all files, ports and system calls that it
//! does not need; started as root also its user.
//!
//! The order is fixed. Everything is opened and bound before; then
//! 1. chroot, capabilities, groups, user, and a check that no privilege is left ([`confine`]);
//! 2. Landlock ([`Sandbox::restrict_files`]), which restricts only the threads that are started after it;
//! 3. the slow-work thread is started, by the event loop;
//! 4. the filter of system calls for all threads, and a check that it is in force ([`Sandbox::restrict_system_calls`]).
//!
//! A step that fails stops the start, because a half-confined server would be worse than none. What this kernel does
//! not have is left out, unless `--require-sandbox` is given. Nothing here runs after the event loop has started.

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod allowed_calls;
mod attempts;
mod check;
mod error;
mod file_access;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod filter_program;
mod identity;
mod inherited;
mod permissions;
mod privileges;
mod sandbox;
#[cfg_attr(
    not(any(target_arch = "x86_64", target_arch = "aarch64")),
    path = "no_system_calls.rs"
)]
mod system_calls;
mod verify;

pub use check::{SandboxCheck, Stage};
pub use error::{ConfineError, SandboxError};
pub use file_access::OutsideDirectory;
pub use identity::{Identity, identity};
pub use inherited::{close_inherited, detach_standard_streams};
pub use permissions::{Permissions, Violation};
pub use sandbox::{Sandbox, SandboxPolicy};

use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};
use rustix::fs::{Mode, OFlags};
use rustix::process::{Resource, Rlimit, chdir, chroot, fchdir, getrlimit, setrlimit, umask};
use rustix::thread::CapabilitySet;
use std::io;
use std::path::Path;

/// How the process is confined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Confinement {
    /// It was not root, so there is nothing to give up.
    NotRoot,
    /// It runs as this user and sees only the served directory.
    Confined(Identity),
    /// It runs as this user but sees all files: `--no-chroot`.
    OnlyUser(Identity),
    /// `--user root`; it sees only the served directory if chroot was possible.
    StayingRoot { is_chrooted: bool },
}

impl Confinement {
    /// Whether the served directory is now `/`.
    pub fn is_chrooted(&self) -> bool {
        match self {
            Confinement::Confined(_) => true,
            Confinement::NotRoot | Confinement::OnlyUser(_) => false,
            Confinement::StayingRoot { is_chrooted } => *is_chrooted,
        }
    }

    fn capabilities(&self) -> CapabilitySet {
        match self {
            Confinement::NotRoot | Confinement::Confined(_) | Confinement::OnlyUser(_) => CapabilitySet::empty(),
            Confinement::StayingRoot { .. } => privileges::OF_ROOT,
        }
    }
}

/// Whether to chroot to the served directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chroot {
    Wanted,
    /// `--no-chroot`
    Unwanted,
}

/// Containers often run as root without these capabilities.
const WITHOUT_SYS_CHROOT: &str = "; this needs the capability CAP_SYS_CHROOT, without it give --no-chroot";
const WITHOUT_SETUID: &str = "; this needs the capabilities CAP_SETUID and CAP_SETGID, without them start the server \
                              as the user that it is to become, or stay root with --user root";

/// Sets the umask if one is given, disables core dumps, and raises the descriptor limit as far as allowed; returns that
/// limit.
pub fn prepare_process(mask: Option<u32>) -> io::Result<u64> {
    if let Some(mask) = mask {
        umask(Mode::from_raw_mode(mask));
    }
    let no_core = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    setrlimit(Resource::Core, no_core)?;
    let allowed = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: allowed.maximum,
        maximum: allowed.maximum,
    };
    // Some systems refuse their own maximum; then the limit stays as it is.
    let _ = setrlimit(Resource::Nofile, raised);
    Ok(getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX))
}

/// Confines the process to `directory`. `None`: the process is not root.
pub fn confine(directory: &Path, identity: Option<Identity>, chroot: Chroot) -> Result<Confinement, ConfineError> {
    let confinement = match identity {
        None => Confinement::NotRoot,
        Some(identity) => give_up_root(directory, identity, chroot)?,
    };
    let kept = confinement.capabilities();
    privileges::keep_capabilities(kept)?;
    verify::has_only(kept)?;
    privileges::forbid_new_privileges()?;
    Ok(confinement)
}

fn give_up_root(directory: &Path, identity: Identity, chroot: Chroot) -> Result<Confinement, ConfineError> {
    let is_chrooted = match (chroot, enter_if_wanted(directory, chroot)) {
        (Chroot::Unwanted, entered) => entered.map(|()| false)?,
        (Chroot::Wanted, Ok(())) => true,
        (Chroot::Wanted, Err(error)) if identity.is_root() && error.is_missing_capability() => {
            log::warn!("{error}; the server starts without it, because of --user root");
            false
        }
        (Chroot::Wanted, Err(error)) => return Err(error),
    };
    if is_chrooted {
        // While still root, who can examine every directory.
        verify::is_at_root()?;
    }
    if identity.is_root() {
        log::warn!(
            "--user root: the server stays root; an attacker who exploits a bug in it may change every file in reach"
        );
        let confinement = Confinement::StayingRoot { is_chrooted };
        privileges::limit_bounding_set(confinement.capabilities())?;
        return Ok(confinement);
    }
    let confinement = if is_chrooted {
        Confinement::Confined(identity.clone())
    } else {
        Confinement::OnlyUser(identity.clone())
    };
    privileges::limit_bounding_set(confinement.capabilities())?;
    become_user(&identity)?;
    verify::has_become(&identity)?;
    if !is_chrooted {
        log::warn!(
            "--no-chroot: if the server is exploited, an attacker sees the names of all files, and only Landlock and \
             the permissions of its user protect them"
        );
    }
    Ok(confinement)
}

fn enter_if_wanted(directory: &Path, chroot: Chroot) -> Result<(), ConfineError> {
    match chroot {
        Chroot::Wanted => enter(directory),
        Chroot::Unwanted => Ok(()),
    }
}

/// Makes `directory` the root and the working directory; a working directory outside would be a way out.
fn enter(directory: &Path) -> Result<(), ConfineError> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let new_root = rustix::fs::open(directory, flags, Mode::empty()).map_err(step("opening the served directory"))?;
    fchdir(&new_root).map_err(step("entering the served directory"))?;
    chroot(".").map_err(advised_step("chroot to the served directory", WITHOUT_SYS_CHROOT))?;
    chdir("/").map_err(step("entering the new root"))
}

/// Changes all threads. Groups come first, because afterwards the process may not change them.
fn become_user(identity: &Identity) -> Result<(), ConfineError> {
    let (uid, gid) = (Uid::from_raw(identity.uid), Gid::from_raw(identity.gid));
    setgroups(&[]).map_err(advised_step("dropping supplementary groups", WITHOUT_SETUID))?;
    setresgid(gid, gid, gid).map_err(advised_step("taking the user's group", WITHOUT_SETUID))?;
    setresuid(uid, uid, uid).map_err(advised_step("taking the user's identity", WITHOUT_SETUID))
}

fn step<E: Into<io::Error>>(step: &'static str) -> impl Fn(E) -> ConfineError {
    advised_step(step, "")
}

/// `advice`: what to do if the process may not do the step.
fn advised_step<E: Into<io::Error>>(step: &'static str, advice: &'static str) -> impl Fn(E) -> ConfineError {
    move |error| {
        let error = error.into();
        let is_forbidden = error.kind() == io::ErrorKind::PermissionDenied;
        ConfineError::Step {
            step,
            error,
            advice: if is_forbidden { advice } else { "" },
        }
    }
}

impl ConfineError {
    fn is_missing_capability(&self) -> bool {
        match self {
            ConfineError::Step { advice, .. } => !advice.is_empty(),
            ConfineError::UnknownUser(_) | ConfineError::NotRoot(_) | ConfineError::StillThere(_) => false,
        }
    }
}
