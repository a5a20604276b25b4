//! Directories with odd names, and the permissions that a confined server needs to read them.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use tempfile::TempDir;

/// Names that clients have trouble with.
pub const ODD_NAMES: [&str; 12] = [
    "plain.txt",
    "two words",
    "qu\"ote",
    "apo'strophe",
    "grüße-日本.txt",
    "-dash",
    "hash#percent%20",
    "semi;colon",
    "star*and?",
    "brackets[1]{2}",
    "back\\slash",
    "12 bytes.txt",
];

/// Makes `directory` readable for all users, which temporary directories are not; a directory that a test has made
/// unreadable on purpose stays so.
pub fn allow_reading(directory: &Path) {
    let metadata = fs::symlink_metadata(directory).expect("it exists");
    let mode = metadata.permissions().mode();
    if metadata.is_dir() && mode & 0o700 == 0o700 && mode & 0o055 != 0o055 {
        fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).expect("our directory");
    }
}

/// The user `nobody`, which a server started as root becomes.
const NOBODY: u32 = 65_534;

/// Gives `directory` to the user that the server becomes.
pub fn give_to_server(directory: &Path) {
    if crate::is_root() {
        chown(directory, Some(NOBODY), Some(NOBODY)).expect("root may");
    }
}

/// Gives `path` and its parent directories to the owner of `directory`.
pub fn give_to_owner(directory: &Path, path: &Path) {
    if !crate::is_root() {
        return;
    }
    let owner = fs::metadata(directory).expect("it exists");
    for path in path.ancestors().take_while(|ancestor| *ancestor != directory) {
        std::os::unix::fs::lchown(path, Some(owner.uid()), Some(owner.gid())).expect("root may");
    }
}

/// All temporary files of the server under `directory`.
pub fn hidden_files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_name().as_bytes().starts_with(b".loopftpd-") {
            found.push(path);
        } else if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.extend(hidden_files(&path));
        }
    }
    found
}

/// Puts `count` temporary files into directories of `root` that a server would have left there two days ago.
pub fn leave_stale_files(root: &Path, count: usize) {
    for number in 0..count {
        let directory = root.join(format!("stale {}", number % 10));
        fs::create_dir_all(&directory).expect("ours");
        let path = directory.join(format!(".loopftpd-{number:032x}"));
        let file = fs::File::create(&path).expect("ours");
        let then = SystemTime::now() - Duration::from_secs(2 * 24 * 60 * 60);
        file.set_modified(then).expect("ours");
        give_to_owner(root, &path);
    }
}

/// Bytes that differ from those of other lengths and seeds, and that no block of repeats.
pub fn noise(seed: u32, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    (0..length)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect()
}

/// Fills `directory` with odd names, nested directories, an empty file and directory, and a megabyte. Returns the
/// relative paths of the files.
pub fn fill(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut write = |path: PathBuf, content: &[u8]| {
        let full = directory.join(&path);
        fs::create_dir_all(full.parent().expect("within")).expect("directories");
        fs::write(full, content).expect("a file");
        files.push(path);
    };
    for (number, name) in ODD_NAMES.iter().enumerate() {
        write(PathBuf::from(name), format!("content {number} of {name}\n").as_bytes());
        write(
            Path::new("nested dir/deeper").join(name),
            format!("nested {number}\r\n").as_bytes(),
        );
    }
    write(PathBuf::from("empty"), b"");
    let noise: Vec<u8> = (0..1_048_576_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    write(PathBuf::from("megabyte.bin"), &noise);
    fs::create_dir(directory.join("empty dir")).expect("a directory");
    allow_reading(directory);
    files
}

/// Fills `directory` as [`fill`] does and goes on to `count` files, of a few to a few thousand bytes, in directories
/// three deep. Every file gets a time of its own, long ago.
pub fn fill_up_to(directory: &Path, count: usize) -> Vec<PathBuf> {
    let mut files = fill(directory);
    for number in files.len()..count {
        let path = PathBuf::from(format!(
            "many/{:02}/{:02}/file {number}",
            number / 1000,
            number / 50 % 20
        ));
        let full = directory.join(&path);
        fs::create_dir_all(full.parent().expect("within")).expect("directories");
        let line = format!("line of file {number}\n");
        fs::write(full, line.repeat(number * 7 % 211)).expect("a file");
        files.push(path);
    }
    for (number, file) in files.iter().enumerate() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000 + 86_399 * number as u64);
        let file = fs::File::options().write(true).open(directory.join(file));
        file.and_then(|file| file.set_modified(time)).expect("our file");
    }
    files
}

/// Every file under `directory`, hidden ones too, by its relative path.
pub fn contents(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut directories = vec![PathBuf::new()];
    while let Some(relative) = directories.pop() {
        for entry in fs::read_dir(directory.join(&relative)).expect("a directory") {
            let entry = entry.expect("an entry");
            let path = relative.join(entry.file_name());
            if entry.file_type().expect("a kind").is_dir() {
                directories.push(path);
            } else {
                found.insert(path, fs::read(entry.path()).expect("a file"));
            }
        }
    }
    found
}

/// A name that is not UTF-8.
pub fn latin1_name() -> &'static OsStr {
    OsStr::from_bytes(b"caf\xe9-\xff.txt")
}

/// A directory that outlives the servers that serve it.
pub fn served_directory() -> TempDir {
    let directory = TempDir::new().expect("a directory");
    give_to_server(directory.path());
    directory
}
