//! Checks, after privileges were dropped, that they are really gone.

use super::{ConfineError, Identity, step};
use nix::unistd::{Gid, Uid, getgroups, getresgid, getresuid, setuid};
use rustix::fs::{CWD, stat};
use rustix::thread::{CapabilitySet, capabilities};

/// Fails unless the process has exactly this user and group and cannot become root again.
pub(super) fn has_become(identity: &Identity) -> Result<(), ConfineError> {
    let (uid, gid) = (Uid::from_raw(identity.uid), Gid::from_raw(identity.gid));
    let users = getresuid().map_err(step("reading the user"))?;
    if [users.real, users.effective, users.saved] != [uid; 3] {
        return Err(ConfineError::StillThere("another user's identity is left"));
    }
    let groups = getresgid().map_err(step("reading the group"))?;
    if [groups.real, groups.effective, groups.saved] != [gid; 3] {
        return Err(ConfineError::StillThere("another group's identity is left"));
    }
    if !getgroups().map_err(step("reading the groups"))?.is_empty() {
        return Err(ConfineError::StillThere("supplementary groups are left"));
    }
    if setuid(Uid::from_raw(0)).is_ok() {
        return Err(ConfineError::StillThere("the process could become root again"));
    }
    Ok(())
}

/// Fails if any other capability than these is left.
pub(super) fn has_only(kept: CapabilitySet) -> Result<(), ConfineError> {
    let left = capabilities(None).map_err(step("reading the capabilities"))?;
    if !kept.contains(left.effective | left.permitted) || !left.inheritable.is_empty() {
        return Err(ConfineError::StillThere("capabilities are left"));
    }
    Ok(())
}

/// Fails unless the working directory is the root and nothing is above it.
pub(super) fn is_at_root() -> Result<(), ConfineError> {
    let (here, above) = (
        stat("/").map_err(step("examining the root"))?,
        stat("/..").map_err(step("examining the parent of the root"))?,
    );
    let working_directory =
        rustix::fs::statat(CWD, ".", rustix::fs::AtFlags::empty()).map_err(step("examining the working directory"))?;
    let place = |stat: &rustix::fs::Stat| (stat.st_dev, stat.st_ino);
    if place(&here) != place(&above) || place(&here) != place(&working_directory) {
        return Err(ConfineError::StillThere("there is a way out of the served directory"));
    }
    Ok(())
}
