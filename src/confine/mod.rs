//! What the process does to itself before it serves: limits for everyone, and for root a cage that it cannot leave.
//!
//! The order is fixed: everything is bound and every name resolved before; then chroot, groups, identity; then it is
//! verified that there is no way back. A step that fails stops the start: a server that is half confined is worse than
//! none. Nothing here runs after the loop has begun.

mod identity;
mod inherited;
mod verify;

pub use identity::{Identity, identity};
pub use inherited::{close_inherited, detach_standard_streams};

use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};
use rustix::fs::{Mode, OFlags};
use rustix::process::{Resource, Rlimit, chdir, chroot, fchdir, getrlimit, setrlimit, umask};
use std::io;
use std::path::Path;

/// What became of the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Confinement {
    /// It was not root: there is nothing to give up.
    NotRoot,
    /// It sees the served directory only, as this user.
    Confined(Identity),
    /// It is this user, but sees all files: `--no-chroot`.
    OnlyUser(Identity),
    /// `--user root`. It sees the served directory only, if it was allowed to confine itself.
    StayingRoot { is_chrooted: bool },
}

impl Confinement {
    /// Whether the served directory is now the root of all files.
    pub fn is_chrooted(&self) -> bool {
        match self {
            Confinement::Confined(_) => true,
            Confinement::NotRoot | Confinement::OnlyUser(_) => false,
            Confinement::StayingRoot { is_chrooted } => *is_chrooted,
        }
    }
}

/// Whether the process should see nothing but the served directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chroot {
    Wanted,
    /// `--no-chroot`
    Unwanted,
}

/// Why the process could not be confined.
#[derive(Debug, thiserror::Error)]
pub enum ConfineError {
    #[error("--user {0}: expected the name or number of a user of this system")]
    UnknownUser(String),
    #[error("--user {0}: only root can become another user; leave the option out")]
    NotRoot(String),
    #[error("confining the server failed at {step}: {error}{advice}")]
    Step {
        step: &'static str,
        error: io::Error,
        /// What to do about a missing capability, as in many containers; empty where nothing helps.
        advice: &'static str,
    },
    /// A privilege was left after all had been given up.
    #[error("confining the server failed: {0}")]
    StillThere(&'static str),
}

/// Containers often run as root without these.
const WITHOUT_SYS_CHROOT: &str = "; this needs the capability CAP_SYS_CHROOT, without it give --no-chroot";
const WITHOUT_SETUID: &str = "; this needs the capabilities CAP_SETUID and CAP_SETGID, without them start the server as the \
                              user that it is to become, or stay root with --user root";

/// Raises the descriptor limit to what is allowed and forbids core dumps; returns the limit. `mask`: the permissions
/// that nothing made here gets, in the place of those that the process was started with.
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
    // Some systems allow more than they grant; then the present limit stands.
    let _ = setrlimit(Resource::Nofile, raised);
    Ok(getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX))
}

/// Confines the process to `directory`. `None`: the process is not root.
pub fn confine(directory: &Path, identity: Option<Identity>, chroot: Chroot) -> Result<Confinement, ConfineError> {
    let Some(identity) = identity else {
        return Ok(Confinement::NotRoot);
    };
    let is_chrooted = match (chroot, enter_if_wanted(directory, chroot)) {
        (Chroot::Unwanted, entered) => entered.map(|()| false)?,
        (Chroot::Wanted, Ok(())) => true,
        (Chroot::Wanted, Err(error)) if identity.is_root() && error.is_missing_capability() => {
            log::warn!("{error}; the server goes on without, since --user root is given");
            false
        }
        (Chroot::Wanted, Err(error)) => return Err(error),
    };
    if is_chrooted {
        // As root, who may look everywhere.
        verify::is_at_the_top()?;
    }
    if identity.is_root() {
        log::warn!("--user root: the server stays root; a fault in it could be used with all rights of root");
        return Ok(Confinement::StayingRoot { is_chrooted });
    }
    become_user(&identity)?;
    verify::has_become(&identity)?;
    if !is_chrooted {
        log::warn!(
            "--no-chroot: only file permissions keep the server in the served directory, should it be taken over"
        );
    }
    rustix::thread::set_no_new_privs(true).map_err(step("giving up new privileges"))?;
    Ok(if is_chrooted {
        Confinement::Confined(identity)
    } else {
        Confinement::OnlyUser(identity)
    })
}

fn enter_if_wanted(directory: &Path, chroot: Chroot) -> Result<(), ConfineError> {
    match chroot {
        Chroot::Wanted => enter(directory),
        Chroot::Unwanted => Ok(()),
    }
}

/// Makes `directory` the only thing there is; the working directory goes along, or it would be the way out.
fn enter(directory: &Path) -> Result<(), ConfineError> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let cage = rustix::fs::open(directory, flags, Mode::empty()).map_err(step("opening the served directory"))?;
    fchdir(&cage).map_err(step("entering the served directory"))?;
    chroot(".").map_err(advised_step("chroot to the served directory", WITHOUT_SYS_CHROOT))?;
    chdir("/").map_err(step("entering the new root"))
}

/// For the whole process, not for this thread only; groups first, because afterwards there is no right to change them.
fn become_user(identity: &Identity) -> Result<(), ConfineError> {
    let (uid, gid) = (Uid::from_raw(identity.uid), Gid::from_raw(identity.gid));
    setgroups(&[]).map_err(advised_step("dropping supplementary groups", WITHOUT_SETUID))?;
    setresgid(gid, gid, gid).map_err(advised_step("taking the user's group", WITHOUT_SETUID))?;
    setresuid(uid, uid, uid).map_err(advised_step("taking the user's identity", WITHOUT_SETUID))
}

fn step<E: Into<io::Error>>(step: &'static str) -> impl Fn(E) -> ConfineError {
    advised_step(step, "")
}

/// `advice`: what to do where the process lacks the right to the step.
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
