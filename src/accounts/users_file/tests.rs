//! Good and bad files, open modes, files that clients reach, and reading again.

use super::super::password_hash::tests::ARGON2;
use super::*;
use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use tempfile::TempDir;

fn line(name: &str) -> String {
    format!("{name}:{ARGON2}:/:read\n")
}

/// A file that only its owner can read, in a directory of its own.
fn file_with(content: &[u8]) -> (TempDir, PathBuf) {
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("users");
    fs::write(&path, content).expect("a file");
    set_mode(&path, 0o600);
    (directory, path)
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("a mode");
}

/// Renames a new file to `path`, as editors and tools do.
fn replace(path: &Path, content: &str) {
    let next = path.with_file_name("next");
    fs::write(&next, content).expect("written");
    set_mode(&next, 0o600);
    fs::rename(&next, path).expect("renamed");
}

fn read(path: &Path) -> Result<Accounts, UsersFileError> {
    UsersFile::open(path, Privacy::Required)?.read()
}

#[test]
fn comments_and_blank_lines_are_ignored_and_the_last_line_needs_no_line_end() {
    let content = format!("# who may log in\n\n{}   \n#bob:x\n{}\n", line("alice"), line("carol"));
    let (_directory, path) = file_with(content.as_bytes());
    let accounts = read(&path).expect("a good file");
    assert!(accounts.find(b"alice").is_some() && accounts.find(b"carol").is_some());
    assert!(accounts.find(b"bob").is_none() && accounts.find(b"#bob").is_none());
    fs::write(&path, line("alice").trim_end()).expect("written");
    assert!(read(&path).expect("a good file").find(b"alice").is_some());
    fs::write(&path, "").expect("written");
    assert!(read(&path).expect("a good file").is_empty());
}

#[test]
fn the_example_of_the_documentation_is_accepted() {
    let documentation = include_str!("../../../docs/accounts.md");
    let (_, sample) = documentation.split_once("```\n# name:hash:").expect("the sample");
    let (sample, _) = sample.split_once("```").expect("its end");
    let (_directory, path) = file_with(format!("# name:hash:{sample}").as_bytes());
    let accounts = read(&path).expect("a good file");
    let names: Vec<String> = accounts
        .iter()
        .map(|account| account.name.escape_ascii().to_string())
        .collect();
    assert_eq!(names, ["alice", "bob", "press", "camera", "backup"]);
}

/// Each has one bad line, the third, and is refused as a whole with that line and a reason; none shows the secret.
#[test]
fn f05_bad_files_are_refused_with_the_line_and_the_reason() {
    let good = |name: &str, rest: &str| format!("{name}:{ARGON2}:{rest}");
    let with_hash = |hash: &str| format!("bob:{hash}:/:read");
    let cases: Vec<(Vec<u8>, &str)> = [
        ("bob".to_owned(), "found 1 fields"),
        ("bob:".to_owned(), "found 2 fields"),
        (format!("bob:{ARGON2}"), "found 2 fields"),
        (format!("bob:{ARGON2}:/"), "found 3 fields"),
        (good("bob", "/:read:sessions=1:more"), "found 6 fields"),
        (good("", "/:read"), "the name is empty"),
        (good(" bob", "/:read"), "space"),
        (good("bob ", "/:read"), "space"),
        (good(&"b".repeat(129), "/:read"), "129 bytes"),
        (good("anonymous", "/:read"), "anonymous is the name of"),
        (good("Anonymous", "/:read"), "Anonymous is the name of"),
        (good("FTP", "/:read"), "FTP is the name of"),
        (good("alice", "/:read"), "duplicate account alice, already in line 2"),
        (good("b\0b", "/:read"), "control character in column 2"),
        (good("bob", "/:read\r"), "control character"),
        (good("bob", "/a\tb:read"), "control character"),
        (good("b\x7fb", "/:read"), "control character"),
        (with_hash(""), "the hash is empty"),
        (with_hash("*"), "locks an account"),
        (with_hash("!"), "locks an account"),
        (with_hash("x"), "locks an account"),
        (with_hash("hunter2-secret"), "not a password hash"),
        (with_hash("$1$hunter2-secret$abc"), "not a password hash"),
        (with_hash("$argon2id$hunter2-secret"), "malformed argon2 hash"),
        (with_hash(&ARGON2[..ARGON2.len() - 25]), "malformed argon2 hash"),
        (with_hash("$2b$10$hunter2-secret"), "malformed bcrypt hash"),
        (with_hash("$6$hunter2-secret"), "malformed sha512-crypt hash"),
        (with_hash("$y$j9T$hunter2-secret$"), "malformed yescrypt hash"),
        (
            with_hash(&ARGON2.replace("m=8", "m=9999999")),
            "too much time or memory",
        ),
        (good("bob", ":read"), "root \"\""),
        (good("bob", "home:read"), "root \"home\""),
        (good("bob", "/home/:read"), "root \"/home/\""),
        (good("bob", "/../etc:read"), "root \"/../etc\""),
        (good("bob", "/a//b:read"), "root \"/a//b\""),
        (good("bob", &format!("/{}:read", "a".repeat(256))), "root"),
        (good("bob", "/:"), "unknown right \"\""),
        (good("bob", "/:everything"), "unknown right \"everything\""),
        (good("bob", "/:read,,write"), "unknown right \"\""),
        (good("bob", "/:read:"), "unknown limit \"\""),
        (good("bob", "/:read:speed=1M"), "unknown limit \"speed=1M\""),
        (good("bob", "/:read:sessions=0"), "sessions=0"),
        (good("bob", "/:read:sessions=+1"), "sessions=+1"),
        (good("bob", "/:read:sessions"), "sessions="),
        (good("bob", "/:read:rate=fast"), "rate=fast"),
        (good("bob", "/:read:rate=0"), "rate=0"),
        (good("bob", "/:read:quota=-1G"), "quota=-1G"),
        (good("bob", "/:read:quota=1G,quota=2G"), "duplicate limit quota"),
    ]
    .into_iter()
    .map(|(text, reason)| (text.into_bytes(), reason))
    .chain([
        (b"bob:\xff\xfe:/:read".to_vec(), "the field hash is not UTF-8"),
        (
            [good("bob", "/:re").as_bytes(), b"\xe4d"].concat(),
            "the field rights is not UTF-8",
        ),
    ])
    .collect();
    for (bad, reason) in cases {
        let shown = bad.escape_ascii().to_string();
        let before = format!("# users\n{}", line("alice"));
        let after = format!("\n{}", line("carol"));
        let (_directory, path) = file_with(&[before.as_bytes(), &bad, after.as_bytes()].concat());
        let error = read(&path).expect_err(&shown);
        assert_eq!(error.line, Some(3), "{shown}: {error}");
        assert!(error.reason.contains(reason), "{shown}: {error}");
        let error = error.to_string();
        assert!(error.starts_with(&format!("{}:3: ", path.display())), "{error}");
        assert!(
            !error.contains("hunter2-secret") && !error.contains("vk+JgWgZ"),
            "{error}"
        );
    }
}

#[test]
fn f06_a_file_that_others_can_read_or_write_is_refused() {
    let (_directory, path) = file_with(line("alice").as_bytes());
    for mode in [0o640, 0o620, 0o604, 0o602, 0o644, 0o666, 0o777, 0o606] {
        set_mode(&path, mode);
        let error = read(&path).expect_err("too open");
        assert!(
            error.reason.contains(&format!("{mode:04o}")) && error.line.is_none(),
            "{error}"
        );
        let accounts = UsersFile::open(&path, Privacy::Waived).and_then(|file| file.read());
        assert!(accounts.expect("waived").find(b"alice").is_some());
    }
    for mode in [0o600, 0o400, 0o700, 0o711] {
        set_mode(&path, mode);
        assert!(read(&path).is_ok(), "{mode:o}");
    }
}

#[test]
fn f06_the_mode_is_checked_at_every_reload() {
    let (_directory, path) = file_with(line("alice").as_bytes());
    let mut users = UsersFile::open(&path, Privacy::Required).expect("opened");
    set_mode(&path, 0o666);
    assert!(users.read().is_err() && users.reread().is_err());
}

#[test]
fn special_files_are_refused_without_blocking() {
    let directory = TempDir::new().expect("a directory");
    let pipe = directory.path().join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRUSR).expect("a pipe");
    let (_directory, endless) = file_with(&vec![b'\n'; 4 * 1024 * 1024 + 1]);
    for (path, reason) in [
        (directory.path(), "is not a file"),
        (&pipe, "is not a file"),
        (&directory.path().join("none"), "cannot be opened"),
        (&endless, "larger than"),
    ] {
        let error = read(path).expect_err(reason);
        assert!(error.reason.contains(reason), "{error}");
    }
}

#[test]
fn f06_a_file_that_clients_can_reach_is_refused() {
    let (directory, path) = file_with(line("alice").as_bytes());
    let served = directory.path().join("served");
    fs::create_dir_all(served.join("deep")).expect("directories");
    let inside = served.join("deep/users");
    fs::copy(&path, &inside).expect("a file");
    let (link_in, link_out) = (served.join("link"), directory.path().join("link"));
    std::os::unix::fs::symlink(&path, &link_in).expect("a link");
    std::os::unix::fs::symlink(&inside, &link_out).expect("a link");
    let spelled = served.join("deep/../../served/deep/users");
    let tree = ServedTree::of(&served).expect("a directory");
    for reachable in [&inside, &link_in, &link_out, &spelled] {
        let opened = UsersFile::open(reachable, Privacy::Required).expect("opened");
        let error = opened.outside(&tree).expect_err("reachable");
        assert!(
            error.reason.contains("lies in the served directory") && error.line.is_none(),
            "{error}"
        );
    }
    let opened = UsersFile::open(&path, Privacy::Required).expect("opened");
    let mut users = opened.outside(&tree).expect("beside it");
    assert!(users.read().is_ok() && users.reread().is_ok());
    fs::remove_file(&path).expect("removed");
    std::os::unix::fs::symlink(&inside, &path).expect("a link");
    let error = users.reread().expect_err("links are not followed any more");
    assert!(error.reason.contains("has been replaced"), "{error}");
}

#[test]
fn f10_a_replaced_file_is_read_and_an_invalid_one_changes_nothing() {
    let (_directory, path) = file_with(line("alice").as_bytes());
    let mut users = UsersFile::open(&path, Privacy::Required).expect("opened");
    replace(&path, &line("bob"));
    let accounts = users.reread().expect("a good file");
    assert!(accounts.find(b"bob").is_some() && accounts.find(b"alice").is_none());
    fs::write(&path, "nonsense").expect("written");
    assert_eq!(users.reread().expect_err("a bad file").line, Some(1));
    fs::remove_file(&path).expect("removed");
    assert!(users.reread().is_err());
}

#[test]
fn f10_only_the_file_of_that_name_in_that_directory_is_read_again() {
    let (_directory, path) = file_with(line("alice").as_bytes());
    let mut users = UsersFile::open(&path, Privacy::Required).expect("opened");
    File::options()
        .append(true)
        .open(&path)
        .and_then(|mut file| file.write_all(line("bob").as_bytes()))
        .expect("changed in place");
    assert!(users.reread().expect("a good file").find(b"bob").is_some());
    replace(&path, &line("carol"));
    assert!(users.reread().expect("a good file").find(b"carol").is_some());
    replace(&path, "nonsense");
    assert_eq!(users.reread().expect_err("a bad file").line, Some(1));
    replace(&path, &line("dave"));
    assert!(users.reread().expect("mended").find(b"dave").is_some());
    // After chroot, an absolute link would lead to the served directory.
    let outside = TempDir::new().expect("a directory");
    fs::rename(&path, outside.path().join("users")).expect("moved");
    std::os::unix::fs::symlink(outside.path().join("users"), &path).expect("a link");
    let error = users.reread().expect_err("links are no longer followed");
    assert!(error.reason.contains("has been replaced"), "{error}");
    fs::remove_file(&path).expect("removed");
    let error = users.reread().expect_err("there is none");
    assert!(error.reason.contains("has been replaced"), "{error}");
}
