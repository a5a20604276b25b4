//! What a client may do: a small set of rights, the words for them in the users file, and the sets of anonymous
//! clients.

use crate::ftp::listing::Permissions;

/// One thing that a client may be allowed to do. Walking through directories is always allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// See the names in a directory and what they are.
    List,
    /// Fetch files.
    Read,
    /// Put files where there were none.
    Create,
    /// Put files in the place of others, and change where in a file writing starts.
    Overwrite,
    /// Add to the end of files.
    Append,
    /// Remove files and directories.
    Delete,
    MakeDirectory,
    /// Give files and directories another name or place.
    Rename,
}

/// A set of rights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rights(u8);

/// A client without an account: what it may do here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AnonymousAccess {
    /// It may not log in.
    Off,
    #[default]
    Read,
    /// A drop box: new files may be put there, and nobody without an account sees them again.
    Upload,
    Write,
}

impl Rights {
    pub const NONE: Rights = Rights(0);
    pub const READ_ONLY: Rights = Rights::of(&[Right::List, Right::Read]);
    pub const WRITE_ONLY: Rights = Rights::of(&[
        Right::Create,
        Right::Overwrite,
        Right::Append,
        Right::Delete,
        Right::MakeDirectory,
        Right::Rename,
    ]);
    pub const ALL: Rights = Rights::READ_ONLY.and(Rights::WRITE_ONLY);
    /// Nothing is listed, fetched, replaced or removed.
    pub const DROP_BOX: Rights = Rights::of(&[Right::Create]);

    const fn of(rights: &[Right]) -> Self {
        let mut set = 0;
        let mut rest = rights;
        while let [right, others @ ..] = rest {
            set |= 1 << *right as u8;
            rest = others;
        }
        Self(set)
    }

    const fn and(self, more: Self) -> Self {
        Self(self.0 | more.0)
    }

    pub const fn allows(self, right: Right) -> bool {
        self.0 & (1 << right as u8) != 0
    }

    /// Whether anything at all may be changed.
    pub const fn allows_changes(self) -> bool {
        self.0 & Rights::WRITE_ONLY.0 != 0
    }

    /// The rights as MLST and MLSD show them; only what each file itself allows is not in it.
    pub fn permissions(self) -> Permissions {
        let letters = |meanings: &[(Option<Right>, char)]| {
            let allowed = |right: Option<Right>| right.is_none_or(|right| self.allows(right));
            meanings
                .iter()
                .filter(|(right, _)| allowed(*right))
                .map(|(_, letter)| *letter)
                .collect()
        };
        Permissions {
            file: letters(&[
                (Some(Right::Append), 'a'),
                (Some(Right::Delete), 'd'),
                (Some(Right::Rename), 'f'),
                (Some(Right::Read), 'r'),
                (Some(Right::Overwrite), 'w'),
            ]),
            directory: letters(&[
                (Some(Right::Create), 'c'),
                (Some(Right::Delete), 'd'),
                (None, 'e'),
                (Some(Right::Rename), 'f'),
                (Some(Right::List), 'l'),
                (Some(Right::MakeDirectory), 'm'),
                (Some(Right::Delete), 'p'),
            ]),
            link: letters(&[(Some(Right::Delete), 'd'), (Some(Right::Rename), 'f')]),
        }
    }

    /// Words with commas between them, as in `read,create,mkdir`. The error says which word is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut rights = Rights::NONE;
        for word in text.split(',') {
            rights = rights.and(match word {
                "read" => Rights::READ_ONLY,
                "write" => Rights::WRITE_ONLY,
                "list" => Rights::of(&[Right::List]),
                "create" => Rights::of(&[Right::Create]),
                "overwrite" => Rights::of(&[Right::Overwrite]),
                "append" => Rights::of(&[Right::Append]),
                "delete" => Rights::of(&[Right::Delete]),
                "mkdir" => Rights::of(&[Right::MakeDirectory]),
                "rename" => Rights::of(&[Right::Rename]),
                _ => {
                    return Err(format!(
                        "{word:?} is no right; expected read, write, list, create, overwrite, append, delete, mkdir or rename, \
                         with commas between them"
                    ));
                }
            });
        }
        Ok(rights)
    }
}

impl AnonymousAccess {
    /// What anonymous clients may do; `None`: they may not log in.
    pub const fn rights(self) -> Option<Rights> {
        match self {
            AnonymousAccess::Off => None,
            AnonymousAccess::Read => Some(Rights::READ_ONLY),
            AnonymousAccess::Upload => Some(Rights::DROP_BOX),
            AnonymousAccess::Write => Some(Rights::ALL),
        }
    }

    /// `off`, `read`, `upload` or `write`.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(AnonymousAccess::Off),
            "read" => Ok(AnonymousAccess::Read),
            "upload" => Ok(AnonymousAccess::Upload),
            "write" => Ok(AnonymousAccess::Write),
            _ => Err("expected off, read, upload or write".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EACH: [Right; 8] = [
        Right::List,
        Right::Read,
        Right::Create,
        Right::Overwrite,
        Right::Append,
        Right::Delete,
        Right::MakeDirectory,
        Right::Rename,
    ];

    fn allowed(rights: Rights) -> Vec<Right> {
        EACH.into_iter().filter(|right| rights.allows(*right)).collect()
    }

    #[test]
    fn words_add_up() {
        let parsed = |text| allowed(Rights::parse(text).expect(text));
        assert_eq!(parsed("read"), [Right::List, Right::Read]);
        assert_eq!(parsed("write"), EACH[2..]);
        assert_eq!(parsed("read,write"), EACH);
        assert_eq!(parsed("list"), [Right::List]);
        assert_eq!(parsed("mkdir,create"), [Right::Create, Right::MakeDirectory]);
        assert_eq!(
            parsed("overwrite,append,delete,rename"),
            [Right::Overwrite, Right::Append, Right::Delete, Right::Rename]
        );
    }

    #[test]
    fn clients_are_shown_what_they_may_do() {
        for (rights, file, directory, link) in [
            (Rights::READ_ONLY, "r", "el", ""),
            (Rights::ALL, "adfrw", "cdeflmp", "df"),
            (Rights::DROP_BOX, "", "ce", ""),
        ] {
            let shown = rights.permissions();
            let letters = [shown.file, shown.directory, shown.link];
            assert_eq!(letters, [file, directory, link]);
        }
    }

    #[test]
    fn f05_unknown_words_are_named() {
        for (text, word) in [
            ("", "\"\""),
            ("read,", "\"\""),
            ("read,all", "\"all\""),
            ("read, write", "\" write\""),
            ("Read", "\"Read\""),
            ("rw", "\"rw\""),
            ("lr-", "\"lr-\""),
        ] {
            let error = Rights::parse(text).expect_err(text);
            assert!(error.contains(word), "{text}: {error}");
        }
    }

    #[test]
    fn h03_anonymous_clients_get_what_was_said() {
        let rights = |text| AnonymousAccess::parse(text).expect(text).rights();
        assert_eq!(rights("off"), None);
        assert_eq!(rights("read").map(allowed), Some(vec![Right::List, Right::Read]));
        assert_eq!(
            rights("upload").map(allowed),
            Some(vec![Right::Create]),
            "never read back, never overwrite"
        );
        assert_eq!(rights("write").map(allowed), Some(EACH.to_vec()));
        assert_eq!(AnonymousAccess::default(), AnonymousAccess::Read);
        assert!(AnonymousAccess::parse("yes").is_err());
    }
}
