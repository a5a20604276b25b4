//! What the process does to itself before it serves: limits for everyone, and for root a cage that it cannot leave.
//!
//! The order is fixed: everything is bound and every name resolved before; then chroot, groups, identity; then it is
//! verified that there is no way back. A step that fails stops the start: a server that is half confined is worse than
//! none. Nothing here runs after the loop has begun.

mod identity;
mod verify;

pub use identity::{Identity, identity};

use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};
use rustix::fs::{Mode, OFlags};
use rustix::process::{Resource, Rlimit, chdir, chroot, fchdir, getrlimit, setrlimit, umask};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// What became of the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Confinement {
    /// It was not root: there is nothing to give up.
    NotNeeded,
    /// It sees the served directory only, as this user.
    Confined(Identity),
    /// It sees the served directory only, but was told to stay root.
    StayingRoot,
}

/// The step that failed, and what would mend it.
#[derive(Debug)]
pub enum ConfineError {
    UnknownUser(String),
    NotRoot(String),
    Step {
        step: &'static str,
        error: io::Error,
    },
    Unreadable {
        directory: PathBuf,
        user: String,
        error: io::Error,
    },
    /// After giving everything up, something was still there.
    StillThere(&'static str),
}

/// Permissions that nothing made here ever has (threats H13, L20).
const ALWAYS_MASKED: Mode = Mode::from_raw_mode(0o027);

/// Raises the descriptor limit to what is allowed, forbids core dumps and closes the file mode mask; returns the limit.
pub fn prepare_process() -> io::Result<u64> {
    // Whoever started the server may want others kept out further; nobody else ever gets to what is received.
    let inherited = umask(ALWAYS_MASKED);
    umask(inherited | ALWAYS_MASKED);
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

/// Confines the process to `directory`. Afterwards what is served is `/`. `None`: the process is not root.
pub fn confine(directory: &Path, identity: Option<Identity>) -> Result<Confinement, ConfineError> {
    let Some(identity) = identity else {
        return Ok(Confinement::NotNeeded);
    };
    enter(directory)?;
    if identity.is_root() {
        log::warn!("--user root: the server stays root; whatever goes wrong in it goes wrong as root");
        return Ok(Confinement::StayingRoot);
    }
    become_user(&identity)?;
    verify::can_read(directory, &identity)?;
    verify::no_way_back(&identity)?;
    rustix::thread::set_no_new_privs(true).map_err(step("giving up new privileges"))?;
    Ok(Confinement::Confined(identity))
}

/// Makes `directory` the only thing there is; the working directory goes along, or it would be the way out.
fn enter(directory: &Path) -> Result<(), ConfineError> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let cage = rustix::fs::open(directory, flags, Mode::empty()).map_err(step("opening the served directory"))?;
    fchdir(&cage).map_err(step("entering the served directory"))?;
    chroot(".").map_err(step("chroot to the served directory"))?;
    chdir("/").map_err(step("entering the new root"))
}

/// For the whole process, not for this thread only; groups first, because afterwards there is no right to change them.
fn become_user(identity: &Identity) -> Result<(), ConfineError> {
    let (uid, gid) = (Uid::from_raw(identity.uid), Gid::from_raw(identity.gid));
    setgroups(&[]).map_err(step("dropping supplementary groups"))?;
    setresgid(gid, gid, gid).map_err(step("taking the user's group"))?;
    setresuid(uid, uid, uid).map_err(step("taking the user's identity"))
}

fn step<E: Into<io::Error>>(step: &'static str) -> impl Fn(E) -> ConfineError {
    move |error| ConfineError::Step {
        step,
        error: error.into(),
    }
}

impl fmt::Display for ConfineError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfineError::UnknownUser(name) => {
                write!(formatter, "--user {name}: expected the name of a user of this system")
            }
            ConfineError::NotRoot(name) => {
                write!(
                    formatter,
                    "--user {name}: only root can become another user; leave the option out"
                )
            }
            ConfineError::Step { step, error } => write!(formatter, "confining the server failed at {step}: {error}"),
            ConfineError::Unreadable { directory, user, error } => write!(
                formatter,
                "{} cannot be read by user {user} ({error}): allow it with `chmod o+rx`, or choose a user who may with \
                 --user NAME",
                directory.display()
            ),
            ConfineError::StillThere(what) => write!(formatter, "confining the server failed: {what}"),
        }
    }
}

impl std::error::Error for ConfineError {}
