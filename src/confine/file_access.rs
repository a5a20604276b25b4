//! Landlock: which files and TCP ports the kernel lets this process use, whoever its user is.
//!
//! The served directory has the rights that the configuration needs, the directories of logs and users file those to
//! open these files again; everything else is denied. Roots of accounts are inside the served directory. A rule covers
//! all that is mounted in its directory, too. Landlock does not restrict looking at names (`stat`), nor changing the
//! mode or the times of a file: for these, chroot and the permissions of the server's user have to do.

use super::error::SandboxError;
use super::permissions::Permissions;
use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, LandlockStatus, NetPort, PathBeneath, PathFd, RestrictionStatus,
    Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetStatus, Scope,
};
use std::os::fd::{AsFd, BorrowedFd};

/// The newest version whose rights are denied. Each kernel takes those that it knows.
const NEWEST: ABI = ABI::V10;
/// The version with everything that the confinement relies on (Linux 6.12): files, TCP, devices, signals. What newer
/// versions add, sockets other than TCP, the filter of system calls denies, too.
const COMPLETE: ABI = ABI::V6;

/// Files that the process opens again while it serves, in directories outside the served one.
#[derive(Clone, Copy, Debug)]
pub enum OutsideDirectory<'start> {
    /// Of a log, which may be created.
    Log(BorrowedFd<'start>),
    /// Of the users file, or of a certificate.
    ReadAgain(BorrowedFd<'start>),
}

/// What the kernel enforces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Enforced {
    Nothing,
    Version(ABI),
}

impl Enforced {
    pub(super) fn is_complete(self) -> bool {
        matches!(self, Enforced::Version(version) if version >= COMPLETE)
    }

    /// For the log.
    pub(super) fn describe(self, permissions: &Permissions) -> String {
        let version = match self {
            Enforced::Nothing => return "no Landlock".to_owned(),
            Enforced::Version(version) => version,
        };
        let mut parts = vec!["files"];
        if version < ABI::V3 {
            parts.push("but not truncating");
        }
        if version >= ABI::V4 {
            parts.push(if permissions.connect {
                "TCP bind"
            } else {
                "TCP bind and connect"
            });
        }
        if version >= ABI::V5 {
            parts.push("devices");
        }
        if version >= ABI::V6 {
            parts.push("signals");
        }
        format!("Landlock ABI {} ({})", version as i32, parts.join(", "))
    }
}

/// The rights for files in the served directory.
pub(super) fn served_rights(permissions: &Permissions) -> BitFlags<AccessFs> {
    let reading = AccessFs::ReadFile | AccessFs::ReadDir;
    if permissions.changes {
        reading
            | AccessFs::WriteFile
            | AccessFs::Truncate
            | AccessFs::MakeReg
            | AccessFs::MakeDir
            // Only for renaming a link: the filter has no call that creates one.
            | AccessFs::MakeSym
            | AccessFs::RemoveFile
            | AccessFs::RemoveDir
            | AccessFs::Refer
    } else {
        reading
    }
}

/// The rights for files in an outside directory. The event log can be a FIFO, which is opened for reading too.
fn outside_rights(directory: OutsideDirectory<'_>) -> BitFlags<AccessFs> {
    match directory {
        OutsideDirectory::Log(_) => AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::MakeReg,
        OutsideDirectory::ReadAgain(_) => AccessFs::ReadFile.into(),
    }
}

/// The ports that may be bound: active data connections take any free one (0).
pub(super) fn bindable_ports(permissions: &Permissions) -> Vec<u16> {
    let any_free = permissions.connect.then_some(0);
    any_free
        .into_iter()
        .chain(permissions.ports_to_bind.iter().copied())
        .collect()
}

/// Restricts the calling thread and those that it starts.
pub(super) fn restrict(
    served: &std::path::Path,
    outside: &[OutsideDirectory<'_>],
    permissions: &Permissions,
) -> Result<Enforced, SandboxError> {
    let mut ruleset = Ruleset::default()
        .handle_access(AccessFs::from_all(NEWEST))?
        .handle_access(denied_network(permissions))?
        .scope(Scope::from_all(NEWEST))?
        .create()?
        .add_rule(PathBeneath::new(PathFd::new(served)?, served_rights(permissions)))?;
    for directory in outside {
        let (OutsideDirectory::Log(descriptor) | OutsideDirectory::ReadAgain(descriptor)) = directory;
        ruleset = ruleset.add_rule(PathBeneath::new(descriptor.as_fd(), outside_rights(*directory)))?;
    }
    for port in bindable_ports(permissions) {
        ruleset = ruleset.add_rule(NetPort::new(port, AccessNet::BindTcp))?;
    }
    Ok(enforced(&ruleset.restrict_self()?))
}

/// Landlock names single ports only, and a client may choose any for an active data connection.
fn denied_network(permissions: &Permissions) -> BitFlags<AccessNet> {
    let all = AccessNet::from_all(NEWEST);
    if permissions.connect {
        all & !AccessNet::ConnectTcp
    } else {
        all
    }
}

fn enforced(status: &RestrictionStatus) -> Enforced {
    match (&status.ruleset, status.landlock) {
        (RulesetStatus::NotEnforced, _) | (_, LandlockStatus::NotEnabled | LandlockStatus::NotImplemented) => {
            Enforced::Nothing
        }
        (_, LandlockStatus::Available { effective_abi, .. }) => Enforced::Version(effective_abi),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permissions(changes: bool, connect: bool, ports_to_bind: &[u16]) -> Permissions {
        Permissions {
            changes,
            connect,
            ports_to_bind: ports_to_bind.to_vec(),
            logs: false,
        }
    }

    #[test]
    fn l05_the_served_directory_has_only_the_rights_that_the_configuration_needs() {
        let reading = served_rights(&permissions(false, true, &[]));
        assert_eq!(reading, AccessFs::ReadFile | AccessFs::ReadDir);
        let writing = served_rights(&permissions(true, false, &[]));
        assert!(writing.contains(reading | AccessFs::WriteFile | AccessFs::Refer | AccessFs::Truncate));
        let never = AccessFs::Execute
            | AccessFs::MakeChar
            | AccessFs::MakeBlock
            | AccessFs::MakeFifo
            | AccessFs::MakeSock
            | AccessFs::IoctlDev;
        assert!(!writing.intersects(never) && !reading.intersects(never));
    }

    #[test]
    fn l05_ports_are_bound_for_active_mode_and_for_missing_passive_ports_only() {
        assert!(bindable_ports(&permissions(true, false, &[])).is_empty());
        assert_eq!(bindable_ports(&permissions(true, true, &[])), [0]);
        assert_eq!(
            bindable_ports(&permissions(false, false, &[30_000, 30_001])),
            [30_000, 30_001]
        );
        assert!(denied_network(&permissions(false, false, &[])).contains(AccessNet::ConnectTcp | AccessNet::BindTcp));
        let denied = denied_network(&permissions(false, true, &[]));
        assert!(denied.contains(AccessNet::BindTcp) && !denied.contains(AccessNet::ConnectTcp));
    }

    #[test]
    fn l16_the_level_that_the_kernel_reached_is_described() {
        let passive = permissions(false, false, &[]);
        for (enforced, is_complete, described) in [
            (Enforced::Nothing, false, "no Landlock"),
            (
                Enforced::Version(ABI::V2),
                false,
                "Landlock ABI 2 (files, but not truncating)",
            ),
            (
                Enforced::Version(ABI::V4),
                false,
                "Landlock ABI 4 (files, TCP bind and connect)",
            ),
            (
                Enforced::Version(ABI::V7),
                true,
                "Landlock ABI 7 (files, TCP bind and connect, devices, signals)",
            ),
        ] {
            assert_eq!(
                (enforced.is_complete(), enforced.describe(&passive).as_str()),
                (is_complete, described)
            );
        }
        let described = Enforced::Version(ABI::V4).describe(&permissions(false, true, &[]));
        assert_eq!(described, "Landlock ABI 4 (files, TCP bind)");
    }
}
