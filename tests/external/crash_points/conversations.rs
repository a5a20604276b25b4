//! The commands that change files, each with the files before and after it.

use harness::mode_z::deflated;
use harness::tree::noise;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A command that changes files, and the files before and after it.
pub struct Conversation {
    pub name: &'static str,
    pub arguments: &'static [&'static str],
    /// Sent after login, answered before the server is traced.
    pub before: &'static [&'static str],
    pub command: &'static str,
    /// What is sent on the data connection.
    pub upload: Option<Vec<u8>>,
    /// The upload is ended by ABOR instead of its end.
    pub is_aborted: bool,
    /// The client has an account with a quota.
    pub has_quota: bool,
    pub old: Files,
    pub new: Files,
    /// The file that is written in place, and the bytes that it has at least.
    pub in_place: Option<(&'static str, usize)>,
}

pub type Files = BTreeMap<PathBuf, Vec<u8>>;

fn files(files: &[(&str, &[u8])]) -> Files {
    let owned = files
        .iter()
        .map(|(name, content)| (PathBuf::from(name), content.to_vec()));
    owned.collect()
}

/// A file beside those that are changed.
const OTHER: (&str, &[u8]) = ("other", b"of somebody else");
const KEPT: usize = 1_000;
const LINES: usize = 20_000;

/// An upload to `file` that replaces all of it.
fn upload(name: &'static str, arguments: &'static [&'static str], old: Option<&[u8]>, new: &[u8]) -> Conversation {
    let mut before = files(&[OTHER]);
    before.extend(old.map(|old| (PathBuf::from("file"), old.to_vec())));
    Conversation {
        name,
        arguments,
        before: &[],
        command: "STOR file",
        upload: Some(new.to_vec()),
        is_aborted: false,
        has_quota: false,
        old: before,
        new: files(&[OTHER, ("file", new)]),
        in_place: None,
    }
}

/// A command without data.
fn change(name: &'static str, before: &'static [&'static str], command: &'static str, new: Files) -> Conversation {
    Conversation {
        before,
        command,
        upload: None,
        old: files(&[OTHER, ("a", b"content of a"), ("b", b"content of b")]),
        new,
        ..upload(name, &["--write"], None, b"")
    }
}

pub fn conversations() -> Vec<Conversation> {
    let (old, new) = (noise(1, 300_000), noise(2, 310_000));
    let (old, new) = (&old[..], &new[..]);
    let appended = [old, new].concat();
    let restarted = [&old[..KEPT], new].concat();
    let a = b"content of a";
    let b = ("b", &b"content of b"[..]);
    let in_place = |name, arguments, before, command, kept, new_file: &[u8]| Conversation {
        before,
        command,
        in_place: Some(("file", kept)),
        new: files(&[OTHER, ("file", new_file)]),
        ..upload(name, arguments, Some(old), new)
    };
    let plain = &["--write"][..];
    let durable = &["--write", "--durable"][..];
    vec![
        upload("STOR of a new file", plain, None, new),
        upload("STOR over an old file", plain, Some(old), new),
        upload("STOR over an old file with --durable", durable, Some(old), new),
        upload(
            "STOR of a new file with --durable and --partial keep",
            &["--write", "--durable", "--partial", "keep"],
            None,
            new,
        ),
        upload("STOR of an empty file over an old one", durable, Some(old), b""),
        upload("STOR into a drop box", &["--anonymous", "upload"], None, new),
        Conversation {
            upload: Some(b"a line of text\r\n".repeat(LINES)),
            before: &["TYPE A"],
            new: files(&[OTHER, ("file", &b"a line of text\n".repeat(LINES))]),
            ..upload("STOR in TYPE A", durable, Some(old), new)
        },
        Conversation {
            upload: Some(deflated(new)),
            before: &["MODE Z"],
            ..upload("STOR in MODE Z", durable, Some(old), new)
        },
        Conversation {
            is_aborted: true,
            ..upload(
                "ABOR of STOR with --partial keep",
                &["--write", "--partial", "keep"],
                None,
                new,
            )
        },
        Conversation {
            is_aborted: true,
            new: files(&[OTHER, ("file", old)]),
            ..upload("ABOR of STOR over an old file", plain, Some(old), new)
        },
        Conversation {
            has_quota: true,
            ..upload("STOR over an old file with a quota", &["--durable"], Some(old), new)
        },
        in_place("APPE", plain, &[], "APPE file", old.len(), &appended),
        in_place("APPE with --durable", durable, &[], "APPE file", old.len(), &appended),
        Conversation {
            command: "APPE file",
            ..upload("APPE to no file", plain, None, new)
        },
        in_place("REST and STOR", plain, &["REST 1000"], "STOR file", KEPT, &restarted),
        in_place(
            "REST and STOR with --durable",
            durable,
            &["REST 1000"],
            "STOR file",
            KEPT,
            &restarted,
        ),
        change("RNTO a free name", &["RNFR a"], "RNTO c", files(&[OTHER, ("c", a), b])),
        change("RNTO over a file", &["RNFR a"], "RNTO b", files(&[OTHER, ("b", a)])),
        change("DELE", &[], "DELE a", files(&[OTHER, b])),
        Conversation {
            has_quota: true,
            arguments: &[],
            ..change("DELE with a quota", &[], "DELE a", files(&[OTHER, b]))
        },
        Conversation {
            has_quota: true,
            arguments: &[],
            ..change(
                "RNTO over a file with a quota",
                &["RNFR a"],
                "RNTO b",
                files(&[OTHER, ("b", a)]),
            )
        },
    ]
}

impl Conversation {
    /// Whether one file has its old beginning, or more of the new content, and the others are as they were.
    pub fn is_part(&self, found: &Files) -> bool {
        let Some((name, kept)) = self.in_place else {
            return false;
        };
        let others = |files: &Files| {
            let mut others = files.clone();
            others.remove(Path::new(name));
            others
        };
        let whole = &self.new[Path::new(name)];
        let part = found.get(Path::new(name));
        others(found) == others(&self.old) && part.is_some_and(|part| part.len() >= kept && whole.starts_with(part))
    }
}
