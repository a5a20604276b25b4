//! Digests of files: HASH and OPTS HASH (draft-bryan-ftpext-hash), RANG (draft-bryan-ftp-range), XCRC and its kind.

use super::arguments::{number, required_path, split_word};
use super::error::CommandError;
use super::path_argument::PathArgument;

/// A digest algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digest {
    Sha256,
    Sha512,
    Sha1,
    Md5,
    Crc32,
}

/// Which bytes a digest is wanted of, and how the answer looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DigestRequest {
    /// HASH: the digest of OPTS HASH, the bytes of RANG.
    Hash(PathArgument),
    /// XCRC and its kind: the bytes from offset `first` up to, but not including, offset `past`.
    Checksum {
        digest: Digest,
        path: PathArgument,
        first: u64,
        past: Option<u64>,
    },
}

impl Digest {
    /// All, in the order in which FEAT shows them.
    pub const ALL: [Digest; 5] = [Digest::Sha256, Digest::Sha512, Digest::Sha1, Digest::Md5, Digest::Crc32];

    /// The algorithm of HASH until OPTS HASH selects another.
    pub const DEFAULT: Digest = Digest::Sha256;

    /// Its name in HASH and OPTS HASH.
    pub fn name(self) -> &'static str {
        match self {
            Digest::Sha256 => "SHA-256",
            Digest::Sha512 => "SHA-512",
            Digest::Sha1 => "SHA-1",
            Digest::Md5 => "MD5",
            Digest::Crc32 => "CRC32",
        }
    }

    /// The digest called `name`, in any case.
    pub fn from_name(name: &[u8]) -> Option<Self> {
        Digest::ALL
            .into_iter()
            .find(|digest| digest.name().as_bytes().eq_ignore_ascii_case(name))
    }
}

/// `OPTS HASH name`; without a name it asks which one is in use.
pub(super) fn options_hash(value: &[u8]) -> Result<Option<Digest>, CommandError> {
    match value.trim_ascii() {
        b"" => Ok(None),
        name => Digest::from_name(name).map(Some).ok_or(CommandError::BadParameter),
    }
}

/// `RANG first last`, both included; `RANG 1 0` resets the range (draft-bryan-ftp-range).
pub(super) fn range(argument: &[u8]) -> Result<Option<(u64, u64)>, CommandError> {
    let (first, last) = split_word(argument.trim_ascii());
    let (first, last) = (number(first)?, number(last)?);
    match (first, last) {
        (1, 0) => Ok(None),
        _ if first <= last => Ok(Some((first, last))),
        _ => Err(CommandError::BadArgument),
    }
}

/// `XCRC path`, or with quotes `XCRC "path" first past`.
pub(super) fn checksum(digest: Digest, argument: &[u8]) -> Result<DigestRequest, CommandError> {
    let mut quoted = argument
        .strip_prefix(b"\"")
        .into_iter()
        .flat_map(|rest| rest.rsplitn(2, |byte| *byte == b'"'));
    let (path, numbers) = match (quoted.next(), quoted.next()) {
        (Some(numbers), Some(path)) => (path, numbers),
        _ => (argument, &b""[..]),
    };
    let mut numbers = numbers.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    let first = numbers.next().map_or(Ok(0), number)?;
    let past = numbers.next().map(number).transpose()?;
    if numbers.next().is_some() || past.is_some_and(|past| past < first) {
        return Err(CommandError::BadArgument);
    }
    Ok(DigestRequest::Checksum {
        digest,
        path: required_path(path)?,
        first,
        past,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ftp::command::Command;

    fn parsed(line: &str) -> Result<Command, CommandError> {
        Command::parse(line.as_bytes())
    }

    fn path(text: &str) -> PathArgument {
        PathArgument(text.as_bytes().to_vec())
    }

    #[test]
    fn digest_commands_take_a_name_and_a_part() {
        assert_eq!(parsed("OPTS HASH sha-1"), Ok(Command::OptsHash(Some(Digest::Sha1))));
        assert_eq!(parsed("OPTS HASH"), Ok(Command::OptsHash(None)));
        assert_eq!(parsed("OPTS HASH MD9"), Err(CommandError::BadParameter));
        let checksum = |first, past| {
            Ok(Command::Digest(DigestRequest::Checksum {
                digest: Digest::Crc32,
                path: path("a b"),
                first,
                past,
            }))
        };
        assert_eq!(parsed("XCRC a b"), checksum(0, None));
        assert_eq!(parsed("XCRC \"a b\""), checksum(0, None));
        assert_eq!(parsed("XCRC \"a b\" 5"), checksum(5, None));
        assert_eq!(parsed("XCRC \"a b\" 5 10"), checksum(5, Some(10)));
        for line in [
            "XCRC",
            "XCRC \"a\" 5 4",
            "XCRC \"a\" x",
            "XCRC \"a\" 1 2 3",
            "XCRC \"\"",
        ] {
            assert_eq!(parsed(line), Err(CommandError::BadArgument), "{line}");
        }
        assert_eq!(parsed("RANG 5 9"), Ok(Command::Range(Some((5, 9)))));
        assert_eq!(parsed("RANG 1 0"), Ok(Command::Range(None)));
        for line in ["RANG", "RANG 5", "RANG 9 5", "RANG -1 5", "RANG 1 2 3"] {
            assert_eq!(parsed(line), Err(CommandError::BadArgument), "{line}");
        }
    }
}
