//! What a client may do: the rights of an account, as the users file names them, and those of anonymous clients.

use crate::ftp::listing::Permissions;
use bitflags::bitflags;

bitflags! {
    /// A set of rights. Entering directories is always allowed.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Rights: u8 {
        /// See the names in a directory and their facts.
        const LIST = 1;
        /// Download files.
        const READ = 1 << 1;
        /// Create files under new names.
        const CREATE = 1 << 2;
        /// Replace files, write into them at an offset, and set times and modes.
        const OVERWRITE = 1 << 3;
        /// Append to files.
        const APPEND = 1 << 4;
        /// Remove files and directories.
        const DELETE = 1 << 5;
        const MAKE_DIRECTORY = 1 << 6;
        /// Rename files and directories, which may move them.
        const RENAME = 1 << 7;
    }
}

impl Rights {
    pub const READ_ONLY: Rights = Rights::LIST.union(Rights::READ);
    pub const WRITE_ONLY: Rights = Rights::READ_ONLY.complement();

    /// Whether anything at all may be changed.
    pub const fn allows_changes(self) -> bool {
        self.intersects(Rights::WRITE_ONLY)
    }

    /// The letters of the perm fact that these rights allow (RFC 3659 §7.5.5); the mode of a file may allow less.
    pub fn permissions(self) -> Permissions {
        let letters = |meanings: &[(Rights, char)]| {
            let allowed = meanings.iter().filter(|(rights, _)| self.contains(*rights));
            allowed.map(|(_, letter)| *letter).collect()
        };
        Permissions {
            file: letters(&[
                (Rights::APPEND, 'a'),
                (Rights::DELETE, 'd'),
                (Rights::RENAME, 'f'),
                (Rights::READ, 'r'),
                (Rights::OVERWRITE, 'w'),
            ]),
            directory: letters(&[
                (Rights::CREATE, 'c'),
                (Rights::DELETE, 'd'),
                (Rights::empty(), 'e'),
                (Rights::RENAME, 'f'),
                (Rights::LIST, 'l'),
                (Rights::MAKE_DIRECTORY, 'm'),
                (Rights::DELETE, 'p'),
            ]),
            link: letters(&[(Rights::DELETE, 'd'), (Rights::RENAME, 'f')]),
        }
    }

    /// Parses words separated by commas, such as `read,create,mkdir`. The error names the unknown word.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut rights = Rights::empty();
        for word in text.split(',') {
            rights |= match word {
                "read" => Rights::READ_ONLY,
                "write" => Rights::WRITE_ONLY,
                "list" => Rights::LIST,
                "create" => Rights::CREATE,
                "overwrite" => Rights::OVERWRITE,
                "append" => Rights::APPEND,
                "delete" => Rights::DELETE,
                "mkdir" => Rights::MAKE_DIRECTORY,
                "rename" => Rights::RENAME,
                _ => {
                    return Err(format!(
                        "unknown right {word:?}; expected read, write, list, create, overwrite, append, delete, mkdir \
                         or rename, with commas between them"
                    ));
                }
            };
        }
        Ok(rights)
    }
}

/// The user name that replies and logs show.
pub const ANONYMOUS: &[u8] = b"anonymous";
/// All names of anonymous clients, in any case.
const NAMES: [&[u8]; 2] = [ANONYMOUS, b"ftp"];

/// What clients without an account may do (`--anonymous`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnonymousAccess {
    /// They may not log in.
    Off,
    Read,
    /// A drop box: they may create files, but neither list nor read them.
    Upload,
    Write,
}

/// Whether `name` means a client without an account.
pub fn is_anonymous(name: &[u8]) -> bool {
    NAMES.iter().any(|anonymous| name.eq_ignore_ascii_case(anonymous))
}

impl AnonymousAccess {
    /// What anonymous clients may do; `None`: they may not log in.
    pub const fn rights(self) -> Option<Rights> {
        match self {
            AnonymousAccess::Off => None,
            AnonymousAccess::Read => Some(Rights::READ_ONLY),
            AnonymousAccess::Upload => Some(Rights::CREATE),
            AnonymousAccess::Write => Some(Rights::all()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_rights_add_up() {
        let parsed = |text| Rights::parse(text).expect(text);
        assert_eq!(parsed("read"), Rights::LIST | Rights::READ);
        assert_eq!(
            parsed("write"),
            Rights::CREATE
                | Rights::OVERWRITE
                | Rights::APPEND
                | Rights::DELETE
                | Rights::MAKE_DIRECTORY
                | Rights::RENAME
        );
        assert_eq!(parsed("read,write"), Rights::all());
        assert_eq!(parsed("list"), Rights::LIST);
        assert_eq!(parsed("mkdir,create"), Rights::CREATE | Rights::MAKE_DIRECTORY);
        assert_eq!(
            parsed("overwrite,append,delete,rename"),
            Rights::OVERWRITE | Rights::APPEND | Rights::DELETE | Rights::RENAME
        );
    }

    #[test]
    fn clients_are_shown_what_they_may_do() {
        for (rights, file, directory, link) in [
            (Rights::READ_ONLY, "r", "el", ""),
            (Rights::all(), "adfrw", "cdeflmp", "df"),
            (Rights::CREATE, "", "ce", ""),
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
    fn anonymous_names_are_accepted_in_any_case() {
        for name in ["anonymous", "Anonymous", "ftp", "FTP"] {
            assert!(is_anonymous(name.as_bytes()), "{name}");
        }
        for name in ["", "anon", "ftp ", "ftpd"] {
            assert!(!is_anonymous(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn h03_anonymous_clients_have_the_rights_of_the_option() {
        for (access, rights) in [
            (AnonymousAccess::Off, None),
            (AnonymousAccess::Read, Some(Rights::LIST | Rights::READ)),
            // Never read back, never overwrite.
            (AnonymousAccess::Upload, Some(Rights::CREATE)),
            (AnonymousAccess::Write, Some(Rights::all())),
        ] {
            assert_eq!(access.rights(), rights, "{access:?}");
        }
    }
}
