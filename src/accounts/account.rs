//! An account, and the line of the users file that defines it.

use super::password_hash::PasswordHash;
use super::rights::{Rights, is_anonymous};
use crate::ftp::command::USER_NAME_MAX;
use crate::ftp::path::VirtualPath;
use crate::shown_name::Shown;
use crate::storage::QuotaLimits;
use crate::units::{parse_digits, parse_size};

/// A user who can log in with a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The bytes that the client sends with USER; case-sensitive.
    pub name: Box<[u8]>,
    pub password: PasswordHash,
    /// The directory that the client sees as `/`, in the served directory.
    pub root: VirtualPath,
    pub rights: Rights,
    pub limits: Limits,
}

/// Limits of an account; `None`: only the limits for everyone apply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Simultaneous sessions.
    pub sessions: Option<u64>,
    /// Bytes per second, all its transfers together.
    pub bytes_per_second: Option<u64>,
    /// Bytes and entries in its root.
    pub quota: QuotaLimits,
}

impl Account {
    /// Parses `name:hash:root:rights[:limits]`. The error is a message that never shows the hash, which may be a
    /// password put there by mistake.
    pub(super) fn parse(line: &[u8]) -> Result<Self, String> {
        if let Some(column) = line.iter().position(u8::is_ascii_control) {
            return Err(format!("control character in column {}", column + 1));
        }
        let fields: Vec<&[u8]> = line.split(|byte| *byte == b':').collect();
        let (name, hash, root, rights, limits) = match fields[..] {
            [name, hash, root, rights] => (name, hash, root, rights, None),
            [name, hash, root, rights, limits] => (name, hash, root, rights, Some(limits)),
            _ => {
                return Err(format!(
                    "expected name:hash:root:rights or name:hash:root:rights:limits, found {} fields",
                    fields.len()
                ));
            }
        };
        Ok(Self {
            name: parse_name(name)?,
            password: PasswordHash::parse(readable("hash", hash)?).map_err(|error| error.to_string())?,
            root: parse_root(root)?,
            rights: Rights::parse(readable("rights", rights)?)?,
            limits: limits.map_or(Ok(Limits::default()), |text| Limits::parse(readable("limits", text)?))?,
        })
    }
}

impl Limits {
    /// Parses `sessions=5,rate=1M,quota=10G,entries=10000`, each at most once.
    fn parse(text: &str) -> Result<Self, String> {
        let mut limits = Limits::default();
        for part in text.split(',') {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let shown = Shown::whole(value.as_bytes());
            let number = |of_what: &str| {
                parse_digits(value)
                    .filter(|number| *number > 0)
                    .ok_or_else(|| format!("{name}={shown}: expected a number{of_what} from 1 on"))
            };
            let size = || {
                parse_size(value)
                    .filter(|size| *size > 0)
                    .ok_or_else(|| format!("{name}={shown}: expected a size in bytes such as 500K, 1M or 10G"))
            };
            let earlier = match name {
                "sessions" => limits.sessions.replace(number("")?),
                "rate" => limits.bytes_per_second.replace(size()?),
                "quota" => limits.quota.bytes.replace(size()?),
                "entries" => limits.quota.entries.replace(number(" of files and directories")?),
                _ => {
                    return Err(format!(
                        "unknown limit {part:?}; expected sessions=5, rate=1M, quota=10G or entries=10000, \
                         with commas between them"
                    ));
                }
            };
            if earlier.is_some() {
                return Err(format!("duplicate limit {name}"));
            }
        }
        Ok(limits)
    }
}

fn parse_name(name: &[u8]) -> Result<Box<[u8]>, String> {
    if name.is_empty() {
        return Err("the name is empty".to_owned());
    }
    if name.len() > USER_NAME_MAX {
        return Err(format!(
            "the name has {} bytes; at most {USER_NAME_MAX} are allowed",
            name.len()
        ));
    }
    if name.trim_ascii() != name {
        return Err("the name begins or ends with a space, which no client can send".to_owned());
    }
    if is_anonymous(name) {
        return Err(format!(
            "{} is the name of clients without an account; see --anonymous",
            Shown::whole(name)
        ));
    }
    Ok(name.into())
}

/// Only canonical paths are accepted: the file shows exactly what is used.
fn parse_root(root: &[u8]) -> Result<VirtualPath, String> {
    let expected = || {
        format!(
            "root {}: expected a path in the served directory, such as /home/alice, or / for all of it",
            Shown::whole(root).quoted()
        )
    };
    let path = VirtualPath::ROOT.join(root);
    path.filter(|path| path.as_bytes() == root).ok_or_else(expected)
}

fn readable<'a>(what: &str, field: &'a [u8]) -> Result<&'a str, String> {
    std::str::from_utf8(field).map_err(|_| format!("the field {what} is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::super::WorkingMemory;
    use super::super::password_hash::tests::ARGON2;
    use super::*;

    fn parse(line: &str) -> Account {
        Account::parse(line.as_bytes()).expect(line)
    }

    #[test]
    fn a_full_line_is_parsed() {
        let account = parse(&format!(
            "alice:{ARGON2}:/home/alice:read,create:sessions=5,rate=1M,quota=10G,entries=1000"
        ));
        assert_eq!(&*account.name, b"alice");
        assert!(account.password.verify(b"secret", &mut WorkingMemory::default()));
        assert_eq!(account.root.as_bytes(), b"/home/alice");
        assert_eq!(Ok(account.rights), Rights::parse("read,create"));
        assert_eq!(
            account.limits,
            Limits {
                sessions: Some(5),
                bytes_per_second: Some(1 << 20),
                quota: QuotaLimits {
                    bytes: Some(10 << 30),
                    entries: Some(1000),
                },
            }
        );
    }

    #[test]
    fn limits_are_optional_and_names_may_have_any_bytes() {
        let line = [&b"J\xfcrgen Klein:"[..], ARGON2.as_bytes(), b":/:read"].concat();
        let account = Account::parse(&line).expect("a line");
        assert_eq!(&*account.name, b"J\xfcrgen Klein");
        assert_eq!(account.root, VirtualPath::ROOT);
        assert_eq!(account.limits, Limits::default());
        assert_eq!(parse(&format!("a:{ARGON2}:/:read:quota=1")).limits.quota.bytes, Some(1));
    }

    #[test]
    fn i01_errors_of_limits_show_no_control_characters() {
        for limit in ["entries=1\u{8a}", "sessions=\u{9b}2J", "rate=\u{202e}1"] {
            let line = format!("alice:{ARGON2}:/:read:{limit}");
            let error = Account::parse(line.as_bytes()).expect_err(limit);
            assert!(
                error.contains("=") && error.contains("\\x") && error.is_ascii(),
                "{error}"
            );
        }
    }

    #[test]
    fn o10_an_account_is_shown_without_its_hash() {
        let shown = format!("{:?}", parse(&format!("alice:{ARGON2}:/:read")));
        assert!(shown.contains("****"), "{shown}");
        assert!(!shown.contains("vk+JgWgZ"), "{shown}");
    }
}
