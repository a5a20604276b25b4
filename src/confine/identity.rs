//! The user that a server started as root becomes: that of `--user`, or the owner of the served directory, or `nobody`.
//!
//! Names are looked up before chroot, because /etc/passwd cannot be read after it.

use super::error::ConfineError;
use nix::unistd::{Uid, User};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A user and a group, resolved to numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub name: String,
    pub uid: u32,
    pub gid: u32,
}

/// The numbers of `nobody` where the system has no such name.
const NOBODY: u32 = 65534;

impl Identity {
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

/// The user to become; `None`: the process is not root and keeps its user.
pub fn identity(directory: &Path, user: Option<&str>) -> Result<Option<Identity>, ConfineError> {
    let own = Uid::effective();
    match user {
        Some(name) => {
            let identity = by_name_or_number(name)?.ok_or_else(|| ConfineError::UnknownUser(name.to_owned()))?;
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
        step: "examining the served directory",
        error,
        advice: "",
    })?;
    if owner.uid() == 0 {
        let nobody = by_name("nobody")?;
        return Ok(nobody.unwrap_or_else(|| unnamed(NOBODY, NOBODY)));
    }
    by_number(owner.uid(), owner.gid())
}

/// In containers, numbers are often not in the list of users; the group then has the same number.
fn by_name_or_number(text: &str) -> Result<Option<Identity>, ConfineError> {
    if let Some(identity) = by_name(text)? {
        return Ok(Some(identity));
    }
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    // To the system, the highest number means "no change".
    let number = text.parse().ok().filter(|number| is_number && *number != u32::MAX);
    number.map(|number| by_number(number, number)).transpose()
}

/// `gid`: the group to use if the system does not know the user.
fn by_number(uid: u32, gid: u32) -> Result<Identity, ConfineError> {
    let named = User::from_uid(Uid::from_raw(uid)).map_err(lookup_failed)?;
    Ok(named.map_or_else(|| unnamed(uid, gid), Identity::of))
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
        advice: "",
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
    fn a_number_names_a_user_whether_or_not_the_system_knows_it() {
        let numbers = |text| {
            by_name_or_number(text)
                .expect("looked up")
                .map(|identity| (identity.name, identity.uid, identity.gid))
        };
        assert_eq!(numbers("0"), numbers("root"));
        assert_eq!(numbers("54321"), Some(("#54321".to_owned(), 54_321, 54_321)));
        for wrong in ["4294967295", "4294967296", "-1", "+1", "", "1:1", "0x1"] {
            assert_eq!(numbers(wrong), None, "{wrong}");
        }
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
