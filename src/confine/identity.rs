//! Whom a server started as root becomes: the user it was told, or the owner of what it serves, or nobody.
//!
//! Names are looked up here, before the cage is closed; inside there is no list of users.

use super::ConfineError;
use nix::unistd::{Uid, User};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A user by numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub name: String,
    pub uid: u32,
    pub gid: u32,
}

/// The numbers of `nobody` where the system has no such name.
const NOBODY: u32 = 65534;

impl Identity {
    /// Whether this is the one user who may do everything.
    pub fn is_root(&self) -> bool {
        self.uid == 0
    }

    fn of(user: User) -> Self {
        Self {
            name: user.name,
            uid: user.uid.as_raw(),
            gid: user.gid.as_raw(),
        }
    }
}

/// Whom to become; `None` if the process is not root and so stays who it is.
pub fn identity(directory: &Path, user: Option<&str>) -> Result<Option<Identity>, ConfineError> {
    let own = Uid::effective();
    match user {
        Some(name) => {
            let identity = by_name(name)?.ok_or_else(|| ConfineError::UnknownUser(name.to_owned()))?;
            if own.is_root() {
                Ok(Some(identity))
            } else if identity.uid == own.as_raw() {
                Ok(None)
            } else {
                Err(ConfineError::NotRoot(name.to_owned()))
            }
        }
        None if own.is_root() => default_identity(directory).map(Some),
        None => Ok(None),
    }
}

fn default_identity(directory: &Path) -> Result<Identity, ConfineError> {
    let owner = directory.metadata().map_err(|error| ConfineError::Step {
        step: "looking at the served directory",
        error,
    })?;
    if owner.uid() == 0 {
        let nobody = by_name("nobody")?;
        return Ok(nobody.unwrap_or_else(|| unnamed(NOBODY, NOBODY)));
    }
    let named = User::from_uid(Uid::from_raw(owner.uid())).map_err(lookup_failed)?;
    Ok(named.map_or_else(|| unnamed(owner.uid(), owner.gid()), Identity::of))
}

fn unnamed(uid: u32, gid: u32) -> Identity {
    Identity {
        name: format!("#{uid}"),
        uid,
        gid,
    }
}

fn by_name(name: &str) -> Result<Option<Identity>, ConfineError> {
    Ok(User::from_name(name).map_err(lookup_failed)?.map(Identity::of))
}

fn lookup_failed(errno: nix::errno::Errno) -> ConfineError {
    ConfineError::Step {
        step: "looking up the user",
        error: io::Error::from(errno),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_that_does_not_exist_is_refused_by_name() {
        let error = identity(Path::new("/"), Some("no such user")).expect_err("no such user");
        assert!(error.to_string().contains("--user no such user"), "{error}");
    }

    #[test]
    fn root_becomes_nobody_where_root_owns_the_directory() {
        let chosen = identity(Path::new("/"), None).expect("a choice");
        if Uid::effective().is_root() {
            assert_eq!(chosen.map(|identity| identity.name), Some("nobody".to_owned()));
        } else {
            assert_eq!(chosen, None);
        }
    }
}
