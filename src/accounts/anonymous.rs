//! Clients without an account: their names and what they may do.

use super::Rights;

/// The user name that replies and logs show.
pub const ANONYMOUS: &[u8] = b"anonymous";
/// All names of anonymous clients, in any case.
const NAMES: [&[u8]; 2] = [ANONYMOUS, b"ftp"];

/// What clients without an account may do (`--anonymous`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AnonymousAccess {
    /// They may not log in.
    Off,
    #[default]
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
        let rights = |text| AnonymousAccess::parse(text).expect(text).rights();
        assert_eq!(rights("off"), None);
        assert_eq!(rights("read"), Some(Rights::LIST | Rights::READ));
        assert_eq!(
            rights("upload"),
            Some(Rights::CREATE),
            "never read back, never overwrite"
        );
        assert_eq!(rights("write"), Some(Rights::all()));
        assert_eq!(AnonymousAccess::default(), AnonymousAccess::Read);
        assert!(AnonymousAccess::parse("yes").is_err());
    }
}
